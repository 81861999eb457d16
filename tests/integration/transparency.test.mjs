// The same conversation with the fixture directly and through Catalyst: every message of every answer is compared. Only the differences listed here may be
// seen; docs/conformance.md says why each is there, and counts (CATALYST_UPDATE=1 rewrites it).
import { test } from "node:test";
import assert from "node:assert/strict";
import { fixtureHttp, folder, reported, start } from "./harness.mjs";

/** Paths that may differ: `STEP:PATH`, with * for any step or any part of a path. */
const allowed = [
  "*:status.headers.mcp-session-id", // ours
  "initialize:0.result.capabilities.*", // what the gateway adds or cannot promise
  "discover:0.result.capabilities.*",
  "*:*.requestState", // sealed by us
  "*:*.result.ttlMs", // lists are ours
  "*:*.result.cacheScope",
  "*:*.id of a question", // numbered by us
  "unknown *:*.error.message", // found out by us
  "removed method:*.error.message",
  "echo without argument:*.content.*", // arguments are checked by us
];

const fits = (pattern, path) => new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*")}$`).test(path);

function differences(step, a, b, path, out) {
  if (a !== null && b !== null && typeof a === "object" && typeof b === "object" && Array.isArray(a) === Array.isArray(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) differences(step, a[key], b[key], path === "" ? key : `${path}.${key}`, out);
  } else if (a !== b) {
    out.push({ path: `${step}:${path}`, direct: a, through: b });
  }
}

class Talk {
  constructor(url, modern) {
    Object.assign(this, { url, modern, steps: [], session: undefined, id: 0 });
  }
  async say(step, method, params, { answers = {}, notification = false } = {}) {
    const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" }, "io.modelcontextprotocol/clientCapabilities": { elicitation: {}, sampling: {}, roots: {} } };
    const body = { jsonrpc: "2.0", ...(!notification && { id: `${step}-${++this.id}` }), method, ...((params || this.modern) && { params: { ...params, ...(this.modern && { _meta: { ..._meta, ...params?._meta } }) } }) };
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    if (this.modern) {
      Object.assign(headers, { "mcp-protocol-version": "2026-07-28", "mcp-method": method });
      const name = params?.name ?? params?.uri;
      if (name) headers["mcp-name"] = name;
    } else if (this.session) {
      Object.assign(headers, { "mcp-session-id": this.session, "mcp-protocol-version": "2025-11-25" });
    }
    const answer = await fetch(this.url, { method: "POST", headers, body: JSON.stringify(body) });
    this.session ??= answer.headers.get("mcp-session-id") ?? undefined;
    const messages = [];
    const take = async (text) => {
      if (text.trim() === "") return;
      const message = JSON.parse(text);
      const question = message.method !== undefined && message.id !== undefined;
      messages.push(question ? { ...message, id: undefined, "id of a question": message.id } : message);
      if (question) {
        const reply = { jsonrpc: "2.0", id: message.id, result: answers[message.method] };
        await fetch(this.url, { method: "POST", headers, body: JSON.stringify(reply) }).then((r) => r.text());
      }
    };
    if (answer.headers.get("content-type")?.includes("event-stream")) {
      let rest = "";
      for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
        rest += chunk;
        for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) {
          const data = rest.slice(0, end).split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim());
          await take(data.join("\n"));
        }
      }
    } else {
      await take(await answer.text());
    }
    this.steps.push({ step, messages: { ...messages, status: { code: answer.status } } });
    return messages.at(-1);
  }
}

const form = { "elicitation/create": { action: "accept", content: { username: "ana", email: "ana@example.com" } }, "sampling/createMessage": { role: "assistant", model: "m", content: { type: "text", text: "hi" } }, "roots/list": { roots: [{ uri: "file:///a" }] } };

