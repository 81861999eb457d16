// A bank to try the rules on, without packages: node bank.mjs NAME serves on stdio what schemas/NAME.json says, with made-up answers.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const name = process.argv[2];
const published = JSON.parse(readFileSync(new URL(`schemas/${name}.json`, import.meta.url), "utf8"));

const person = {
  customer_id: "c1", name: "Ana Almeida", birth_date: "1990-01-01", tax_id: "12345678901", email: "ana@example.org", phone: "+351 210 000 000",
  address: "Rua das Flores 1, Porto", country: "PT", segment: "private", politically_exposed: true,
};
const payment = {
  payment_id: "p1", status: "waiting", amount: 12500, currency: "EUR", scheme: "sct", debtor_account: "a1", creditor_iban: "DE89370400440532013000",
  creditor_name: "Bo Berg", creditor_country: "DE", created_by: "clerk@bank.example", created_at: "2026-03-04T09:30:00Z",
};
const answers = {
  get_customer: person,
  search_customers: { customers: [person] },
  get_payment: payment,
  list_payments: { payments: [payment] },
  create_payment: { ...payment, status: "draft" },
  release_payment: { ...payment, status: "released" },
  get_balance: { booked: 8120.55, available: 8000, currency: "EUR" },
  list_hits: { hits: [{ hit_id: "h1", party: "Bo Berg", list: "eu", score: 0.62, status: "open", raised_by: "clerk@bank.example" }] },
  query_ledger: { rows: [{ account: "a1", holder: "Ana Almeida", card: "4111 1111 1111 1111" }] },
};

function call({ name: tool, arguments: args = {} }) {
  if (!published.tools.some((each) => each.name === tool)) throw { code: -32602, message: `Unknown tool: ${tool}` };
  const structured = answers[tool];
  if (structured) return { content: [{ type: "text", text: JSON.stringify(structured) }], structuredContent: structured };
  if (tool === "tail_logs") return { content: [{ type: "text", text: "10:00 login of ana@bank.example password=hunter2\n10:01 card 4111 1111 1111 1111 authorised" }] };
  return { content: [{ type: "text", text: `${tool} ${JSON.stringify(args)}: done` }] };
}

const methods = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {}, prompts: {}, resources: {} }, serverInfo: { name, version: "1.0.0" } }),
  ping: () => ({}),
  "tools/list": () => ({ tools: published.tools }),
  "tools/call": call,
  "prompts/list": () => ({ prompts: published.prompts ?? [] }),
  "prompts/get": ({ name: prompt }) => ({ messages: [{ role: "user", content: { type: "text", text: `Write: ${prompt}` } }] }),
  "resources/list": () => ({ resources: published.resources ?? [] }),
  "resources/read": ({ uri }) => ({ contents: [{ uri, mimeType: "text/markdown", text: "SEPA transfers close at 15:30." }] }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params = {} } = JSON.parse(line);
  if (id === undefined) continue;
  let answer;
  try {
    if (!methods[method]) throw { code: -32601, message: `Unknown method: ${method}` };
    answer = { result: methods[method](params) };
  } catch ({ code = -32603, message }) {
    answer = { error: { code, message } };
  }
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...answer })}\n`);
}
