// Hostile and broken input, and what becomes of it: each fault has its documented answer (docs/operations.md) and a counter, and honest requests go on.
import { test } from "node:test";
import assert from "node:assert/strict";
import { connect as tcp } from "node:net";
import { createServer } from "node:http";
import { connect, fixtureHttp, fixtureStdio, folder, sleep, start, until } from "./harness.mjs";

const policy = `pack faults 1.0.0

server one

default allow

rule no_secrets
  on call one.echo
  when ((call.args.value as string?) ?? "") == "secret"
  deny "Not that."
`;

/** Bytes on a connection of their own; answers what came back until it was closed, or so far after `ms`. */
function send(engine, bytes, { ms = 5000, end = false } = {}) {
  const { hostname, port } = new URL(engine.url);
  return new Promise((resolve) => {
    let text = "";
    const socket = tcp(Number(port), hostname, () => (end ? socket.end(bytes) : socket.write(bytes)));
    const timer = setTimeout(() => socket.destroy(), ms);
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}

const statusOf = (answer) => Number(answer.match(/^HTTP\/1\.1 (\d+)/)?.[1]);
const head = (more = "") => `POST /mcp/one HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n${more}`;

async function counter(engine, name) {
  const { text } = await engine.json("/metrics");
  const line = text.split("\n").find((row) => row.startsWith(name));
  return line ? Number(line.slice(line.lastIndexOf(" ") + 1)) : 0;
}

/** An engine with honest clients that never stop asking; `check` fails if one of them was hurt. */
async function underLoad(t, servers, more = "") {
  const config = `policy: [policy.cata]\n${more}servers:\n${Object.entries(servers).map(([name, text]) => `  ${name}: ${text}\n`).join("")}`;
  const engine = await start(t, { config, cwd: folder({ "policy.cata": policy }) });
  await engine.upstreams("one");
  const client = await connect(t, engine, "/mcp/one");
  const faults = [];
  let done = 0;
  let on = true;
  const asking = (async () => {
    while (on) {
      const value = `honest ${done}`;
      const answer = await client.callTool({ name: "echo", arguments: { value } }).catch((error) => error);
      if (answer.content?.[0].text !== value) faults.push(String(answer));
      done++;
      await sleep(2);
    }
  })();
  const check = async () => {
    const before = done;
    await until("an honest answer", () => done > before + 2);
    assert.deepEqual(faults, []);
  };
  t.after(async () => {
    on = false;
    await asking;
  });
  return { engine, check, client };
}

const initialize = async (engine, path = "/mcp/one") => {
  const answer = await fetch(engine.url + path, { method: "POST", headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } } }) });
  return answer.headers.get("mcp-session-id");
};

/** A request as it is, in a session; `{status, body}`. */
const ask = async (engine, session, body, headers = {}, path = "/mcp/one") => {
  const answer = await fetch(engine.url + path, { method: "POST", body, headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...(session && { "mcp-session-id": session }), ...headers } });
  const text = await answer.text();
  return { status: answer.status, body: text.startsWith("{") ? JSON.parse(text) : text };
};

