// What the quickstart's rules do to real traffic: deny, hide, set, redact, audit; for every official client.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { connect, everythingStdio, filesStdio, kinds, quickstartFolder, start, until } from "./harness.mjs";

const editor = { Authorization: "Bearer editor-token-0123456789" };
const config = (cwd) => `policy: policy.cata
servers:
  files: ${filesStdio(join(cwd, "files"))}
  everything: ${everythingStdio}
auth:
  anonymous: {allow: true, id: guest}
  tokens: [{token: editor-token-0123456789, id: ana@acme.example, tenant: acme, roles: [editor]}]
audit: {file: audit.jsonl}
`;

async function quickstart(t) {
  const cwd = quickstartFolder(t);
  const engine = await start(t, { cwd, config: config(cwd) });
  await engine.upstreams("files", "everything");
  return { cwd, engine };
}

const call = (kind, client, params) => (kind === "sdk1" ? client.callTool(params) : client.callTool(params));

for (const kind of kinds) {
  test(`${kind}: deny, hide, set, redact, audit`, { timeout: 60000 }, async (t) => {
    const { cwd, engine } = await quickstart(t);
    const guest = await connect(t, engine, "/mcp", { kind });
    const file = (name) => join(cwd, "files", name);

    // deny, with the rule's name and message
    await assert.rejects(call(kind, guest, { name: "files__read_text_file", arguments: { path: file("app.env") } }), (error) => {
      assert.equal(error.code, 1001);
      assert.match(error.message, /Credentials stay where they are\./);
      assert.equal(error.data.rule, "no_credentials");
      assert.equal(error.data.pack, "acme.quickstart@1.0.0");
      assert.ok(error.data.request_id);
      return true;
    });
    // what no arguments could make callable for a guest is not listed, and says why when it is called
    assert.ok(!(await guest.listTools()).tools.some((tool) => tool.name === "files__write_file"));
    await assert.rejects(call(kind, guest, { name: "files__write_file", arguments: { path: file("new.txt"), content: "x" } }), (error) => {
      assert.equal(error.code, 1001);
      assert.match(error.message, /Changing files needs the role editor\./);
      assert.equal(error.data.rule, "writers_only");
      return true;
    });
    assert.ok(!existsSync(file("new.txt")));

    // hide: not listed, and answered exactly like a tool that is not there
    for (const [path, prefix] of [["/mcp", "everything__"], ["/mcp/everything", ""]]) {
      const client = await connect(t, engine, path, { kind });
      const { tools } = await client.listTools();
      assert.ok(tools.some((tool) => tool.name === `${prefix}echo`));
      assert.ok(!tools.some((tool) => tool.name === `${prefix}get-env`));
      const answers = [];
      for (const name of [`${prefix}get-env`, `${prefix}get-nothing`]) {
        await assert.rejects(call(kind, client, { name, arguments: {} }), (error) => {
          answers.push([error.code, error.message.replace(name, "NAME"), JSON.stringify(error.data)]);
          return true;
        });
      }
      assert.deepEqual(answers[0], answers[1]);
      assert.equal(answers[0][0], -32602);
    }

    // set: the upstream sees five seconds at most
    const long = await call(kind, guest, { name: "everything__trigger-long-running-operation", arguments: { duration: 600, steps: 1000 } });
    assert.match(long.content[0].text, /Duration: 5 seconds/);

    // redact
    const read = await call(kind, guest, { name: "files__read_text_file", arguments: { path: file("customers.txt") } });
    const text = JSON.stringify(read);
    assert.ok(!text.includes("ana@customers.example") && !text.includes("4111 1111"), text);
    assert.match(text, /\[redacted\]/);
    assert.match(text, /Ana Almeida/);

    // a principal of its own, and the audit record of what it did
    const ana = await connect(t, engine, "/mcp", { kind, headers: editor });
    const wrote = await call(kind, ana, { name: "files__write_file", arguments: { path: file("new.txt"), content: "by ana" } });
    assert.ok(!wrote.isError, JSON.stringify(wrote));
    assert.equal(readFileSync(file("new.txt"), "utf8"), "by ana");
    const records = await until("the audit record", () => {
      const path = join(cwd, "audit.jsonl");
      const lines = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line)) : [];
      return lines.some((line) => line.principal === "ana@acme.example") && lines;
    });
    const record = records.find((line) => line.principal === "ana@acme.example");
    assert.equal(record.verdict, "allow");
    assert.equal(record.tool, "write_file");
    assert.equal(record.tags.kind, "change");
    assert.equal(record.arguments.content, "by ana");
    assert.ok(!JSON.stringify(records).includes("editor-token"));
    assert.ok(!engine.raw.includes("editor-token"));
  });
}

test("seen from outside: health, readiness, metrics, trace context", { timeout: 60000 }, async (t) => {
  const { cwd, engine } = await quickstart(t);
  assert.equal((await engine.json("/healthz")).status, 200);
  const ready = await engine.json("/readyz");
  assert.equal(ready.body.pack, "acme.quickstart");
  const guest = await connect(t, engine, "/mcp", { headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Request-Id": "from-the-client" } });
  await assert.rejects(guest.callTool({ name: "files__read_text_file", arguments: { path: join(cwd, "files", "app.env") } }), (error) => {
    assert.equal(error.data.request_id, "from-the-client");
    return true;
  });
  await guest.callTool({ name: "everything__echo", arguments: { message: "x" } });
  const line = await until("the log line", () => engine.lines.find((entry) => entry.message === "request" && entry.rule === "no_credentials"));
  assert.equal(line.trace_id, "0af7651916cd43dd8448eb211c80319c");
  assert.equal(line.request_id, "from-the-client");
  assert.equal(line.principal, "guest");
  // A request is counted once its answer is on the way, so its client may be faster than the counter.
  const echoed = /catalyst_requests_total\{method="tools\/call",server="everything",status="ok"\} 1/;
  const text = await until("the call in the metrics", async () => {
    const metrics = (await engine.json("/metrics")).text;
    return echoed.test(metrics) && metrics;
  });
  assert.match(text, /catalyst_decisions_total\{rule="no_credentials",verdict="deny"\} 1/);
  assert.match(text, /catalyst_requests_total\{method="tools\/call",server="files",status="denied"\} 1/);
  assert.match(text, /catalyst_upstream_up\{server="files"\} 1/);
  assert.match(text, /catalyst_pack_info\{pack="acme.quickstart",version="1.0.0"\} 1/);
});

test("tokens: wrong ones are refused, anonymous only when allowed, admin by role", { timeout: 60000 }, async (t) => {
  const { engine } = await quickstart(t);
  assert.equal((await engine.json("/metrics", { headers: { Authorization: "Bearer wrong-token-0123456789" } })).status, 401);
  assert.equal((await engine.json("/mcp", { method: "POST", headers: { Authorization: "Bearer x" } })).status, 401);
  assert.equal((await engine.json("/api/v1/pack", { headers: editor })).status, 403);
  assert.equal((await engine.json("/api/v1/pack")).status, 403);
  assert.equal((await engine.json("/nowhere")).status, 404);
});
