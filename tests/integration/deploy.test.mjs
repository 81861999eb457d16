// Releases of a policy on a running engine: deploy, canary, shadow, rollback, and what is refused.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, connect, everythingStdio, folder, start, until } from "./harness.mjs";

const env = { ...process.env, NO_COLOR: "1" };
const run = (cwd, args) => spawnSync(binary, args, { cwd, encoding: "utf8", timeout: 60000, env });
const json = (cwd, args) => {
  const done = run(cwd, [...args, "--json"]);
  return { ...done, body: JSON.parse(done.stdout) };
};
/** Beside a running engine nothing may block this process. */
const later = (cwd, args) => new Promise((resolve) => {
  const child = spawn(binary, [...args, "--json"], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  child.on("exit", (status) => resolve({ status, stderr, body: stdout ? JSON.parse(stdout) : undefined }));
});

const policy = (version, denied, extra = "") => `pack acme.gateway ${version}
rule stop
  on call *.*
  when call.tool == "${denied}" and (call.args.pass as string?) is absent
  deny "version ${version}"
${extra}`;

/** Packs NAME.catpack of the given sources, signed by release.key. */
function release(cwd, name, text) {
  writeFileSync(join(cwd, `${name}.cata`), text);
  assert.equal(run(cwd, ["build", `${name}.cata`, "-o", `${name}.catpack`]).status, 0);
  assert.equal(run(cwd, ["sign", `${name}.catpack`, "-k", "release.key"]).status, 0);
}

function place(t) {
  const cwd = folder({ "policy.cata": policy("1.0.0", "get-env") });
  assert.equal(run(cwd, ["keygen", "release"]).status, 0);
  release(cwd, "two", policy("2.0.0", "get-sum"));
  release(cwd, "three", policy("3.0.0", "echo"));
  release(cwd, "other", policy("9.0.0", "echo").replace("acme.gateway", "acme.other"));
  return cwd;
}

const config = (more = "") => `policy: policy.cata
store: {file: catalyst.db}
packs: {trusted_keys: [release.pub]}
servers: {every: ${everythingStdio}}
${more}`;

const denied = (client, name, args = {}) =>
  client.callTool({ name, arguments: args }).then(() => null, (error) => error.message);

test("deploy, refuse, roll back; what was deployed survives a restart", { timeout: 120000 }, async (t) => {
  const cwd = place(t);
  let engine = await start(t, { cwd, config: config() });
  await engine.upstreams("every");
  let client = await connect(t, engine, "/mcp/every");
  assert.match(await denied(client, "get-env"), /version 1/);

  const deployed = await later(cwd, ["deploy", engine.url, "two.catpack"]);
  assert.equal(deployed.status, 0, JSON.stringify(deployed));
  assert.equal(deployed.body.stable.version, "2.0.0");
  assert.deepEqual(deployed.body.stable.signed_by, ["release"]);
  assert.match(await denied(client, "get-sum", { a: 1, b: 2 }), /version 2/);
  assert.equal(await denied(client, "get-env"), null);

  // files wait while a deployed pack is in force
  const reload = await engine.json("/api/v1/reload", { method: "POST" });
  assert.equal(reload.status, 422);
  assert.equal(reload.body.version, "2.0.0");
  assert.match(reload.body.reason, /roll back to `files`/);

  assert.equal((await later(cwd, ["deploy", engine.url, "three.catpack"])).status, 0);
  assert.match(await denied(client, "echo", { message: "x" }), /version 3/);

  const older = await later(cwd, ["deploy", engine.url, "two.catpack"]);
  assert.equal(older.status, 1);
  assert.equal(older.body.type, "urn:catalyst:problem:downgrade");
  assert.equal(older.body.status, 422);
  const unsigned = readFileSync(join(cwd, "three.catpack"));
  run(cwd, ["build", "three.cata", "-o", "unsigned.catpack"]);
  assert.equal((await later(cwd, ["deploy", engine.url, "unsigned.catpack"])).body.type, "urn:catalyst:problem:unsigned");
  assert.equal((await later(cwd, ["deploy", engine.url, "other.catpack"])).body.type, "urn:catalyst:problem:another-name");
  unsigned[unsigned.length - 5] ^= 1;
  writeFileSync(join(cwd, "altered.catpack"), unsigned);
  assert.equal((await later(cwd, ["deploy", engine.url, "altered.catpack"])).body.type, "urn:catalyst:problem:altered");
  assert.equal((await later(cwd, ["deploy", engine.url, "policy.cata"])).body.type, "urn:catalyst:problem:not-a-pack");
  assert.match(await denied(client, "echo", { message: "x" }), /version 3/);
  const answer = await engine.json("/api/v1/deployments", { method: "POST", body: "nonsense", headers: { Origin: "http://127.0.0.1" } });
  assert.equal(answer.status, 403);

  await engine.stop();
  engine = await start(t, { cwd, config: config() });
  await engine.upstreams("every");
  client = await connect(t, engine, "/mcp/every");
  assert.match(await denied(client, "echo", { message: "x" }), /version 3/);

  assert.equal((await later(cwd, ["rollback", engine.url])).body.stable.version, "2.0.0");
  assert.match(await denied(client, "get-sum", { a: 1, b: 2 }), /version 2/);
  const files = await later(cwd, ["rollback", engine.url]);
  assert.equal(files.body.stable.source, "files");
  assert.match(await denied(client, "get-env"), /version 1/);
  assert.equal((await later(cwd, ["rollback", engine.url])).body.type, "urn:catalyst:problem:not-there");
  assert.equal((await later(cwd, ["rollback", engine.url, "--to", "3.0.0"])).body.stable.version, "3.0.0");
  const status = await later(cwd, ["status", engine.url]);
  assert.deepEqual(status.body.history.map((h) => h.what), ["rollback", "rollback", "rollback", "deploy", "deploy"]);
  assert.deepEqual(status.body.releases.map((r) => r.version), ["3.0.0", "2.0.0"]);
  assert.match(run(cwd, ["status", engine.url]).stdout, /^stable\s+acme\.gateway 3\.0\.0/);
});

test("a canary decides for its share of the principals, always the same ones", { timeout: 120000 }, async (t) => {
  const cwd = place(t);
  const tokens = Array.from({ length: 24 }, (_, i) => `token-of-principal-${i}`);
  const auth = `auth:\n  anonymous: {allow: false}\n  tokens:\n    - {token: "admin-token-0123456789", id: admin, roles: [catalyst.admin]}\n` +
    tokens.map((token, i) => `    - {token: "${token}", id: "user${i}@acme.example"}\n`).join("");
  const engine = await start(t, { cwd, config: config(auth) });
  await engine.upstreams("every");
  const admin = ["--token", "admin-token-0123456789"];
  assert.equal((await later(cwd, ["deploy", engine.url, "two.catpack"])).status, 1);  // nobody without the role
  assert.equal((await later(cwd, ["deploy", engine.url, "three.catpack", "--canary", "50%", ...admin])).body.canary.percent, 50);
  const inCanary = async () => {
    const out = [];
    for (const token of tokens) {
      const client = await connect(t, engine, "/mcp/every", { headers: { Authorization: `Bearer ${token}` } });
      const old = await denied(client, "get-env");
      const fresh = await denied(client, "echo", { message: "x" });
      assert.notEqual(old === null, fresh === null);  // one pack or the other, never both
      out.push(fresh !== null);
    }
    return out;
  };
  const first = await inCanary();
  const share = first.filter(Boolean).length;
  assert.ok(share > 4 && share < 20, `${share} of 24`);
  assert.deepEqual(await inCanary(), first);
  assert.equal((await later(cwd, ["rollback", engine.url, "--canary", ...admin])).body.canary, null);
  assert.equal((await inCanary()).filter(Boolean).length, 0);
  assert.equal((await later(cwd, ["deploy", engine.url, "three.catpack", "--canary", "0", ...admin])).body.status, 400);
  assert.equal((await later(cwd, ["deploy", engine.url, "three.catpack", "--canary", "100", ...admin])).status, 0);
  assert.equal((await inCanary()).filter(Boolean).length, tokens.length);
});

test("a shadow is compared and never enforced", { timeout: 120000 }, async (t) => {
  const cwd = place(t);
  const engine = await start(t, { cwd, config: config() });
  await engine.upstreams("every");
  assert.equal((await later(cwd, ["deploy", engine.url, "two.catpack", "--shadow"])).status, 0);
  const client = await connect(t, engine, "/mcp/every");
  for (let i = 0; i < 3; i++) assert.equal(await denied(client, "get-sum", { a: 1, b: 2 }), null);
  assert.match(await denied(client, "get-env"), /version 1/);
  assert.equal(await denied(client, "echo", { message: "x" }), null);
  const status = await later(cwd, ["status", engine.url, "--shadow"]);
  const { shadow } = status.body;
  assert.equal(shadow.version, "2.0.0");
  assert.equal(shadow.different, 4);
  assert.ok(shadow.compared >= 5);
  assert.deepEqual(shadow.differences.map((d) => [d.hook, d.tool, d.before, d.after, d.count]),
    [["call", "get-sum", "allow", "deny by stop", 3], ["call", "get-env", "deny by stop", "allow", 1]]);
  assert.match(run(cwd, ["status", engine.url, "--shadow"]).stdout, /call every\.get-sum: allow -> deny by stop/);
  assert.match((await engine.json("/metrics")).text, /catalyst_shadow_decisions\{result="different"\} 4/);
  assert.equal((await later(cwd, ["rollback", engine.url, "--shadow"])).body.shadow, null);
});

test("recorded decisions are replayed against a candidate, and secrets are not kept", { timeout: 120000 }, async (t) => {
  const cwd = place(t);
  writeFileSync(join(cwd, "policy.cata"), policy("1.0.0", "get-env", "\nrule mask\n  on result *.*\n  redact pii.email in result\n"));
  const engine = await start(t, { cwd, config: config("record: {decisions: true, mask: [pin]}\n") });
  await engine.upstreams("every");
  const client = await connect(t, engine, "/mcp/every");
  for (let i = 0; i < 3; i++) assert.equal(await denied(client, "get-sum", { a: i, b: 2 }), null);
  await denied(client, "get-env");
  await denied(client, "echo", { message: "write to ana@acme.example", pin: "4711-4711", nested: { Password: "hunter2-hunter2" } });
  await until("the decisions", async () => /catalyst_recorded_decisions_total\{result="kept"\} 9/.test((await engine.json("/metrics")).text));
  for (const suffix of ["", "-wal"]) {
    const kept = readFileSync(join(cwd, `catalyst.db${suffix}`), "latin1");
    for (const secret of ["ana@acme.example", "4711-4711", "hunter2-hunter2"]) assert.ok(!kept.includes(secret), `${secret} in catalyst.db${suffix}`);
  }
  const same = await later(cwd, ["replay", "policy.cata", "--since", "1h", "-c", "catalyst.yaml"]);
  assert.equal(same.status, 0, JSON.stringify(same));
  assert.equal(same.body.decisions, 9);
  assert.equal(same.body.changed, 0);
  const changed = await later(cwd, ["replay", "two.catpack", "--since", "1h", "--store", "catalyst.db"]);
  assert.equal(changed.status, 1);
  const groups = changed.body.groups.filter((g) => !g.before.includes("redacts")).map((g) => [g.tool, g.before, g.after, g.count]);
  assert.deepEqual(groups, [["every.get-env", "deny by stop", "allow", 1], ["every.get-sum", "allow", "deny by stop", 3]]);
  assert.ok(changed.body.changes.every((c) => c.at && c.after));
  assert.equal((await later(cwd, ["replay", "policy.cata", "--since", "1us", "--store", "catalyst.db"])).body.decisions, 0);
});

test("rules of a pack in force are changed one by one, and each change is a release", { timeout: 120000 }, async (t) => {
  const cwd = place(t);
  const engine = await start(t, { cwd, config: config().replace(/packs:.*\n/, "") });
  await engine.upstreams("every");
  const client = await connect(t, engine, "/mcp/every");
  const api = (method, path, body) => engine.json(`/api/v1/rules${path}`, { method, body: body && JSON.stringify(body) });
  assert.equal((await api("DELETE", "/stop")).body.type, "urn:catalyst:problem:files-in-force");
  assert.equal((await later(cwd, ["deploy", engine.url, "two.catpack"])).status, 0);
  const listed = await engine.json("/api/v1/rules");
  assert.deepEqual(listed.body.rules.map((r) => [r.name, r.enabled, r.line]), [["stop", true, 2]]);

  const added = await api("POST", "", { source: '/// No echo.\nrule quiet\n  on call every.echo\n  when (call.args.message as string? ?? "") == "x"\n  deny "quiet"' });
  assert.equal(added.status, 200, added.text);
  assert.deepEqual(added.body.rules.map((r) => r.name), ["stop", "quiet"]);
  assert.match(await denied(client, "echo", { message: "x" }), /quiet/);
  const off = await api("POST", "/quiet/disable");
  assert.deepEqual(off.body.rules.map((r) => [r.name, r.enabled]), [["stop", true], ["quiet", false]]);
  assert.equal(await denied(client, "echo", { message: "x" }), null);
  assert.match(await denied(client, "get-sum", { a: 1, b: 2 }), /version 2/);
  assert.equal((await api("POST", "/quiet/enable")).status, 200);
  assert.match(await denied(client, "echo", { message: "x" }), /quiet/);
  assert.equal((await api("DELETE", "/stop")).status, 200);
  assert.equal(await denied(client, "get-sum", { a: 1, b: 2 }), null);

  const broken = await api("POST", "", { source: "rule bad on call every.echo when call.args.nope.nope == 1 deny" });
  assert.equal(broken.status, 422);
  assert.equal(broken.body.type, "urn:catalyst:problem:mistakes");
  assert.match(broken.body.detail, /E\d{4}/);
  assert.equal((await api("DELETE", "/nobody")).status, 404);
  assert.equal((await api("POST", "", { sauce: "x" })).status, 400);
  assert.equal((await later(cwd, ["rollback", engine.url])).status, 0);
  assert.match(await denied(client, "get-sum", { a: 1, b: 2 }), /version 2/);
  assert.equal((await later(cwd, ["status", engine.url])).body.history.filter((h) => h.what === "rules").length, 4);
});