test("broken HTTP is refused, counted, and disturbs nobody", { timeout: 60000 }, async (t) => {
  const { engine, check } = await underLoad(t, { one: fixtureStdio("legacy") }, "limits: {headers: 8KiB, body: 64KiB, header_timeout: 1s}\n");
  const refused = (reason) => counter(engine, `catalyst_http_refused_total{reason="${reason}"}`);
  const cases = [
    ["malformed", 400, "nonsense\r\n\r\n"],
    ["malformed", 400, head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")],
    ["malformed", 400, head("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")],
    ["malformed", 400, head("Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello")],
    ["malformed", 400, head("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")],
    ["malformed", 400, head("Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n")],
    ["malformed", 400, head("Transfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n")],
    ["malformed", 400, "GET /../mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"],
    ["malformed", 400, "GET /mcp/%2e%2e/%2e%2e/mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"],
    ["malformed", 400, "GET /mcp%2fone HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"],
    ["malformed", 400, "GET /mcp/%00 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"],
    ["malformed", 400, "GET /mcp HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n"],
    ["header_too_large", 431, head(`X: ${"x".repeat(10_000)}\r\n\r\n`)],
    ["header_too_large", 431, head(`${"X: y\r\n".repeat(200)}\r\n`)],
    ["body_too_large", 413, head("Content-Length: 100000\r\n\r\n")],
    ["body_too_large", 413, head(`Transfer-Encoding: chunked\r\n\r\n18000\r\n${"x".repeat(0x18000)}`)],
    ["too_slow", 408, head("X-Slow: ")],
  ];
  for (const [reason, status, bytes] of cases) {
    const before = await refused(reason);
    assert.equal(statusOf(await send(engine, bytes)), status, bytes.slice(0, 200));
    assert.equal(await refused(reason), before + 1, `${reason}: ${bytes.slice(0, 200)}`);
  }
  await check();
  // Other dot segments are resolved before anybody is asked who comes in: what they lead to is what it is.
  const keyed = await start(t, { config: `policy: [policy.cata]\nauth: {tokens: [{token: the-token-of-ana-0, id: ana}]}\nservers: {}\n`, cwd: folder({ "policy.cata": policy }) });
  for (const path of ["/healthz/../api/v1/pack", "/healthz/%2e%2e/metrics", "/healthz/..//mcp"]) {
    assert.equal(statusOf(await send(keyed, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)), 401, path);
  }
  // A second request hidden behind a refused one is never read as one.
  const smuggled = await send(engine, head("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
  assert.equal(smuggled.match(/HTTP\/1\.1/g).length, 1);
  await check();
});

test("clients that go away, half or whole, take nobody along", { timeout: 60000 }, async (t) => {
  const { engine, check } = await underLoad(t, { one: fixtureStdio("legacy") }, "");
  const session = await initialize(engine);
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "test_tool_with_logging", arguments: {} } });
  const request = head(`Mcp-Session-Id: ${session}\r\nContent-Length: ${body.length}\r\n\r\n`) + body;
  // Half closed counts as gone: nothing is answered, the connection ends.
  assert.equal(await send(engine, request, { end: true }), "");
  const before = await counter(engine, `catalyst_requests_total{method="tools/call",server="one",status="ok"}`);
  await Promise.all(Array.from({ length: 50 }, () => send(engine, request.slice(0, request.length - 1), { ms: 100 })));
  await Promise.all(Array.from({ length: 50 }, () => send(engine, request, { ms: 20 })));
  await check();
  assert.ok((await counter(engine, `catalyst_requests_total{method="tools/call",server="one",status="ok"}`)) > before);
});

test("messages that are no messages", { timeout: 60000 }, async (t) => {
  const { engine, check } = await underLoad(t, { one: fixtureStdio("legacy") });
  const session = await initialize(engine);
  const call = (value) => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":${value}}}`;
  const errors = async () => {
    const rows = (await engine.json("/metrics")).text.split("\n").filter((row) => row.startsWith("catalyst_requests_total") && row.includes('status="error"'));
    return rows.reduce((sum, row) => sum + Number(row.slice(row.lastIndexOf(" ") + 1)), 0);
  };
  const cases = [
    [-32700, "{"],
    [-32700, Buffer.concat([Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"`), Buffer.from([0xff, 0xfe]), Buffer.from(`"}`)])],
    [-32700, Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"a\0b"}`)],
    [-32700, `{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":2,"method":"ping"}`],
    [-32600, call("[".repeat(100) + "]".repeat(100))],
    [-32600, `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}`],
    [-32600, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"none","\\u006eame":"echo"}}`],
    [-32600, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"none","Name":"echo"}}`],
    [-32600, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"value":"a"},"ARGUMENTS":{"value":"secret"}}}`],
    [-32600, call(`{"value":"a","Value":"secret"}`)],
    [-32600, `{"jsonrpc":"2.0","id":${"9".repeat(300)},"method":"ping"}`],
    [-32600, `[]`],
    [-32600, `{"jsonrpc":"1.0","id":1,"method":"ping"}`],
  ];
  for (const [code, body] of cases) {
    const before = await errors();
    const answer = await ask(engine, session, body);
    assert.equal(answer.status, 400, String(body).slice(0, 100));
    assert.equal(answer.body.error.code, code, String(body).slice(0, 100));
    assert.ok((await errors()) > before, String(body).slice(0, 100));
  }
  // An argument that the tool declares, in another case.
  const disguised = await ask(engine, session, call(`{"Value":"secret"}`));
  assert.match(JSON.stringify(disguised.body), /differs from value in its case alone|must|required|missing/i);
  assert.doesNotMatch(JSON.stringify(disguised.body), /"text":"secret"/);
  // Answers to what nobody asked, and notices about nothing.
  assert.equal((await ask(engine, session, `{"jsonrpc":"2.0","id":777,"result":{}}`)).status, 202);
  assert.equal((await ask(engine, session, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":777}}`)).status, 202);
  // Ids that were never given out.
  assert.equal((await ask(engine, "never-given-out", `{"jsonrpc":"2.0","id":1,"method":"ping"}`)).status, 404);
  assert.equal((await ask(engine, session, `{"jsonrpc":"2.0","id":1,"method":"no/such"}`)).body.error.code, -32601);
  assert.equal((await ask(engine, session, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"none"}}`)).body.error.code, -32602);
  await check();
});

test("pages of elsewhere get nothing, by whatever path", { timeout: 60000 }, async (t) => {
  const { engine, check } = await underLoad(t, { one: fixtureStdio("legacy") });
  for (const path of ["/mcp", "/mcp/one", "/sse", "/messages?sessionId=x", "/ws"]) {
    for (const evil of ["Host: evil.example", "Host: 127.0.0.1\r\nOrigin: https://evil.example", "Host: 127.0.0.1\r\nOrigin: null"]) {
      const method = path.startsWith("/messages") ? "POST" : "GET";
      const answer = await send(engine, `${method} ${path} HTTP/1.1\r\n${evil}\r\nConnection: close\r\nAccept: text/event-stream\r\nContent-Length: 0\r\n\r\n`);
      assert.equal(statusOf(answer), 403, `${path} ${evil}`);
    }
  }
  await check();
});

/** A server on Streamable HTTP of the old generation that behaves as `calls` says. */
async function oddServer(t, answer) {
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    if (request.method !== "POST") return response.writeHead(405).end();
    const { id, method, params } = JSON.parse(text);
    const reply = (result) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, result }));
    if (method === "server/discover") return response.writeHead(404).end();
    if (method === "initialize") return reply({ protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "odd", version: "1" } });
    if (method === "tools/list") return reply({ tools: ["cut", "late", "garbage", "endless", "deep"].map((name) => ({ name, inputSchema: { type: "object" } })) });
    if (id === undefined) return response.writeHead(202).end();
    return answer(params.name, id, response, reply);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/mcp`;
}

