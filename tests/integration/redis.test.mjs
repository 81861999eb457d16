// Engines that share results by a Redis: a real one, killed, slow, and written to by somebody else.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createServer as createHttp } from "node:http";
import { createServer as createTcp } from "node:net";
import { connect, folder, freePort, sleep, start as startEngine, until } from "./harness.mjs";

const installed = spawnSync("redis-server", ["--version"]).status === 0;
const options = { skip: installed ? false : "redis-server is not installed" };
const secret = "0123456789abcdef0123456789abcdef";

/** A Redis on a free port, in a folder of its own, that keeps nothing. */
async function redis(t, port) {
  port ??= await freePort();
  const child = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder()], { stdio: "ignore" });
  t.after(() => child.kill("SIGKILL"));
  const cli = (...args) => spawnSync("redis-cli", ["-p", String(port), ...args], { encoding: "utf8" }).stdout.trim();
  await until("redis", () => cli("ping") === "PONG");
  return { port, cli, child, url: `redis://127.0.0.1:${port}`, keys: () => cli("--raw", "keys", "*").split("\n").filter(Boolean) };
}

/** A server of the new generation whose answer counts its calls. */
async function upstream(t) {
  const state = { calls: 0, scope: "public" };
  const server = createHttp((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => {
      if (request.method !== "POST") return response.writeHead(405).end();
      const { id, method, params } = JSON.parse(text);
      const answer = (result) => response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, result: { resultType: "complete", ...result } }));
      if (method === "server/discover") return answer({ supportedVersions: ["2026-07-28"], capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } });
      if (method === "tools/list") return answer({ tools: [{ name: "look", description: "Looks.", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } }], ttlMs: 0, cacheScope: "public" });
      if (method !== "tools/call") return response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } }));
      state.calls += 1;
      answer({ content: [{ type: "text", text: `call ${state.calls} of ${JSON.stringify(params.arguments)}` }], cacheScope: state.scope });
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.closeAllConnections() ?? server.close());
  return { state, url: `http://127.0.0.1:${server.address().port}/mcp` };
}

const digest = (token) => spawnSync("sha256sum", { input: token, encoding: "utf8" }).stdout.slice(0, 64);
const tokens = ["ann", "bob"].map((name) => `{sha256: ${digest(`token-of-${name}`)}, id: ${name}}`).join(", ");
const as = (name) => ({ Authorization: `Bearer token-of-${name}` });

const start = async (t, { server, url, more = "", scope = "public", key = secret, policy = "pack p 1.0.0\n" }) => {
  const engine = await startEngine(t, {
    cwd: folder({ "p.cata": policy }),
    config: `policy: p.cata\nsecrets: [${key}]\nauth: {tokens: [${tokens}]}\ncache: {redis: {url: "${url}"${more}}}\nservers: {search: {url: "${server.url}", cache: {ttl: 1m, scope: ${scope}}}}`,
  });
  await engine.upstreams("search");
  return engine;
};
const look = async (client, q) => {
  const result = await client.callTool({ name: "search__look", arguments: { q } });
  return result.content[0].text;
};
const metric = async (engine, name) => {
  const line = (await engine.json("/metrics", { headers: as("ann") })).text.split("\n").find((one) => one.startsWith(`${name} `));
  return line && Number(line.split(" ").at(-1));
};
const uses = (engine, result) => metric(engine, `catalyst_cache_redis_total{result="${result}"}`);
const connected = (engine) => until("the connection to redis", async () => (await metric(engine, "catalyst_redis_up")) === 1);
const client = (t, engine, who = "ann") => connect(t, engine, "/mcp", { kind: "sdk2-modern", headers: as(who) });

