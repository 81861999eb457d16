// The commands as a person or a script uses them: texts, JSON, exit codes.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, connect, everythingHttp, everythingScript, folder, quickstart, quickstartFolder, start, until } from "./harness.mjs";

const run = (cwd, args, input) => spawnSync(binary, args, { cwd, input, encoding: "utf8", timeout: 60000, env: { ...process.env, NO_COLOR: "1" } });
const json = (cwd, args, input) => {
  const done = run(cwd, [...args, "--json"], input);
  return { ...done, body: JSON.parse(done.stdout) };
};

test("new writes a pack that checks, is formatted, and whose tests pass", { timeout: 60000 }, (t) => {
  const cwd = folder();
  assert.equal(run(cwd, ["new", "first-pack"]).status, 0);
  const at = join(cwd, "first-pack");
  const checked = run(at, ["check"]);
  assert.equal(checked.status, 0, checked.stderr);
  assert.equal(run(at, ["fmt", "--check"]).status, 0, run(at, ["fmt", "--check"]).stdout);
  const tested = json(at, ["test"]);
  assert.equal(tested.status, 0, tested.stdout + tested.stderr);
  assert.equal(tested.body.passed, 3);
  assert.equal(json(at, ["test", "--native"]).body.passed, 3);
  assert.equal(run(cwd, ["new", "first-pack"]).status, 1);
});

test("the quickstart checks, is formatted, and its tests pass", { timeout: 60000 }, (t) => {
  const cwd = quickstartFolder(t);
  const checked = run(cwd, ["check"]);
  assert.equal(checked.status, 0, checked.stderr);
  assert.equal(run(cwd, ["fmt", "--check"]).status, 0);
  for (const extra of [[], ["--native"]]) {
    const tested = json(cwd, ["test", ...extra]);
    assert.equal(tested.status, 0, tested.stdout);
    assert.equal(tested.body.passed, 8);
  }
});

test("eval explains which route a call takes, and a pack keeps its routes", { timeout: 60000 }, (t) => {
  const cwd = folder();
  writeFileSync(join(cwd, "policy.cata"), `pack routed 1.0.0

server search

route finds
  for call search.*
  to search_eu weight 3, search_us
  prefer search_eu when principal.tenant == "eu"
  balance least_loaded
  cache 60s by call.tool, call.args, principal.tenant

test "europe" {
  given principal { tenant: "eu" }
  when  call search.find {}
  then  route finds to search_eu
}
`);
  assert.equal(run(cwd, ["fmt", "--check"]).status, 0, run(cwd, ["fmt", "--check"]).stdout);
  assert.equal(json(cwd, ["test"]).body.passed, 1);
  const request = JSON.stringify({ server: "search", tool: "find", principal: { id: "ana", tenant: "eu" } });
  const said = json(cwd, ["eval", "--request", "-", "--explain"], request).body.route;
  assert.equal(said.name, "finds");
  assert.equal(said.preferred, "search_eu");
  assert.deepEqual(said.servers, ["search_eu", "search_us"]);
  assert.equal(said.prefers[0].state, "matched");
  assert.equal(run(cwd, ["build", "--output", "routed.catpack"]).status, 0, run(cwd, ["build", "--output", "routed.catpack"]).stderr);
  const changed = join(cwd, "changed.cata");
  writeFileSync(changed, readFileSync(join(cwd, "policy.cata"), "utf8").replace("60s", "90s"));
  const compared = json(cwd, ["diff", "policy.cata", "changed.cata", "--fail-on", "routes"]);
  assert.equal(compared.status, 1, compared.stdout);
});

test("check tells every mistake with place, code and suggestion", { timeout: 60000 }, (t) => {
  const cwd = quickstartFolder(t);
  const path = join(cwd, "policy.cata");
  writeFileSync(path, readFileSync(path, "utf8").replace("files.write_file, files.edit_file, files.move_file, files.create_directory", "files.wirte_file").replace("call.args.duration ??", "call.args.duraton ??"));
  const checked = json(cwd, ["check"]);
  assert.equal(checked.status, 1);
  assert.equal(checked.body.ok, false);
  const messages = JSON.stringify(checked.body.diagnostics);
  assert.match(messages, /write_file/);
  assert.match(messages, /duration/);
  for (const diagnostic of checked.body.diagnostics) {
    assert.match(diagnostic.code, /^[EW]\d{4}$/);
    assert.ok(diagnostic.line > 0);
    const explained = json(cwd, ["explain", diagnostic.code]);
    assert.equal(explained.status, 0);
    assert.ok(explained.body.explanation.length > 40);
  }
  assert.equal(run(cwd, ["test"]).status, 1);
});

