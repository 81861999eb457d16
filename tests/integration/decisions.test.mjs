// Decisions as callers see them: over REST, from the command line, and line by line.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, everythingStdio, folder, start, until } from "./harness.mjs";

const policy = `pack test.rating 1.0.0
server every
enum Tier { gold, silver }

record Order { total: decimal  weight: int  tier: Tier  note: string?  placed: time?  lines: list<int>? }

/// What a parcel costs.
decision fee(o: Order, express: bool?) -> decimal {
  rule gold_is_free when o.tier == gold  => 0
  rule heavy        when o.weight > 30   => o.total * 0.1
  otherwise                              => 5.00
}

decision lane(n: int) -> string = table first {
  n      =>
  < 10   => "low"
  big: any => "high"
}

decision share(n: int) -> int {
  otherwise => 100 / n
}

decision taxes(country: string) -> list<string> = table collect {
  country   =>
  "de"      => "vat"
  not "xx"  => "toll"
}

rule stop on call *.* when fee({ total: 1, weight: principal.risk, tier: silver }, absent_flag) > 100 deny
fact absent_flag = (principal.claims.express as bool?)
`;
const order = (more = {}) => ({ total: 10, weight: 31, tier: "silver", ...more });
const run = (cwd, args, input) => spawnSync(binary, args, { cwd, input, encoding: "utf8", timeout: 60000, env: { ...process.env, NO_COLOR: "1" } });

test("the rules in force evaluate a request over REST, and nothing happens", { timeout: 60000 }, async (t) => {
  const rules = `pack test.rules 1.0.0
server every
rule stop on call every.echo when principal.risk > 80 deny "No."
rule ask on call every.get-sum require approval from role "dba" within 10m start review(call.args.a as int?)
rule few on call every.get-env when count(call every.get-env by principal.id within 1h) > 2 deny
rule slow on call every.get-env limit 2 per 1m by principal.id burst 1`;
  const cwd = folder({ "policy.cata": rules });
  const engine = await start(t, { cwd, config: `policy: policy.cata\nservers: {every: ${everythingStdio}}\n` });
  const evaluate = (request, query = "") => engine.json(`/api/v1/evaluate${query}`, { method: "POST", body: typeof request === "string" ? request : JSON.stringify(request) });

  const denied = await evaluate({ server: "every", tool: "echo", principal: { risk: 90 } });
  assert.equal(denied.status, 200);
  assert.deepEqual([denied.body.verdict, denied.body.rule, denied.body.message], ["deny", "stop", "No."]);
  const asked = (await evaluate({ server: "every", tool: "get-sum", args: { a: 3 } })).body;
  assert.equal(asked.verdict, "allow");
  assert.deepEqual(asked.requires, [{ what: "approval", role: "dba", within_ms: 600000, rule: "ask" }]);
  assert.deepEqual(asked.starts, [{ name: "review", rule: "ask", data: { 0: 3 } }]);
  for (let i = 0; i < 3; ++i) {
    const limited = (await evaluate({ server: "every", tool: "get-env", principal: { id: "ana" } })).body;
    assert.deepEqual(limited.limits, [{ count: 2, per_ms: 60000, burst: 1, key: "ana", rule: "slow" }], "no limit is used up");
  }
  const window = "count(call every.get-env by principal.id within 1h)";
  assert.equal((await evaluate({ server: "every", tool: "get-env", windows: { [window]: 3 } })).body.rule, "few");

  const explained = (await evaluate({ server: "every", tool: "echo", principal: { risk: 90 } }, "?explain=true")).body;
  assert.equal(explained.rules[0].name, "stop");
  for (const wrong of ["{", { tol: "echo" }, { server: "every", tool: "echo", windows: { "count(call x)": 1 } }]) {
    const refused = await evaluate(wrong);
    assert.equal(refused.status, 422, JSON.stringify(wrong));
    assert.equal(refused.body.type, "urn:catalyst:problem:invalid-request");
  }
  assert.equal((await engine.json("/api/v1/evaluate")).status, 405);
  assert.equal((await engine.json("/api/v1/evaluate", { method: "POST", headers: { origin: "http://evil.example" }, body: "{}" })).status, 403);
  const metrics = await (await fetch(`${engine.url}/metrics`)).text();
  assert.ok(!/catalyst_decisions_total\{[^}]*\} [1-9]/.test(metrics), "no decision was counted");
});

