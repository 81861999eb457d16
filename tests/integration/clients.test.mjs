// Other people's clients: the inspector's command line, and mcp-remote, which brings a remote server to a client on stdio.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { fixtureHttp, fixtureStdio, folder, start } from "./harness.mjs";

const modules = join(import.meta.dirname, "node_modules");
const node22 = join(modules, "node/bin/node"); // the inspector wants it

async function gateway(t) {
  const config = `policy: [policy.cata]\nservers:\n  modern: {url: "${await fixtureHttp(t, "modern")}"}\n  legacy: ${fixtureStdio("legacy")}\n`;
  const engine = await start(t, { config, cwd: folder({ "policy.cata": "pack fixture 1.0.0\n\ndefault allow\n" }) });
  await engine.upstreams("modern", "legacy");
  return engine;
}

async function inspector(url, ...args) {
  const child = spawn(node22, [join(modules, ".bin/mcp-inspector"), "--cli", url, "--transport", "http", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  const code = await new Promise((resolve) => child.on("exit", resolve));
  assert.equal(code, 0, `${out}\n${err}`);
  return JSON.parse(out);
}

test("the inspector lists and calls", { timeout: 60000 }, async (t) => {
  const engine = await gateway(t);
  for (const server of ["modern", "legacy"]) {
    const url = `${engine.url}/mcp/${server}`;
    const { tools } = await inspector(url, "--method", "tools/list");
    assert.ok(tools.some((tool) => tool.name === "echo"));
    const result = await inspector(url, "--method", "tools/call", "--tool-name", "echo", "--tool-arg", "value=through the inspector");
    assert.equal(result.content[0].text, "through the inspector");
    const { resources } = await inspector(url, "--method", "resources/list");
    assert.ok(resources.some((resource) => resource.uri === "test://static-text"));
  }
});

test("mcp-remote brings the gateway to a client on stdio", { timeout: 60000 }, async (t) => {
  const engine = await gateway(t);
  for (const server of ["modern", "legacy"]) {
    const transport = new StdioClientTransport({ command: process.execPath, args: [join(modules, ".bin/mcp-remote"), `${engine.url}/mcp/${server}`, "--allow-http"], stderr: "ignore" });
    const client = new Client({ name: "behind mcp-remote", version: "1.0.0" }, { capabilities: {} });
    await client.connect(transport);
    t.after(() => client.close().catch(() => {}));
    assert.ok((await client.listTools()).tools.some((tool) => tool.name === "echo"));
    const result = await client.callTool({ name: "echo", arguments: { value: "far away" } });
    assert.equal(result.content[0].text, "far away");
    assert.equal((await client.readResource({ uri: "test://static-text" })).contents[0].mimeType, "text/plain");
  }
});
