// What happens when something breaks: upstreams that die or never start, shutdown, what is left behind.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { alive, allChildren, binary, connect, everythingHttp, everythingScript, everythingStdio, folder, freePort, sleep, start, until } from "./harness.mjs";

const open = "pack test.open 1.0.0\n";

test("a dead, a hanging and a missing upstream leave the others alone", { timeout: 60000 }, async (t) => {
  const { url, child } = await everythingHttp(t);
  const port = await freePort();
  const cwd = folder({ "policy.cata": open });
  const engine = await start(t, {
    cwd,
    config: `policy: policy.cata
servers:
  good: ${everythingStdio}
  web: {url: "${url}"}
  gone: {url: "http://127.0.0.1:${port}/mcp"}
  missing: {command: /no/such/program}
  hangs: {command: sleep, args: ["1000"]}
`,
  });
  await engine.upstreams("good", "web");
  const client = await connect(t, engine);
  const names = async () => new Set((await client.listTools()).tools.map((tool) => tool.name.split("__")[0]));
  assert.deepEqual(await names(), new Set(["good", "web"]));
  assert.equal((await client.callTool({ name: "good__echo", arguments: { message: "a" } })).content[0].text, "Echo: a");

  child.kill("SIGKILL");
  const began = Date.now();
  await assert.rejects(client.callTool({ name: "web__echo", arguments: { message: "b" } }));
  assert.ok(Date.now() - began < 15000);
  assert.equal((await client.callTool({ name: "good__echo", arguments: { message: "c" } })).content[0].text, "Echo: c");
  const { body } = await engine.json("/readyz");
  const state = Object.fromEntries(body.upstreams.map((u) => [u.name, u]));
  assert.equal(state.good.state, "ready");
  for (const name of ["gone", "missing"]) {
    assert.notEqual(state[name].state, "ready");
    assert.ok(state[name].error, JSON.stringify(state[name]));
  }
  assert.match((await engine.json("/metrics")).text, /catalyst_upstream_up\{server="missing"\} 0/);
});

test("a stdio server that is killed comes back", { timeout: 60000 }, async (t) => {
  const cwd = folder({ "policy.cata": open });
  const engine = await start(t, { cwd, config: `policy: policy.cata\nservers: {every: ${everythingStdio}}\n` });
  await engine.upstreams("every");
  const client = await connect(t, engine, "/mcp/every");
  const [first] = allChildren(engine.pid);
  const inFlight = Array.from({ length: 20 }, (_, i) => client.callTool({ name: "trigger-long-running-operation", arguments: { duration: 30, steps: 2 } }).then(() => `call ${i} came back`, () => null));
  await sleep(100);
  process.kill(first, "SIGKILL");
  assert.deepEqual((await Promise.all(inFlight)).filter(Boolean), []);  // all fail at once, none hangs
  await until("a new child", () => allChildren(engine.pid).some((pid) => pid !== first), 15000);
  await until("an answer", () => client.callTool({ name: "echo", arguments: { message: "again" } }).then((a) => a.content[0].text === "Echo: again", () => false), 15000);
});

test("SIGTERM drains, and no process of any upstream's group is left", { timeout: 60000 }, async (t) => {
  const cwd = folder({ "policy.cata": open });
  // A server that starts a helper of its own, as package runners do.
  const script = join(cwd, "runner.sh");
  writeFileSync(script, `#!/bin/sh\nsleep 1000 &\necho $! > ${cwd}/helper.pid\nexec ${process.execPath} ${everythingScript}\n`);
  const engine = await start(t, { cwd, config: `policy: policy.cata\nservers: {every: {command: sh, args: [${script}]}}\n` });
  await engine.upstreams("every");
  const client = await connect(t, engine, "/mcp/every");
  const helper = Number(spawnSync("cat", [join(cwd, "helper.pid")], { encoding: "utf8" }).stdout);
  assert.ok(alive(helper));
  const [server] = allChildren(engine.pid);
  const slow = client.callTool({ name: "trigger-long-running-operation", arguments: { duration: 1, steps: 2 } });
  await sleep(200);
  const ended = engine.stop();
  assert.match((await slow).content[0].text, /completed/);
  assert.deepEqual(await ended, { code: 0, signal: null });
  await until("the group to be gone", () => !alive(server) && !alive(helper));
});

test("killed without warning, the engine leaves no server behind", { timeout: 60000 }, async (t) => {
  const cwd = folder({ "policy.cata": open });
  const engine = await start(t, { cwd, config: `policy: policy.cata\nservers: {every: ${everythingStdio}}\n` });
  await engine.upstreams("every");
  const [server] = allChildren(engine.pid);
  await engine.stop("SIGKILL");
  await until("the server to be gone", () => !alive(server));
});

test("mistakes in configuration and policy end with 1 and say where", { timeout: 60000 }, (t) => {
  const cwd = folder({ "policy.cata": "pack a 1.0.0\nrule x on call *.* denied\n", "bad.yaml": "lisen: 1\nservers: {a: {comand: x}}\n", "good.yaml": "policy: policy.cata\nservers: {}\n" });
  const run = (...args) => spawnSync(binary, ["run", ...args], { cwd, encoding: "utf8", timeout: 10000 });
  const bad = run("--config", "bad.yaml");
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /bad\.yaml:1:1: unknown key `lisen`\n  help: did you mean `listen`\?/);
  assert.match(bad.stderr, /bad\.yaml:2:15: unknown key `comand`/);
  const policy = run("--config", "good.yaml");
  assert.equal(policy.status, 1);
  assert.match(policy.stderr, /policy\.cata:2/);
  assert.equal(run("--config", "none.yaml").status, 1);
  assert.equal(run().status, 2);
  assert.equal(run("--listen", "0.0.0.0:0", "--config", "good.yaml").status, 1);
});