test("decisions over REST", { timeout: 60000 }, async (t) => {
  const cwd = folder({ "policy.cata": policy });
  const engine = await start(t, { cwd, config: `policy: policy.cata\nlimits: {decision_batch: 3}\nservers: {every: ${everythingStdio}}\n` });
  const post = (path, body) => engine.json(path, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });

  const listed = (await engine.json("/api/v1/decisions")).body;
  assert.deepEqual(listed.decisions.map((d) => d.name).sort(), ["fee", "lane", "share", "taxes"]);
  const fee = listed.decisions.find((d) => d.name === "fee");
  assert.equal(fee.description, "What a parcel costs.");
  assert.deepEqual(fee.parameters.required, ["o"]);
  assert.deepEqual(fee.parameters.properties.o.properties.tier, { enum: ["gold", "silver"] });
  assert.deepEqual(fee.result, { type: "number" });

  const decided = await post("/api/v1/decisions/fee", { o: order() });
  assert.equal(decided.status, 200);
  assert.deepEqual(decided.body, { decision: "fee", result: 1, pack: { name: "test.rating", version: "1.0.0" } });
  // Decimals keep their digits.
  const exact = await post("/api/v1/decisions/fee", '{"o": {"total": 0.1234567890123456789, "weight": 31, "tier": "silver", "note": null}}');
  assert.match(exact.text, /"result":0\.01234567890123456789,/);

  const explained = (await post("/api/v1/decisions/fee?explain=true", { o: order(), express: true })).body;
  assert.deepEqual(explained.explanation.rows, ["heavy"]);
  assert.ok(explained.explanation.conditions.some((c) => c.source === "o.weight > 30" && c.value === true && c.line === 10));
  assert.deepEqual((await post("/api/v1/decisions/taxes?explain=true", { country: "de" })).body.explanation.rows, ["row 1", "row 2"]);

  const wrong = await post("/api/v1/decisions/fee", { o: order({ tier: "golden", weight: 1.5, wieght: 3, lines: [1, "x"] }), expres: true });
  assert.equal(wrong.status, 422);
  assert.equal(wrong.body.type, "urn:catalyst:problem:invalid-arguments");
  const pointers = wrong.body.errors.map((e) => e.pointer);
  for (const pointer of ["/o/tier", "/o/weight", "/o/wieght", "/o/lines/1", "/expres"]) assert.ok(pointers.includes(pointer), `${pointer} in ${pointers}`);
  assert.match(wrong.body.errors.find((e) => e.pointer === "/o/tier").detail, /one of "gold", "silver"/);
  const missing = await post("/api/v1/decisions/fee", { o: { tier: "gold" } });
  assert.deepEqual(missing.body.errors.map((e) => e.pointer).sort(), ["/o/total", "/o/weight"]);
  for (const body of ["", "[]", "{", '{"o": {"total": 1, "total": 2}}', '{"o":' + "[".repeat(5000)]) {
    const refused = await post("/api/v1/decisions/fee", body);
    assert.equal(refused.status, 422, body.slice(0, 40));
    assert.ok(refused.body.errors.length > 0);
  }

  const failed = await post("/api/v1/decisions/share", { n: 0 });
  assert.equal(failed.status, 422);
  assert.equal(failed.body.type, "urn:catalyst:problem:decision-failed");
  assert.equal(failed.body.error, "division_by_zero");
  assert.match(failed.body.place, /policy\.cata:\d+:\d+/);
  const unknown = await post("/api/v1/decisions/fees", {});
  assert.equal(unknown.status, 404);
  assert.match(unknown.body.detail, /did you mean `fee`/);
  assert.equal((await engine.json("/api/v1/decisions/fee")).status, 405);
  assert.equal((await engine.json("/api/v1/decisions", { headers: { Origin: "http://127.0.0.1" } })).status, 403);

  const batch = await post("/api/v1/decisions", { calls: [{ decision: "lane", arguments: { n: 3 } }, { decision: "lane", arguments: { n: "x" } }, { decision: "nope" }] });
  assert.equal(batch.status, 200);
  assert.equal(batch.body.results[0].result, "low");
  assert.equal(batch.body.results[1].type, "urn:catalyst:problem:invalid-arguments");
  assert.equal(batch.body.results[2].type, "urn:catalyst:problem:unknown-decision");
  const call = { decision: "lane", arguments: { n: 1 } };
  assert.equal((await post("/api/v1/decisions", { calls: [call, call, call, call] })).status, 413);
  assert.equal((await post("/api/v1/decisions", { call: [] })).status, 400);

  const { text } = await engine.json("/metrics");
  assert.match(text, /catalyst_decision_calls_total\{decision="fee",outcome="decided"\} 3/);
  assert.match(text, /catalyst_decision_calls_total\{decision="share",outcome="failed"\} 1/);
});