test("eval and explain decide a request", { timeout: 60000 }, (t) => {
  const cwd = quickstartFolder(t);
  const request = JSON.stringify({ server: "files", tool: "read_text_file", args: { path: "/a/.env" }, principal: { id: "x", roles: [] } });
  for (const extra of [[], ["--native"]]) {
    const verdict = json(cwd, ["eval", "policy.cata", "--request", "-", ...extra], request);
    assert.equal(verdict.status, 0, verdict.stderr);
    assert.equal(verdict.body.verdict, "deny");
    assert.equal(verdict.body.rule, "no_credentials");
  }
  assert.match(run(cwd, ["eval", "policy.cata"], request).stdout, /^deny by no_credentials\n/);
  const explained = run(cwd, ["explain", "policy.cata", "--request", "-"], request);
  assert.equal(explained.status, 0, explained.stderr);
  assert.match(explained.stdout, /no_credentials/);
  assert.match(explained.stdout, /policy\.cata:\d+/);
  assert.equal(run(cwd, ["eval", "policy.cata"], '{"server": "files", "toool": "x"}').status, 1);
  assert.equal(run(cwd, ["eval", "policy.cata", "-r", "nowhere.json"]).status, 3);
});

test("import writes what the servers publish, and the policy checks against it", { timeout: 60000 }, async (t) => {
  const { url } = await everythingHttp(t);
  const cwd = folder({
    "mcp.json": JSON.stringify({ mcpServers: { one: { command: process.execPath, args: [everythingScript] }, two: { type: "http", url } } }),
  });
  const imported = json(cwd, ["import", "--servers", "mcp.json"]);
  assert.equal(imported.status, 0, imported.stdout);
  const published = JSON.parse(readFileSync(join(quickstart, "schemas", "everything.json"), "utf8"));
  for (const name of ["one", "two"]) {
    const written = JSON.parse(readFileSync(join(cwd, "schemas", `${name}.json`), "utf8"));
    assert.equal(written.server, name);
    assert.deepEqual(written.tools.map((tool) => tool.name), published.tools.map((tool) => tool.name));
    assert.ok(written.prompts.length > 0 && written.resources.length > 0);
  }
  assert.equal(json(cwd, ["import", "--name", "three", "--url", url]).status, 0);
  assert.equal(json(cwd, ["import", "--name", "none", "--url", "http://127.0.0.1:1/mcp", "--timeout", "2"]).status, 3);
  writeFileSync(join(cwd, "policy.cata"), 'pack a 1.0.0\nserver one schema "schemas/one.json"\nrule r on call one.echo when call.args.message == "x" deny\n');
  const checked = run(cwd, ["check"]);
  assert.equal(checked.status, 0, checked.stderr);
});

test("run takes a client's mcpServers file as it is", { timeout: 60000 }, async (t) => {
  const cwd = folder({
    "policy.cata": 'pack a 1.0.0\nrule r on call every.echo when ((call.args.message as string?) ?? "") == "x" deny "no echo"\n',
    "mcp.json": JSON.stringify({ mcpServers: { every: { command: process.execPath, args: [everythingScript], autoApprove: ["echo"] } } }),
  });
  const engine = await start(t, { cwd, args: ["run", "--servers", "mcp.json", "--listen", "127.0.0.1:0", "policy.cata"] });
  await engine.upstreams("every");
  const client = await connect(t, engine);
  await assert.rejects(client.callTool({ name: "every__echo", arguments: { message: "x" } }), /no echo/);
});

