// WebSocket: the official client's transport, and what a client may not do.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import WebSocket from "ws";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { WebSocketClientTransport } from "@modelcontextprotocol/sdk/client/websocket.js";
import { ElicitRequestSchema, LoggingMessageNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { fixtureHttp, fixtureStdio, folder, hearsWhileItWaits, sleep, start, until } from "./harness.mjs";

globalThis.WebSocket ??= WebSocket;

const policy = `pack fixture 1.0.0

default allow

rule no_errors
  on call *.test_error_handling
  deny "No errors here."
`;

async function engineFor(t, servers, more = "") {
  const config = `policy: [policy.cata]\n${more}servers:\n${Object.entries(servers).map(([name, text]) => `  ${name}: ${text}\n`).join("")}`;
  const engine = await start(t, { config, cwd: folder({ "policy.cata": policy }) });
  await engine.upstreams(...Object.keys(servers));
  return engine;
}

const address = (engine, path) => engine.url.replace("http", "ws") + path;

/** A raw socket: `socket.messages` what came in, `socket.closed` the code once it is over. */
async function raw(t, url, { protocols = ["mcp"], ...options } = {}) {
  const socket = new WebSocket(url, protocols, options);
  t.after(() => socket.terminate());
  socket.messages = [];
  socket.on("message", (data) => socket.messages.push(JSON.parse(data)));
  socket.on("close", (code) => (socket.closed = code));
  const status = await new Promise((resolve) => {
    socket.on("open", () => resolve(101));
    socket.on("unexpected-response", (_, response) => resolve(response.statusCode));
    socket.on("error", () => {});
  });
  return { socket, status };
}

const modern = (id, method, params = {}) => JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...params, _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} } } });

test("the official client works over WebSocket with servers of both generations", { timeout: 60000 }, async (t) => {
  const engine = await engineFor(t, { modern: `{url: "${await fixtureHttp(t, "modern")}"}`, legacy: fixtureStdio("legacy") });
  for (const [path, prefix] of [["/ws/modern", ""], ["/ws/legacy", ""], ["/ws", "legacy__"]]) {
    const client = new Client({ name: "ws", version: "1.0.0" }, { capabilities: { elicitation: {} } });
    const heard = [];
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { username: "ana", email: "ana@x.example" } }));
    client.setNotificationHandler(LoggingMessageNotificationSchema, (message) => heard.push(message.params.data));
    await client.connect(new WebSocketClientTransport(new URL(address(engine, path))));
    t.after(() => client.close().catch(() => {}));
    assert.equal((await client.callTool({ name: `${prefix}echo`, arguments: { value: "hello" } })).content[0].text, "hello");
    await assert.rejects(client.callTool({ name: `${prefix}test_error_handling`, arguments: {} }), /No errors here/);
    await hearsWhileItWaits(client, prefix, heard);
    assert.match(JSON.stringify(await client.callTool({ name: `${prefix}test_elicitation`, arguments: { message: "who?" } })), /accept/);
    const many = await Promise.all(Array.from({ length: 100 }, (_, i) => client.callTool({ name: `${prefix}echo`, arguments: { value: `n${i}${"x".repeat(i * 300)}` } })));
    many.forEach((result, i) => assert.equal(result.content[0].text, `n${i}${"x".repeat(i * 300)}`));
  }
});

test("a client of the new generation needs no session", { timeout: 60000 }, async (t) => {
  const engine = await engineFor(t, { one: fixtureStdio("modern") });
  const { socket } = await raw(t, address(engine, "/ws/one"));
  socket.send(modern(1, "tools/call", { name: "echo", arguments: { value: "hi" } }));
  socket.send("{broken");
  socket.send(modern(2, "tools/call", { name: "none" }));
  await until("answers", () => socket.messages.length === 3);
  const by = (id) => socket.messages.find((message) => message.id === id);
  assert.equal(by(1).result.content[0].text, "hi");
  assert.equal(by(null).error.code, -32700);
  assert.equal(by(2).error.code, -32602);
  // In pieces, as a client may.
  const whole = modern(3, "tools/call", { name: "echo", arguments: { value: "in pieces" } });
  for (let i = 0; i < whole.length; i += 40) socket.send(whole.slice(i, i + 40), { fin: i + 40 >= whole.length });
  await until("the third", () => by(3));
  assert.equal(by(3).result.content[0].text, "in pieces");
  const pong = new Promise((resolve) => socket.once("pong", (data) => resolve(String(data))));
  socket.ping("are you there");
  assert.equal(await pong, "are you there");
  socket.close(1000);
  await until("the end", () => socket.closed === 1000);
});

