// An agent's call, without packages: TOKEN=... node ask.mjs TOOL '{"a": 1}'; without a tool it lists what there is for that token.
const [tool, args] = process.argv.slice(2);
const method = tool ? "tools/call" : "tools/list";
const _meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: process.env.CLIENT ?? "bank-desktop", version: "1.0" },
  "io.modelcontextprotocol/clientCapabilities": {},
};
const headers = { "content-type": "application/json", accept: "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28", "mcp-method": method };
if (tool) headers["mcp-name"] = tool;
if (process.env.TOKEN) headers.authorization = `Bearer ${process.env.TOKEN}`;
const params = { _meta, ...(tool && { name: tool, arguments: JSON.parse(args ?? "{}") }) };
const answer = await fetch(process.env.URL ?? "http://127.0.0.1:8080/mcp", { method: "POST", headers, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }) });
const text = await answer.text();
const body = JSON.parse(text.startsWith("{") ? text : text.split("\n").findLast((line) => line.startsWith("data: ")).slice(6));
if (body.error) {
  console.log(`error ${body.error.code}: ${body.error.message}`);
  if (body.error.data) console.log(JSON.stringify(body.error.data));
  process.exitCode = 1;
} else if (body.result.tools) {
  for (const { name } of body.result.tools) console.log(name);
} else {
  for (const part of body.result.content ?? []) console.log(part.text ?? part);
}