test("fmt, bench, version, usage", { timeout: 60000 }, (t) => {
  const cwd = folder({ "policy.cata": 'pack a 1.0.0\nrule   r on call *.*\nwhen call.tool=="x"   deny\ntest "t" {\nwhen call a.x {}\nthen deny by r\n}\n' });
  assert.equal(run(cwd, ["fmt", "--check"]).status, 1);
  assert.equal(json(cwd, ["fmt"]).body.files[0].changed, true);
  assert.equal(run(cwd, ["fmt", "--check"]).status, 0);
  const bench = json(cwd, ["bench", "--seconds", "0.1"]);
  assert.equal(bench.status, 0, bench.stderr);
  assert.ok(bench.body.ns_per_decision.packed > 0 && bench.body.ns_per_decision.native > 0);
  assert.match(run(cwd, ["--version"]).stdout, /^catalyst \d+\.\d+\.\d+\n$/);
  assert.equal(run(cwd, []).status, 2);
  assert.equal(run(cwd, ["chekc"]).status, 2);
  assert.match(run(cwd, ["chekc"]).stderr, /there is no command `chekc`; did you mean `check`\?/);
  assert.equal(run(cwd, ["explain", "E9999"]).status, 1);
  for (const command of ["new", "check", "fmt", "test", "eval", "explain", "import", "run", "bench", "build", "keygen", "sign", "verify", "inspect"]) {
    const help = run(cwd, [command, "--help"]);
    assert.equal(help.status, 0);
    assert.match(help.stdout, /--json/);
  }
});

test("diff shows requests that both versions decide, or proves that there are none", { timeout: 60000 }, (t) => {
  const cwd = folder();
  const rules = (limit) => `default deny\nrule operators on call db.* when "operator" in principal.roles and principal.risk < ${limit} allow\nrule nights on call db.* when now.hour() < 6 deny\n`;
  writeFileSync(join(cwd, "old.cata"), rules(50));
  writeFileSync(join(cwd, "new.cata"), rules(60));
  writeFileSync(join(cwd, "same.cata"), rules(50).replace("principal.risk < 50", "not (principal.risk >= 50)"));
  const changed = json(cwd, ["diff", "old.cata", "new.cata", "--fail-on", "more-permissive"]);
  assert.equal(changed.status, 1);
  const found = changed.body["more-permissive"];
  assert.equal(found.state, "found");
  assert.equal(found.changes[0].old.verdict, "deny");
  assert.equal(found.changes[0].new.verdict, "allow");
  assert.equal(changed.body["more-restrictive"].state, "none");
  for (const [file, verdict] of [["old.cata", "deny"], ["new.cata", "allow"]]) {
    const decided = json(cwd, ["eval", file], JSON.stringify(found.changes[0].request));
    assert.equal(decided.body.verdict ?? decided.body.outcome, verdict, decided.stdout);
  }
  assert.equal(run(cwd, ["diff", "old.cata", "new.cata", "--fail-on", "more-restrictive"]).status, 0);
  const same = run(cwd, ["diff", "old.cata", "same.cata", "--fail-on", "any"]);
  assert.equal(same.status, 0, same.stdout);
  assert.match(same.stdout, /none +calls that NEW allows and OLD denied \(proved\)/);
});

test("proofs end with their budget, and what was not decided is told", { timeout: 240000 }, (t) => {
  const cwd = folder();
  const nested = Array.from({ length: 20 }, (_, i) => `any x${i} in principal.roles satisfies `).join("");
  writeFileSync(join(cwd, "old.cata"), "server db\nrule risky on call db.x when principal.risk > 50 deny\n");
  writeFileSync(join(cwd, "new.cata"), `server db\nrule pairs on call db.x when ${nested} x0 == x19 and x1 != x18 deny\n`);
  const why = "proving takes more than 1 s of processor time";
  const checked = json(cwd, ["check", "new.cata", "--max-seconds", "1"]);
  assert.equal(checked.status, 0, checked.stderr);
  assert.deepEqual(checked.body.diagnostics.map((each) => [each.code, each.message]), [["W0307", `1 of 1 rules were not decided: ${why}`]]);
  const compared = json(cwd, ["diff", "old.cata", "new.cata", "--max-seconds", "1", "--fail-on", "any"]);
  assert.equal(compared.status, 1, "what could not be excluded fails");
  const reasons = ["more-permissive", "more-restrictive"].flatMap((kind) => compared.body[kind].open_because);
  assert.ok(reasons.includes(why), compared.stdout);
  const shown = run(cwd, ["diff", "old.cata", "new.cata", "--max-seconds", "1"]);
  assert.equal(shown.status, 0);
  assert.match(shown.stdout, /open +[^\n]*: neither found nor excluded\n +because proving takes more than 1 s/);
  const request = JSON.stringify({ server: "db", tool: "x", principal: { id: "a", risk: 1 } });
  assert.equal(json(cwd, ["why-not", "new.cata", "--want", "deny", "--max-seconds", "1"], request).body.not_in_time, why);
  assert.equal(run(cwd, ["check", "new.cata", "--max-memory", "1"]).status, 2);
});

