// ./dev bench gateways [NAME...]: CPU time per tools/call (echo of 1 KiB) of the MCP gateways that npm carries, and of Catalyst with 100 rules, an API key, metrics and
// audit, each in front of the same server. Gateways that only take programs get it on stdio, so does Catalyst then; the CPU time is that of the gateway and of
// all processes that it started. A gateway that does not start, or breaks, is named. Writes build/bench/gateways.json.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { end, freePort, here, run, start, temporary, upstreamBinary } from '../support/lab.mjs';
import { cpuSeconds, loadAverage, watchOthers } from '../support/machine.mjs';
import { around, load, median, report } from '../support/rounds.mjs';
import { inEarnest, ready, upstream } from '../support/targets.mjs';
import { SseClient } from './sse_client.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const WARM_SECONDS = Number(process.env.WARM_SECONDS ?? 8);  // their compiler needs several thousand calls
const bin = (name) => join(here, '../gateways/node_modules/.bin', name);

/** How each is started. `up` is the server on HTTP. */
const gateways = {
  'mcp-proxy': (port) => ({ command: 'mcp-proxy', args: ['--port', String(port), '--host', '127.0.0.1', '--server', 'stream', '--', upstreamBinary, 'stdio'] }),
  'supergateway --stateful': (port) => ({ command: 'supergateway', args: ['--stdio', `${upstreamBinary} stdio`, '--outputTransport', 'streamableHttp', '--stateful',
    '--port', String(port), '--logLevel', 'none'] }),
  'supergateway': (port) => ({ command: 'supergateway', args: ['--stdio', `${upstreamBinary} stdio`, '--outputTransport', 'streamableHttp',
    '--port', String(port), '--logLevel', 'none'] }),
  'supergateway + mcp-remote': (port, up) => ({ command: 'supergateway', args: ['--stdio', `${bin('mcp-remote')} ${up.url} --allow-http --transport http-only`,
    '--outputTransport', 'streamableHttp', '--stateful', '--port', String(port), '--logLevel', 'none'] }),
  'mcp-hub': (port) => {
    const config = join(temporary, 'hub.json');
    writeFileSync(config, JSON.stringify({ mcpServers: { everything: { command: upstreamBinary, args: ['stdio'] } } }));
    return { command: 'mcp-hub', args: ['--port', String(port), '--config', config], sse: true, tool: 'everything__echo' };
  },
};

/** Rounds of calls over one HTTP+SSE session, with 32 calls in flight. */
async function loadSse(target, client, seconds) {
  const [others, before, began] = [watchOthers(), cpuSeconds(target.process.pid), performance.now()];
  const times = await client.callFor(target.tool, seconds);
  times.sort((a, b) => a - b);
  return { rps: times.length / (performance.now() - began) * 1000, p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)],
    cpu: (cpuSeconds(target.process.pid) - before) / times.length * 1e6, others: others(), load: loadAverage() };
}

async function rounds(target) {
  const runs = [];
  const client = target.sse ? await SseClient.open(target.url) : null;
  const one = (seconds) => client ? loadSse(target, client, seconds) : load(target, { seconds });
  await client?.listed(target.tool);
  await one(target.token ? 1 : WARM_SECONDS);
  for (let round = 0; round < ROUNDS; round++) runs.push(await one(2));
  client?.close();
  return runs;
}

async function gateway(name, up) {
  const port = await freePort();
  const { command, args, sse, tool } = gateways[name](port, up);
  if (!existsSync(bin(command))) throw new Error('not installed');
  const target = { name, url: `http://127.0.0.1:${port}/mcp`, sse, tool, patience: 20000, process: start(bin(command), args, { env: { ...process.env, HOME: temporary } }) };
  try {
    if (!sse) await ready(target);
    return await rounds(target);
  } finally {
    await end(target.process);
  }
}

await run(async () => {
  const up = await upstream();
  const ours = {};
  for (const [how, server] of [['stdio', {}], ['http', up]]) {
    const engine = await ready(await inEarnest(server, { name: `catalyst ${how}` }));
    ours[how] = await rounds(engine);
    await end(engine.process);
  }
  const figures = (runs, field) => +median(runs.map((r) => r[field])).toFixed(4);
  const rows = Object.entries(ours).map(([how, runs]) => ({ metric: `cpu_us_per_call/catalyst/${how}`, value: figures(runs, 'cpu'), unit: 'us', ...around(runs),
    note: `${Math.round(figures(runs, 'rps'))} calls/s, p50 ${figures(runs, 'p50').toFixed(2)} ms` }));
  const asked = process.argv.slice(2);
  for (const name of Object.keys(gateways).filter((one) => asked.length === 0 || asked.includes(one))) {
    const reference = figures(name.includes('mcp-remote') ? ours.http : ours.stdio, 'cpu');
    try {
      const runs = await gateway(name, up);
      const value = figures(runs, 'cpu');
      rows.push({ metric: `cpu_us_per_call/${name}`, value, unit: 'us', reference, ratio: +(value / reference).toFixed(1), ...around(runs),
        note: `${Math.round(figures(runs, 'rps'))} calls/s, p50 ${figures(runs, 'p50').toFixed(2)} ms` });
    } catch (problem) {
      rows.push({ metric: `cpu_us_per_call/${name}`, unit: 'us', note: `not measured: ${problem.message}` });
    }
  }
  report(`echo of 1 KiB, 32 calls in flight, median of ${ROUNDS} rounds of 2 s; reference: Catalyst before the same server; ratio: how much more the gateway takes`, rows, 'catalyst');
});
