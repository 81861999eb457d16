// Servers ask clients back, through the gateway: forms, pages, samples, roots; every generation of server with every generation of client.
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { connect, fixtureHttp, fixtureStdio, folder, kinds, sleep, start } from "./harness.mjs";

const policy = { "policy.cata": "pack fixture 1.0.0\n\ndefault allow\n" };
const call = async (client, name, args = {}) => {
  const result = await client.callTool({ name, arguments: args });
  return result.content.map((block) => block.text).join("\n");
};

/** One engine in front of the fixture as every kind of server. */
async function gateway(t) {
  const servers = { http: `{url: "${await fixtureHttp(t)}"}`, stdio: fixtureStdio(), "http-legacy": `{url: "${await fixtureHttp(t, "legacy")}"}`, "stdio-legacy": fixtureStdio("legacy") };
  const config = `policy: [policy.cata]\nservers:\n${Object.entries(servers).map(([name, text]) => `  ${name}: ${text}\n`).join("")}`;
  const engine = await start(t, { config, cwd: folder(policy) });
  await engine.upstreams(...Object.keys(servers));
  return { engine, names: Object.keys(servers) };
}

/** What a client answers, and what it was asked. */
function answering() {
  const asked = [];
  const say = (request) => {
    asked.push(request);
    return request;
  };
  const answers = {
    "elicitation/create": (request) => {
      const { params } = say(request);
      if (params.mode === "url") return { action: "accept" };
      const content = {};
      for (const [name, schema] of Object.entries(params.requestedSchema.properties)) content[name] = schema.type === "boolean" ? true : `my ${name}`;
      return { action: "accept", content };
    },
    "sampling/createMessage": (request) => {
      const { params } = say(request);
      return { role: "assistant", model: "test", content: { type: "text", text: `heard: ${params.messages[0].content.text}` } };
    },
    "roots/list": (request) => {
      say(request);
      return { roots: [{ uri: "file:///home/ana", name: "home" }] };
    },
  };
  return { asked, answers };
}

test("every question crosses", { timeout: 120000 }, async (t) => {
  const { engine, names } = await gateway(t);
  for (const kind of kinds) {
    for (const server of names) {
      await t.test(`${kind} on ${server}`, async (t2) => {
        const { asked, answers } = answering();
        const client = await connect(t2, engine, `/mcp/${server}`, { kind, answers });
        assert.match(await call(client, "test_elicitation", { message: "Who?" }), /action=accept, content=\{"username":"my username","email":"my email"\}/);
        assert.equal(asked.at(-1).params.message, "Who?");
        assert.equal(await call(client, "test_sampling", { prompt: "a riddle" }), "LLM response: heard: a riddle");
        assert.match(await call(client, "test_input_required_result_list_roots"), /file:\/\/\/home\/ana/);
        assert.equal(await call(client, "test_input_required_result_multi_round"), "my name likes my color.");
        assert.equal(await call(client, "test_input_required_result_request_state"), "state-ok");
        assert.match(await call(client, "test_input_required_result_multiple_inputs"), /heard: Generate a greeting my name, of 1 roots/);
        assert.match(await call(client, "test_elicitation_url"), /action=accept/);
        assert.equal(asked.at(-1).params.url, "https://example.com/sign-in");
        const prompt = await client.getPrompt({ name: "test_input_required_result_prompt" });
        assert.equal(prompt.messages[0].content.text, "Context: my context");
      });
    }
  }
});

test("nobody is asked what it did not declare", { timeout: 120000 }, async (t) => {
  const { engine, names } = await gateway(t);
  for (const kind of kinds) {
    for (const server of names) {
      await t.test(`${kind} on ${server}`, async (t2) => {
        const { asked, answers } = answering();
        const client = await connect(t2, engine, `/mcp/${server}`, { kind, answers: { "roots/list": answers["roots/list"] } });
        const refused = await client.callTool({ name: "test_sampling", arguments: { prompt: "x" } }).catch((error) => error);
        assert.ok(refused instanceof Error || refused.isError, JSON.stringify(refused));
        assert.match(await call(client, "test_input_required_result_list_roots"), /ana/);
        assert.deepEqual(asked.map((request) => request.method), ["roots/list"]);
      });
    }
  }
});

test("clients that are asked at the same time each get their own question", { timeout: 60000 }, async (t) => {
  const { engine, names } = await gateway(t);
  for (const server of names.filter((name) => name.startsWith("http"))) {
    const clients = [];
    for (const kind of [...kinds, ...kinds]) {
      const me = `client ${clients.length}`;
      const answers = {
        "sampling/createMessage": async ({ params }) => {
          await sleep(20);
          return { role: "assistant", model: "test", content: { type: "text", text: `${me} heard ${params.messages[0].content.text}` } };
        },
      };
      clients.push({ me, client: await connect(t, engine, `/mcp/${server}`, { kind, answers }) });
    }
    await Promise.all(
      clients.map(async ({ me, client }) => {
        for (let i = 0; i < 5; ++i) assert.equal(await call(client, "test_sampling", { prompt: `${me}/${i}` }), `LLM response: ${me} heard ${me}/${i}`);
      }),
    );
  }
});

describe("the state that a modern client keeps", () => {
  const post = async (engine, server, params, headers = {}) => {
    const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" }, "io.modelcontextprotocol/clientCapabilities": { elicitation: {} } };
    const answer = await fetch(`${engine.url}/mcp/${server}`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": params.name, ...headers },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { ...params, _meta } }),
    });
    const text = await answer.text();
    return JSON.parse(text.startsWith("{") ? text : text.split("\n").findLast((line) => line.startsWith("data: {")).slice(6));
  };

  test("is bound to the call and to the principal, and untouched", { timeout: 60000 }, async (t) => {
    const servers = { http: `{url: "${await fixtureHttp(t, "modern")}"}`, "http-legacy": `{url: "${await fixtureHttp(t, "legacy")}"}` };
    const config = `policy: [policy.cata]\nauth:\n  tokens:\n    - {token: the-token-of-ana-0, id: ana}\n    - {token: the-token-of-eve-0, id: eve}\nservers:\n${Object.entries(servers).map(([name, text]) => `  ${name}: ${text}\n`).join("")}`;
    const engine = await start(t, { config, cwd: folder(policy) });
    await engine.upstreams(...Object.keys(servers));
    for (const server of Object.keys(servers)) {
      const name = "test_input_required_result_request_state";
      const ana = { authorization: "Bearer the-token-of-ana-0" };
      const first = await post(engine, server, { name, arguments: {} }, ana);
      assert.equal(first.result?.resultType, "input_required", JSON.stringify(first));
      const [key] = Object.keys(first.result.inputRequests);
      const { requestState } = first.result;
      const inputResponses = { [key]: { action: "accept", content: { ok: true } } };
      const bad = async (params, headers) => assert.equal((await post(engine, server, params, headers)).error?.data?.reason, "invalid_request_state");
      await bad({ name, arguments: {}, inputResponses, requestState }, { authorization: "Bearer the-token-of-eve-0" });
      await bad({ name, arguments: { other: 1 }, inputResponses, requestState }, ana);
      await bad({ name: "test_input_required_result_tampered_state", arguments: {}, inputResponses, requestState }, ana);
      await bad({ name, arguments: {}, inputResponses, requestState: requestState.slice(0, -1) + (requestState.endsWith("A") ? "B" : "A") }, ana);
      const last = await post(engine, server, { name, arguments: {}, inputResponses, requestState }, ana);
      assert.equal(last.result?.content[0].text, "state-ok", JSON.stringify(last));
    }
  });
});
