// An OpenAPI document as a server: typed tools, arguments that stay in their fields, credentials from the configuration.
import { test } from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AuthorizationServer } from "./authorization.mjs";
import { document, pets } from "./pets.mjs";
import { connect, folder, kinds, start, until } from "./harness.mjs";

const policy = `pack acme.openapi 1.0.0

rule no_deletes
  on call pets.delete_file
  when ((call.args.name as string?) ?? "") == "x"
  deny "Nothing is deleted here."
`;
const withServer = (t, server, extra = "", cwd = folder()) => {
  writeFileSync(join(cwd, "policy.cata"), policy);
  return start(t, { cwd, config: `policy: policy.cata\nservers:\n  pets: ${server}\n${extra}` });
};

for (const kind of kinds) {
  test(`${kind}: operations are typed tools`, { timeout: 60000 }, async (t) => {
    const service = await pets(t);
    const engine = await withServer(t, `{openapi: "${service.url}/openapi.json", query: {api_key: "a&b"}, headers: {X-Client: catalyst}}`);
    await engine.upstreams("pets");
    const client = await connect(t, engine, "/mcp/pets", { kind });
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map((tool) => tool.name).sort(), ["add_pet", "delete_file", "get_pets_id_files_name", "list_pets"]);
    const byName = Object.fromEntries(tools.map((tool) => [tool.name, tool]));
    assert.equal(byName.list_pets.description, "All pets.\n\nSays ${HOME}."); // the environment stays ours
    assert.deepEqual(Object.keys(byName.list_pets.inputSchema.properties), ["X-Trace", "limit", "tags"]);
    assert.equal(byName.list_pets.annotations.readOnlyHint, true);
    assert.equal(byName.delete_file.annotations.destructiveHint, true);
    assert.deepEqual(Object.keys(byName.delete_file.inputSchema.properties).sort(), ["id", "name", "path_id"].sort());
    const call = (name, args) => client.callTool({ name, arguments: args });

    const listed = await call("list_pets", { tags: ["a b", "c&d=e"], limit: 5, "X-Trace": "t 1" });
    assert.deepEqual(listed.structuredContent, { ok: true, body: "" });
    let last = service.seen.at(-1);
    assert.equal(last.url, "/v1/pets?tags=a%20b&tags=c%26d%3De&limit=5&api_key=a%26b");
    assert.equal(last.headers["x-trace"], "t 1");
    assert.equal(last.headers["x-client"], "catalyst");
    assert.ok(last.headers.traceparent);

    const added = await call("add_pet", { body: { name: "Rex", tag: null, friends: [{ name: "Tom" }] } });
    assert.deepEqual(added.structuredContent.body, { name: "Rex", tag: null, friends: [{ name: "Tom" }] });
    const wrong = await call("add_pet", { body: { name: "Rex", friends: [{ nam: "Tom" }] } });
    assert.equal(wrong.isError, true);
    assert.match(wrong.content[0].text, /\/body\/friends\/0 lacks name/);

    // No argument leaves its field.
    const file = (id, name) => call("get_pets_id_files_name", { id, name });
    for (const [id, name, url] of [
      ["1", "a/../../admin", "/v1/pets/1/files/a%2F..%2F..%2Fadmin"],
      ["{name}", "x?y=1#z", "/v1/pets/%7Bname%7D/files/x%3Fy%3D1%23z"],
      ["%2e%2e", "ä\r\nX-Evil: 1", "/v1/pets/%252e%252e/files/%C3%A4%0D%0AX-Evil%3A%201"],
      ["...", "@evil.example", null],
    ]) {
      const before = service.seen.length;
      const answer = await file(id, name);
      if (url === null) {
        assert.match(answer.content[0].text, /id must not be empty or made of dots/);
        assert.equal(service.seen.length, before);
      } else {
        assert.equal(service.seen.at(-1).url, `${url}?api_key=a%26b`);
        assert.equal(service.seen.at(-1).headers["x-evil"], undefined);
      }
    }
    for (const [id, name] of [["..", "x"], ["1", "."], ["1", ""]]) assert.equal((await file(id, name)).isError, true);
    const evil = await call("list_pets", { "X-Trace": "1\r\nX-Evil: 1" });
    assert.match(evil.content[0].text, /printable ASCII/);

    const gone = await file("gone", "x");
    assert.deepEqual([gone.isError, gone.content[0].text], [true, "HTTP 404: no such pet"]);
    const raw = await file("raw", "x");
    assert.match(raw.content[0].text, /A$/);
    await assert.rejects(call("delete_file", { path_id: "1", id: "1", name: "x" }), /Nothing is deleted here/);
    assert.ok(engine.lines.some((line) => line.text?.includes("GET /broken/{x}: a part of its path has no parameter")));
  });
}

