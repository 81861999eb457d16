// Several engines behind one address, without any stickiness: clients whose requests are spread over them, engines that know of each other and engines that do not.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Transport1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema, CreateMessageRequestSchema, ListRootsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from "@modelcontextprotocol/client";
import { createTaskSessionFromClient, resultFromTaskOutcome } from "@modelcontextprotocol/ext-tasks/client";
import { binary, everythingHttp, fixtureHttp, folder, freePort, hearsWhileItWaits, kinds, start, until } from "./harness.mjs";

const policy = { "policy.cata": "pack fixture 1.0.0\n\ndefault allow\n" };
const secrets = "secrets: [0123456789abcdef0123456789abcdef]\n";
const bearer = { authorization: "Bearer the-token-of-ana-0" };

/** An engine of the group; `known`: others reach it, and it them. */
async function engineOf(t, servers, { known = true, who = "ana" } = {}) {
  const port = await freePort();
  const auth = `auth:\n  tokens:\n    - {token: the-token-of-ana-0, id: ${who}}\n`;
  const peers = known ? `engine: {url: "http://127.0.0.1:${port}"}\n` : "";
  const config = `policy: [policy.cata]\n${secrets}${peers}${auth}servers:\n${Object.entries(servers).map(([name, url]) => `  ${name}: {url: "${url}"}\n`).join("")}`;
  const engine = await start(t, { config, cwd: folder(policy), args: ["--listen", `127.0.0.1:${port}`] });
  await engine.upstreams(...Object.keys(servers));
  return engine;
}

/** Sends each request to the next engine. */
function spread(engines) {
  let turn = 0;
  return (url, init) => {
    const { pathname, search } = new URL(url);
    return fetch(engines[turn++ % engines.length].url + pathname + search, init);
  };
}

const schemas = { "elicitation/create": ElicitRequestSchema, "sampling/createMessage": CreateMessageRequestSchema, "roots/list": ListRootsRequestSchema };
const answers = {
  "elicitation/create": ({ params }) => ({ action: "accept", content: Object.fromEntries(Object.entries(params.requestedSchema.properties).map(([name, schema]) => [name, schema.type === "boolean" ? true : `my ${name}`])) }),
  "sampling/createMessage": ({ params }) => ({ role: "assistant", model: "test", content: { type: "text", text: `heard: ${params.messages[0].content.text}` } }),
  "roots/list": () => ({ roots: [{ uri: "file:///home/ana", name: "home" }] }),
};

/** An official client that is answered by any of the engines. */
async function connectTo(t, engines, path, kind, { log, more = {} } = {}) {
  const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {}, ...more };
  const url = new URL(engines[0].url + path);
  const options = { requestInit: { headers: bearer }, fetch: spread(engines) };
  let client;
  if (kind === "sdk1") {
    client = new Client1({ name: "spread", version: "1.0.0" }, { capabilities });
    for (const [method, answer] of Object.entries(answers)) client.setRequestHandler(schemas[method], answer);
    const { LoggingMessageNotificationSchema } = await import("@modelcontextprotocol/sdk/types.js");
    if (log) client.setNotificationHandler(LoggingMessageNotificationSchema, log);
    await client.connect(new Transport1(url, options));
  } else {
    client = new Client2({ name: "spread", version: "2.0.0" }, { capabilities, versionNegotiation: { mode: kind === "sdk2-modern" ? { pin: "2026-07-28" } : "legacy" } });
    for (const [method, answer] of Object.entries(answers)) client.setRequestHandler(method, answer);
    if (log) client.setNotificationHandler("notifications/message", log);
    await client.connect(new Transport2(url, options));
  }
  t.after(() => client.close().catch(() => {}));
  return client;
}

const say = async (client, name, args = {}) => (await client.callTool({ name, arguments: args })).content.map((block) => block.text).join("\n");
const handedOver = async (engine, result = "answered") => Number((await engine.json("/metrics", { headers: bearer })).text.match(new RegExp(`catalyst_handed_over_total\\{result="${result}"\\} (\\d+)`))?.[1] ?? NaN);

