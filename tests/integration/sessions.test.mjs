// Whose session it is: state, log messages and subscriptions of a server stay with the client they belong to, on one engine or several.
import { test } from "node:test";
import assert from "node:assert/strict";
import { connect, fixtureHttp, fixtureStdio, folder, sleep, start, until } from "./harness.mjs";

const policy = { "policy.cata": "pack fixture 1.0.0\n\ndefault allow\n" };
const tokens = { ana: "the-token-of-ana-0", eve: "the-token-of-eve-0" };
const headers = (who) => ({ authorization: `Bearer ${tokens[who]}` });
const auth = `auth:\n  tokens:\n${Object.entries(tokens).map(([id, token]) => `    - {token: ${token}, id: ${id}}\n`).join("")}`;
const watched = "test://watched-resource";

async function engineFor(t, servers, more = "") {
  const config = `policy: [policy.cata]\n${auth}${more}servers:\n${Object.entries(servers).map(([name, text]) => `  ${name}: ${text}\n`).join("")}`;
  const engine = await start(t, { config, cwd: folder(policy) });
  await engine.upstreams(...Object.keys(servers));
  return engine;
}

const say = async (client, name, args = {}) => (await client.callTool({ name, arguments: args })).content[0].text;

test("a server's memory of one principal is not another's", { timeout: 60000 }, async (t) => {
  const engine = await engineFor(t, { http: `{url: "${await fixtureHttp(t, "legacy")}"}`, stdio: fixtureStdio("legacy") });
  for (const kind of ["sdk1", "sdk2-modern"]) {
    for (const [path, prefix] of [["/mcp/http", ""], ["/mcp/stdio", ""], ["/mcp", "http__"], ["/mcp", "stdio__"]]) {
      const ana = await connect(t, engine, path, { kind, headers: headers("ana") });
      const eve = await connect(t, engine, path, { kind, headers: headers("eve") });
      await say(ana, `${prefix}test_remember`, { value: `ana ${kind}` });
      await say(eve, `${prefix}test_remember`, { value: `eve ${kind}` });
      assert.equal(await say(ana, `${prefix}test_recall`), `ana ${kind}`);
      assert.equal(await say(eve, `${prefix}test_recall`), `eve ${kind}`);
    }
  }
});

test("one process serves all where the configuration says so", { timeout: 60000 }, async (t) => {
  const stdio = fixtureStdio("legacy").replace(/}$/, ", shared: true}");
  const engine = await engineFor(t, { stdio });
  const ana = await connect(t, engine, "/mcp/stdio", { headers: headers("ana") });
  const eve = await connect(t, engine, "/mcp/stdio", { headers: headers("eve") });
  await say(ana, "test_remember", { value: "for all" });
  assert.equal(await say(eve, "test_recall"), "for all");
});

test("log messages reach their caller alone", { timeout: 60000 }, async (t) => {
  const engine = await engineFor(t, { http: `{url: "${await fixtureHttp(t, "legacy")}"}`, stdio: fixtureStdio("legacy") });
  for (const server of ["http", "stdio"]) {
    const heard = { ana: [], eve: [] };
    const clients = {};
    for (const who of ["ana", "eve"]) {
      clients[who] = await connect(t, engine, `/mcp/${server}`, { headers: headers(who), log: (message) => heard[who].push(message.params.data) });
      await clients[who].setLoggingLevel("debug");
    }
    await clients.ana.callTool({ name: "test_tool_with_logging", arguments: {} });
    await until(`the log of ${server}`, () => heard.ana.length >= 3);
    await sleep(100);
    assert.deepEqual(heard, { ana: ["Tool execution started", "Tool processing data", "Tool execution completed"], eve: [] });
  }
});

test("who subscribed hears of changes, and nobody else", { timeout: 60000 }, async (t) => {
  const servers = { http: `{url: "${await fixtureHttp(t)}"}`, stdio: fixtureStdio(), "http-legacy": `{url: "${await fixtureHttp(t, "legacy")}"}`, "stdio-legacy": fixtureStdio("legacy") };
  const engine = await engineFor(t, servers);
  const { ResourceUpdatedNotificationSchema } = await import("@modelcontextprotocol/sdk/types.js");
  for (const server of Object.keys(servers)) {
    const heard = { ana: [], eve: [] };
    const clients = {};
    for (const who of ["ana", "eve"]) {
      clients[who] = await connect(t, engine, `/mcp/${server}`, { headers: headers(who) });
      clients[who].setNotificationHandler(ResourceUpdatedNotificationSchema, (message) => heard[who].push(message.params.uri));
    }
    await clients.ana.subscribeResource({ uri: watched });
    await sleep(300); // the server behind may learn of it a moment later
    await clients.ana.callTool({ name: "test_trigger_resource_update", arguments: { uri: watched } });
    await until(`an update from ${server}`, () => heard.ana.length > 0);
    await clients.ana.unsubscribeResource({ uri: watched });
    await sleep(300);
    await clients.ana.callTool({ name: "test_trigger_resource_update", arguments: { uri: watched } });
    await sleep(200);
    assert.deepEqual(heard, { ana: [watched], eve: [] }, server);
  }
});

