// The official conformance suite, against the fixture directly and through Catalyst: both revisions, both transports, both generations of the server.
// What must fail is named below, and nothing else may. The tallies are tables of docs/conformance.md; CATALYST_UPDATE=1 rewrites them.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { binary, fixtureHttp, fixtureStdio, folder, reported, start } from "./harness.mjs";

const modules = join(import.meta.dirname, "node_modules");
const suite = [join(modules, "@modelcontextprotocol/conformance/dist/index.js"), "server"];
const node22 = join(modules, "node/bin/node");  // the suite wants it, whatever node runs the tests

// Scenarios that fail, by target and revision, with the reason in docs/conformance.md. Tasks: the fixture has none.
const tasks = ["lifecycle", "capability-negotiation", "wire-fields", "request-state-removal", "mrtr-input", "request-headers", "dispatch-and-envelope", "required-task-error", "mrtr-composition"].map((name) => `tasks-${name}`);
// A server of the old generation gives its questions no names and asks whom it wants; what it answers is not ours to change.
const modern = { "2025-11-25": [], "2026-07-28": tasks };
const legacy = { "2025-11-25": [], "2026-07-28": ["server-stateless", "input-required-result-basic-elicitation", "input-required-result-capability-check", ...tasks] };
const expected = { direct: { "2025-11-25": [], "2026-07-28": tasks }, http: modern, stdio: modern, "http-legacy": legacy, "stdio-legacy": legacy };

// The client leg, with an official client behind Catalyst (fixture/through.mjs): what a gateway has a part in. Signing in at servers is not among it.
const clientLeg = {
  "2025-11-25": ["initialize", "tools_call", "elicitation-sep1034-client-defaults", "sse-retry"],
  "2026-07-28": ["tools_call", "request-metadata", "sep-2322-client-request-state", "http-standard-headers", "http-custom-headers", "http-invalid-tool-headers", "json-schema-ref-no-deref"],
};

/** Runs the suite; which scenarios passed, which failed, and which of them count. */
async function run(url, revision, out) {
  const child = spawn(node22, [...suite, "--url", url, "--requirements", revision, "-o", out], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  child.stderr.on("data", (chunk) => (text += chunk));
  await new Promise((resolve) => child.on("exit", resolve));
  const summary = text.slice(text.indexOf("=== SUMMARY ==="));
  const rows = [...summary.matchAll(/^([✓✗]) (\S+): \d+ passed, \d+ failed$/gm)].map(([, mark, name]) => ({ name, passed: mark === "✓" }));
  const unscored = new Set([...summary.matchAll(/^ {2}[✓✗] (\S+) \(/gm)].map(([, name]) => name));
  assert.ok(rows.length > 0, `the suite gave no summary:\n${text.slice(-2000)}`);
  const scored = rows.filter((row) => !unscored.has(row.name));
  return { text, failed: rows.filter((row) => !row.passed).map((row) => row.name), passed: scored.filter((row) => row.passed).length, required: scored.length };
}

test("the official suite", { timeout: 240000 }, async (t) => {
  const both = await fixtureHttp(t);
  const legacy = await fixtureHttp(t, "legacy");
  const files = { "policy.cata": "pack fixture 1.0.0\n\ndefault allow\n" };
  const servers = { http: `{url: "${both}"}`, stdio: fixtureStdio(), "http-legacy": `{url: "${legacy}"}`, "stdio-legacy": fixtureStdio("legacy") };
  const config = `policy: [policy.cata]\nservers:\n${Object.entries(servers).map(([name, text]) => `  ${name}: ${text}\n`).join("")}`;
  const engine = await start(t, { config, cwd: folder(files) });
  await engine.upstreams(...Object.keys(servers));

  const out = folder();
  const table = ["| target | 2025-11-25 | 2026-07-28 |", "|---|---|---|"];
  const wrong = [];
  for (const [target, url] of [["direct", both], ...Object.keys(servers).map((name) => [name, `${engine.url}/mcp/${name}`])]) {
    const cells = [];
    for (const revision of ["2025-11-25", "2026-07-28"]) {
      const result = await run(url, revision, join(out, target, revision));
      cells.push(`${result.passed}/${result.required}`);
      const allowed = expected[target][revision];
      const surprises = [...result.failed.filter((name) => !allowed.includes(name)), ...allowed.filter((name) => !result.failed.includes(name)).map((name) => `${name} (passes, though it is listed as failing)`)];
      if (surprises.length > 0) wrong.push(`${target} ${revision}: ${surprises.join(", ")}\n${result.text.slice(-1500)}`);
    }
    table.push(`| ${target} | ${cells.join(" | ")} |`);
  }
  const text = table.join("\n") + "\n";
  assert.deepEqual(wrong, []);
  reported("tally", text);
});

test("Catalyst as the suite's client", { timeout: 120000 }, async (t) => {
  const out = folder();
  const failed = [];
  const table = ["| revision | passed | scenarios |", "|---|---|---|"];
  for (const [revision, scenarios] of Object.entries(clientLeg)) {
    let passed = 0;
    for (const scenario of scenarios) {
      const command = `${process.execPath} ${join(import.meta.dirname, "fixture/through.mjs")}`;
      const args = [suite[0], "client", "--command", command, "--scenario", scenario, "--spec-version", revision, "-o", join(out, revision, scenario)];
      const child = spawn(node22, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, CATALYST_BINARY: binary } });
      let text = "";
      child.stdout.on("data", (chunk) => (text += chunk));
      child.stderr.on("data", (chunk) => (text += chunk));
      const code = await new Promise((resolve) => child.on("exit", resolve));
      if (code === 0) passed += 1;
      else failed.push(`${revision} ${scenario}:\n${text.slice(-2500)}`);
    }
    table.push(`| ${revision} | ${passed}/${scenarios.length} | ${scenarios.map((name) => `\`${name}\``).join(", ")} |`);
  }
  assert.deepEqual(failed, []);
  reported("client tally", table.join("\n") + "\n");
});
