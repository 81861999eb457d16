// Native code is compiled in a process of its own: bounded, gone afterwards, and no harm to the engine however it ends. Sources that cost too much end in a diagnostic.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { alive, folder, sleep, start, until } from "./harness.mjs";

const config = (more = "") => `policy: policy.cata\nservers: {db: {url: "http://127.0.0.1:1/mcp"}}\n${more}`;
/** Takes a worker some seconds. */
const large = (version = "1.0.0", rules = 4000) => `pack test.worker ${version}\nserver db\n` + Array.from({ length: rules }, (_, i) =>
  `rule r${i} on call db.t${i} when principal.risk > ${i} and principal.id =~ "a${i}.*b" deny "no {principal.id}"\n`).join("");

/** Workers whose parent is `pid`. */
const workers = (pid) => readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((each) => {
  try {
    return readFileSync(`/proc/${each}/cmdline`, "utf8").split("\0")[1] === "compile-worker" && Number(readFileSync(`/proc/${each}/cmdline`, "utf8").split("\0")[2]) === pid;
  } catch {
    return false;
  }
});
const worker = (engine) => until("a worker", () => workers(engine.pid)[0], 20000);
const failed = (engine) => until(`no native code (${engine.raw.slice(-500)})`, () => engine.log("no native code, the packed form decides"), 30000);
const tier = async (engine) => (await engine.json("/api/v1/pack")).body.tier;
const count = async (engine, result) => {
  const found = (await engine.json("/metrics")).text.match(new RegExp(`catalyst_native_compiles_total\\{result="${result}"\\} (\\d+)`));
  return found === null ? 0 : Number(found[1]);
};

test("a worker that is killed leaves the packed form in force", { timeout: 60000 }, async (t) => {
  const cwd = folder({ "policy.cata": large() });
  const engine = await start(t, { cwd, config: config() });
  process.kill(await worker(engine), "SIGKILL");
  const line = await failed(engine);
  assert.equal(line.reason, "compiling pack test.worker: killed by signal 9: the worker process died");
  assert.equal(await tier(engine), "packed");
  assert.equal(await count(engine, "died"), 1);
  await sleep(500);
  assert.deepEqual(workers(engine.pid), []);  // nobody tries again for the same policy
  assert.equal((await engine.json("/healthz")).status, 200);

  // The next policy is compiled like any other.
  writeFileSync(join(cwd, "policy.cata"), large("1.0.1", 10));
  await until("native code", () => engine.log("native code in force"), 30000);
  assert.equal(await tier(engine), "native");
  assert.equal(await count(engine, "done"), 1);
});

/** A sanitizer reserves more address space than any limit would leave. */
const SANITIZED = Boolean(process.env.ASAN_OPTIONS ?? process.env.TSAN_OPTIONS);

test("time and memory of a worker have bounds", { timeout: 90000 }, async (t) => {
  for (const [option, result, reason] of [
    ["compile_time: 150ms", "time", "compiling pack test.worker: not done within 150 ms: out of time (`native.compile_time` is the limit)"],
    ["compile_memory: 24MiB", "memory", "compiling pack test.worker: more than 24 MiB: out of memory (`native.compile_memory` is the limit)"],
  ].filter(([, result]) => result !== "memory" || !SANITIZED)) {
    const engine = await start(t, { cwd: folder({ "policy.cata": large() }), config: config(`native: {${option}}\n`) });
    assert.equal((await failed(engine)).reason, reason);
    assert.equal(await tier(engine), "packed");
    assert.equal(await count(engine, result), 1);
    assert.deepEqual(workers(engine.pid), []);
    await engine.stop();
  }
});

test("another policy ends the worker of the one before", { timeout: 60000 }, async (t) => {
  const cwd = folder({ "policy.cata": large() });
  const engine = await start(t, { cwd, config: config() });
  const first = await worker(engine);
  writeFileSync(join(cwd, "policy.cata"), large("2.0.0", 10));
  await until("native code", () => engine.log("native code in force"), 30000);
  assert.equal(alive(first), false);
  assert.equal(await count(engine, "stopped"), 1);
  assert.equal(engine.log("no native code, the packed form decides"), undefined);
});

test("no worker outlives its engine", { timeout: 60000 }, async (t) => {
  for (const signal of ["SIGTERM", "SIGKILL"]) {
    const engine = await start(t, { cwd: folder({ "policy.cata": large() }), config: config() });
    const pid = await worker(engine);
    await engine.stop(signal);
    await until("the worker's end", () => !alive(pid), 2000);
  }
});

test("a source that costs too much is refused, and the engine goes on", { timeout: 120000 }, async (t) => {
  const small = "pack test.costly 1.0.0\nserver db\nrule stop on call db.drop deny\n";
  const facts = Array.from({ length: 4000 }, (_, i) => `fact f${i} = ((call.args.a${i} as int?) ?? 0) > ${i} and call.tool != "${i}"\n`).join("") +
    "fact every = " + Array.from({ length: 20 }, (_, g) => "(" + Array.from({ length: 200 }, (_, i) => `f${g * 200 + i}`).join(" and ") + ")").join(" and ") + "\n";
  const hostile = {
    names: "pack test.costly 1.0.1\n" + Array.from({ length: 20000 }, (_, i) => `fact someverylongname${i} = othrverylongname${i}\n`).join(""),
    targets: "pack test.costly 1.0.1\nserver db\n" + Array.from({ length: 8000 }, (_, i) => `rule r${i} on call db.${"a*".repeat(30)}x${i} set call.args.p = ${i}\n`).join(""),
    contexts: "pack test.costly 1.0.1\nserver db schema \"tools.json\"\n" + facts.replaceAll(/\(\(call.args.a(\d+) as int\?\) \?\? 0\) > \d+/g, '(call.args.a ?? "") == "x$1"') +
      Array.from({ length: 6000 }, (_, i) => `rule r${i} on call db.t${i} when every deny\n`).join(""),
  };
  const tools = JSON.stringify({ tools: Array.from({ length: 6000 }, (_, i) => ({ name: `t${i}`, inputSchema: { type: "object", properties: { a: { type: "string" }, [`b${i}`]: { type: "string" } } } })) });
  const cwd = folder({ "policy.cata": small, "tools.json": tools });
  const engine = await start(t, { cwd, config: config("limits: {policy_time: 300ms, policy_memory: 1GiB}\n") });
  for (const [name, text] of Object.entries(hostile)) {
    writeFileSync(join(cwd, "policy.cata"), text);
    const began = Date.now();
    const { status, body } = await engine.json("/api/v1/reload", { method: "POST" });
    assert.equal(status, 422, name);
    assert.deepEqual(body.diagnostics.map((each) => each.code), ["E0227"], name);
    assert.match(body.diagnostics[0].message, /more than 300 ms of processor time/);
    assert.ok(Date.now() - began < 20000, `${name} took ${Date.now() - began} ms`);
    const pack = (await engine.json("/api/v1/pack")).body;
    assert.equal(pack.version, "1.0.0");
  }
  writeFileSync(join(cwd, "policy.cata"), small.replace("1.0.0", "1.0.2"));
  await engine.json("/api/v1/reload", { method: "POST" });
  assert.equal((await engine.json("/api/v1/pack")).body.version, "1.0.2");
});