/** A legacy session by hand: which engine a request goes to is the test's choice. */
async function post(engine, path, who, session, body) {
  const answer = await fetch(engine.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers(who), ...(session && { "mcp-session-id": session }) },
    body: JSON.stringify({ jsonrpc: "2.0", ...body }),
  });
  const text = await answer.text();
  const line = text.startsWith("{") ? text : (text.split("\n").findLast((l) => l.startsWith("data: {")) ?? "").slice(6);
  return { status: answer.status, session: answer.headers.get("mcp-session-id"), body: line ? JSON.parse(line) : undefined };
}
const hello = { id: 1, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "by hand", version: "1" } } };
const tool = (name, args = {}) => ({ id: 2, method: "tools/call", params: { name, arguments: args } });

test("any engine with the secret serves a session", { timeout: 60000 }, async (t) => {
  const url = `{url: "${await fixtureHttp(t, "legacy")}"}`;
  const secret = "0123456789abcdef0123456789abcdef";
  const rotated = "fedcba9876543210fedcba9876543210";
  const here = await engineFor(t, { http: url }, `secrets: [${secret}]\n`);
  const there = await engineFor(t, { http: url }, `secrets: [${rotated}, ${secret}]\n`);
  const stranger = await engineFor(t, { http: url });
  const { session } = await post(here, "/mcp/http", "ana", undefined, hello);
  await post(here, "/mcp/http", "ana", session, { method: "notifications/initialized" });
  await post(here, "/mcp/http", "ana", session, tool("test_remember", { value: "kept" }));
  assert.equal((await post(there, "/mcp/http", "ana", session, tool("test_recall"))).body.result.content[0].text, "kept", "the same session behind");
  assert.equal((await post(here, "/mcp/http", "ana", session, tool("test_recall"))).body.result.content[0].text, "kept");
  assert.equal((await post(there, "/mcp/http", "eve", session, tool("test_recall"))).status, 404, "bound to the principal");
  assert.equal((await post(there, "/mcp", "ana", session, tool("http__test_recall"))).status, 404, "bound to the endpoint");
  assert.equal((await post(stranger, "/mcp/http", "ana", session, tool("test_recall"))).status, 404, "bound to the secret");
  const changed = session.slice(0, 40) + (session[40] === "A" ? "B" : "A") + session.slice(41);
  assert.equal((await post(here, "/mcp/http", "ana", changed, tool("test_recall"))).status, 404, "authenticated");

  const fresh = await post(there, "/mcp/http", "ana", undefined, hello);
  assert.equal((await post(here, "/mcp/http", "ana", fresh.session, tool("test_recall"))).status, 404, "sealed with a secret that is not here yet");

  const ended = await fetch(here.url + "/mcp/http", { method: "DELETE", headers: { ...headers("ana"), "mcp-session-id": session } });
  assert.ok(ended.ok);
  assert.equal((await post(here, "/mcp/http", "ana", session, tool("test_recall"))).status, 404);
});

test("a session outlives the engine", { timeout: 60000 }, async (t) => {
  const url = `{url: "${await fixtureHttp(t, "legacy")}"}`;
  const more = "secrets: [0123456789abcdef0123456789abcdef]\n";
  const first = await engineFor(t, { http: url }, more);
  const { session } = await post(first, "/mcp/http", "ana", undefined, hello);
  await post(first, "/mcp/http", "ana", session, tool("test_remember", { value: "still here" }));
  await first.stop();
  const second = await engineFor(t, { http: url }, more);
  assert.equal((await post(second, "/mcp/http", "ana", session, tool("test_recall"))).body.result.content[0].text, "still here");
});

/** Server-sent events of a response until `enough(events)`; then the connection is cut. */
async function events(answer, enough) {
  const out = [];
  let rest = "";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return out;
    rest += value;
    for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) {
      const fields = Object.fromEntries(rest.slice(0, end).split("\n").filter((line) => !line.startsWith(":")).map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
      if (Object.keys(fields).length > 0) out.push(fields);
    }
    if (enough(out)) {
      await reader.cancel();
      return out;
    }
  }
}

test("an answer whose connection was lost goes on with Last-Event-ID", { timeout: 60000 }, async (t) => {
  for (const era of ["legacy", "modern"]) {
    const engine = await engineFor(t, { http: `{url: "${await fixtureHttp(t, era)}"}` });
    const { session } = await post(engine, "/mcp/http", "ana", undefined, hello);
    const more = { ...headers("ana"), "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" };
    const answer = await fetch(engine.url + "/mcp/http", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...more },
      body: JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "test_tool_with_progress", arguments: {}, _meta: { progressToken: "p" } } }),
    });
    const first = await events(answer, (seen) => seen.filter((event) => event.data).length >= 1);
    assert.equal(first[0].data, "", "the first event only gives an id");
    assert.ok(first[0].retry && first[0].id);
    const rest = await fetch(engine.url + "/mcp/http", { headers: { accept: "text/event-stream", "last-event-id": first.at(-1).id, ...more } });
    assert.equal(rest.status, 200);
    const messages = [...first, ...(await events(rest, () => false))].filter((event) => event.data).map((event) => JSON.parse(event.data));
    assert.deepEqual(messages.map((message) => message.params?.progress ?? message.id), [0, 50, 100, 7]);
    const stranger = await fetch(engine.url + "/mcp/http", { headers: { accept: "text/event-stream", "last-event-id": first[0].id, ...more, ...headers("eve") } });
    assert.equal(stranger.status, 404, "another principal gets nothing of it");
  }
});
