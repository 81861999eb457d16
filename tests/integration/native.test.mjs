// Native code that is there before it is needed: kept between starts, or brought by a pack.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, connect, everythingStdio, folder, quickstartFolder, start, until } from "./harness.mjs";

const policy = (denied) => `pack test.native 1.0.0

rule stop
  on call *.*
  when call.tool == "${denied}" and (call.args.pass as string?) is absent
  deny "${denied} is stopped"
`;

const inForce = async (engine, from = 0) => (await until("native code", () => engine.log("native code in force", from), 40000)).from;
const denies = (client, name, args) => client.callTool({ name, arguments: args }).then(() => null, (error) => error.message);

test("a restart and a known policy need no compilation", { timeout: 60000 }, async (t) => {
  const cwd = folder({ "policy.cata": policy("get-sum") });
  const config = `policy: policy.cata\nstore: {file: catalyst.db}\nservers: {every: ${everythingStdio}}\n`;
  const run = () => start(t, { cwd, config });
  const kept = () => readdirSync(join(cwd, "native")).map((name) => join(cwd, "native", name));

  const first = await run();
  assert.equal(await inForce(first), "compiler");
  assert.equal(statSync(join(cwd, "native")).mode & 0o777, 0o700);
  assert.equal(kept().length, 1);
  assert.equal(statSync(kept()[0]).mode & 0o777, 0o600);
  await first.stop();

  const second = await run();
  assert.equal(await inForce(second), "cache");
  await second.upstreams("every");
  const client = await connect(t, second, "/mcp/every");
  assert.match(await denies(client, "get-sum", { a: 1, b: 2 }), /get-sum is stopped/);
  assert.equal(await denies(client, "get-sum", { a: 1, b: 2, pass: "yes" }), null);
  // Another policy is compiled; the one before is known when it comes back.
  for (const [denied, from] of [["echo", "compiler"], ["get-sum", "cache"]]) {
    const before = second.lines.length;
    writeFileSync(join(cwd, "policy.cata"), policy(denied));
    assert.equal(await inForce(second, before), from);
    assert.match(await denies(client, denied, { a: 1, b: 2, message: "x" }), new RegExp(`${denied} is stopped`));
  }
  await second.stop();

  for (const path of kept()) {
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(path, bytes);
  }
  const third = await run();
  assert.equal(await inForce(third), "compiler");
  assert.match(third.log("native code").text, /kept native code is not used: .*truncated or altered/);
  await third.stop();
  const fourth = await run();
  assert.equal(await inForce(fourth), "cache");
  await fourth.stop();

  chmodSync(join(cwd, "native"), 0o777);
  const fifth = await run();
  assert.equal(await inForce(fifth), "compiler");
  assert.match(fifth.log("native code").text, /can be written by others/);
  await fifth.stop();
});

test("of a large policy goes first what decided most", { timeout: 60000 }, async (t) => {
  const tools = ["echo", "get-sum", ...Array.from({ length: 1200 }, (_, i) => `tool-${i}`)];
  const large = (version) => `pack test.large ${version}\n` + tools.map((tool, i) => `
rule r${i}
  on call every.${tool}
  deny "${tool} in ${version}"
`).join("");
  const cwd = folder({ "policy.cata": large("1.0.0") });
  const engine = await start(t, { cwd, config: `policy: policy.cata\nservers: {every: ${everythingStdio}}\n` });
  await engine.upstreams("every");
  const client = await connect(t, engine, "/mcp/every");
  assert.equal(await inForce(engine), "compiler");
  assert.equal(engine.log("native code for what decides most in force"), undefined);  // nothing decided yet
  assert.match(await denies(client, "echo", { message: "x" }), /echo in 1.0.0/);
  await until("the count", async () => /catalyst_decisions_total\{[^}]*"r0"[^}]*\} 1/.test((await engine.json("/metrics")).text));

  const before = engine.lines.length;
  writeFileSync(join(cwd, "policy.cata"), large("2.0.0"));
  await until("what decides most", () => engine.log("native code for what decides most in force", before));
  for (const tool of ["echo", "get-sum"]) assert.match(await denies(client, tool, { message: "x", a: 1, b: 2 }), new RegExp(`${tool} in 2.0.0`));
  assert.equal(await inForce(engine, before), "compiler");
  const order = engine.lines.slice(before).map((line) => line.message).filter((message) => message.startsWith("native code"));
  assert.deepEqual(order, ["native code for what decides most in force", "native code in force"]);
  for (const tool of ["echo", "get-sum"]) assert.match(await denies(client, tool, { message: "x", a: 1, b: 2 }), new RegExp(`${tool} in 2.0.0`));
});

test("a pack brings its native code", { timeout: 60000 }, async (t) => {
  const cwd = quickstartFolder(t);
  const command = (...args) => spawnSync(binary, args, { cwd, encoding: "utf8", timeout: 60000 });
  assert.match(command("build", "--native=abacus").stderr, /there is no processor `abacus`; known are /);
  assert.equal(command("build", "--native", "policy.cata", "-o", "p.catpack").status, 0);
  assert.equal(command("build", "policy.cata", "-o", "plain.catpack").status, 0);
  const native = JSON.parse(command("inspect", "p.catpack", "--json").stdout).native;
  assert.ok(native.cpu && native.llvm && native.program && native.code_bytes > 1000, JSON.stringify(native));
  assert.match(command("inspect", "p.catpack").stdout, /^ {2}native +for /m);
  assert.equal(JSON.parse(command("inspect", "plain.catpack", "--json").stdout).native, undefined);
  assert.equal(command("keygen", "release").status, 0);
  assert.equal(command("sign", "p.catpack", "-k", "release.key").status, 0);

  const servers = `servers: {every: ${everythingStdio}}\n`;
  const trusting = await start(t, { cwd, config: `policy: p.catpack\npacks: {trusted_keys: [release.pub]}\n${servers}` });
  assert.equal(await inForce(trusting), "pack");
  assert.equal((await trusting.json("/api/v1/pack")).body.tier, "native");
  await trusting.stop();

  const doubting = await start(t, { cwd, config: `policy: p.catpack\n${servers}` });
  assert.equal(await inForce(doubting), "compiler");
  assert.match(doubting.log("native code").text, /no trusted key signed it/);
});