test("two engines share an answer, and who may have it is part of its key", options, async (t) => {
  const [server, store] = [await upstream(t), await redis(t)];
  const engines = await Promise.all([start(t, { server, url: store.url }), start(t, { server, url: store.url })]);
  const [one, two] = await Promise.all(engines.map(async (engine) => connected(engine).then(() => client(t, engine))));
  const first = await look(one, 1);
  await until("the result in redis", () => store.keys().length === 1);
  assert.equal(await look(two, 1), first);
  assert.equal(await look(two, 1), first, "and from its own memory");
  assert.equal(server.state.calls, 1);
  assert.equal(await uses(engines[0], "stored"), 1);
  assert.equal(await uses(engines[1], "hit"), 1);
  // Redis is told neither what was asked nor what came.
  const [key] = store.keys();
  assert.match(key, /^catalyst:[\d.]+:[\w-]{43}$/);
  const value = store.cli("--raw", "get", key);
  assert.match(value, /^[\w-]+$/);
  assert.ok(!Buffer.from(value, "base64url").toString("latin1").includes("call 1"));
  assert.ok(Number(store.cli("pttl", key)) > 50_000);

  // What the server calls private stays with its principal, on every engine.
  server.state.scope = "private";
  const bob = await client(t, engines[1], "bob");
  const mine = await look(one, 2);
  await until("the second result", () => store.keys().length === 2);
  assert.notEqual(await look(bob, 2), mine);
  assert.equal(await look(two, 2), mine);
  assert.equal(server.state.calls, 3);
});

test("a route's key is shared by engines with the same policy, and by no others", options, async (t) => {
  const [server, store] = [await upstream(t), await redis(t)];
  const policy = (comment) => `pack p 1.0.0\nserver search\nroute looks for call search.look\n  cache 60s by call.args, principal.id\n// ${comment}\n`;
  const engines = await Promise.all(["a", "a", "b"].map((comment) => start(t, { server, url: store.url, policy: policy(comment) })));
  const clients = await Promise.all(engines.map(async (engine) => connected(engine).then(() => client(t, engine))));
  const first = await look(clients[0], 1);
  await until("the result in redis", () => store.keys().length === 1);
  assert.equal(await look(clients[1], 1), first);
  assert.notEqual(await look(clients[2], 1), first, "another policy may mean another thing by the same key");
  assert.notEqual(await look(await client(t, engines[1], "bob"), 1), first);
});

test("nobody without the secrets can put an answer there, nor move one", options, async (t) => {
  const [server, store] = [await upstream(t), await redis(t)];
  const writer = await start(t, { server, url: store.url });
  await connected(writer);
  const one = await client(t, writer);
  for (const q of [1, 2]) await look(one, q);
  await until("two results", () => store.keys().length === 2);
  const [a, b] = store.keys();
  const [sealed, other] = [store.cli("--raw", "get", a), store.cli("--raw", "get", b)];
  const forged = Buffer.from(`${Date.now() + 60_000}\n{"content":[{"type":"text","text":"forged"}]}`).toString("base64url");
  const flipped = sealed.slice(0, -10) + (sealed.at(-10) === "A" ? "B" : "A") + sealed.slice(-9);
  let refused = 0;
  for (const [what, value] of [["clear", "{\"content\":[]}"], ["forged", forged], ["flipped", flipped], ["another key's", other], ["cut", sealed.slice(0, 40)], ["too large", "A".repeat(3_000_000)], ["text", "\u0000\n\r\n"]]) {
    const reader = await start(t, { server, url: store.url });
    await connected(reader);
    spawnSync("redis-cli", ["-p", String(store.port), "-x", "set", a], { input: value });
    spawnSync("redis-cli", ["-p", String(store.port), "-x", "set", b], { input: value.length > 1e6 ? "A" : value });
    const two = await client(t, reader);
    for (const q of [1, 2]) assert.match(await look(two, q), /^call \d+ of/, what);
    refused = await uses(reader, "refused");
    assert.ok(refused >= 1, `${what}: ${refused} refused`);
    assert.equal(await uses(reader, "failed"), 0, what);
    await reader.stop();
  }
  // A list in its place is an error of Redis and no answer.
  store.cli("del", a);
  store.cli("lpush", a, "x");
  // Another secret: other keys, and nothing of ours opens.
  const stranger = await start(t, { server, url: store.url, key: secret.replaceAll("0", "9") });
  await connected(stranger);
  const before = server.state.calls;
  await look(await client(t, stranger), 1);
  assert.equal(server.state.calls, before + 1);
  assert.equal(await uses(stranger, "miss"), 1);
});