test("a property that does not hold, and sources that are no files, are told", { timeout: 60000 }, (t) => {
  const cwd = folder({ "p.cata": "pack p 1.0.0\nserver db\nproperty shut { for any call db.x expect not allow }\n" });
  const built = run(cwd, ["build"]);
  assert.equal(built.status, 1);
  assert.match(built.stderr, /E1001/);
  assert.equal(run(cwd, ["build", "--skip-tests"]).status, 0);
  assert.match(run(cwd, ["check", "/dev/null"]).stderr, /neither a file nor a folder/);
  for (let i = 0; i <= 1000; ++i) writeFileSync(join(cwd, `f${i}.cata`), "");
  assert.match(run(cwd, ["check"]).stderr, /more than 1000 \.cata files/);
});

test("why-not names the smallest changes", { timeout: 60000 }, (t) => {
  const cwd = folder();
  writeFileSync(join(cwd, "p.cata"), `rule risky on call db.* when principal.risk > 20 and not principal.mfa deny\n`);
  const request = JSON.stringify({ server: "db", tool: "drop", principal: { id: "ana", risk: 50 } });
  const answer = json(cwd, ["why-not", "p.cata", "--want", "allow"], request);
  assert.equal(answer.status, 0, answer.stderr);
  assert.deepEqual(answer.body.requests.map((each) => each.changes[0].path).sort(), ["principal.mfa", "principal.risk"]);
  assert.equal(answer.body.rules[0].rule, "risky");
  for (const each of answer.body.requests) {
    assert.equal(each.verdict, "allow");
  }
});

test("mutation edits rows of decisions and preferences of routes, and coverage counts both", { timeout: 60000 }, (t) => {
  const cwd = folder();
  const rows = 'decision band(n: int) -> string = table first {\n  n =>\n  <= 10 => "low"\n  10..20 => "middle"\n  any => "high"\n}\n';
  const chain = 'decision fee(n: int) -> int {\n  rule small when n < 5 => 1\n  rule never when n < 4 => 2\n  otherwise => 3\n}\n';
  const route = 'server db\nroute reads\n  for call db.*\n  to a, b\n  prefer b when principal.tenant == "eu"\n  prefer a when principal.mfa\n';
  const tests =
    'test "rows" {\n  cases {\n    n | out\n    10 | "low"\n    11 | "middle"\n    20 | "middle"\n    21 | "high"\n  }\n  when band(n)\n  then out\n}\n' +
    'test "fees" {\n  cases {\n    n | out\n    4 | 1\n    5 | 3\n  }\n  when fee(n)\n  then out\n}\n' +
    'test "eu" {\n  given principal { tenant: "eu" }\n  when call db.read {}\n  then route reads to b\n}\n' +
    'test "others" {\n  given principal { tenant: "us" }\n  when call db.read {}\n  then route reads\n}\n';
  writeFileSync(join(cwd, "p.cata"), rows + chain + route + tests);
  const { body } = json(cwd, ["test", "--coverage", "--mutate", "--lcov", "cov.info"]);
  const survivors = body.mutations.survivors.map((each) => [each.decision ?? each.route, each.edit]);
  assert.deepEqual(survivors.filter(([owner]) => owner === "band"), [["band", "the lower bound of cell 1 is left out"]], "10 is low before");
  assert.ok(survivors.some(([owner, edit]) => owner === "fee" && edit === "`never` is left out"));
  assert.ok(!survivors.some(([owner, edit]) => owner === "fee" && edit === "`small` is left out"));
  // That callers with a second factor go to `a` no test says.
  const preferences = survivors.filter(([owner, edit]) => owner === "reads" && edit === "the preference is left out");
  assert.equal(preferences.length, 1);
  const branches = body.coverage.by_route[0].branches.map((each) => [each.source, each.true, each.false]);
  assert.deepEqual(branches, [['principal.tenant == "eu"', 1, 1], ["principal.mfa", 0, 1]]);
  const line = (rows + chain + route).split("\n").findIndex((each) => each.includes("principal.mfa")) + 1;
  assert.match(readFileSync(join(cwd, "cov.info"), "utf8"), new RegExp(`^BRDA:${line},[0-9]+,0,0$`, "m"));
});

