// The official clients of both generations against the official everything server on both transports, through a policy that allows:
// everything a client can do must work as it does without us.
import { test } from "node:test";
import assert from "node:assert/strict";
import { connect, everythingHttp, everythingStdio, folder, kinds, start, until } from "./harness.mjs";

const policy = `pack test.open 1.0.0

rule nothing_is_denied
  on call *.*
  when call.tool == "no such tool"
  deny
`;

const isV1 = (kind) => kind === "sdk1";
const call = (kind, client, params, options) => (isV1(kind) ? client.callTool(params, undefined, options) : client.callTool(params, options));

/** Everything, with names as `path` shows them. */
async function exercise(t, engine, kind, path, prefix) {
  const logs = [];
  const client = await connect(t, engine, path, { kind, log: (message) => logs.push(message.params) });

  const { tools } = await client.listTools();
  assert.ok(tools.some((tool) => tool.name === `${prefix}echo`), `tools: ${tools.map((x) => x.name)}`);
  const echo = await call(kind, client, { name: `${prefix}echo`, arguments: { message: "hello ☃" } });
  assert.equal(echo.content[0].text, "Echo: hello ☃");
  const sum = await call(kind, client, { name: `${prefix}get-sum`, arguments: { a: 2, b: 40 } });
  assert.match(sum.content[0].text, /42/);
  const structured = await call(kind, client, { name: `${prefix}get-structured-content`, arguments: { location: "Chicago" } });
  assert.ok(structured.structuredContent.temperature !== undefined);
  const image = await call(kind, client, { name: `${prefix}get-tiny-image`, arguments: {} });
  assert.ok(image.content.some((part) => part.type === "image" && part.data.length > 100));

  const { resources } = await client.listResources();
  assert.ok(resources.length >= 5);
  const read = await client.readResource({ uri: resources[0].uri });
  assert.ok(read.contents[0].text.length > 0);
  const { resourceTemplates } = await client.listResourceTemplates();
  assert.ok(resourceTemplates.length >= 1);
  const dynamic = await client.readResource({ uri: "demo://resource/dynamic/text/7" });
  assert.ok(dynamic.contents[0].text.includes("7"));

  const { prompts } = await client.listPrompts();
  assert.ok(prompts.some((prompt) => prompt.name === `${prefix}simple-prompt`), `prompts: ${prompts.map((x) => x.name)}`);
  const prompt = await client.getPrompt({ name: `${prefix}args-prompt`, arguments: { city: "Paris" } });
  assert.match(prompt.messages[0].content.text, /Paris/);
  const completion = await client.complete({ ref: { type: "ref/prompt", name: `${prefix}completable-prompt` }, argument: { name: "department", value: "E" } });
  assert.ok(completion.completion.values.includes("Engineering"), JSON.stringify(completion));

  const steps = [];
  await call(kind, client, { name: `${prefix}trigger-long-running-operation`, arguments: { duration: 0.4, steps: 4 } },
    { onprogress: (progress) => steps.push(progress) });
  assert.deepEqual(steps.map((s) => s.progress), [1, 2, 3, 4]);
  assert.equal(steps[0].total, 4);

  await assert.rejects(call(kind, client, { name: `${prefix}no-such-tool`, arguments: {} }), (error) => {
    assert.equal(error.code, -32602);
    assert.match(error.message, /Unknown tool/);
    return true;
  });

  const abort = new AbortController();
  setTimeout(() => abort.abort("enough"), 200);
  const began = Date.now();
  await assert.rejects(call(kind, client, { name: `${prefix}trigger-long-running-operation`, arguments: { duration: 20, steps: 2 } }, { signal: abort.signal }));
  assert.ok(Date.now() - began < 2000);
  // The connection is as good as before.
  assert.equal((await call(kind, client, { name: `${prefix}echo`, arguments: { message: "still here" } })).content[0].text, "Echo: still here");
  return { client, logs };
}

for (const transport of ["stdio", "http"]) {
  for (const kind of kinds) {
    test(`${kind} to everything on ${transport}, alone and federated`, { timeout: 60000 }, async (t) => {
      const server = transport === "stdio" ? everythingStdio : `{url: "${(await everythingHttp(t)).url}"}`;
      const engine = await start(t, { cwd: folder({ "policy.cata": policy }), config: `policy: policy.cata\nservers:\n  every: ${server}\n` });
      await engine.upstreams("every");
      await exercise(t, engine, kind, "/mcp/every", "");
      await exercise(t, engine, kind, "/mcp", "every__");
    });
  }

  test(`log messages reach a legacy client, ${transport}`, { timeout: 60000 }, async (t) => {
    const server = transport === "stdio" ? everythingStdio : `{url: "${(await everythingHttp(t)).url}"}`;
    const engine = await start(t, { cwd: folder({ "policy.cata": policy }), config: `policy: policy.cata\nservers:\n  every: ${server}\n` });
    await engine.upstreams("every");
    const logs = [];
    const client = await connect(t, engine, "/mcp/every", { kind: "sdk1", log: (message) => logs.push(message.params) });
    await client.setLoggingLevel("debug");
    await client.callTool({ name: "toggle-simulated-logging", arguments: {} });
    await until("a log message", () => logs.length > 0, 20000);
    assert.ok(logs[0].level);
  });
}