test("a document from a file, in YAML, and a service that is away", { timeout: 60000 }, async (t) => {
  const cwd = folder({
    "pets.yaml": `openapi: 3.1.0
info: {title: Pets, version: "1"}
paths:
  /ping:
    get: {operationId: ping, description: "Value of \${HOME}"}
`,
  });
  const engine = await withServer(t, `{openapi: pets.yaml, url: "http://127.0.0.1:9/"}`, "", cwd);
  await engine.upstreams("pets");
  const client = await connect(t, engine, "/mcp/pets");
  assert.equal((await client.listTools()).tools[0].description, "Value of ${HOME}");
  await assert.rejects(client.callTool({ name: "ping", arguments: {} }), /pets/);
});

test("a service's address may be relative to its document's, and limits are told", { timeout: 60000 }, async (t) => {
  const seen = [];
  const document = (servers) => JSON.stringify({ openapi: "3.1.0", info: { title: "Relative", version: "1" }, ...(servers && { servers }), paths: { "/ping": { get: { operationId: "ping" }, post: { operationId: "pong" } } } });
  const at = { "/docs/none.json": undefined, "/docs/root.json": [{ url: "/v2" }], "/docs/beside.json": [{ url: "v3" }] };
  const service = createServer((request, response) => {
    seen.push(request.url);
    response.setHeader("content-type", "application/json");
    response.end(request.url in at ? document(at[request.url]) : "{}");
  });
  await new Promise((resolve) => service.listen(0, "127.0.0.1", resolve));
  t.after(() => service.close());
  const origin = `http://127.0.0.1:${service.address().port}`;
  const servers = Object.keys(at).map((path) => `  ${path.slice(6, -5)}: {openapi: "${origin}${path}"}\n`).join("");
  const engine = await start(t, { cwd: folder({ "policy.cata": "pack acme.openapi 1.0.0\n\ndefault allow\n" }), config: `policy: policy.cata\nservers:\n${servers}  few: {openapi: "${origin}/docs/none.json", openapi_operations: 1}\n` });
  await engine.upstreams("none", "root", "beside");
  const client = await connect(t, engine);
  for (const name of ["none", "root", "beside"]) await client.callTool({ name: `${name}__ping`, arguments: {} });
  assert.deepEqual(seen.filter((path) => path.endsWith("/ping")), ["/ping", "/v2/ping", "/docs/v3/ping"]);
  const few = (await engine.json("/readyz")).body.upstreams.find((upstream) => upstream.name === "few");
  assert.match(few.error, /more than 1 operations \(`openapi_operations`\)/);
  assert.equal(engine.lines.find((line) => line.server === "few").level, "warn");
});

test("what is no document is told, and tried again", { timeout: 60000 }, async (t) => {
  const cwd = folder({ "pets.json": '{"swagger": "2.0"}' });
  const engine = await withServer(t, "{openapi: pets.json}", "", cwd);
  const broken = await until("the failure", async () => (await engine.json("/readyz")).body.upstreams[0].error);
  assert.match(broken, /not an OpenAPI 3 document/);
});

