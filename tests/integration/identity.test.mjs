// Who may ask: keys, JWTs of a real authorization server, the official client's OAuth flow, roles on the admin API.
import { test } from "node:test";
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { AuthorizationServer } from "./authorization.mjs";
import { binary, connect, everythingStdio, folder, freePort, sleep, start, until } from "./harness.mjs";

const policy = `pack acme.identity 1.0.0

rule editors_only
  on call *.get-sum
  when not ("editor" in principal.roles) and (call.args.a as decimal?) is present
  deny "This needs the role editor."
`;

const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
});
const json = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };

async function guarded(t, auth, { extra = "", server = "", cwd, port } = {}) {
  cwd ??= folder();
  writeFileSync(join(cwd, "policy.cata"), policy);
  port ??= await freePort();
  return start(t, {
    cwd,
    config: `policy: policy.cata\nservers:\n  everything: ${everythingStdio.slice(0, -1)}${server}}\n${extra}auth:\n${auth}`,
    args: ["--listen", `127.0.0.1:${port}`],
  });
}

const post = (engine, token, path = "/mcp") =>
  fetch(engine.url + path, { method: "POST", headers: { ...json, ...(token ? { Authorization: `Bearer ${token}` } : {}) }, body: initialize });

test("401, 403 and 400 say what is wanted", { timeout: 60000 }, async (t) => {
  const server = await AuthorizationServer.start(t);
  const engine = await guarded(t, `  scopes: [mcp]\n  issuers: [{issuer: "${server.issuer}"}]\n`);
  const resource = `${engine.url}/mcp`;
  const metadata = `${engine.url}/.well-known/oauth-protected-resource/mcp`;

  const bare = await post(engine);
  assert.equal(bare.status, 401);
  assert.equal(bare.headers.get("www-authenticate"), `Bearer resource_metadata="${metadata}", scope="mcp"`);
  const document = await (await fetch(metadata)).json();
  assert.equal(document.resource, resource);
  assert.deepEqual(document.authorization_servers, [server.issuer]);
  assert.deepEqual(document.bearer_methods_supported, ["header"]);
  assert.equal((await fetch(`${engine.url}/.well-known/oauth-protected-resource`)).status, 200);
  assert.equal((await (await fetch(`${metadata}/everything`)).json()).resource, `${resource}/everything`);
  assert.equal((await fetch(`${metadata}/nothing`)).status, 404);

  const good = { sub: "ana", aud: resource, scope: "mcp", roles: ["editor"] };
  assert.equal((await post(engine, await server.token(good))).status, 200);
  const poor = await post(engine, await server.token({ ...good, scope: "other" }));
  assert.equal(poor.status, 403);
  assert.match(poor.headers.get("www-authenticate"), /^Bearer error="insufficient_scope".*scope="mcp"$/);
  for (const [what, token] of [
    ["other audience", await server.token({ ...good, aud: "http://elsewhere.example/mcp" })],
    ["other issuer", await server.token({ ...good, iss: "http://elsewhere.example" })],
    ["expired", await server.token(good, { expires: Math.floor(Date.now() / 1000) - 60 })],
    ["unknown key", await server.token(good, { header: { kid: "nobody" } })],
    ["not a token", "x.y.z"],
    ["cut", (await server.token(good)).slice(0, -4)],
  ]) {
    const refused = await post(engine, token);
    assert.equal(refused.status, 401, what);
    assert.match(refused.headers.get("www-authenticate"), /error="invalid_token"/, what);
  }
  assert.equal((await post(engine, "a b")).status, 400);
  // Nowhere but in the header.
  assert.equal((await post(engine, undefined, `/mcp?access_token=${await server.token(good)}`)).status, 401);
});

test("keys rotate, and an issuer that is away does no harm", { timeout: 60000 }, async (t) => {
  const server = await AuthorizationServer.start(t);
  const engine = await guarded(t, `  issuers: [{issuer: "${server.issuer}", jwks: "${server.issuer}/keys", cooldown: 300ms}]\n`);
  const claims = { sub: "ana", aud: `${engine.url}/mcp` };
  const first = await server.token(claims);
  assert.equal((await post(engine, first)).status, 200);
  const before = server.fetches;
  await sleep(350);
  await server.rotate("EdDSA");
  // A key that is not known is asked for at once, by many requests together with one fetch.
  const second = await server.token(claims);
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(engine, second)));
  assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [200]);
  assert.ok(server.fetches - before <= 2, `${server.fetches - before} fetches`);
  assert.equal((await post(engine, first)).status, 200);
  // Made-up key ids do not make us ask again and again.
  const calm = server.fetches;
  for (let i = 0; i < 30; i++) await post(engine, await server.token(claims, { header: { kid: `made-up-${i}` } }));
  assert.ok(server.fetches - calm <= 4, `${server.fetches - calm} fetches`);
  // Away: what is known goes on.
  server.failing = true;
  await sleep(350);
  assert.equal((await post(engine, await server.token(claims, { header: { kid: "x" } }))).status, 401);
  assert.equal((await post(engine, await server.token(claims))).status, 200);
  // Back, and without the old keys: their tokens end.
  server.failing = false;
  await server.rotate("RS256", false);
  await sleep(350);
  const third = await server.token(claims);
  await until("the new key", async () => (await post(engine, third)).status === 200);
  assert.equal((await post(engine, first)).status, 401);
});

