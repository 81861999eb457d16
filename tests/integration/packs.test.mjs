// Packs from build to decision, as a person uses them.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, folder, quickstartFolder } from "./harness.mjs";

const run = (cwd, args, input) => spawnSync(binary, args, { cwd, input, encoding: "utf8", timeout: 60000, env: { ...process.env, NO_COLOR: "1" } });
const json = (cwd, args, input) => {
  const done = run(cwd, [...args, "--json"], input);
  return { ...done, body: JSON.parse(done.stdout) };
};

test("the same sources give the same bytes, wherever they are built", { timeout: 60000 }, (t) => {
  const cwd = quickstartFolder(t);
  const other = join(folder(), "some", "where", "else");
  mkdirSync(other, { recursive: true });
  for (const name of ["policy.cata", "schemas"]) cpSync(join(cwd, name), join(other, name), { recursive: true });
  const built = json(cwd, ["build", "-o", "a.catpack"]);
  assert.equal(built.status, 0, built.stderr);
  assert.equal(built.body.name, "acme.quickstart");
  assert.deepEqual(built.body.inputs.map((i) => i.path), ["policy.cata", "schemas/everything.json", "schemas/files.json"]);
  assert.equal(run(other, ["build", "-o", "b.catpack", join(other, "policy.cata")]).status, 0);
  assert.ok(readFileSync(join(cwd, "a.catpack")).equals(readFileSync(join(other, "b.catpack"))));
});

test("signed, verified, altered, truncated", { timeout: 60000 }, (t) => {
  const cwd = quickstartFolder(t);
  assert.equal(run(cwd, ["build", "policy.cata", "-o", "p.catpack"]).status, 0);
  for (const name of ["one", "two"]) assert.equal(run(cwd, ["keygen", name]).status, 0);
  assert.equal(statSync(join(cwd, "one.key")).mode & 0o777, 0o600);
  assert.equal(run(cwd, ["keygen", "one"]).status, 3);  // never overwritten
  assert.equal(json(cwd, ["verify", "p.catpack", "-k", "one.pub"]).body.refusal, "unsigned");
  assert.equal(run(cwd, ["sign", "p.catpack", "-k", "one.key"]).status, 0);
  assert.equal(run(cwd, ["sign", "p.catpack", "-k", "one.key"]).status, 0);
  assert.deepEqual(json(cwd, ["verify", "p.catpack", "-k", "one.pub"]).body.signed_by, ["one"]);
  assert.equal(json(cwd, ["verify", "p.catpack", "-k", "two.pub"]).body.refusal, "unsigned");
  assert.equal(json(cwd, ["verify", "p.catpack", "-k", "one.pub", "-k", "two.pub", "--required", "2"]).body.refusal, "unsigned");
  assert.equal(run(cwd, ["sign", "p.catpack", "-k", "two.key"]).status, 0);
  assert.deepEqual(json(cwd, ["verify", "p.catpack", "-k", "one.pub", "-k", "two.pub", "--required", "2"]).body.signed_by, ["one", "two"]);
  assert.equal(json(cwd, ["inspect", "p.catpack"]).body.signatures.length, 2);

  const bytes = readFileSync(join(cwd, "p.catpack"));
  const altered = Buffer.from(bytes);
  altered[bytes.length >> 1] ^= 1;
  writeFileSync(join(cwd, "altered.catpack"), altered);
  writeFileSync(join(cwd, "short.catpack"), bytes.subarray(0, bytes.length - 10));
  writeFileSync(join(cwd, "none.catpack"), "pack a 1.0.0\n");
  for (const [name, refusal] of [["altered", "altered"], ["short", "truncated"], ["none", "not-a-pack"]]) {
    const refused = json(cwd, ["verify", `${name}.catpack`]);
    assert.equal(refused.status, 1);
    assert.equal(refused.body.refusal, refusal);
  }
  assert.equal(run(cwd, ["check", "altered.catpack"]).status, 3);
});

test("a pack decides as its sources do", { timeout: 60000 }, (t) => {
  const cwd = quickstartFolder(t);
  assert.equal(run(cwd, ["build", "policy.cata", "-o", "p.catpack"]).status, 0);
  assert.equal(json(cwd, ["check", "p.catpack"]).body.ok, true);
  for (const extra of [[], ["--native"]]) assert.equal(json(cwd, ["test", "p.catpack", ...extra]).body.passed, 8);
  const request = JSON.stringify({ server: "files", tool: "read_text_file", args: { path: "/a/.env" } });
  for (const command of ["eval", "explain"]) {
    assert.equal(run(cwd, [command, "p.catpack", "-r", "-"], request).stdout, run(cwd, [command, "policy.cata", "-r", "-"], request).stdout);
  }
  assert.match(run(cwd, ["check", "p.catpack", "policy.cata"]).stderr, /stands alone/);
});

test("a pack whose tests fail is not built", { timeout: 60000 }, (t) => {
  const cwd = folder({ "policy.cata": 'pack a 1.0.0\nrule r on call a.x deny\ntest "t" {\n  when call a.x {}\n  then allow\n}\n' });
  const refused = json(cwd, ["build"]);
  assert.equal(refused.status, 1);
  assert.deepEqual(refused.body.failed_tests, ["t"]);
  assert.equal(run(cwd, ["build", "--skip-tests"]).status, 0);
  assert.equal(json(cwd, ["inspect", "a-1.0.0.catpack"]).body.version, "1.0.0");
});