/** Everything that both generations have. */
async function common(talk) {
  await talk.say("tools", "tools/list");
  await talk.say("prompts", "prompts/list");
  await talk.say("resources", "resources/list");
  await talk.say("templates", "resources/templates/list");
  for (const name of ["test_simple_text", "test_image_content", "test_audio_content", "test_embedded_resource", "test_multiple_content_types", "test_error_handling"]) {
    await talk.say(name, "tools/call", { name, arguments: {} });
  }
  await talk.say("echo", "tools/call", { name: "echo", arguments: { value: 'with "quotes", \u00fcmlauts and \ud83d\ude00' } });
  await talk.say("echo without argument", "tools/call", { name: "echo", arguments: {} });
  await talk.say("unknown tool", "tools/call", { name: "no_such_tool", arguments: {} });
  await talk.say("progress", "tools/call", { name: "test_tool_with_progress", arguments: {}, _meta: { progressToken: "p-1" } });
  await talk.say("progress, number", "tools/call", { name: "test_tool_with_progress", arguments: {}, _meta: { progressToken: 7, "example.com/extra": { kept: true } } });
  await talk.say("prompt", "prompts/get", { name: "test_simple_prompt" });
  await talk.say("prompt with arguments", "prompts/get", { name: "test_prompt_with_arguments", arguments: { arg1: "a", arg2: "b" } });
  await talk.say("unknown prompt", "prompts/get", { name: "no_such_prompt" });
  await talk.say("text", "resources/read", { uri: "test://static-text" });
  await talk.say("binary", "resources/read", { uri: "test://static-binary" });
  await talk.say("template", "resources/read", { uri: "test://template/123/data" });
  await talk.say("unknown resource", "resources/read", { uri: "test://nothing" });
  await talk.say("completion", "completion/complete", { ref: { type: "ref/prompt", name: "test_prompt_with_arguments" }, argument: { name: "arg1", value: "par" } });
  await talk.say("unknown method", "no/such/method", { some: "thing" });
}

async function legacy(url) {
  const talk = new Talk(url, false);
  await talk.say("initialize", "initialize", { protocolVersion: "2025-11-25", capabilities: { elicitation: {}, sampling: {}, roots: {} }, clientInfo: { name: "t", version: "1" } });
  await talk.say("initialized", "notifications/initialized", undefined, { notification: true });
  await talk.say("ping", "ping");
  await common(talk);
  await talk.say("level", "logging/setLevel", { level: "debug" });
  await talk.say("logging", "tools/call", { name: "test_tool_with_logging", arguments: {} });
  await talk.say("subscribe", "resources/subscribe", { uri: "test://watched-resource" });
  await talk.say("unsubscribe", "resources/unsubscribe", { uri: "test://watched-resource" });
  await talk.say("elicitation", "tools/call", { name: "test_elicitation", arguments: { message: "Who?" } }, { answers: form });
  await talk.say("sampling", "tools/call", { name: "test_sampling", arguments: { prompt: "a" } }, { answers: form });
  await talk.say("roots", "tools/call", { name: "test_input_required_result_list_roots", arguments: {} }, { answers: form });
  return talk.steps;
}

async function modern(url) {
  const talk = new Talk(url, true);
  await talk.say("discover", "server/discover");
  await common(talk);
  await talk.say("logging", "tools/call", { name: "test_tool_with_logging", arguments: {}, _meta: { "io.modelcontextprotocol/logLevel": "debug" } });
  const name = "test_input_required_result_request_state";
  const first = await talk.say("questions", "tools/call", { name, arguments: {} });
  await talk.say("answers", "tools/call", { name, arguments: {}, inputResponses: { confirm: { action: "accept", content: { ok: true } } }, requestState: first.result.requestState });
  await talk.say("removed method", "ping");
  await talk.say("capability", "tools/call", { name: "test_elicitation_url", arguments: {} });
  return talk.steps;
}

const rows = [];
for (const [name, converse] of [["legacy", legacy], ["modern", modern]]) {
  test(`the ${name} generation, message by message`, { timeout: 60000 }, async (t) => {
    const url = await fixtureHttp(t, name);
    const engine = await start(t, { config: `policy: [policy.cata]\nservers:\n  fixture: {url: "${url}"}\n`, cwd: folder({ "policy.cata": "pack fixture 1.0.0\n\ndefault allow\n" }) });
    await engine.upstreams("fixture");
    const direct = await converse(url);
    const through = await converse(`${engine.url}/mcp/fixture`);
    assert.equal(direct.length, through.length);
    const seen = [];
    for (const [i, { step, messages }] of direct.entries()) differences(step, messages, through[i].messages, "", seen);
    assert.deepEqual(seen.filter(({ path }) => !allowed.some((pattern) => fits(pattern, path))), []);
    const messages = direct.reduce((sum, step) => sum + Object.keys(step.messages).length - 1, 0);
    const steps = new Set(seen.map(({ path }) => path.split(":")[0]));
    rows.push(`| ${name} | ${direct.length} | ${messages} | ${direct.length - steps.size} | ${[...steps].map((step) => `\`${step}\``).join(", ")} |`);
  });
}

test("the report of it", () => {
  reported("transparency", `| generation | steps | messages | steps without any difference | with listed ones |\n|---|---|---|---|---|\n${rows.join("\n")}\n`);
});
