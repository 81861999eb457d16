// ./dev bench connections [STAGE...]: resident memory of a fresh engine, and what each idle connection (after one call on it) and each open stream adds to it, beside nginx
// and HAProxy. Catalyst with 100 rules, an API key, metrics and audit. CONNECTIONS (10,000) of each. Writes build/bench/connections.json.
import { end, run, sleep } from '../support/lab.mjs';
import { loadAverage, memory, openFilesLimit, tree } from '../support/machine.mjs';
import { load, report } from '../support/rounds.mjs';
import { haproxy, headersOf, inEarnest, nginx, quickstart, ready, upstream } from '../support/targets.mjs';
import { ask, message, openMany } from './sockets.mjs';

const WANTED = Number(process.env.CONNECTIONS ?? 10000);
const COUNT = Math.min(WANTED, openFilesLimit() - 1200);
const HALF = Math.floor(COUNT / 2);  // HAProxy insists on two open files for each
const PER_CONNECTION_KIB = 32;
const IDLE_MIB = 40;
const META = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {} };
const CLIENT = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } };
const resident = (target) => tree(target.process.pid).reduce((sum, pid) => sum + memory(pid).resident, 0);
const anonymous = (target) => tree(target.process.pid).reduce((sum, pid) => sum + memory(pid).anonymous, 0);

const rows = [];
const row = (metric, value, unit, reference) => rows.push({ metric, value: +value.toFixed(2), unit,
  ...(reference ? { reference, ratio: +(value / reference).toFixed(3) } : {}), load: loadAverage() });

/** One call on a connection that then stays open. */
const calls = (target) => {
  const bytes = message(target, headersOf(target, '2025', { 'mcp-protocol-version': '2025-11-25', ...(target.session ? { 'mcp-session-id': target.session } : {}) }),
    { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { message: 'x'.repeat(1024) } } });
  return (socket) => ask(socket, bytes);
};

/** The stream of a client of 2025-11-25 in a session of its own. */
const listens2025 = (target) => {
  const greeting = message(target, headersOf(target, '2025'), { jsonrpc: '2.0', id: 0, method: 'initialize', params: CLIENT });
  return async (socket) => {
    const session = (await ask(socket, greeting)).match(/mcp-session-id: *(\S+)/i)[1];
    await ask(socket, message(target, headersOf(target, '2025', { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }), undefined, 'GET'), { headOnly: true });
  };
};

/** The stream of a client of 2026-07-28. */
const listens2026 = (target) => (socket, number) => ask(socket, message(target, headersOf(target, '2026', { 'mcp-method': 'subscriptions/listen' }),
  { jsonrpc: '2.0', id: number, method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true }, _meta: META } }));

/** What each of `count` connections adds to the memory of `target`, which has served calls before. */
async function measure(name, target, use, reference, count = COUNT) {
  await ready(target);
  load(target, { seconds: 1, connections: 100 });
  await sleep(500);
  const before = resident(target);
  const began = performance.now();
  const sockets = await openMany(target, count, use(target));
  const seconds = (performance.now() - began) / 1000;
  await sleep(1000);
  const open = sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
  if (open < count) throw new Error(`${name}: only ${open} of ${count} stayed open`);
  row(`kib_per_connection/${name}`, (resident(target) - before) / count / 1024, 'KiB', reference);
  row(`opened_per_second/${name}`, count / seconds, '1/s');
  for (const socket of sockets) socket.destroy();
  await sleep(2000);
  row(`mib_kept_after_closing/${name}`, (resident(target) - before) / 1048576, 'MiB');
}

await run(async () => {
  if (COUNT < WANTED) console.error(`only ${COUNT} connections: the limit of open files is ${openFilesLimit()}`);
  const up = await upstream();
  const LIMITS = `connections: ${COUNT + 1000}, sessions: ${COUNT + 1000}`;

  const asked = process.argv.slice(2);
  const wanted = ([name]) => asked.length === 0 || asked.includes(name);
  for (const [name, make] of [['quickstart', () => quickstart(up)], ['100_rules', () => inEarnest(up)]].filter(wanted)) {
    const fresh = await ready(await make());
    await sleep(2000);  // native code is in force
    row(`mib_at_idle/${name}`, resident(fresh) / 1048576, 'MiB', IDLE_MIB);
    row(`mib_at_idle/${name}/not_of_files`, anonymous(fresh) / 1048576, 'MiB');
    await end(fresh.process);
  }
  for (const [name, make, use, reference, count] of [
    ['idle/nginx', () => nginx(up, COUNT + 1000), calls],
    ['idle/haproxy', () => haproxy(up, HALF + 1000), calls, undefined, HALF],
    ['idle/catalyst', () => inEarnest(up, { limits: LIMITS }), calls, PER_CONNECTION_KIB],
    ['stream_2025/catalyst', () => inEarnest(up, { limits: LIMITS }), listens2025],
    ['stream_2026/catalyst', () => inEarnest(up, { limits: LIMITS }), listens2026],
  ].filter(wanted)) {
    const target = await make();
    await measure(name, target, use, reference, count);
    await end(target.process);
  }
  report(`${COUNT} connections; references: the bars we set ourselves`, rows);
});
