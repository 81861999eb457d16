// ./dev bench proxy: tools/call through Catalyst with the quickstart policy, and through nginx as a plain reverse proxy, to the same upstream.
// Short rounds alternate between the two, so that both see the same machine; figures are medians over the rounds, the ratio is the median
// of the ratios of neighbouring rounds. Writes build/bench/proxy.json.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../../..');
const ROUNDS = Number(process.env.ROUNDS ?? 21);
const SECONDS = Number(process.env.SECONDS ?? 1);
const CONNECTIONS = Number(process.env.CONNECTIONS ?? 32);
const temporary = mkdtempSync(join(tmpdir(), 'catalyst-bench-'));
const children = [];

const freePort = () => new Promise((done, fail) => {
  const server = createServer();
  server.on('error', fail);
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});

function start(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', process.env.VERBOSE ? 'inherit' : 'ignore'] });
  child.on('error', (problem) => fail(`${command}: ${problem.message}`));
  children.push(child);
  return child;
}

function fail(message) {
  console.error(`bench proxy: ${message}`);
  stop();
  process.exit(1);
}

function stop() {
  for (const child of children) child.kill('SIGTERM');
  rmSync(temporary, { recursive: true, force: true });
}

const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
async function post(url, body, headers = {}) {
  return fetch(url, { method: 'POST', headers: { ...HEADERS, ...headers }, body: JSON.stringify(body) });
}

async function until(what, check) {
  const deadline = Date.now() + 15000;
  for (;;) {
    try { if (await check()) return; } catch { /* not up yet */ }
    if (Date.now() > deadline) fail(`${what} did not come up`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

/** CPU seconds that a process and its children have used. */
function cpuSeconds(pid) {
  const pids = [pid, ...childrenOf(pid)];
  let ticks = 0;
  for (const p of pids) {
    const stat = readFileSync(`/proc/${p}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / 100;
}
function childrenOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch { return []; }
}

const INITIALIZE = { jsonrpc: '2.0', id: 0, method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } } };

async function openSession(url) {
  const answer = await post(url, INITIALIZE);
  const session = answer.headers.get('mcp-session-id') ?? '';
  await answer.text();
  await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, session ? { 'mcp-session-id': session } : {});
  const call = await post(url, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { message: 'hello' } } },
    { 'mcp-protocol-version': '2025-11-25', ...(session ? { 'mcp-session-id': session } : {}) });
  const text = await call.text();
  if (!text.includes('hello')) fail(`${url} does not answer the call: ${text.slice(0, 300)}`);
  return session;
}

function load(target, seconds) {
  const before = cpuSeconds(target.pid);
  const out = execFileSync('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '10s', '-s', join(here, 'calls.lua'), target.url],
    { env: { ...process.env, SESSION: target.session, BYTES: '1024', TOOL: 'echo', ERA: '2025' }, encoding: 'utf8' });
  const [, rps, p50, p99, failed, requests] = out.match(/RESULT (\S+) (\S+) (\S+) (\d+) (\d+)/);
  if (Number(failed) > 0) fail(`${target.name}: ${failed} of ${requests} requests failed`);
  return { rps: +rps, p50: +p50, p99: +p99, cpu: (cpuSeconds(target.pid) - before) / +requests * 1e6 };
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

async function main() {
  const [upstreamPort, nginxPort, catalystPort] = [await freePort(), await freePort(), await freePort()];
  start(join(root, 'build/release/tests/bench/bench_upstream'), [String(upstreamPort)]);
  await until('the upstream', async () => (await post(`http://127.0.0.1:${upstreamPort}/mcp`, INITIALIZE)).ok);

  writeFileSync(join(temporary, 'nginx.conf'), `worker_processes 1; daemon off; pid ${temporary}/nginx.pid; error_log ${temporary}/error.log;
events { worker_connections 1024; }
http { access_log off; client_body_temp_path ${temporary}/body; proxy_temp_path ${temporary}/proxy; fastcgi_temp_path ${temporary}/f;
  uwsgi_temp_path ${temporary}/u; scgi_temp_path ${temporary}/s; keepalive_requests 1000000000;
  upstream mcp { server 127.0.0.1:${upstreamPort}; keepalive 64; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${nginxPort};
    location / { proxy_pass http://mcp; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }
`);
  const nginx = start('nginx', ['-c', join(temporary, 'nginx.conf'), '-e', join(temporary, 'error.log')]);

  // The quickstart's policy, with its "everything" server replaced by the fast one.
  writeFileSync(join(temporary, 'catalyst.yaml'), `listen: 127.0.0.1:${catalystPort}
threads: 1
policy: [${join(root, 'examples/quickstart/policy.cata')}]
servers:
  everything: {url: "http://127.0.0.1:${upstreamPort}/mcp"}
log: {level: warn}
`);
  const catalyst = start(join(root, 'build/release/catalyst'), ['run', '--config', join(temporary, 'catalyst.yaml')]);

  const targets = [
    { name: 'nginx', pid: nginx.pid, url: `http://127.0.0.1:${nginxPort}/mcp` },
    { name: 'catalyst', pid: catalyst.pid, url: `http://127.0.0.1:${catalystPort}/mcp/everything` },
  ];
  for (const target of targets) {
    await until(target.name, async () => (await post(target.url, INITIALIZE)).ok);
    target.session = await openSession(target.url);
    target.runs = [];
    load(target, 1);
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const target of targets) target.runs.push(load(target, SECONDS));
  }

  const of = (name, field) => targets.find((t) => t.name === name).runs.map((run) => run[field]);
  const rows = [['throughput/1KiB', 'rps', 'requests/s'], ['cpu_us_per_request/1KiB', 'cpu', 'us'], ['p50_ms/1KiB', 'p50', 'ms'], ['p99_ms/1KiB', 'p99', 'ms']]
    .map(([metric, field, unit]) => {
      const [ours, theirs] = [of('catalyst', field), of('nginx', field)];
      const ratio = median(ours.map((value, round) => value / theirs[round]));
      return { metric, value: +median(ours).toFixed(4), unit, reference: +median(theirs).toFixed(4), ratio: +ratio.toFixed(3) };
    });
  console.log(`tools/call with a 1 KiB message, ${CONNECTIONS} connections, median of ${ROUNDS} rounds of ${SECONDS} s; reference: nginx, one worker\n`);
  console.log('metric                     catalyst        nginx     ratio  unit');
  for (const row of rows) {
    console.log(`${row.metric.padEnd(24)} ${row.value.toFixed(2).padStart(10)} ${row.reference.toFixed(2).padStart(12)} ${row.ratio.toFixed(2).padStart(9)}  ${row.unit}`);
  }
  mkdirSync(join(root, 'build/bench'), { recursive: true });
  writeFileSync(join(root, 'build/bench/proxy.json'), JSON.stringify(rows, null, 2) + '\n');
}

process.on('SIGINT', () => { stop(); process.exit(130); });
await main();
stop();
