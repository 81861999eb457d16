// The commands as a person or a script uses them: texts, JSON, exit codes.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, connect, everythingHttp, everythingScript, folder, quickstart, quickstartFolder, start } from "./harness.mjs";

const run = (cwd, args, input) => spawnSync(binary, args, { cwd, input, encoding: "utf8", timeout: 60000, env: { ...process.env, NO_COLOR: "1" } });
const json = (cwd, args, input) => {
  const done = run(cwd, [...args, "--json"], input);
  return { ...done, body: JSON.parse(done.stdout) };
};

test("new writes a pack that checks, is formatted, and whose tests pass", { timeout: 60000 }, (t) => {
  const cwd = folder(t);
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
  const cwd = folder(t, {
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
  const cwd = folder(t, {
    "policy.cata": 'pack a 1.0.0\nrule r on call every.echo deny "no echo"\n',
    "mcp.json": JSON.stringify({ mcpServers: { every: { command: process.execPath, args: [everythingScript], autoApprove: ["echo"] } } }),
  });
  const engine = await start(t, { cwd, args: ["run", "--servers", "mcp.json", "--listen", "127.0.0.1:0", "policy.cata"] });
  await engine.upstreams("every");
  const client = await connect(t, engine);
  await assert.rejects(client.callTool({ name: "every__echo", arguments: { message: "x" } }), /no echo/);
});

test("fmt, bench, version, usage", { timeout: 60000 }, (t) => {
  const cwd = folder(t, { "policy.cata": 'pack a 1.0.0\nrule   r on call *.*\nwhen call.tool=="x"   deny\ntest "t" {\nwhen call a.x {}\nthen deny by r\n}\n' });
  assert.equal(run(cwd, ["fmt", "--check"]).status, 1);
  assert.equal(json(cwd, ["fmt"]).body.files[0].changed, true);
  assert.equal(run(cwd, ["fmt", "--check"]).status, 0);
  const bench = json(cwd, ["bench", "--seconds", "0.1"]);
  assert.equal(bench.status, 0, bench.stderr);
  assert.ok(bench.body.ns_per_decision.packed > 0 && bench.body.ns_per_decision.native > 0);
  assert.match(run(cwd, ["--version"]).stdout, /^catalyst \d+\.\d+\.\d+\n$/);
  assert.equal(run(cwd, []).status, 2);
  assert.equal(run(cwd, ["chekc"]).status, 2);
  assert.equal(run(cwd, ["explain", "E9999"]).status, 1);
  for (const command of ["new", "check", "fmt", "test", "eval", "explain", "import", "run", "bench", "build", "keygen", "sign", "verify", "inspect"]) {
    const help = run(cwd, [command, "--help"]);
    assert.equal(help.status, 0);
    assert.match(help.stdout, /--json/);
  }
});

test("starting is quick", { timeout: 60000 }, async (t) => {
  const cwd = folder(t, { "policy.cata": 'pack a 1.0.0\nrule r on call *.* when call.tool == "x" deny\n' });
  const best = (fn) => Math.min(...Array.from({ length: 5 }, fn));
  const version = best(() => {
    const began = performance.now();
    run(cwd, ["--version"]);
    return performance.now() - began;
  });
  assert.ok(version < 60, `catalyst --version took ${version} ms`);  // 20 ms alone; the rest is the runner's
  const began = performance.now();
  const engine = await start(t, { cwd, config: "policy: policy.cata\nservers: {}\n" });
  assert.equal((await engine.json("/readyz")).status, 200);
  assert.ok(performance.now() - began < 1000);
});
