// A policy of 100 rules of the kinds that people write. Most of them concern the calls that are measured, none of those denies one.
const text = (...names) => ({ type: 'object', properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])), required: names.slice(0, 1) });
const number = (name) => ({ type: 'object', properties: { [name]: { type: 'integer' } }, required: [name] });
const FILES = Array.from({ length: 12 }, (_, i) => `file_${i}`);

export const schema = { server: 'everything', tools: [
  { name: 'echo', inputSchema: text('message') },
  { name: 'echo_stream', inputSchema: text('message') },
  { name: 'steps', inputSchema: number('count') },
  { name: 'blob', inputSchema: number('bytes') },
  ...FILES.map((name) => ({ name, inputSchema: text('path', 'content') })),
] };

const file = (i) => `everything.${FILES[i % FILES.length]}`;
const kinds = [
  (i) => `on call everything.*\n  when principal.tenant == "tenant_${i}"\n  deny "This tenant is closed."`,
  (i) => `on call everything.*\n  when "suspended_${i}" in principal.roles\n  deny "The role is suspended."`,
  (i) => `on call everything.echo, everything.echo_stream\n  when call.args.message starts with "internal-${i}:"\n  deny "Internal messages stay inside."`,
  (i) => `on call everything.echo, everything.echo_stream\n  when call.args.message contains "PROJECT-${i}-CODE"\n  deny "The code name is secret."`,
  (i) => `on call everything.echo, everything.echo_stream\n  when call.args.message == "drop table t${i}"\n  deny "No."`,
  (i) => `on call everything.*\n  when principal.risk > 80 and principal.tenant == "partner_${i}"\n  deny "The risk is too high."`,
  (i) => `on call ${file(i)}\n  when call.args.path matches "/srv/${i}/secrets/**"\n  deny "Secrets stay where they are."`,
  (i) => `on call ${file(i)}\n  when call.args.path ends with ".key${i}" or call.args.path contains "/private_${i}/"\n  deny "Keys stay where they are."`,
  (i) => `on result ${file(i)}\n  when principal.tenant != "owner_${i}"\n  redact pii.email in result`,
];

/** The text of the policy: 98 rules in the nine kinds above, one that allows, one that records each call (or, without `audit`, tags it). */
export const rules = (audit = true) => `pack bench.proxy 1.0.0

server everything schema "schemas/everything.json"

default deny

rule agents_may
  on call everything.*
  when "agent" in principal.roles
  allow

rule record_calls
  on call everything.*
  ${audit ? 'audit' : 'tag kind = "call"'}

${Array.from({ length: 98 }, (_, i) => `rule r${i}\n  ${kinds[i % kinds.length](i)}\n`).join('\n')}`;
