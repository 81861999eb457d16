// Calls whose result is fetched later: the official clients of both generations, the official server of revision 2025-11-25, and a server of the extension of 2026-07-28, in all four combinations.
import { test } from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from "@modelcontextprotocol/client";
import { createTaskSessionFromClient, resultFromTaskOutcome } from "@modelcontextprotocol/ext-tasks/client";
import { connect, everythingHttp, everythingStdio, folder, start } from "./harness.mjs";

const policy = `pack fixture 1.0.0

import pii

server every

default allow

rule no_secrets
  on call every.*
  when ((call.args.topic as string?) ?? "") == "secrets"
  deny "Not that."

rule no_addresses
  on result every.*
  redact pii.email in result
`;
const plain = "pack fixture 1.0.0\n\ndefault allow\n";
const tokens = { ana: "the-token-of-ana-0", eve: "the-token-of-eve-0" };
const auth = `auth:\n  tokens:\n${Object.entries(tokens).map(([id, token]) => `    - {token: ${token}, id: ${id}}\n`).join("")}`;
const headers = (who) => ({ authorization: `Bearer ${tokens[who]}` });

async function clientOf(t, engine, path, who, elicit) {
  const client = new Client({ name: "tasks", version: "1.0.0" }, { capabilities: { tasks: { list: {}, cancel: {} }, ...(elicit && { elicitation: { form: {} } }) } });
  if (elicit) client.setRequestHandler(ElicitRequestSchema, elicit);
  await client.connect(new StreamableHTTPClientTransport(new URL(engine.url + path), { requestInit: { headers: headers(who) } }));
  t.after(() => client.close().catch(() => {}));
  return client;
}

async function research(client, name, args) {
  const seen = [];
  for await (const message of client.experimental.tasks.callToolStream({ name, arguments: args }, undefined, { task: { ttl: 60000 } })) seen.push(message);
  return seen;
}

for (const how of ["http", "stdio"]) {
  test(`a task of the everything server over ${how}`, { timeout: 90000 }, async (t) => {
    const every = how === "http" ? `{url: "${(await everythingHttp(t)).url}"}` : everythingStdio;
    const engine = await start(t, { config: `policy: [policy.cata]\n${auth}servers:\n  every: ${every}\n`, cwd: folder({ "policy.cata": policy }) });
    await engine.upstreams("every");
    for (const [path, name] of [["/mcp/every", "simulate-research-query"], ["/mcp", "every__simulate-research-query"]]) {
      const asked = [];
      const ana = await clientOf(t, engine, path, "ana", (request) => {
        asked.push(request.params);
        return { action: "accept", content: { interpretation: "technical" } };
      });
      assert.ok((await ana.listTools()).tools.find((tool) => tool.name === name).execution.taskSupport);
      const seen = await research(ana, name, { topic: "bees", ambiguous: true });
      assert.equal(seen[0].type, "taskCreated");
      const { taskId } = seen[0].task;
      assert.equal(seen.at(-1).type, "result", JSON.stringify(seen.at(-1)));
      assert.match(seen.at(-1).result.content[0].text, /bees/);
      assert.equal(asked.length, 1, "the question in the middle");
      assert.equal(asked[0]._meta["io.modelcontextprotocol/related-task"].taskId, taskId);
      assert.ok((await ana.experimental.tasks.listTasks()).tasks.some((task) => task.taskId === taskId && task.status === "completed"));
      // Somebody else's, or none at all.
      const eve = await clientOf(t, engine, path, "eve");
      for (const id of [taskId, "guess"]) await assert.rejects(eve.experimental.tasks.getTask(id), /Unknown task/);
      assert.deepEqual((await eve.experimental.tasks.listTasks()).tasks, []);
      // Cancelled on the way.
      let cancelled;
      for await (const message of ana.experimental.tasks.callToolStream({ name, arguments: { topic: "wasps" } }, undefined, { task: { ttl: 60000 } })) {
        if (message.type === "taskCreated") {
          cancelled = await ana.experimental.tasks.cancelTask(message.task.taskId);
          break;
        }
      }
      assert.equal(cancelled.status, "cancelled");
      // The rules: of the call before there is a task, of the result when it is fetched.
      const refused = await research(ana, name, { topic: "secrets" }).catch((error) => [{ type: "error", error }]);
      assert.match(refused.at(-1).error.message, /Not that/);
      const masked = await research(ana, name, { topic: "eve@acme.example" });
      assert.doesNotMatch(JSON.stringify(masked), /eve@acme/);
      assert.match(masked.at(-1).result.content[0].text, /redacted/);
    }
  });
}