test("redis is killed under load: no call fails or waits, and it is used again when it is back", options, async (t) => {
  const server = await upstream(t);
  let store = await redis(t);
  const engine = await start(t, { server, url: store.url, more: ", retry: 50ms" });
  await connected(engine);
  const clients = await Promise.all([1, 2, 3, 4].map(() => client(t, engine)));
  let [running, q, slowest] = [true, 0, 0];
  const load = clients.map(async (one) => {
    while (running) {
      const begin = performance.now();
      q += 1;
      assert.match(await look(one, q), /^call/);
      slowest = Math.max(slowest, performance.now() - begin);
    }
  });
  await sleep(300);
  store.child.kill("SIGKILL");
  await until("word that it is gone", () => engine.log("no Redis: results are kept in memory alone"));
  const from = q;
  await sleep(500);
  assert.ok(q > from + 50, `calls go on: ${q - from}`);
  assert.equal(await metric(engine, "catalyst_redis_up"), 0);
  assert.ok((await uses(engine, "skipped")) > 0);
  store = await redis(t, store.port);
  await connected(engine);
  const stored = await uses(engine, "stored");
  await until("results in the new one", async () => (await uses(engine, "stored")) > stored);
  running = false;
  await Promise.all(load);
  assert.ok(slowest < 2000, `the slowest call took ${slowest} ms`);
});

test("a redis that does not answer costs one time-out and not each call one", options, async (t) => {
  const server = await upstream(t);
  const sockets = new Set();
  const mute = createTcp((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => String(chunk).startsWith("*1\r\n$4\r\nPING") && socket.write("+PONG\r\n"));
  });
  await new Promise((resolve) => mute.listen(0, "127.0.0.1", resolve));
  t.after(() => [...sockets].forEach((socket) => socket.destroy()) ?? mute.close());
  const engine = await start(t, { server, url: `redis://127.0.0.1:${mute.address().port}`, more: ", timeout: 400ms, retry: 30s" });
  await connected(engine);
  const one = await client(t, engine);
  await look(one, 0);
  await until("it was given up", async () => (await metric(engine, "catalyst_redis_up")) === 0);
  const begin = performance.now();
  for (let q = 1; q <= 20; ++q) await look(one, q);
  assert.ok(performance.now() - begin < 2_000, `20 calls took ${performance.now() - begin} ms`);
  assert.equal(await uses(engine, "failed"), 1);
  assert.equal(server.state.calls, 21);
});

test("a configuration that cannot work is refused with its place", async (t) => {
  const { binary } = await import("./harness.mjs");
  const run = (config) => {
    const cwd = folder({ "p.cata": "pack p 1.0.0\n", "catalyst.yaml": `listen: 127.0.0.1:0\npolicy: p.cata\n${config}` });
    return spawnSync(binary, ["run", "--config", "catalyst.yaml"], { cwd, encoding: "utf8", timeout: 10_000 }).stderr;
  };
  assert.match(run('cache: {redis: {url: "redis://localhost"}}\n'), /catalyst.yaml:3:.*sealed with `secrets`/s);
  assert.match(run(`secrets: [${secret}]\ncache: {redis: {url: "rediss://localhost"}}\n`), /TLS to Redis is not spoken/);
  assert.match(run(`secrets: [${secret}]\ncache: {redis: {url: "localhost:6379"}}\n`), /no address of a Redis/);
});