test("what is no handshake, no message, or from elsewhere is refused", { timeout: 60000 }, async (t) => {
  const tokens = "auth:\n  tokens:\n    - {token: the-token-of-ana-0, id: ana}\n";
  const engine = await engineFor(t, { one: fixtureStdio("legacy") }, `${tokens}limits: {body: 64KiB, channels: 2, channel_idle: 2s}\n`);
  const headers = { authorization: "Bearer the-token-of-ana-0" };
  const url = address(engine, "/ws/one");
  assert.equal((await raw(t, url)).status, 401);
  assert.equal((await raw(t, url, { headers, origin: "https://evil.example" })).status, 403);
  assert.equal((await raw(t, url, { headers: { ...headers, host: "evil.example" } })).status, 403);
  assert.equal((await raw(t, address(engine, "/ws/none"), { headers })).status, 404);
  assert.equal((await raw(t, url, { headers, protocols: ["graphql"] })).status, 400);
  assert.equal((await fetch(`${engine.url}/ws/one`, { headers })).status, 400);
  assert.equal((await fetch(`${engine.url}/ws/one`, { method: "POST", headers })).status, 405);
  const ends = async (act, code) => {
    const { socket, status } = await raw(t, url, { headers });
    assert.equal(status, 101);
    act(socket);
    await until(`close code ${code}`, () => socket.closed !== undefined, 20000);
    assert.equal(socket.closed, code);
  };
  await ends((socket) => socket.send(Buffer.from([1, 2, 3])), 1003);
  await ends((socket) => socket.send("x".repeat(100_000)), 1009);
  await ends((socket) => socket._socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe])), 1007);
  await ends((socket) => socket._socket.write(Buffer.from([0xf1, 0x80, 0, 0, 0, 0])), 1002); // reserved bits
  await ends((socket) => socket._socket.write(Buffer.from([0x81, 0x01, 0x41])), 1002); // not masked
  await ends(() => {}, 1001); // silent for too long
  const ended = async (reason) => (await engine.json("/metrics", { headers })).text.match(new RegExp(`^catalyst_channels_ended_total\\{transport="websocket",reason="${reason}"\\} (\\d+)$`, "m"))?.[1];
  for (const [reason, count] of Object.entries({ not_text: 1, too_large: 1, not_utf8: 1, bad_frame: 2, idle: 1, not_admitted: 0 })) {
    await until(`${count} ${reason}`, async () => Number(await ended(reason)) === count);
  }
  const open = [await raw(t, url, { headers }), await raw(t, url, { headers })];
  assert.deepEqual(open.map((o) => o.status), [101, 101]);
  assert.equal((await raw(t, url, { headers })).status, 503);
  assert.equal(await ended("too_many"), "1");
  open[0].socket.terminate();
  await until("room", async () => (await raw(t, url, { headers })).status === 101);
  // Others are served meanwhile, and a drain says goodbye.
  assert.equal((await engine.json("/healthz")).status, 200);
  await sleep(50);
  engine.process.kill("SIGTERM");
  await until("goodbye", () => open[1].socket.closed === 1001);
  const off = await engineFor(t, { one: fixtureStdio("legacy") }, "websocket: false\n");
  assert.equal((await raw(t, address(off, "/ws"))).status, 404);
});

