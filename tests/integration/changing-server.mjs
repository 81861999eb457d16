// A stdio server whose tools are a JSON file (first argument): read for every list, announced when it changes.
import { readFileSync, watchFile } from "node:fs";
import { createInterface } from "node:readline";

const file = process.argv[2];
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
watchFile(file, { interval: 50 }, () => send({ method: "notifications/tools/list_changed" }));
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === "initialize") {
    send({ id, result: { protocolVersion: "2025-11-25", capabilities: { tools: { listChanged: true } }, serverInfo: { name: "changing", version: "1" } } });
  } else if (method === "tools/list") {
    send({ id, result: { tools: JSON.parse(readFileSync(file, "utf8")) } });
  } else if (method === "tools/call") {
    send({ id, result: { content: [{ type: "text", text: JSON.stringify(params.arguments ?? null) }] } });
  } else {
    send({ id, error: { code: -32601, message: "Method not found" } });
  }
}).on("close", () => process.exit(0));