/** A server of the new generation whose tool makes tasks, by hand: no official package has them. */
async function extensionServer(t) {
  const tasks = new Map();
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    if (request.method !== "POST") return response.writeHead(405).end();
    const { id, method, params = {} } = JSON.parse(text);
    const answer = (result) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, result: { resultType: "complete", ttlMs: 0, cacheScope: "private", ...result } }));
    const refuse = (code, message) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } }));
    const may = params._meta?.["io.modelcontextprotocol/clientCapabilities"]?.extensions?.["io.modelcontextprotocol/tasks"];
    const state = (task) => ({ taskId: task.id, status: task.status, createdAt: "2026-11-25T00:00:00Z", lastUpdatedAt: "2026-11-25T00:00:00Z", ttlMs: 60000,
      ...(task.status === "input_required" && { inputRequests: { name: { method: "elicitation/create", params: { mode: "form", message: "Who?", requestedSchema: { type: "object", properties: { name: { type: "string" } } } } } } }),
      ...(task.status === "completed" && { result: { content: [{ type: "text", text: `done for ${task.name}` }] } }) });
    const task = tasks.get(params.taskId);
    if (method.startsWith("tasks/") && (!task || request.headers["mcp-name"] !== params.taskId)) return refuse(-32602, "Unknown task");
    switch (method) {
      case "server/discover": return answer({ supportedVersions: ["2026-07-28"], capabilities: { tools: {}, extensions: { "io.modelcontextprotocol/tasks": {} } }, serverInfo: { name: "tasks", version: "1" } });
      case "tools/list": return answer({ tools: [{ name: "job", inputSchema: { type: "object" } }] });
      case "tools/call": {
        if (!may || params.arguments?.now) return answer({ content: [{ type: "text", text: "at once" }] });
        const made = { id: `job-${tasks.size + 1}`, status: "input_required" };
        tasks.set(made.id, made);
        return answer({ ...state(made), inputRequests: undefined, status: "working", resultType: "task" });
      }
      case "tasks/get": return answer(state(task));
      case "tasks/update": Object.assign(task, { status: "completed", name: params.inputResponses.name.content.name }); return answer({});
      case "tasks/cancel": task.status = "cancelled"; return answer({});
      default: return refuse(-32601, "Method not found");
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${server.address().port}/mcp`;
}

test("a task of the extension", { timeout: 60000 }, async (t) => {
  const config = `policy: [policy.cata]\n${auth}servers:\n  jobs: {url: "${await extensionServer(t)}"}\n`;
  const engine = await start(t, { config, cwd: folder({ "policy.cata": plain }) });
  await engine.upstreams("jobs");
  const ask = async (who, method, params, name, capabilities = { elicitation: { form: {} }, extensions: { "io.modelcontextprotocol/tasks": {} } }) => {
    const body = { jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": capabilities } } };
    const answer = await fetch(`${engine.url}/mcp/jobs`, { method: "POST", body: JSON.stringify(body),
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28", "mcp-method": method, ...(name && { "mcp-name": name }), ...headers(who) } });
    return answer.json();
  };
  const made = (await ask("ana", "tools/call", { name: "job", arguments: {} }, "job")).result;
  assert.equal(made.resultType, "task");
  assert.notEqual(made.taskId, "job-1");
  const { taskId } = made;
  assert.match((await ask("eve", "tasks/get", { taskId }, taskId)).error.message, /Unknown task/);
  const asks = (await ask("ana", "tasks/get", { taskId }, taskId)).result;
  assert.equal(asks.status, "input_required");
  assert.equal(asks.inputRequests.name.params.message, "Who?");
  assert.equal((await ask("ana", "tasks/get", { taskId }, taskId, { extensions: { "io.modelcontextprotocol/tasks": {} } })).error.code, -32601, "a question that the client did not declare");
  assert.equal((await ask("ana", "tasks/update", { taskId, inputResponses: { name: { action: "accept", content: { name: "ana" } } } }, taskId)).result.resultType, "complete");
  const done = (await ask("ana", "tasks/get", { taskId }, taskId)).result;
  assert.equal(done.result.content[0].text, "done for ana");
  assert.equal((await ask("ana", "tools/call", { name: "job", arguments: {} }, "job", {})).result.content[0].text, "at once");
  const client = await connect(t, engine, "/mcp/jobs", { headers: headers("ana") });
  assert.equal((await client.callTool({ name: "job", arguments: {} })).content[0].text, "at once", "nobody gets a task who did not ask for one");
});

test("a call that may go to several servers becomes no task", { timeout: 60000 }, async (t) => {
  const [one, two] = [await extensionServer(t), await extensionServer(t)];
  const config = `policy: [policy.cata]\n${auth}servers:\n  one: {url: "${one}"}\n  two: {url: "${two}"}\n  both: {replicas: [{server: one}, {server: two}]}\n`;
  const engine = await start(t, { config, cwd: folder({ "policy.cata": plain }) });
  await engine.upstreams("one", "two", "both");
  const call = async (server) => {
    const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "job", arguments: {}, _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } } } } };
    const answer = await fetch(`${engine.url}/mcp/${server}`, { method: "POST", body: JSON.stringify(body),
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "job", ...headers("ana") } });
    return (await answer.json()).result;
  };
  assert.equal((await call("one")).resultType, "task");
  // Its id would lead to one server, and the task may be another's.
  for (let i = 0; i < 4; i++) assert.equal((await call("both")).content[0].text, "at once");
});

/** A connected official client of the new generation with the official package for tasks, as that of `who`. */
async function taskSession(t, engine, path, who, answer) {
  const clientInfo = { name: "tasks", version: "2.0.0" };
  const clientCapabilities = { elicitation: { form: {} } };
  const url = new URL(engine.url + path);
  const client = new Client2(clientInfo, { capabilities: clientCapabilities, versionNegotiation: { mode: { pin: "2026-07-28" } } });
  await client.connect(new Transport2(url, { requestInit: { headers: headers(who) } }));
  t.after(() => client.close().catch(() => {}));
  let ids = 0;
  const rawDispatch = async (request) => {
    const name = request.params.name ?? request.params.taskId;
    const response = await fetch(url, { method: "POST", body: JSON.stringify({ jsonrpc: "2.0", id: ++ids, ...request }),
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28", "mcp-method": request.method, ...(name && { "mcp-name": name }), ...headers(who) } });
    return response.json();
  };
  const session = createTaskSessionFromClient(client, { endpointId: path, rawDispatch, v2RequestFraming: { protocolVersion: "2026-07-28", clientInfo, clientCapabilities }, onInputRequest: answer });
  t.after(() => session.close());
  return session;
}

for (const how of ["http", "stdio"]) {
  test(`a client of the new generation and a task of the everything server over ${how}`, { timeout: 90000 }, async (t) => {
    const every = how === "http" ? `{url: "${(await everythingHttp(t)).url}"}` : everythingStdio;
    const engine = await start(t, { config: `policy: [policy.cata]\n${auth}servers:\n  every: ${every}\n`, cwd: folder({ "policy.cata": policy }) });
    await engine.upstreams("every");
    const name = "simulate-research-query";
    const asked = [];
    const session = await taskSession(t, engine, "/mcp/every", "ana", (request) => {
      asked.push(request);
      return { action: "accept", content: { interpretation: "technical" } };
    });
    const execution = await session.callTool(name, { topic: "bees", ambiguous: true });
    assert.equal(execution.kind, "task");
    const { outcome } = await execution.settle();
    assert.match(resultFromTaskOutcome(outcome).content[0].text, /bees/);
    assert.equal(asked.length, 1, "the question in the middle");
    assert.equal(asked[0].kind, "elicitation");
    const masked = await (await session.callTool(name, { topic: "eve@acme.example" })).settle();
    assert.match(masked.outcome.result.content[0].text, /redacted/);
    assert.doesNotMatch(JSON.stringify(masked), /eve@acme/);
    const cancelled = await session.callTool(name, { topic: "wasps" });
    await cancelled.cancel();
    assert.equal((await cancelled.settle()).outcome.status, "cancelled");
    const echo = await session.callTool("echo", { message: "hello" });
    assert.equal(echo.kind, "immediate", "a tool that makes no tasks");

    // Without the extension the tool says what is missing; a stream tells of tasks by their ids.
    const ask = (method, params, capabilities, named) => fetch(`${engine.url}/mcp/every`, { method: "POST",
      body: JSON.stringify({ jsonrpc: "2.0", id: "s", method, params: { ...params, _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": capabilities } } }),
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28", "mcp-method": method, ...(named && { "mcp-name": named }), ...headers("ana") } });
    const tasks = { extensions: { "io.modelcontextprotocol/tasks": {} } };
    const made = (await (await ask("tools/call", { name, arguments: { topic: "ants" } }, tasks, name)).json()).result;
    const stream = await ask("subscriptions/listen", { notifications: { taskIds: [made.taskId, "guess"] } }, tasks);
    let text = "";
    for await (const chunk of stream.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes('"status":"completed"')) break;
    }
    const told = text.split("\n").filter((line) => line.startsWith("data:")).map((line) => JSON.parse(line.slice(5)));
    assert.deepEqual(told[0].params.notifications, { taskIds: [made.taskId] });
    assert.equal(told.at(-1).method, "notifications/tasks");
    assert.equal(told.at(-1).params.taskId, made.taskId);
    assert.match(told.at(-1).params.result.content[0].text, /ants/);
    assert.equal((await (await ask("subscriptions/listen", { notifications: { taskIds: [made.taskId] } }, {})).json()).error.code, -32021);
  });
}

test("a client of the old generation and tasks of the extension", { timeout: 60000 }, async (t) => {
  const config = `policy: [policy.cata]\n${auth}servers:\n  jobs: {url: "${await extensionServer(t)}"}\n`;
  const engine = await start(t, { config, cwd: folder({ "policy.cata": plain }) });
  await engine.upstreams("jobs");
  const asked = [];
  const ana = await clientOf(t, engine, "/mcp/jobs", "ana", (request) => {
    asked.push(request.params);
    return { action: "accept", content: { name: "ana" } };
  });
  assert.equal((await ana.listTools()).tools[0].execution.taskSupport, "optional");
  const seen = await research(ana, "job", {});
  assert.equal(seen[0].type, "taskCreated");
  const { taskId } = seen[0].task;
  assert.equal(seen.at(-1).type, "result", JSON.stringify(seen.at(-1)));
  assert.equal(seen.at(-1).result.content[0].text, "done for ana");
  assert.equal(asked.length, 1);
  assert.equal(asked[0]._meta["io.modelcontextprotocol/related-task"].taskId, taskId);
  assert.equal((await ana.experimental.tasks.getTask(taskId)).status, "completed");
  assert.ok((await ana.experimental.tasks.listTasks()).tasks.some((task) => task.taskId === taskId));
  await assert.rejects(ana.experimental.tasks.cancelTask(taskId), /over/);
  let cancelled;
  for await (const message of ana.experimental.tasks.callToolStream({ name: "job", arguments: {} }, undefined, { task: {} })) {
    if (message.type === "taskCreated") {
      cancelled = await ana.experimental.tasks.cancelTask(message.task.taskId);
      break;
    }
  }
  assert.equal(cancelled.status, "cancelled");
  // What the server answers at once is kept for whoever wanted a task.
  const quick = await research(ana, "job", { now: true });
  assert.equal(quick[0].type, "taskCreated");
  assert.equal(quick.at(-1).result.content[0].text, "at once");
});