test("a client is let in as long as its token is good", { timeout: 60000 }, async (t) => {
  const key = (token, more = "") => `- {sha256: ${createHash("sha256").update(token).digest("hex")}, id: ${token}${more}}\n`;
  const ends = (ms) => `, expires: "${new Date(Date.now() + ms).toISOString().replace(/\.\d+Z/, "Z")}"`;
  const cwd = folder({ "policy.cata": policy, "keys.yaml": key("ana") + key("eve") + key("bob", ends(4000)) });
  const engine = await start(t, { cwd, config: `policy: [policy.cata]\nauth: {keys_file: keys.yaml}\nservers:\n  one: ${fixtureStdio("modern")}\n` });
  await engine.upstreams("one");
  const [ana, eve, bob] = await Promise.all(["ana", "eve", "bob"].map(async (who) => (await raw(t, address(engine, "/ws/one"), { headers: { authorization: `Bearer ${who}` } })).socket));
  const calls = (socket, id) => {
    socket.send(modern(id, "tools/call", { name: "echo", arguments: { value: "hi" } }));
    return until(`answer ${id}`, () => socket.closed !== undefined || socket.messages.find((message) => message.id === id));
  };
  for (const socket of [ana, eve, bob]) await calls(socket, 1);
  assert.deepEqual([ana, eve, bob].map((socket) => socket.closed), [undefined, undefined, undefined]);
  // One token ends by itself, and one is taken back; the client with the third notices nothing.
  writeFileSync(join(cwd, "keys.yaml"), key("ana") + key("bob", ends(2000)));
  await until("the end of eve's", () => eve.closed === 1008, 15000);
  await until("the end of bob's", () => bob.closed === 1008, 15000);
  await calls(ana, 2);
  assert.equal(ana.closed, undefined);
  const text = (await engine.json("/metrics", { headers: { authorization: "Bearer ana" } })).text;
  assert.match(text, /catalyst_channels_ended_total\{transport="websocket",reason="not_admitted"\} 2/);
  // What a client says after its token was taken back is not heard, however soon that is.
  writeFileSync(join(cwd, "keys.yaml"), key("zoe"));
  await until("the new keys", async () => (await raw(t, address(engine, "/ws/one"), { headers: { authorization: "Bearer zoe" } })).status === 101);
  await calls(ana, 3);
  await until("the end of ana's", () => ana.closed === 1008, 1000);
  assert.equal(ana.messages.find((message) => message.id === 3), undefined);
});

test("a client that breaks the rules while the gateway says goodbye", { timeout: 60000 }, async (t) => {
  const engine = await engineFor(t, { one: fixtureStdio("modern") });
  const { socket } = await raw(t, address(engine, "/ws/one"));
  socket._receiver.removeAllListeners("conclude"); // it hears the goodbye and does not answer
  const goodbye = new Promise((resolve) => socket._receiver.on("conclude", resolve));
  engine.process.kill("SIGTERM");
  await goodbye;
  socket._socket.write(Buffer.from([0x82, 0x83, 0, 0, 0, 0, 1, 2, 3])); // binary: it would be closed for that, too
  await sleep(200);
  assert.equal(engine.process.signalCode, null);
  socket._socket.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]));
  assert.deepEqual(await engine.exit, { code: 0, signal: null });
});

test("large messages both ways over TLS, and a client that reads nothing holds up nobody", { timeout: 60000 }, async (t) => {
  const cwd = folder({ "policy.cata": policy });
  const made = spawnSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", join(cwd, "key.pem"), "-out", join(cwd, "chain.pem"), "-days", "2", "-subj", "/CN=localhost"]);
  assert.equal(made.status, 0, String(made.stderr));
  const engine = await start(t, { cwd, config: `policy: [policy.cata]\ntls: {certificate: chain.pem, key: key.pem}\nservers:\n  one: ${fixtureStdio("modern")}\n` });
  const url = address(engine, "/ws/one");
  const call = (id, value) => modern(id, "tools/call", { name: "echo", arguments: { value } });
  const { socket } = await raw(t, url, { rejectUnauthorized: false });
  const big = "x".repeat(1_500_000);
  for (let i = 0; i < 20; i++) socket.send(call(i, i % 5 ? `n${i}` : big));
  await until("the answers", () => socket.messages.length === 20, 20000);
  for (const message of socket.messages) assert.equal(message.result.content[0].text, message.id % 5 ? `n${message.id}` : big);
  const { socket: deaf } = await raw(t, url, { rejectUnauthorized: false });
  deaf.pause();
  for (let i = 0; i < 30; i++) deaf.send(call(i, big));
  for (let i = 0; i < 20; i++) socket.send(call(100 + i, `still ${i}`));
  await until("the others' answers", () => socket.messages.length === 40, 20000);
});