async function post(engine, path, message, headers = {}) {
  const answer = await fetch(engine.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...bearer, ...headers },
    body: JSON.stringify({ jsonrpc: "2.0", ...message }),
  });
  const text = await answer.text();
  const line = text.startsWith("{") ? text : (text.split("\n").findLast((l) => l.startsWith("data: {")) ?? "").slice(6);
  return { status: answer.status, session: answer.headers.get("mcp-session-id"), body: line ? JSON.parse(line) : undefined };
}
const hello = (capabilities = {}) => ({ id: 1, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities, clientInfo: { name: "by hand", version: "1" } } });
/** A request of the new generation. */
const modern = (engine, path, method, params, capabilities, name) => post(engine, path, { id: 1, method, params: { ...params, _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": capabilities, "io.modelcontextprotocol/clientInfo": { name: "by hand", version: "1" } } } }, { "mcp-protocol-version": "2026-07-28", "mcp-method": method, "mcp-name": name });

test("every question, and its answer, crosses whichever engine is asked", { timeout: 120000 }, async (t) => {
  const servers = { modern: await fixtureHttp(t, "modern"), legacy: await fixtureHttp(t, "legacy") };
  const engines = [await engineOf(t, servers), await engineOf(t, servers), await engineOf(t, servers)];
  for (const kind of kinds) {
    for (const server of Object.keys(servers)) {
      await t.test(`${kind} on ${server}`, async (t2) => {
        const heard = [];
        const client = await connectTo(t2, engines, `/mcp/${server}`, kind, { log: (message) => heard.push(message.params.data) });
        for (let round = 0; round < 3; ++round) {
          assert.match(await say(client, "test_elicitation", { message: "Who?" }), /action=accept, content=\{"username":"my username","email":"my email"\}/);
          assert.equal(await say(client, "test_sampling", { prompt: "a riddle" }), "LLM response: heard: a riddle");
          assert.match(await say(client, "test_input_required_result_list_roots"), /file:\/\/\/home\/ana/);
          assert.equal(await say(client, "test_input_required_result_multi_round"), "my name likes my color.");
          assert.equal(await say(client, "test_input_required_result_request_state"), "state-ok");
        }
        if (kind === "sdk1") await hearsWhileItWaits(client, "", heard);
      });
    }
  }
  for (const engine of engines) {
    assert.ok((await handedOver(engine)) > 0);
    assert.equal(await handedOver(engine, "lost"), 0);
    assert.equal(await handedOver(engine, "refused"), 0);
  }
});

test("what goes on in a session reaches the engine where it lives", { timeout: 60000 }, async (t) => {
  const servers = { every: (await everythingHttp(t)).url };
  const engines = [await engineOf(t, servers), await engineOf(t, servers)];
  const client = await connectTo(t, engines, "/mcp/every", "sdk1");
  // A cancellation is a request of its own, and must find the call.
  for (let round = 0; round < 2; ++round) {
    const stop = new AbortController();
    const call = client.callTool({ name: "trigger-long-running-operation", arguments: { duration: 30, steps: 3 } }, undefined, { signal: stop.signal });
    setTimeout(() => stop.abort(), 300);
    await assert.rejects(call);
    await until("the cancelled call to end", async () => (await engines[0].json("/metrics", { headers: bearer })).text.match(/catalyst_requests_total\{[^}]*tools\/call[^}]*status="cancelled"\} (\d+)/)?.[1] === String(round + 1));
    await client.ping(); // one request more, so that the next round begins at the other engine
  }
  // Its stream opens at once, and is one wherever it is asked for.
  const open = (engine, session) => fetch(engine.url + "/mcp/every", { headers: { accept: "text/event-stream", ...bearer, "mcp-session-id": session }, signal: AbortSignal.timeout(5000) });
  const listening = (await post(engines[0], "/mcp/every", hello())).session;
  const stream = await open(engines[1], listening);
  assert.equal(stream.status, 200);
  for (const engine of engines) assert.equal((await open(engine, listening)).status, 409);
  await stream.body.cancel();
  // The session ends everywhere when it ends at one of them.
  const { session } = await post(engines[0], "/mcp/every", hello());
  assert.equal((await fetch(engines[1].url + "/mcp/every", { method: "DELETE", headers: { ...bearer, "mcp-session-id": session } })).status, 200);
  for (const engine of engines) assert.equal((await post(engine, "/mcp/every", { id: 2, method: "ping" }, { "mcp-session-id": session })).status, 404);
});

test("an HTTP+SSE client keeps its stream at one engine, and may send to any", { timeout: 60000 }, async (t) => {
  const servers = { legacy: await fixtureHttp(t, "legacy") };
  const engines = [await engineOf(t, servers), await engineOf(t, servers)];
  const { SSEClientTransport } = await import("@modelcontextprotocol/sdk/client/sse.js");
  const client = new Client1({ name: "sse", version: "1.0.0" }, { capabilities: { elicitation: { form: {} } } });
  client.setRequestHandler(ElicitRequestSchema, answers["elicitation/create"]);
  await client.connect(new SSEClientTransport(new URL(engines[0].url + "/sse/legacy"), { requestInit: { headers: bearer }, eventSourceInit: { fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...bearer } }) }, fetch: spread(engines) }));
  t.after(() => client.close().catch(() => {}));
  for (let round = 0; round < 4; ++round) assert.match(await say(client, "test_elicitation", { message: "Who?" }), /action=accept/);
  assert.ok((await handedOver(engines[1])) > 0);
});

