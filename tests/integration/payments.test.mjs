// The example of a bank, as its platform team uses it: checked, tested to the last row, built, signed, and compared with a change that looks harmless.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, folder, root, start, until } from "./harness.mjs";

const example = join(root, "examples", "payments");
const run = (cwd, args, input) => spawnSync(binary, args, { cwd, input, encoding: "utf8", timeout: 120000, env: { ...process.env, NO_COLOR: "1" } });
const json = (cwd, args, input) => {
  const done = run(cwd, [...args, "--json"], input);
  return { ...done, body: JSON.parse(done.stdout) };
};

/** A copy of the example; `rules` of it are the pack. */
function bank(t) {
  const path = folder();
  for (const name of ["rules", "reference", "schemas"]) cpSync(join(example, name), join(path, name), { recursive: true });
  return path;
}

/** `proposal` beside `rules`: what the patch of the example makes of them. */
function propose(cwd) {
  cpSync(join(cwd, "rules"), join(cwd, "proposal"), { recursive: true });
  const lines = readFileSync(join(example, "stop_tools.patch"), "utf8").split("\n");
  const file = join(cwd, "proposal", "approval.cata");
  const before = lines.filter((line) => /^-[^-]/.test(line)).map((line) => line.slice(1));
  const after = lines.filter((line) => /^\+[^+]/.test(line)).map((line) => line.slice(1));
  const text = readFileSync(file, "utf8");
  assert.equal(text.split(before.join("\n")).length, 2, "the patch fits once");
  writeFileSync(file, text.replace(before.join("\n"), after.join("\n")));
}

test("both packs check without a warning and are formatted", { timeout: 60000 }, (t) => {
  const cwd = bank(t);
  for (const [pack, rules] of [["reference", 0], ["rules", 60]]) {
    const checked = json(cwd, ["check", pack]);
    assert.equal(checked.status, 0, checked.stdout);
    assert.deepEqual(checked.body.diagnostics, []);
    assert.ok(checked.body.rules >= rules, `${checked.body.rules} rules`);
    assert.equal(run(cwd, ["fmt", "--check", pack]).status, 0);
  }
});

test("tests reach every rule, branch and row, and notice every edit", { timeout: 300000 }, (t) => {
  const cwd = bank(t);
  for (const pack of ["reference", "rules"]) {
    const tested = json(cwd, ["test", pack, "--fail-under", "100", "--mutate", "--mutate-seconds", "240", "--lcov", "cov.info"]);
    assert.equal(tested.status, 0, tested.stdout.slice(-3000) + tested.stderr);
    const { coverage, mutations } = tested.body;
    assert.equal(coverage.rules_applied, coverage.rules);
    assert.equal(coverage.branches_covered, coverage.branches);
    assert.equal(coverage.rows_decided, coverage.rows);
    assert.equal(mutations.tried, mutations.edits);
    assert.deepEqual(mutations.survivors, []);
  }
  // Rows of decisions are lines of the report.
  const lcov = readFileSync(join(cwd, "cov.info"), "utf8");
  const decisions = lcov.split("end_of_record").find((file) => file.includes("rules/decisions.cata"));
  const row = readFileSync(join(cwd, "rules", "decisions.cata"), "utf8").split("\n").findIndex((line) => line.includes("=> committee")) + 1;
  assert.match(decisions, new RegExp(`^DA:${row},[1-9]`, "m"));
  assert.equal(json(cwd, ["test", "rules", "--native"]).status, 0);
  // A bar that is out of reach fails, and says so.
  writeFileSync(join(cwd, "rules", "more.cata"), 'rule untested on call ops.tail_logs when call.args.service == "core" tag seen\n');
  const short = run(cwd, ["test", "rules", "--fail-under", "100"]);
  assert.equal(short.status, 1);
  assert.match(short.stderr, /the tests cover 99%, wanted are 100%/);
});

test("built, signed, verified and inspected", { timeout: 60000 }, (t) => {
  const cwd = bank(t);
  assert.equal(run(cwd, ["build", "rules", "-o", "payments.catpack"]).status, 0);
  assert.equal(run(cwd, ["keygen", "release"]).status, 0);
  assert.equal(run(cwd, ["sign", "payments.catpack", "--key", "release.key"]).status, 0);
  const verified = json(cwd, ["verify", "payments.catpack", "--key", "release.pub"]);
  assert.equal(verified.status, 0);
  assert.deepEqual(verified.body.signed_by, ["release"]);
  const inspected = json(cwd, ["inspect", "payments.catpack"]).body;
  assert.equal(inspected.name, "bank.payments");
  assert.ok(inspected.inputs.some((input) => input.path.endsWith("reference/calendar.cata")));
  assert.ok(inspected.inputs.some((input) => input.path.endsWith("schemas/payments.json")));
  assert.equal(json(cwd, ["test", "payments.catpack"]).status, 0);
});

