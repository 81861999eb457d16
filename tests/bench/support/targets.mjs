// What a client can be pointed at: the upstream itself, plain reverse proxies, Catalyst.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalystBinary, freePort, root, start, temporary, until, upstreamBinary } from './lab.mjs';
import { rules, schema } from './policy.mjs';

export const TOKEN = 'cat_a-key-of-the-benchmark-with-enough-bits';
const INITIALIZE = { jsonrpc: '2.0', id: 0, method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } } };
const META = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {} };

export const headersOf = (target, era, extra = {}) => ({
  'content-type': 'application/json', accept: 'application/json, text/event-stream',
  ...(target.token ? { authorization: `Bearer ${target.token}` } : {}),
  ...(era === '2026' ? { 'mcp-protocol-version': '2026-07-28' } : {}), ...extra,
});

async function post(target, body, era, extra) {
  return fetch(target.url, { method: 'POST', headers: headersOf(target, era, extra), body: JSON.stringify(body), signal: AbortSignal.timeout(10000) });
}

/** Waits until `target` answers a call of echo as a client of `era` would make it; opens the session where there are some. */
export async function ready(target, era = '2025') {
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: target.tool ?? 'echo', arguments: { message: 'hello' } } };
  await until(target.name, async () => {
    let extra = { 'mcp-method': 'tools/call', 'mcp-name': message.params.name };
    if (era === '2026') {
      message.params._meta = META;
    } else {
      const answer = await post(target, INITIALIZE, era);
      await answer.text();
      if (!answer.ok) throw new Error(`initialize answers ${answer.status}`);
      target.session = answer.headers.get('mcp-session-id') ?? '';
      extra = { 'mcp-protocol-version': '2025-11-25', ...(target.session ? { 'mcp-session-id': target.session } : {}) };
      await (await post(target, { jsonrpc: '2.0', method: 'notifications/initialized' }, era, extra)).text();
    }
    const text = await (await post(target, message, era, extra)).text();
    if (!text.includes('hello') || text.includes('"error"')) throw new Error(`a call answers ${text.slice(0, 300)}`);
    return true;
  }, { child: target.process, ms: target.patience ?? 15000 });
  if (target.origin) await native(target);
  return target;
}

/** Waits until native code is in force: compiling it is not what a request costs. */
const native = (target) => until(`native code of ${target.name}`, async () => {
  const answer = await fetch(`${target.origin}/api/v1/pack`, { headers: target.token ? { authorization: `Bearer ${target.token}` } : {} });
  if (!answer.ok) throw new Error(`/api/v1/pack answers ${answer.status}`);
  return (await answer.json()).tier === 'native';
}, { child: target.process, ms: 90000 });

export async function upstream(speaks = 'legacy') {
  const port = await freePort();
  const target = { name: 'direct', url: `http://127.0.0.1:${port}/mcp`, port, process: start(upstreamBinary, [String(port), speaks]) };
  return ready(target, speaks === 'modern' ? '2026' : '2025');
}

let configurations = 0;
function folder() {
  const path = join(temporary, String(++configurations));
  mkdirSync(path);
  return path;
}

/** nginx with one worker, as a plain reverse proxy. */
export async function nginx(up, connections = 1024) {
  const [port, path] = [await freePort(), folder()];
  writeFileSync(join(path, 'nginx.conf'), `worker_processes 1; daemon off; pid ${path}/nginx.pid; error_log ${path}/error.log;
events { worker_connections ${connections}; }
http { access_log off; client_body_temp_path ${path}/body; proxy_temp_path ${path}/proxy; fastcgi_temp_path ${path}/f;
  uwsgi_temp_path ${path}/u; scgi_temp_path ${path}/s; keepalive_requests 1000000000; keepalive_timeout 600s;
  upstream mcp { server 127.0.0.1:${up.port}; keepalive 64; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${port} backlog=4096;
    location / { proxy_pass http://mcp; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }
`);
  return { name: 'nginx', url: `http://127.0.0.1:${port}/mcp`, process: start('nginx', ['-c', join(path, 'nginx.conf'), '-e', join(path, 'error.log')]) };
}

/** HAProxy with one thread, as a plain reverse proxy. */
export async function haproxy(up, connections = 1024) {
  const [port, path] = [await freePort(), folder()];
  writeFileSync(join(path, 'haproxy.cfg'), `global
  nbthread 1
  maxconn ${connections}
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  option http-keep-alive
  http-reuse always
frontend clients
  bind 127.0.0.1:${port} backlog 4096
  default_backend mcp
backend mcp
  server upstream 127.0.0.1:${up.port}
`);
  return { name: 'haproxy', url: `http://127.0.0.1:${port}/mcp`, process: start('haproxy', ['-db', '-f', join(path, 'haproxy.cfg')]) };
}

function catalyst(name, path, port, settings, more = {}) {
  writeFileSync(join(path, 'catalyst.yaml'), `listen: 127.0.0.1:${port}\n${settings}log: {level: warn}\n`);
  return { name, url: `http://127.0.0.1:${port}/mcp/everything`, origin: `http://127.0.0.1:${port}`, folder: path,
    process: start(catalystBinary, ['run', '--config', join(path, 'catalyst.yaml')]), ...more };
}

const server = (up) => `servers:\n  everything: ${up.port ? `{url: "http://127.0.0.1:${up.port}/mcp"}` : `{command: ${upstreamBinary}, args: [stdio]}`}\n`;

/** Catalyst with the quickstart's policy, its "everything" server replaced by `up`. */
export async function quickstart(up) {
  return catalyst('catalyst', folder(), await freePort(),
    `threads: 1\npolicy: [${join(root, 'examples/quickstart/policy.cata')}]\n${server(up)}`);
}

/** Catalyst as it is used in earnest: 100 rules, an API key, metrics and (unless `audit` is false) an audit record for each call. */
export async function inEarnest(up, { name = 'catalyst 100', limits = '', audit = true } = {}) {
  const path = folder();
  mkdirSync(join(path, 'schemas'));
  writeFileSync(join(path, 'schemas/everything.json'), JSON.stringify(schema));
  writeFileSync(join(path, 'policy.cata'), rules(audit));
  return catalyst(name, path, await freePort(), `threads: 1
policy: [policy.cata]
${server(up)}auth:
  anonymous: {allow: false}
  tokens: [{sha256: ${createHash('sha256').update(TOKEN).digest('hex')}, id: agent@acme.example, tenant: acme, roles: [agent, catalyst.viewer]}]
${audit ? 'audit: {file: audit.jsonl}\n' : ''}${limits ? `limits: {${limits}}\n` : ''}`, { token: TOKEN });
}

/** Throws unless `target` decided and recorded at least `calls` calls: what was measured must have been done. */
export async function proveDecided(target, calls) {
  const metrics = await (await fetch(`${target.origin}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })).text();
  const decided = metrics.match(/^catalyst_decisions_total\{[^}]*rule="agents_may"[^}]*\} (\S+)/m);
  if (!decided || Number(decided[1]) < calls) throw new Error(`${target.name} decided ${decided?.[1] ?? 'nothing'} of ${calls} calls`);
  const recorded = metrics.match(/^catalyst_audit_records_total(?:\{[^}]*\})? (\S+)/m);
  if (!recorded || Number(recorded[1]) < calls) throw new Error(`${target.name} recorded ${recorded?.[1] ?? 'nothing'} of ${calls} calls`);
  if (!readFileSync(join(target.folder, 'audit.jsonl'), 'utf8').includes('"tool":"echo"')) throw new Error('the audit file has no call');
}
