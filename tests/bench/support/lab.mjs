// Processes, folders and ports of one benchmark; all of it is gone when the benchmark ends.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, '../../..');
export const catalystBinary = process.env.CATALYST_BINARY ?? join(root, 'build/release/catalyst');
export const upstreamBinary = process.env.UPSTREAM_BINARY ?? join(root, 'build/release/tests/bench/bench_upstream');
export const bench = basename(dirname(process.argv[1]));
export const temporary = mkdtempSync(join(tmpdir(), 'catalyst-bench-'));
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const children = new Set();

export const freePort = () => new Promise((done, problem) => {
  const server = createServer();
  server.on('error', problem);
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});

export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', process.env.VERBOSE ? 'inherit' : 'ignore'], ...options });
  child.problem = null;
  child.on('error', (problem) => { child.problem = problem; });
  children.add(child);
  child.on('exit', () => children.delete(child));
  return child;
}

export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null || child.problem) return;
  const gone = new Promise((done) => child.on('exit', done));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 3000);
  await gone;
  clearTimeout(late);
}

/** Waits until `check` answers something true; its failures count as "not yet". Throws after `ms`. */
export async function until(what, check, { ms = 15000, child } = {}) {
  const deadline = Date.now() + ms;
  let last = '';
  for (;;) {
    try {
      const value = await check();
      if (value) return value;
    } catch (problem) { last = `: ${problem.message}`; }
    if (child?.problem) throw new Error(`${what}: ${child.problem.message}`);
    if (child && child.exitCode !== null) throw new Error(`${what} ended with ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error(`${what} did not come up in ${ms / 1000} s${last}`);
    await sleep(25);
  }
}

function clean() {
  for (const child of children) child.kill('SIGTERM');
  rmSync(temporary, { recursive: true, force: true });
}

/** Runs a benchmark; however it ends, nothing of it stays. */
export async function run(main) {
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]]) process.on(signal, () => { clean(); process.exit(code); });
  try {
    await main();
  } catch (problem) {
    console.error(`bench ${bench}: ${process.env.VERBOSE ? problem.stack : problem.message}`);
    process.exitCode = 1;
  } finally {
    clean();
  }
}
