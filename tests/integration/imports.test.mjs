// A pack that imports another and the library: through every command, into a built pack, and reloaded when the other changes.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, connect, everythingHttp, folder, start, until } from "./harness.mjs";

const run = (cwd, args, input) => spawnSync(binary, args, { cwd, input, encoding: "utf8", timeout: 60000, env: { ...process.env, NO_COLOR: "1" } });

const common = (denied) => `pack acme.common 1.0.0

export fact is_stopped = call.tool == "${denied}"
fact own = true
`;

const policy = `pack test.imports 1.0.0

import acme.common from "../common"
import text

server every

rule stop
  on call *.*
  when common.is_stopped or text.is_blank(call.tool)
  deny "stopped"

test "what the other pack says" {
  when  call every.get-sum {}
  then  deny by stop
}

test "the library" {
  expect text.pad_left("7", 3, "0") == "007"
}
`;

const setUp = (t) => {
  const cwd = folder();
  mkdirSync(join(cwd, "common"));
  mkdirSync(join(cwd, "policy"));
  writeFileSync(join(cwd, "common", "common.cata"), common("get-sum"));
  writeFileSync(join(cwd, "policy", "policy.cata"), policy);
  return cwd;
};

test("every command follows imports", { timeout: 60000 }, (t) => {
  const cwd = setUp(t);
  const at = join(cwd, "policy");
  assert.equal(run(at, ["check"]).status, 0, run(at, ["check"]).stderr);
  assert.equal(run(at, ["fmt", "--check"]).status, 0, run(at, ["fmt", "--check"]).stdout);
  for (const extra of [[], ["--native"]]) {
    const tested = run(at, ["test", ...extra]);
    assert.equal(tested.status, 0, tested.stdout + tested.stderr);
    assert.match(tested.stdout, /2 passed, 0 failed/);
  }
  const request = JSON.stringify({ server: "every", tool: "get-sum", args: {} });
  const explained = run(at, ["explain", "policy.cata", "--request", "-"], request);
  assert.match(explained.stdout, /common\.is_stopped/, explained.stdout + explained.stderr);
  assert.match(run(at, ["explain", "text.pad_left"]).stdout, /pad_left\(text: string, width: int, fill: string\) -> string/);

  const built = run(at, ["build", "policy.cata", "-o", "imports.catpack"]);
  assert.equal(built.status, 0, built.stdout + built.stderr);
  writeFileSync(join(cwd, "common", "common.cata"), common("echo"));  // the pack has its own copy
  const packed = run(at, ["test", "imports.catpack"]);
  assert.match(packed.stdout, /2 passed, 0 failed/, packed.stdout + packed.stderr);

  writeFileSync(join(at, "policy.cata"), policy.replace("common.is_stopped", "common.own"));
  const refused = run(at, ["check"]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /E0224.*`own` of `acme\.common` is not exported/);
  assert.match(refused.stderr, /common\.cata/);
});

test("saving an imported file reloads the policy", { timeout: 60000 }, async (t) => {
  const { url } = await everythingHttp(t);
  const cwd = setUp(t);
  const engine = await start(t, { cwd, config: `policy: policy/policy.cata\nservers: {every: {url: "${url}"}}\n` });
  await engine.upstreams("every");
  const client = await connect(t, engine, "/mcp/every");
  const call = (name, args) => client.callTool({ name, arguments: args }).then(() => null, (error) => error.message);
  const refused = /stopped/;
  assert.match(await call("get-sum", { a: 1, b: 2 }), refused);
  assert.equal(await call("echo", { message: "x" }), null);
  writeFileSync(join(cwd, "common", "common.cata"), common("echo"));
  await until("the new policy", async () => refused.test((await call("echo", { message: "x" })) ?? ""));
  assert.equal(await call("get-sum", { a: 1, b: 2 }), null);
});
