// `catalyst stdio`: a client that starts its server itself, in both generations.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ElicitRequestSchema, LoggingMessageNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { binary, fixtureHttp, fixtureStdio, folder, sleep, until } from "./harness.mjs";

const deny = 'pack fixture 1.0.0\n\ndefault allow\n\nrule no_echo on list tools when tool.name == "echo" hide\n';

async function where(t, policy = "pack fixture 1.0.0\n\ndefault allow\n", more = "") {
  const config = `policy: [policy.cata]\n${more}servers:\n  modern: {url: "${await fixtureHttp(t, "modern")}"}\n  legacy: ${fixtureStdio("legacy")}\n`;
  return folder({ "policy.cata": policy, "catalyst.yaml": config });
}

test("an official client, with questions, log messages and progress", { timeout: 60000 }, async (t) => {
  const cwd = await where(t);
  for (const server of ["modern", "legacy"]) {
    const client = new Client({ name: "local", version: "1.0.0" }, { capabilities: { elicitation: {} } });
    const logged = [];
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { username: "ana", email: "ana@example.com" } }));
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => logged.push(params.data));
    await client.connect(new StdioClientTransport({ command: binary, args: ["stdio", "--config", "catalyst.yaml", "--server", server], cwd, stderr: "ignore" }));
    t.after(() => client.close().catch(() => {}));
    assert.ok((await client.listTools()).tools.some((tool) => tool.name === "echo"));
    assert.equal((await client.callTool({ name: "echo", arguments: { value: "near" } })).content[0].text, "near");
    assert.match((await client.callTool({ name: "test_elicitation", arguments: { message: "Who?" } })).content[0].text, /"username":"ana"/);
    await client.setLoggingLevel("debug");
    await client.callTool({ name: "test_tool_with_logging", arguments: {} });
    await until(`log messages of ${server}`, () => logged.length >= 3);
    const progress = [];
    await client.callTool({ name: "test_tool_with_progress", arguments: {} }, undefined, { onprogress: ({ progress: at }) => progress.push(at) });
    // The client drops what stands in one chunk with the result: whether the last one comes is seen by hand, below.
    assert.deepEqual(progress.slice(0, 2), [0, 50]);
    await client.ping();
  }
});

/** The process by hand: lines in, parsed lines out. */
function byHand(t, cwd, env = {}, ...args) {
  const child = spawn(binary, ["stdio", "--config", "catalyst.yaml", ...args], { cwd, env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  const lines = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
  let log = "";
  child.stderr.on("data", (chunk) => (log += chunk));
  const exit = new Promise((resolve) => child.on("exit", (code) => resolve(code)));
  t.after(() => child.kill("SIGKILL"));
  const meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" }, "io.modelcontextprotocol/clientCapabilities": {} };
  return {
    lines,
    exit,
    log: () => log,
    send: (message) => child.stdin.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n"),
    modern: (id, method, params = {}, more = {}) => child.stdin.write(JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...params, _meta: { ...meta, ...more } } }) + "\n"),
    end: () => child.stdin.end(),
    answer: (id) => until(`the answer to ${id} (log: ${log})`, () => lines.find((line) => line.id === id)),
  };
}

test("the new generation: discovery, calls at the same time, subscriptions, cancellation, the end", { timeout: 60000 }, async (t) => {
  const talk = byHand(t, await where(t), {}, "--server", "modern");
  talk.modern(1, "server/discover");
  assert.deepEqual((await talk.answer(1)).result.supportedVersions, ["2026-07-28"]);
  for (const id of ["a", "b", "c"]) talk.modern(id, "tools/call", { name: "echo", arguments: { value: id } });
  for (const id of ["a", "b", "c"]) assert.equal((await talk.answer(id)).result.content[0].text, id);
  talk.modern(2, "tools/call", { name: "test_x_mcp_header", arguments: { region: "eu" } });
  assert.match((await talk.answer(2)).result.content[0].text, /region=eu/);
  talk.modern("p", "tools/call", { name: "test_tool_with_progress", arguments: {} }, { progressToken: "t" });
  await talk.answer("p");
  const steps = talk.lines.filter((line) => line.method === "notifications/progress" || line.id === "p");
  assert.deepEqual(steps.map((line) => line.params?.progress ?? "result"), [0, 50, 100, "result"]);
  talk.modern(3, "subscriptions/listen", { notifications: { toolsListChanged: true } });
  await until("the acknowledgement", () => talk.lines.find((line) => line.method === "notifications/subscriptions/acknowledged"));
  talk.send({ method: "notifications/cancelled", params: { requestId: 3 } });
  talk.modern(4, "ping");
  assert.equal((await talk.answer(4)).error.code, -32601);
  talk.send({ id: 5, nonsense: true });
  await until("a refusal", () => talk.lines.find((line) => line.error?.code === -32600));
  talk.end();
  assert.equal(await talk.exit, 0);
});

test("rules decide, and a token says who", { timeout: 60000 }, async (t) => {
  const auth = "auth:\n  tokens:\n    - {token: the-token-of-ana-0, id: ana}\n";
  const cwd = await where(t, deny, auth);
  const stranger = byHand(t, cwd);
  assert.equal(await stranger.exit, 0);
  assert.match(stranger.log(), /CATALYST_TOKEN/);
  const ana = byHand(t, cwd, { CATALYST_TOKEN: "the-token-of-ana-0" }, "--server", "modern");
  ana.modern(1, "tools/call", { name: "echo", arguments: { value: "x" } });
  assert.equal((await ana.answer(1)).error.code, -32602);
  const wrong = byHand(t, cwd, {}, "--server", "nobody");
  assert.notEqual(await wrong.exit, 0);
});

test("a client whose key is taken back is turned out, and messages may come before the greeting is answered", { timeout: 60000 }, async (t) => {
  const cwd = await where(t, undefined, "auth: {keys_file: keys.yaml}\nlimits: {admission_check: 200ms}\n");
  const { key } = JSON.parse(spawnSync(binary, ["key", "new", "--json", "--file", "keys.yaml", "--id", "ana"], { cwd, encoding: "utf8" }).stdout);
  const ana = byHand(t, cwd, { CATALYST_TOKEN: key }, "--server", "legacy");
  ana.send({ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } } });
  ana.send({ method: "notifications/initialized" });
  ana.send({ id: 2, method: "tools/call", params: { name: "echo", arguments: { value: "early" } } });
  assert.equal((await ana.answer(2)).result.content[0].text, "early");
  assert.ok(ana.lines.findIndex((line) => line.id === 1) < ana.lines.findIndex((line) => line.id === 2));
  await sleep(500);
  ana.send({ id: 3, method: "ping" });
  assert.deepEqual((await ana.answer(3)).result, {}, "who is still let in stays");
  writeFileSync(join(cwd, "keys.yaml"), "[]\n");
  assert.equal(await ana.exit, 0);
  assert.match(ana.log(), /the client is refused.*not let in any more/s);
});