test("tokens come from the configuration, a file, a grant or an exchange, never from the client", { timeout: 60000 }, async (t) => {
  const server = await AuthorizationServer.start(t);
  let accepted = () => true;
  const service = await pets(t, { token: (header) => accepted(header) });
  const cwd = folder({ "token.txt": "first-file-token\n", "pets.json": JSON.stringify(document(service.url)) });
  const secret = `token_url: "${server.issuer}/token", client_id: gateway, client_secret: gateway-secret-1, resource: "${service.url}"`;
  writeFileSync(join(cwd, "policy.cata"), policy);
  const engine = await start(t, {
    cwd,
    config: `policy: policy.cata
servers:
  plain: {openapi: pets.json, auth: {token: fixed-token, principals: {ana: token-of-ana}}}
  file: {openapi: pets.json, auth: {token_file: token.txt}}
  grant: {openapi: pets.json, auth: {${secret}, scope: "pets read"}}
  swap: {openapi: pets.json, auth: {${secret}, exchange: true}}
auth:
  anonymous: {allow: true, id: guest}
  issuers: [{issuer: "${server.issuer}", audiences: [us]}]
  tokens: [{token: key-of-ana-123456789, id: ana}]
`,
  });
  await engine.upstreams("plain", "file", "grant", "swap");
  const jwt = await server.token({ sub: "bob", aud: "us" });
  const other = await server.token({ sub: "eve", aud: "us" });
  const clients = {};
  for (const [who, token] of [["guest"], ["ana", "key-of-ana-123456789"], ["bob", jwt], ["eve", other]]) {
    clients[who] = await connect(t, engine, "/mcp", { headers: token ? { Authorization: `Bearer ${token}` } : {} });
  }
  const shown = async (who, name) => {
    const before = service.seen.length;
    const answer = await clients[who].callTool({ name: `${name}__list_pets`, arguments: {} });
    assert.ok(!answer.isError, JSON.stringify(answer));
    return service.seen[before].headers.authorization.replace("Bearer ", "");
  };
  const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());

  assert.equal(await shown("guest", "plain"), "fixed-token");
  assert.equal(await shown("ana", "plain"), "token-of-ana");
  assert.equal(await shown("bob", "file"), "first-file-token");
  writeFileSync(join(cwd, "token.txt"), "second-file-token");
  await until("the new token", async () => (await shown("bob", "file")) === "second-file-token");

  const granted = await shown("bob", "grant");
  assert.deepEqual([claims(granted).sub, claims(granted).aud, claims(granted).scope], ["gateway", service.url, "pets read"]);
  assert.equal(await shown("ana", "grant"), granted); // kept
  accepted = (header) => header !== `Bearer ${granted}`; // revoked over there
  await new Promise((resolve) => setTimeout(resolve, 1100)); // so that the next one differs in its times
  const answer = await clients.ana.callTool({ name: "grant__list_pets", arguments: {} });
  assert.ok(!answer.isError);
  accepted = () => true;

  const before = server.requests.length;
  const [bob, again, eve] = [await shown("bob", "swap"), await shown("bob", "swap"), await shown("eve", "swap")];
  assert.deepEqual([claims(bob).sub, claims(bob).act.sub, claims(bob).aud], ["bob", "gateway", service.url]);
  assert.equal(again, bob);
  assert.equal(claims(eve).sub, "eve");
  assert.equal(server.requests.length - before, 2);
  await assert.rejects(clients.ana.callTool({ name: "swap__list_pets", arguments: {} }), /swap/);
  await until("the reason in the log", () => engine.raw.includes("the client sent none to exchange"));
  for (const request of server.requests) assert.ok(!JSON.stringify(request).includes("key-of-ana"));
  for (const { headers } of service.seen) {
    for (const token of [jwt, other, "key-of-ana"]) assert.ok(!headers.authorization?.includes(token));
  }
  for (const part of [granted, bob, "gateway-secret-1", "fixed-token", "token-of-ana", "file-token"]) assert.ok(!engine.raw.includes(part), part);
});