test("a task of the old generation and its questions, whichever engine is asked", { timeout: 90000 }, async (t) => {
  const servers = { every: (await everythingHttp(t)).url };
  const engines = [await engineOf(t, servers), await engineOf(t, servers)];
  const send = spread(engines);
  const clientInfo = { name: "tasks", version: "1.0.0" };
  const clientCapabilities = { elicitation: { form: {} }, extensions: { "io.modelcontextprotocol/tasks": {} } };
  const client = new Client2(clientInfo, { capabilities: clientCapabilities, versionNegotiation: { mode: { pin: "2026-07-28" } } });
  await client.connect(new Transport2(new URL(engines[0].url + "/mcp/every"), { requestInit: { headers: bearer }, fetch: send }));
  t.after(() => client.close().catch(() => {}));
  let next = 1000;
  const rawDispatch = async ({ method, params }) => {
    const answer = await send(new URL(engines[0].url + "/mcp/every"), { method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...bearer, "mcp-protocol-version": "2026-07-28", "mcp-method": method, "mcp-name": params.name ?? params.taskId },
      body: JSON.stringify({ jsonrpc: "2.0", id: next++, method, params }) });
    return answer.json();
  };
  const asked = [];
  const session = createTaskSessionFromClient(client, { endpointId: "/mcp/every", rawDispatch, v2RequestFraming: { protocolVersion: "2026-07-28", clientInfo, clientCapabilities }, onInputRequest: (request) => {
    asked.push(request);
    return { action: "accept", content: { interpretation: "technical" } };
  } });
  t.after(() => session.close());
  for (let round = 0; round < 2; ++round) {
    const { outcome } = await (await session.callTool("simulate-research-query", { topic: "bees", ambiguous: true })).settle();
    assert.match(resultFromTaskOutcome(outcome).content[0].text, /bees/);
  }
  assert.equal(asked.length, 2);

  // A stream that tells of a task is where the task is asked for, whichever engine it came to.
  const [first, other] = engines;
  const created = await modern(first, "/mcp/every", "tools/call", { name: "simulate-research-query", arguments: { topic: "wasps", ambiguous: true } }, clientCapabilities, "simulate-research-query");
  const { taskId } = created.body.result;
  const listening = await fetch(`${other.url}/mcp/every`, { method: "POST", headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...bearer, "mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen" },
    body: JSON.stringify({ jsonrpc: "2.0", id: "s", method: "subscriptions/listen", params: { notifications: { taskIds: [taskId] }, _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": clientCapabilities } } }) });
  let text = "";
  let answered = false;
  for await (const chunk of listening.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const told = text.split("\n\n").filter((event) => event.includes("data: {")).map((event) => JSON.parse(event.slice(event.indexOf("data: {") + 6)));
    const asks = told.find((message) => message.params?.inputRequests);
    if (asks && !answered) {
      answered = true;
      const [key] = Object.keys(asks.params.inputRequests);
      const update = await modern(other, "/mcp/every", "tasks/update", { taskId, inputResponses: { [key]: { action: "accept", content: { interpretation: "technical" } } } }, clientCapabilities, taskId);
      assert.equal(update.body.result?.resultType, "complete", JSON.stringify(update.body));
    }
    if (text.includes('"status":"completed"')) break;
  }
  assert.ok(answered);
});

test("an engine that is gone takes its questions with it, and nothing else", { timeout: 60000 }, async (t) => {
  const servers = { legacy: await fixtureHttp(t, "legacy") };
  const [gone, left] = [await engineOf(t, servers), await engineOf(t, servers)];
  const { session } = await post(gone, "/mcp/legacy", hello());
  const remember = (value) => ({ id: 2, method: "tools/call", params: { name: "test_remember", arguments: { value } } });
  assert.equal((await post(left, "/mcp/legacy", remember("kept"), { "mcp-session-id": session })).status, 200);
  const asking = await modern(gone, "/mcp/legacy", "tools/call", { name: "test_elicitation", arguments: { message: "Who?" } }, { elicitation: { form: {} } }, "test_elicitation");
  assert.equal(asking.body.result.resultType, "input_required");
  await gone.stop("SIGKILL");
  const recalled = await post(left, "/mcp/legacy", { id: 3, method: "tools/call", params: { name: "test_recall", arguments: {} } }, { "mcp-session-id": session });
  assert.equal(recalled.body.result.content[0].text, "kept", "the session goes on at the other engine");
  const { requestState } = asking.body.result;
  const again = await modern(left, "/mcp/legacy", "tools/call", { name: "test_elicitation", arguments: { message: "Who?" }, requestState, inputResponses: {} }, { elicitation: { form: {} } }, "test_elicitation");
  assert.equal(again.body.error.data.reason, "invalid_request_state");
  assert.match(again.body.error.message, /make it again without requestState/);
  assert.ok((await handedOver(left, "gone")) >= 1);
});

test("an engine that means somebody else by the client's token hands it back", { timeout: 60000 }, async (t) => {
  const servers = { legacy: await fixtureHttp(t, "legacy") };
  const [ana, eve] = [await engineOf(t, servers), await engineOf(t, servers, { who: "eve" })];
  const { session } = await post(ana, "/mcp/legacy", hello());
  assert.equal((await post(eve, "/mcp/legacy", { id: 2, method: "ping" }, { "mcp-session-id": session })).status, 404);
  assert.equal(await handedOver(eve, "refused"), 1);
  // Marks and vouchers that nobody sealed lead nowhere.
  for (const forged of ["AAAA.BBBB", `${session.split(".")[1]}.${session.split(".")[1]}`, `.${session.split(".")[1]}`]) {
    const { status } = await post(ana, "/mcp/legacy", { id: 2, method: "ping" }, { "mcp-session-id": forged, "catalyst-handed-over": "forged" });
    assert.ok(status === 404 || status === 200, String(status)); // the session itself is ana's, marked or not
  }
});

test("engines that do not know of each other say so", { timeout: 60000 }, async (t) => {
  const servers = { legacy: await fixtureHttp(t, "legacy"), every: (await everythingHttp(t)).url };
  const [here, there] = [await engineOf(t, servers, { known: false }), await engineOf(t, servers, { known: false })];
  const form = { elicitation: { form: {} } };

  // A call that waits at an old server for a new client's answer.
  const call = { name: "test_elicitation", arguments: { message: "Who?" } };
  const first = await modern(here, "/mcp/legacy", "tools/call", call, form, call.name);
  const { requestState, inputRequests } = first.body.result;
  const retry = { ...call, requestState, inputResponses: { [Object.keys(inputRequests)[0]]: { action: "accept", content: { username: "ana", email: "a@b.example" } } } };
  const elsewhere = await modern(there, "/mcp/legacy", "tools/call", retry, form, call.name);
  assert.deepEqual([elsewhere.body.error.code, elsewhere.body.error.data.reason], [-32602, "invalid_request_state"]);
  assert.match(elsewhere.body.error.message, /waits at another engine/);
  assert.match((await modern(here, "/mcp/legacy", "tools/call", retry, form, call.name)).body.result.content[0].text, /action=accept/, "it still waits where it was asked");

  // A question to an old client, whose answer is a request of its own.
  const { session } = await post(here, "/mcp/legacy", hello(form));
  const running = await fetch(`${here.url}/mcp/legacy`, { method: "POST", headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...bearer, "mcp-session-id": session }, body: JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params: call }) });
  const reader = running.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("elicitation/create")) text += (await reader.read()).value;
  const question = JSON.parse(text.split("\n").findLast((line) => line.startsWith("data: {")).slice(6));
  const answer = { id: question.id, result: { action: "accept", content: { username: "ana", email: "a@b.example" } } };
  const misled = await post(there, "/mcp/legacy", answer, { "mcp-session-id": session });
  assert.deepEqual([misled.status, misled.body.error.data.reason], [400, "unknown_question"]);
  assert.equal((await post(here, "/mcp/legacy", answer, { "mcp-session-id": session })).status, 202);
  for (let part; !(part = await reader.read()).done; ) text += part.value;
  assert.match(text, /action=accept/);

  // A question of a task.
  const tasks = { ...form, extensions: { "io.modelcontextprotocol/tasks": {} } };
  const made = await modern(here, "/mcp/every", "tools/call", { name: "simulate-research-query", arguments: { topic: "bees", ambiguous: true } }, tasks, "simulate-research-query");
  const { taskId } = made.body.result;
  const standing = (engine) => modern(engine, "/mcp/every", "tasks/get", { taskId }, tasks, taskId);
  const asks = await until("the task's question", async () => {
    const { body } = await standing(here);
    return body.result.status === "input_required" && body.result;
  });
  const [key] = Object.keys(asks.inputRequests);
  const update = { taskId, inputResponses: { [key]: { action: "accept", content: { interpretation: "technical" } } } };
  const unknown = await modern(there, "/mcp/every", "tasks/update", update, tasks, taskId);
  assert.deepEqual([unknown.body.error.code, unknown.body.error.data.reason], [-32603, "unknown_question"]);
  assert.equal((await modern(here, "/mcp/every", "tasks/update", update, tasks, taskId)).body.result.resultType, "complete");
  await until("the end of the task", async () => (await standing(here)).body.result.status === "completed");
  assert.equal((await modern(here, "/mcp/every", "tasks/update", update, tasks, taskId)).body.result.resultType, "complete", "what is answered already is ignored");
  assert.equal((await modern(here, "/mcp/every", "tasks/update", { taskId }, tasks, taskId)).body.error.code, -32602);
});

test("an address that cannot work is refused with its place", async (t) => {
  const run = (config) => {
    const cwd = folder({ "p.cata": "pack p 1.0.0\n", "catalyst.yaml": `listen: 127.0.0.1:0\npolicy: p.cata\n${config}` });
    return spawnSync(binary, ["run", "--config", "catalyst.yaml"], { cwd, encoding: "utf8", timeout: 10_000 }).stderr;
  };
  assert.match(run('engine: {url: "http://10.0.0.5:8080"}\n'), /catalyst.yaml:3:.*needs `secrets`/s);
  for (const url of ["10.0.0.5:8080", "http://ana@10.0.0.5", "http://h/?x", `http://${"h".repeat(130)}`]) assert.match(run(`${secrets}engine: {url: "${url}"}\n`), /catalyst.yaml:4:.*`engine.url` must be/s, url);
});