test("the official client signs in by itself", { timeout: 60000 }, async (t) => {
  const server = await AuthorizationServer.start(t);
  const engine = await guarded(t, `  scopes: [mcp]\n  issuers: [{issuer: "${server.issuer}"}]\n`);
  await until("everything", async () => (await engine.json("/readyz")).body.upstreams[0].listed);
  const saved = {};
  let page;
  const provider = {
    redirectUrl: "http://127.0.0.1:9/callback",
    clientMetadata: { client_name: "t", redirect_uris: ["http://127.0.0.1:9/callback"], token_endpoint_auth_method: "none" },
    clientInformation: () => saved.client,
    saveClientInformation: (client) => (saved.client = client),
    tokens: () => saved.tokens,
    saveTokens: (tokens) => (saved.tokens = tokens),
    redirectToAuthorization: (url) => (page = url),
    saveCodeVerifier: (verifier) => (saved.verifier = verifier),
    codeVerifier: () => saved.verifier,
  };
  const url = new URL(`${engine.url}/mcp`);
  const client = () => new Client({ name: "t", version: "1" }, { capabilities: {} });
  const transport = new StreamableHTTPClientTransport(url, { authProvider: provider });
  await assert.rejects(client().connect(transport), UnauthorizedError);
  assert.equal(page.searchParams.get("resource"), url.href);
  assert.equal(page.searchParams.get("scope"), "mcp");
  const back = await fetch(page, { redirect: "manual" });
  await transport.finishAuth(new URL(back.headers.get("location")).searchParams.get("code"));
  const signedIn = client();
  await signedIn.connect(new StreamableHTTPClientTransport(url, { authProvider: provider }));
  t.after(() => signedIn.close());
  const sum = await signedIn.callTool({ name: "everything__get-sum", arguments: { a: 2, b: 3 } });
  assert.match(sum.content[0].text, /5/);
});

test("tools that need more scopes ask for them", { timeout: 60000 }, async (t) => {
  const server = await AuthorizationServer.start(t);
  const engine = await guarded(t, `  issuers: [{issuer: "${server.issuer}"}]\n`, {
    server: `, tool_scopes: {"get-*": "everything:read"}`,
  });
  await until("everything", async () => (await engine.json("/readyz")).body.upstreams[0].listed);
  const claims = { sub: "ana", aud: `${engine.url}/mcp`, roles: ["editor"] };
  const call = async (token, path, name) => {
    const headers = { ...json, Authorization: `Bearer ${token}` };
    const hello = await fetch(engine.url + path, { method: "POST", headers, body: initialize });
    headers["Mcp-Session-Id"] = hello.headers.get("mcp-session-id");
    await hello.text();
    return fetch(engine.url + path, {
      method: "POST",
      headers,
      body: JSON.stringify({ jsonrpc: "2.0", id: 2, method: "tools/call", params: { name, arguments: { a: 1, b: 2 } } }),
    });
  };
  const poor = await server.token(claims);
  for (const [path, name] of [["/mcp", "everything__get-sum"], ["/mcp/everything", "get-sum"]]) {
    const refused = await call(poor, path, name);
    assert.equal(refused.status, 403);
    assert.match(refused.headers.get("www-authenticate"), /insufficient_scope.*scope="everything:read"/);
    assert.match(refused.headers.get("www-authenticate"), new RegExp(`resource_metadata="[^"]*${path}"`));
    assert.equal((await refused.json()).id, 2);
    assert.equal((await call(await server.token({ ...claims, scope: "everything:read" }), path, name)).status, 200);
  }
  assert.equal((await call(poor, "/mcp", "everything__echo")).status, 200);
});

