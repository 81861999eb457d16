// A small HTTP service with an OpenAPI document, which notes every request as it came.
import { createServer } from "node:http";

const pet = {
  type: "object",
  properties: { name: { type: "string", minLength: 1 }, tag: { type: "string", nullable: true }, friends: { type: "array", items: { $ref: "#/components/schemas/Pet" } } },
  required: ["name"],
  additionalProperties: false,
};

export const document = (url) => ({
  openapi: "3.0.3",
  info: { title: "Pets", version: "2.1", description: "Costs ${HOME}" },
  servers: [{ url: `${url}/v1` }],
  paths: {
    "/pets": {
      get: {
        operationId: "list pets!",
        summary: "All pets.",
        description: "Says ${HOME}.",
        parameters: [
          { name: "tags", in: "query", schema: { type: "array", items: { type: "string" } } },
          { name: "limit", in: "query", schema: { type: "integer", maximum: 100 } },
          { name: "X-Trace", in: "header", schema: { type: "string" } },
          { name: "Authorization", in: "header", schema: { type: "string" } },
        ],
        responses: {},
      },
      post: {
        operationId: "add_pet",
        requestBody: { $ref: "#/components/requestBodies/Pet" },
        responses: {},
      },
    },
    "/pets/{id}/files/{name}": {
      parameters: [{ $ref: "#/components/parameters/id" }, { name: "name", in: "path", required: true, schema: { type: "string" } }],
      get: { responses: {} },
      delete: { operationId: "delete_file", parameters: [{ name: "id", in: "query", schema: { type: "string" } }], responses: {} },
    },
    "/broken/{x}": { get: { operationId: "broken", responses: {} } },
  },
  components: {
    parameters: { id: { name: "id", in: "path", required: true, schema: { type: "string" } } },
    requestBodies: { Pet: { required: true, content: { "application/json": { schema: { $ref: "#/components/schemas/Pet" } } } } },
    schemas: { Pet: pet },
  },
});

export async function pets(t, { token } = {}) {
  const seen = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    if (request.url === "/openapi.json") {
      return response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(document(url)));
    }
    const entry = { method: request.method, url: request.url, headers: request.headers, body };
    seen.push(entry);
    if (token && !token(request.headers.authorization)) return response.writeHead(401).end("no");
    if (request.url.startsWith("/v1/pets/gone")) return response.writeHead(404, { "Content-Type": "text/plain" }).end("no such pet");
    if (request.url.startsWith("/v1/pets/raw")) return response.writeHead(200, { "Content-Type": "image/png" }).end(Buffer.from([0xff, 0x00, 0x41]));
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ ok: true, body: body && JSON.parse(body) }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url, seen };
}
