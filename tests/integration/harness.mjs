// Starts the real binary for a test and stops it again by pid. Every test gets its own folder and free ports.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync, cpSync, rmSync, readFileSync, existsSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Transport1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from "@modelcontextprotocol/client";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
export const quickstart = join(root, "examples", "quickstart");
export const binary = process.env.CATALYST_BINARY ?? join(root, "build", "dev", "catalyst");
export const everythingScript = join(quickstart, "node_modules/@modelcontextprotocol/server-everything/dist/index.js");
export const filesScript = join(quickstart, "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js");

/** Holds a part of docs/conformance.md against what a test has found out; CATALYST_UPDATE=1 rewrites it. */
export function reported(part, text) {
  const page = join(root, "docs", "conformance.md");
  const [before, after] = [`<!-- ${part} -->\n`, `<!-- end of ${part} -->`];
  const whole = readFileSync(page, "utf8");
  const [begin, end] = [whole.indexOf(before) + before.length, whole.indexOf(after)];
  assert.ok(begin >= before.length && end >= begin, `docs/conformance.md has no part "${part}"`);
  if (process.env.CATALYST_UPDATE === "1") writeFileSync(page, whole.slice(0, begin) + text + whole.slice(end));
  else assert.equal(whole.slice(begin, end), text, "docs/conformance.md is behind: run once more with CATALYST_UPDATE=1");
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(what, check, ms = 10000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await sleep(20);
  }
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const folders = [];
process.on("exit", () => folders.forEach((path) => rmSync(path, { recursive: true, force: true })));

/** A folder of its own with the given files (name to text), removed at the very end: an engine may write there until it is stopped. */
export function folder(files = {}) {
  const path = mkdtempSync(join(tmpdir(), "catalyst-"));
  folders.push(path);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

/** A copy of the quickstart without its packages. */
export function quickstartFolder(t) {
  const path = folder();
  for (const name of ["policy.cata", "schemas", "files"]) cpSync(join(quickstart, name), join(path, name), { recursive: true });
  return path;
}

export const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Pids whose parent is `pid`. */
export function children(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(/\s+/).filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** All live children of all threads of `pid`. */
export function allChildren(pid) {
  const out = [];
  if (!existsSync(`/proc/${pid}/task`)) return out;
  for (const line of spawnSyncLines("ps", ["-o", "pid=", "--ppid", String(pid)])) out.push(Number(line));
  return out;
}

import { spawnSync } from "node:child_process";
function spawnSyncLines(command, args) {
  return spawnSync(command, args, { encoding: "utf8" }).stdout.trim().split("\n").map((s) => s.trim()).filter(Boolean);
}

export class Engine {
  constructor(process_, cwd) {
    this.process = process_;
    this.cwd = cwd;
    this.lines = [];
    this.raw = "";
    this.exit = new Promise((resolve) => process_.on("exit", (code, signal) => resolve({ code, signal })));
    let rest = "";
    process_.stderr.setEncoding("utf8");
    process_.stderr.on("data", (chunk) => {
      this.raw += chunk;
      rest += chunk;
      const parts = rest.split("\n");
      rest = parts.pop();
      for (const part of parts) {
        try {
          this.lines.push(JSON.parse(part));
        } catch {
          this.lines.push({ message: part, unparsed: true });
        }
      }
    });
  }
  get pid() {
    return this.process.pid;
  }
  log(message, from = 0) {
    return this.lines.slice(from).find((line) => line.message === message);
  }
  async waitLog(message, ms = 15000) {
    return until(`log line "${message}" (got: ${this.raw.slice(-2000)})`, () => {
      if (this.process.exitCode !== null) throw new Error(`catalyst ended with ${this.process.exitCode}: ${this.raw}`);
      return this.log(message);
    }, ms);
  }
  async json(path, options) {
    const answer = await fetch(this.url + path, options);
    const text = await answer.text();
    let body = text;
    try {
      body = JSON.parse(text);
    } catch {}
    return { status: answer.status, body, text };
  }
  /** Waits until the named upstreams are listed. */
  async upstreams(...names) {
    return until(`upstreams ${names} (log: ${this.raw.slice(-2000)})`, async () => {
      const { body } = await this.json("/readyz");
      return names.every((name) => body.upstreams?.some((u) => u.name === name && u.state === "ready" && u.listed)) && body;
    }, 20000);
  }
  async stop(signal = "SIGTERM") {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill(signal);
    return this.exit;
  }
}

/** Starts `catalyst run` with `config` (text of catalyst.yaml, `listen` is added) in `cwd`, or with `args`. Stopped at the end of `t`. */
export async function start(t, { config, cwd, args, env = {} }) {
  cwd ??= folder();
  if (config !== undefined) {
    writeFileSync(join(cwd, "catalyst.yaml"), `listen: 127.0.0.1:0\n${config}`);
    args = ["run", "--config", "catalyst.yaml", ...(args ?? [])];
  }
  const child = spawn(binary, args, { cwd, env: { ...process.env, NO_COLOR: "1", ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const engine = new Engine(child, cwd);
  t.after(async () => {
    await engine.stop();
    if (process.env.CATALYST_LOGS) console.error(engine.raw);
  });
  const line = await engine.waitLog("listening");
  engine.url = line.url;
  return engine;
}

/** The official everything server on Streamable HTTP; answers its MCP url. */
export async function everythingHttp(t) {
  const port = await freePort();
  const child = spawn(process.execPath, [everythingScript, "streamableHttp"], { env: { ...process.env, PORT: String(port) }, stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr.on("data", (chunk) => (text += chunk));
  t.after(() => child.kill("SIGKILL"));
  await until("the everything server", () => text.includes("listening"), 20000);
  return { url: `http://127.0.0.1:${port}/mcp`, child };
}

export const fixtureScript = join(root, "tests/integration/fixture/server.mjs");

/** Our own fixture server on Streamable HTTP; answers its MCP url. `era`: "modern" or "legacy" for one generation alone. */
export async function fixtureHttp(t, era = "") {
  const port = await freePort();
  const child = spawn(process.execPath, [fixtureScript, "http", String(port), ...(era ? [era] : [])], { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr.on("data", (chunk) => (text += chunk));
  t.after(() => child.kill("SIGKILL"));
  await until("the fixture server", () => text.includes("listening"), 20000);
  return `http://127.0.0.1:${port}/mcp`;
}

/** The same on stdio, as the text of a server's configuration. */
export const fixtureStdio = (era = "") => `{command: ${JSON.stringify(process.execPath)}, args: [${[fixtureScript, "stdio", ...(era ? [era] : [])].map((arg) => JSON.stringify(arg)).join(", ")}]}`;

export const everythingStdio = `{command: ${JSON.stringify(process.execPath)}, args: [${JSON.stringify(everythingScript)}]}`;
export const filesStdio = (path) => `{command: ${JSON.stringify(process.execPath)}, args: [${JSON.stringify(filesScript)}, ${JSON.stringify(path)}]}`;

/** An official client of either generation, connected to `path` of the engine and closed at the end of `t`.
 *  `kind`: "sdk1", "sdk2-legacy", "sdk2-modern". `answers`: what it answers servers, by method ("elicitation/create", ...); it declares just that. */
export async function connect(t, engine, path = "/mcp", { kind = "sdk1", headers = {}, log, answers = {} } = {}) {
  const url = new URL(engine.url + path);
  const options = { requestInit: { headers } };
  const capabilities = {
    ...(answers["elicitation/create"] && { elicitation: { form: {}, url: {} } }),
    ...(answers["sampling/createMessage"] && { sampling: {} }),
    ...(answers["roots/list"] && { roots: {} }),
  };
  let client;
  if (kind === "sdk1") {
    client = new Client1({ name: "integration", version: "1.0.0" }, { capabilities });
    const { LoggingMessageNotificationSchema, ElicitRequestSchema, CreateMessageRequestSchema, ListRootsRequestSchema } = await import("@modelcontextprotocol/sdk/types.js");
    const schemas = { "elicitation/create": ElicitRequestSchema, "sampling/createMessage": CreateMessageRequestSchema, "roots/list": ListRootsRequestSchema };
    for (const [method, answer] of Object.entries(answers)) client.setRequestHandler(schemas[method], answer);
    if (log) client.setNotificationHandler(LoggingMessageNotificationSchema, log);
    await client.connect(new Transport1(url, options));
  } else {
    const mode = kind === "sdk2-modern" ? { pin: "2026-07-28" } : "legacy";
    client = new Client2({ name: "integration", version: "2.0.0" }, { capabilities, versionNegotiation: { mode } });
    for (const [method, answer] of Object.entries(answers)) client.setRequestHandler(method, answer);
    if (log) client.setNotificationHandler("notifications/message", log);
    await client.connect(new Transport2(url, options));
  }
  t.after(() => client.close().catch(() => {}));
  return client;
}

export const kinds = ["sdk1", "sdk2-legacy", "sdk2-modern"];

/** Progress and log messages of a call reach the client that made it; `heard` gets its log messages. */
export async function hearsWhileItWaits(client, prefix, heard) {
  // The client forgets whom to tell as soon as the answer is there, so what arrives is looked at.
  const progress = [];
  const heed = client.transport.onmessage;
  client.transport.onmessage = (message, ...more) => {
    if (message.method === "notifications/progress") progress.push(message.params.progress);
    heed(message, ...more);
  };
  await client.callTool({ name: `${prefix}test_tool_with_progress`, arguments: {} }, undefined, { onprogress: () => {} });
  assert.deepEqual(progress, [0, 50, 100]);
  await client.setLoggingLevel("debug");
  await client.callTool({ name: `${prefix}test_tool_with_logging`, arguments: {} });
  await until("log messages", () => heard.length >= 3);
}