test("servers that break in the middle fail their call alone", { timeout: 60000 }, async (t) => {
  const odd = await oddServer(t, (name, id, response, reply) => {
    const stream = () => response.writeHead(200, { "content-type": "text/event-stream" });
    const event = (message) => response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
    const done = (result) => ({ jsonrpc: "2.0", id, result });
    switch (name) {
      case "cut":
        stream();
        event({ jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "half" } });
        return setTimeout(() => response.destroy(), 50);
      case "late":
        stream();
        event({ jsonrpc: "2.0", id: 999999, result: { content: [{ type: "text", text: "of another call" }] } });
        event(done({ content: [{ type: "text", text: "in time" }] }));
        return response.end();
      case "garbage":
        stream();
        response.write("event: message\ndata: {not json\n\n");
        event(done({ content: [{ type: "text", text: "after all" }] }));
        return response.end();
      case "endless":
        response.writeHead(200, { "content-type": "application/json", "content-length": "1000" }).write("{");
        return setTimeout(() => response.destroy(), 50);
      default:
        return response.writeHead(200, { "content-type": "application/json" }).end(`{"jsonrpc":"2.0","id":${id},"result":${"[".repeat(2000)}${"]".repeat(2000)}}`);
    }
  });
  const { engine, check } = await underLoad(t, { one: fixtureStdio("legacy"), odd: `{url: "${odd}"}` });
  await engine.upstreams("odd");
  const client = await connect(t, engine, "/mcp/odd");
  const failed = () => counter(engine, `catalyst_requests_total{method="tools/call",server="odd",status="upstream_error"}`);
  for (const name of ["cut", "endless", "deep"]) {
    const before = await failed();
    await assert.rejects(client.callTool({ name, arguments: {} }), (error) => error.code === -32603 && /gave no answer/.test(error.message), name);
    await until(`${name} to be counted`, async () => (await failed()) === before + 1);
  }
  const dropped = () => counter(engine, `catalyst_upstream_dropped_messages_total{server="odd"}`);
  assert.equal((await client.callTool({ name: "late", arguments: {} })).content[0].text, "in time");
  assert.equal(await dropped(), 1);
  assert.equal((await client.callTool({ name: "garbage", arguments: {} })).content[0].text, "after all");
  assert.equal(await dropped(), 2);
  await check();
});

test("a header that does not agree with its body decides nothing", { timeout: 60000 }, async (t) => {
  const { engine, check } = await underLoad(t, { one: `{url: "${await fixtureHttp(t, "modern")}"}` });
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "echo", arguments: { value: "secret" }, _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} } } });
  const right = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "echo" };
  assert.equal((await ask(engine, null, body, right)).body.error.code, 1001);
  for (const wrong of [{ "mcp-name": "none" }, { "mcp-method": "ping" }, { "mcp-protocol-version": "2025-11-25" }]) {
    const answer = await ask(engine, null, body, { ...right, ...wrong });
    assert.deepEqual([answer.status, answer.body.error.code], [400, -32020], JSON.stringify(wrong));
  }
  await check();
});
