// node call.mjs                      lists the tools
// node call.mjs TOOL '{"a": 1}'      calls one; TOKEN in the environment says who asks
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [tool, args] = process.argv.slice(2);
const headers = process.env.TOKEN ? { Authorization: `Bearer ${process.env.TOKEN}` } : {};
const client = new Client({ name: "quickstart", version: "1.0.0" });
await client.connect(new StreamableHTTPClientTransport(new URL(process.env.URL ?? "http://127.0.0.1:8080/mcp"), { requestInit: { headers } }));
try {
  if (tool === undefined) {
    for (const { name } of (await client.listTools()).tools) console.log(name);
  } else {
    const result = await client.callTool({ name: tool, arguments: JSON.parse(args ?? "{}") });
    for (const part of result.content) console.log(part.text ?? part);
  }
} catch (error) {
  console.log(`error ${error.code}: ${error.message}`);
  if (error.data) console.log(JSON.stringify(error.data));
  process.exitCode = 1;
} finally {
  await client.close();
}