test("test reports coverage, survivors of mutation, JUnit and SARIF", { timeout: 60000 }, (t) => {
  const cwd = folder();
  const policy = `rule risky on call db.* when principal.risk > 20 and not principal.mfa deny\nrule never_tested on call db.drop deny\ntest "risky" {\n  given principal { id: "a", risk: 50 }\n  when call db.read {}\n  then deny\n}\ntest "fine" {\n  given principal { id: "a", risk: 1 }\n  when call db.read {}\n  then allow\n}\n`;
  writeFileSync(join(cwd, "p.cata"), policy);
  const tested = json(cwd, ["test", "--coverage", "--mutate", "--lcov", "cov.info", "--junit", "junit.xml", "--sarif", "out.sarif"]);
  assert.equal(tested.status, 1, "there are survivors");
  assert.equal(tested.body.coverage.rules, 2);
  assert.equal(tested.body.coverage.rules_applied, 1);
  const branches = tested.body.coverage.by_rule[0].branches;
  assert.ok(branches.some((each) => each.true > 0 && each.false > 0), JSON.stringify(branches));
  assert.ok(tested.body.mutations.survivors.some((each) => each.rule === "never_tested"));
  assert.ok(tested.body.mutations.survivors.length < tested.body.mutations.tried);
  assert.match(readFileSync(join(cwd, "cov.info"), "utf8"), /SF:p\.cata\n[\s\S]*BRDA:1,[\s\S]*DA:2,0[\s\S]*end_of_record/);
  assert.match(readFileSync(join(cwd, "junit.xml"), "utf8"), /<testsuites tests="2" failures="0"[\s\S]*<testcase name="risky"/);
  assert.equal(JSON.parse(readFileSync(join(cwd, "out.sarif"), "utf8")).version, "2.1.0");
  const failing = policy + 'test "wrong" {\n  when call db.read {}\n  then deny\n}\n';
  writeFileSync(join(cwd, "p.cata"), failing);
  assert.equal(json(cwd, ["test", "--mutate"]).body.mutations, null);
  assert.match(run(cwd, ["test", "--mutate"]).stdout, /\nmutations: none tried while tests fail\n$/);
  assert.match(run(cwd, ["test", "--filter", "nothing like it"]).stderr, /no test has `nothing like it` in its title/);
  writeFileSync(join(cwd, "p.cata"), policy + "fact unused = principal.mfa\n");
  assert.equal(run(cwd, ["check", "--sarif", "check.sarif"]).status, 0);
  const results = JSON.parse(readFileSync(join(cwd, "check.sarif"), "utf8")).runs[0].results;
  assert.deepEqual(results.map((each) => each.ruleId), ["W0101"]);
});

for (const command of ["check", "test"]) {
  test(`${command} --watch runs again when a policy file changes`, { timeout: 60000 }, async (t) => {
    const cwd = folder({ "p.cata": "rule first on call db.read deny\n" });
    const child = spawn(binary, [command, "--watch", "--json"], { cwd, stdio: ["ignore", "pipe", "ignore"] });
    t.after(() => child.kill("SIGKILL"));
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    const rounds = () => text.split("\n").filter((line) => line.startsWith("{")).length;
    await until("the first round", () => rounds() === 1);
    writeFileSync(join(cwd, "p.cata"), "rule second on call db.read when nobody deny\n");
    await until("the second round", () => rounds() === 2 && text.includes("E0202"));
    writeFileSync(join(cwd, "q.cata"), "fact nobody = false\n");
    await until("a file more", () => rounds() === 3);
  });
}