test("keys are made, added and revoked while it runs", { timeout: 60000 }, async (t) => {
  const cwd = folder({ "keys.yaml": "" });
  const make = (...args) => spawnSync(binary, ["key", "new", "--json", "--file", "keys.yaml", ...args], { cwd, encoding: "utf8" });
  const first = JSON.parse(make("--id", "ana", "--role", "editor").stdout);
  const engine = await guarded(t, "  keys_file: keys.yaml\n  api_key_header: X-API-Key\n", { cwd });
  assert.equal((await post(engine)).status, 401);
  assert.equal((await post(engine, first.key)).status, 200);
  const byHeader = (key) => fetch(engine.url + "/mcp", { method: "POST", headers: { ...json, "X-API-Key": key }, body: initialize });
  assert.equal((await byHeader(first.key)).status, 200);
  const second = JSON.parse(make("--id", 'o"dd: {id}', "--tenant", "acme").stdout);
  await until("the new key", async () => (await post(engine, second.key)).status === 200);
  const text = readFileSync(join(cwd, "keys.yaml"), "utf8");
  assert.ok(!text.includes(first.key) && text.includes(first.sha256));
  writeFileSync(join(cwd, "keys.yaml"), text.split("\n").slice(1).join("\n"));
  await until("the revoked key", async () => (await post(engine, first.key)).status === 401);
  assert.equal((await post(engine, second.key)).status, 200);
  appendFileSync(join(cwd, "keys.yaml"), "- {id: broken}\n");
  await engine.waitLog("credentials cannot be read again, the old ones stay");
  assert.equal((await post(engine, second.key)).status, 200);
  assert.equal(make("--id", "x", "--expires", "soon").status, 2);
  const fresh = spawnSync(binary, ["key", "new", "--id", "x", "--file", "fresh.yaml"], { cwd, encoding: "utf8" });
  assert.match(fresh.stdout, /^cat_[\w-]{43}\n$/);
  assert.equal(statSync(join(cwd, "fresh.yaml")).mode & 0o077, 0);
  // Nothing of a key is ever logged, not even of a wrong one.
  await post(engine, "wrong-key-that-nobody-has-0123456789");
  await sleep(100);
  for (const secret of [first.key, second.key, "wrong-key-that-nobody"]) assert.ok(!engine.raw.includes(secret));
});

test("roles guard the admin API", { timeout: 60000 }, async (t) => {
  const token = (name) => `${name}-token-0123456789`;
  const tokens = [["boss", "catalyst.admin"], ["reader", "catalyst.viewer"], ["nobody", "editor"]]
    .map(([id, role]) => `{token: ${token(id)}, id: ${id}, roles: [${role}]}`);
  const engine = await guarded(t, `  tokens: [${tokens.join(", ")}]\n`);
  const status = async (name, path, method = "GET") =>
    (await engine.json(path, { method, headers: name ? { Authorization: `Bearer ${token(name)}` } : {} })).status;
  assert.deepEqual([await status("boss", "/api/v1/pack"), await status("boss", "/api/v1/reload", "POST")], [200, 200]);
  assert.deepEqual([await status("reader", "/api/v1/pack"), await status("reader", "/api/v1/reload", "POST")], [200, 403]);
  assert.deepEqual([await status("nobody", "/api/v1/pack"), await status("nobody", "/api/v1/reload", "POST")], [403, 403]);
  assert.deepEqual([await status("", "/api/v1/pack"), await status("", "/api/v1/reload", "POST")], [401, 401]);
  assert.equal((await engine.json("/healthz")).status, 200);
});

test("secrets never reach the log", { timeout: 60000 }, async (t) => {
  const server = await AuthorizationServer.start(t);
  const engine = await guarded(t, `  anonymous: {allow: true}\n  issuers: [{issuer: "${server.issuer}"}]\n`, { extra: "log: {level: trace}\n" });
  await until("everything", async () => (await engine.json("/readyz")).body.upstreams[0].listed);
  const good = await server.token({ sub: "ana", aud: `${engine.url}/mcp` });
  const bad = await server.token({ sub: "ana", aud: "elsewhere" });
  const client = await connect(t, engine, "/mcp", { headers: { Authorization: `Bearer ${good}` } });
  await client.callTool({ name: "everything__echo", arguments: { message: "hi" } });
  await assert.rejects(client.callTool({ name: "everything__get-sum", arguments: { a: 1, b: 2 } }));
  await post(engine, bad);
  await engine.waitLog("not admitted");
  for (const token of [good, bad]) {
    for (const part of token.split(".")) assert.ok(!engine.raw.includes(part), part);
  }
});