test("a change that looks harmless passes the tests, and diff finds the hole", { timeout: 120000 }, (t) => {
  const cwd = bank(t);
  propose(cwd);
  assert.equal(json(cwd, ["check", "proposal"]).status, 0);
  assert.equal(json(cwd, ["test", "proposal"]).status, 0);

  const compared = json(cwd, ["diff", "rules", "proposal", "--fail-on", "more-permissive"]);
  assert.equal(compared.status, 1);
  const { state, changes } = compared.body["more-permissive"];
  assert.equal(state, "found");
  const [hole] = changes;
  assert.equal(hole.known_tool, true);
  assert.equal(hole.request.tool, "unblock_card");
  assert.ok(hole.request.principal.risk > 70);
  assert.equal(hole.old.rule, "odd_agents_stop");
  // What was found is what the engine does, with the request as it was printed.
  const request = JSON.stringify(hole.request);
  assert.match(run(cwd, ["eval", "rules", "-r", "-"], request).stdout, /^deny by odd_agents_stop/);
  assert.match(run(cwd, ["eval", "proposal", "-r", "-"], request).stdout, /^allow by supervisors_undo_stops/);
  // Nothing else changed, which is proved, of the hooks that are not followed because their rules are the same.
  for (const [kind, difference] of Object.entries(compared.body)) {
    if (kind !== "more-permissive") assert.equal(difference.state, "none", kind);
  }
});

test("in front of the made-up bank", { timeout: 60000 }, async (t) => {
  const cwd = bank(t);
  for (const name of ["catalyst.yaml", "bank.mjs", "ask.mjs"]) cpSync(join(example, name), join(cwd, name));
  const engine = await start(t, { cwd, args: ["run", "--config", "catalyst.yaml", "--listen", "127.0.0.1:0"] });
  await engine.upstreams("payments", "accounts", "customers", "screening", "cards", "messaging", "ops");
  const ask = (who, ...args) => {
    const env = { ...process.env, URL: `${engine.url}/mcp`, TOKEN: `payments-example-${who}` };
    return spawnSync(process.execPath, ["ask.mjs", ...args], { cwd, env, encoding: "utf8", timeout: 20000 }).stdout;
  };
  assert.match(ask("clerk", "payments__get_payment", '{"payment_id": "p1"}'), /DE89370400440532013000/);
  assert.match(ask("supervisor", "payments__get_payment", '{"payment_id": "p1"}'), /"creditor_iban":"\[redacted\]"/);
  assert.match(ask("odd", "cards__unblock_card", '{"card_id": "k1", "blocked_for": "lost"}'), /looks unusual/);
  const mail = ["messaging__send_email", '{"to": ["ana@example.org"], "subject": "Hello", "body": "Hello."}'];
  assert.match(ask("desk", ...mail), /done/);
  assert.match(ask("desk", "customers__get_customer", '{"customer_id": "c1"}'), /"tax_id":"\[redacted\]"/);
  assert.match(ask("desk", ...mail), /colleagues only/);
  assert.doesNotMatch(ask("clerk"), /ops__|reveal_pan/);
  // What the conversation had seen is recorded with a decision: the same rules decide the same anew.
  const replayed = await until("the decisions are recorded", () => {
    const { body } = json(cwd, ["replay", "rules", "--since", "1h", "--config", "catalyst.yaml"]);
    return body.decisions >= 5 && body;
  });
  assert.equal(replayed.changed, 0, JSON.stringify(replayed.changes));

  // The policy is a folder: a file that appears in it is part of it, and one that goes is not.
  const generation = async () => (await engine.json("/api/v1/pack", { headers: { authorization: "Bearer payments-example-admin" } })).body.generation;
  const first = await generation();
  writeFileSync(join(cwd, "rules", "pause.cata"), 'rule pause on call payments.* deny "Payments pause."\n');
  await until("the rule of the new file", async () => (await generation()) > first);
  assert.match(ask("clerk", "payments__get_payment", '{"payment_id": "p1"}'), /Payments pause/);
  unlinkSync(join(cwd, "rules", "pause.cata"));
  await until("the file is gone", async () => /DE89/.test(ask("clerk", "payments__get_payment", '{"payment_id": "p1"}')));
});
