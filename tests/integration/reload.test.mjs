// Hot reload: by saving, by SIGHUP and by the admin API, under load, without one failed request; mistakes keep the old policy in force.
import { test } from "node:test";
import assert from "node:assert/strict";
import { writeFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { connect, everythingStdio, everythingHttp, folder, sleep, start, until } from "./harness.mjs";

const policy = (version, denied) => `pack test.reload ${version}

rule stop
  on call *.*
  when call.tool == "${denied}" and (call.args.pass as string?) is absent
  deny "version ${version}"
`;

const denies = (client, name, args = {}) =>
  client.callTool({ name, arguments: args }).then(() => null, (error) => error.message);

test("a save is in force within 50 ms, and no request fails on the way", { timeout: 60000 }, async (t) => {
  const { url } = await everythingHttp(t);
  const cwd = folder({ "policy.cata": policy("1.0.0", "get-sum") });
  const engine = await start(t, { cwd, config: `policy: policy.cata\nservers: {every: {url: "${url}"}}\n` });
  await engine.upstreams("every");
  const clients = await Promise.all(Array.from({ length: 8 }, () => connect(t, engine, "/mcp/every")));
  let running = true;
  let done = 0;
  const load = Promise.all(clients.slice(1).map(async (client, i) => {
    for (let n = 0; running; n++) {
      const answer = await client.callTool({ name: "echo", arguments: { message: `${i} ${n}` } });
      assert.equal(answer.content[0].text, `Echo: ${i} ${n}`);
      done++;
    }
  }));
  const delays = [];
  for (let version = 2; version <= 12; version++) {
    const before = engine.lines.length;
    const began = Date.now();
    if (version % 2 === 0) {
      writeFileSync(join(cwd, "policy.cata"), policy(`${version}.0.0`, "get-sum"));
    } else {  // as editors do it
      writeFileSync(join(cwd, "policy.cata.new"), policy(`${version}.0.0`, "get-sum"));
      renameSync(join(cwd, "policy.cata.new"), join(cwd, "policy.cata"));
    }
    const line = await until("the new policy", () => engine.lines.slice(before).find((l) => l.message === "policy in force" && l.version === `${version}.0.0`));
    delays.push(Date.parse(line.time) - began);
    assert.match(await denies(clients[0], "get-sum", { a: 1, b: 2 }), new RegExp(`version ${version}\\.0\\.0`));
  }
  running = false;
  await load;
  assert.ok(done > 50, `only ${done} requests`);
  delays.sort((a, b) => a - b);
  assert.ok(delays[delays.length >> 1] < 50, `delays: ${delays} ms`);
  assert.match((await engine.json("/metrics")).text, /catalyst_pack_reloads_total\{result="ok"\} 11/);
});

test("SIGHUP and the admin API reload; mistakes leave the old policy in force and are told", { timeout: 60000 }, async (t) => {
  const cwd = folder({ "policy.cata": policy("1.0.0", "get-sum") });
  const engine = await start(t, { cwd, config: `policy: policy.cata\nreload: {watch: false}\nservers: {every: ${everythingStdio}}\n` });
  await engine.upstreams("every");
  const client = await connect(t, engine, "/mcp/every");

  writeFileSync(join(cwd, "policy.cata"), policy("2.0.0", "echo"));
  await sleep(100);
  assert.match(await denies(client, "get-sum", { a: 1, b: 2 }), /version 1/);  // nobody watches
  engine.process.kill("SIGHUP");
  await until("the reload", async () => (await engine.json("/api/v1/pack")).body.version === "2.0.0");
  assert.match(await denies(client, "echo", { message: "x" }), /version 2/);

  writeFileSync(join(cwd, "policy.cata"), policy("3.0.0", "echo").replace("call.tool", "call.tol"));
  const refused = await engine.json("/api/v1/reload", { method: "POST" });
  assert.equal(refused.status, 422);
  assert.equal(refused.body.ok, false);
  assert.equal(refused.body.version, "2.0.0");
  assert.match(refused.body.diagnostics[0].code, /^E\d{4}$/);
  assert.equal(refused.body.diagnostics[0].line, 5);
  assert.match(refused.body.last_error.text, /tol/);
  await until("the diagnostic in the log", () => engine.lines.some((line) => line.level === "error" && line.code?.startsWith("E") && line.line === 5));
  assert.equal((await engine.json("/readyz")).body.policy_error, true);
  assert.match(await denies(client, "echo", { message: "x" }), /version 2/);

  writeFileSync(join(cwd, "policy.cata"), policy("4.0.0", "echo"));
  const accepted = await engine.json("/api/v1/reload", { method: "POST" });
  assert.equal(accepted.status, 200);
  assert.equal(accepted.body.version, "4.0.0");
  assert.equal(accepted.body.last_error, null);
  assert.match(await denies(client, "echo", { message: "x" }), /version 4/);
  const { text } = await engine.json("/metrics");
  assert.match(text, /catalyst_pack_reloads_total\{result="failed"\} 1/);

  // a page in a browser may not
  assert.equal((await engine.json("/api/v1/reload", { method: "POST", headers: { Origin: "http://127.0.0.1" } })).status, 403);
  assert.equal((await engine.json("/api/v1/reload")).status, 405);
});

test("native code takes over in the background", { timeout: 60000 }, async (t) => {
  const cwd = folder({ "policy.cata": policy("1.0.0", "get-sum") });
  const engine = await start(t, { cwd, config: `policy: policy.cata\nservers: {}\n` });
  await until("native code", async () => (await engine.json("/api/v1/pack")).body.tier === "native");
});