test("decisions from the command line", { timeout: 60000 }, (t) => {
  const cwd = folder({ "policy.cata": policy, "args.json": JSON.stringify({ o: order() }) });
  const args = JSON.stringify({ o: order() });
  assert.equal(run(cwd, ["eval", "-d", "fee", "-a", args]).stdout, "1\n");
  assert.equal(run(cwd, ["eval", "-d", "fee", "-a", "@args.json", "--native"]).stdout, "1\n");
  const explained = run(cwd, ["eval", "-d", "fee", "-a", "-", "--explain"], args);
  assert.match(explained.stdout, /^1\nby heavy\n/);
  const failed = JSON.parse(run(cwd, ["eval", "-d", "share", "-a", '{"n": 0}', "--json"]).stdout);
  assert.equal(failed.outcome, "failed");
  const wrong = run(cwd, ["eval", "-d", "lane", "-a", '{"n": true}']);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /\/n: expected an integer of 64 bits, found true/);
  assert.match(run(cwd, ["eval", "-d", "lanes", "-a", "{}"]).stderr, /did you mean lane\?/);
});

test("repl answers lines", { timeout: 60000 }, (t) => {
  const cwd = folder({ "policy.cata": policy, "request.json": '{"server": "every", "tool": "t", "args": {"n": 7}, "principal": {"id": "ana", "risk": 5}}' });
  const done = run(cwd, ["repl"], "1 + 2\n// nothing\nlane(12)\nprincipal.id\n:request request.json\nprincipal.id\n(call.args.n as int?) ?? 0\n:type lane(1)\n:decide\n:explain taxes(\"de\")\n");
  assert.equal(done.status, 0, done.stderr);
  assert.deepEqual(done.stdout.split("\n").slice(0, 8), ["3 : int", '"high" : string', '"" : string', "call every.t", '"ana" : string', "7 : int", "string", "allow (default)"]);
  assert.match(done.stdout, /\["vat","toll"\] : list<string>\n/);
  assert.match(done.stdout, /taxes = \["row 1","row 2"\]/);
  const lines = run(cwd, ["repl"], "length([\n  1,\n  2])\n:type {\n  \"a\": 1\n}\nlane(\n\n3\n");
  assert.deepEqual(lines.stdout.split("\n"), ["2 : int", "record { a }", "3 : int", ""], lines.stderr);
  assert.match(lines.stderr, /E0115[\s\S]*--> input:1:5/);
  const wrong = run(cwd, ["repl"], "lan(1)\n1 / 0\n:nope\nlane(1)\n");
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /did you mean `lane`/);
  assert.match(wrong.stderr, /there is no :nope/);
  assert.equal(wrong.stdout, '"low" : string\n');
  writeFileSync(join(cwd, "policy.cata"), "rule x");
  assert.equal(run(cwd, ["repl"], "1\n").status, 1);
});

test("repl on a terminal: lines are edited and brought back", { timeout: 60000, skip: spawnSync("script", ["--version"]).status !== 0 }, async (t) => {
  const cwd = folder({ "policy.cata": "pack a 1.0.0\nfn twice(n: int) -> int = n * 2\nfact used = twice(1)\nserver s\nrule r on call s.x when used > 3 deny\n" });
  const child = spawn("script", ["-qec", `${binary} repl`, "/dev/null"], { cwd, env: { ...process.env, TERM: "xterm", NO_COLOR: "1" } });
  let seen = "";
  child.stdout.on("data", (chunk) => (seen += chunk));
  const type = async (keys, answer) => {
    child.stdin.write(keys);
    await until(`${answer} (got: ${seen.slice(-500)})`, () => seen.includes(answer));
  };
  await until("the prompt", () => seen.includes("> "));
  await type("twice(21)\r", "42 : int");
  await type("\x1b[A\x1b[D\x7f\x7f4\r", "8 : int");  // up, left, backspace twice
  await type("5)\x01twice(\r", "10 : int");  // ^A goes to the begin
  child.stdin.write("quit\r");
  await until("the end", () => child.exitCode !== null);
  assert.equal(child.exitCode, 0);
});
