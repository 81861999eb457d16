// ./dev bench start: how long `catalyst --version` takes, how long `catalyst run` takes from exec until it answers, and until it is gone after SIGTERM; and until
// native code decides, compiled anew and kept from a start before. Medians; the references are the bars that we set ourselves, and for kept code what compiling it
// takes. Writes build/bench/start.json.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const catalyst = join(root, 'build/release/catalyst');
const ROUNDS = Number(process.env.ROUNDS ?? 15);
const COMPILED = 3; // starts that compile everything
const folder = mkdtempSync(join(tmpdir(), 'catalyst-bench-'));
writeFileSync(join(folder, 'servers.json'), '{"mcpServers": {}}');
const rule = (i) => `rule r${i}\n  on call *\n  when call.tool == "t${i}" and principal.id != "u${i % 7}"\n  allow\n`;
const pack = (rules) => `pack start 1.0.0\n\ndefault deny\n\n${Array.from({ length: rules }, (_, i) => rule(i)).join('\n')}`;

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

function version() {
  const began = performance.now();
  spawnSync(catalyst, ['--version']);
  return performance.now() - began;
}

const LISTENS = [['run', '--servers', 'servers.json', '--listen', '127.0.0.1:0', 'policy.cata'], /listening/];
const NATIVE = [['run', '--config', 'catalyst.yaml'], /native code in force/];

/** Milliseconds until the log says what it should, and from SIGTERM to the end. */
async function serve([args, awaited]) {
  const began = performance.now();
  const child = spawn(catalyst, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const ready = await new Promise((done, fail) => {
    let text = '';
    const read = (chunk) => {
      text += chunk;
      if (awaited.test(text)) done(performance.now() - began);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('exit', () => fail(new Error(`catalyst ended: ${text}`)));
  });
  const told = performance.now();
  child.kill('SIGTERM');
  await new Promise((done) => { child.removeAllListeners('exit'); child.on('exit', done); });
  return { ready, stopped: performance.now() - told };
}

const metrics = [];
const report = (metric, value, reference) => metrics.push({ metric, value: Number(value.toFixed(2)), unit: 'ms', reference, ratio: Number((value / reference).toFixed(2)) });
try {
  report('version', median(Array.from({ length: ROUNDS }, version)), 20);
  for (const rules of [10, 1000]) {
    writeFileSync(join(folder, 'policy.cata'), pack(rules));
    const runs = [];
    for (let i = 0; i < ROUNDS; ++i) runs.push(await serve(LISTENS));
    report(`ready/${rules}`, median(runs.map((run) => run.ready)), 150);
    report(`stopped_while_compiling/${rules}`, median(runs.map((run) => run.stopped)), 500);
  }
  writeFileSync(join(folder, 'catalyst.yaml'), 'listen: 127.0.0.1:0\npolicy: policy.cata\nnative: {cache: native}\nservers: {}\n');
  for (const rules of [1000, 10000]) {
    writeFileSync(join(folder, 'policy.cata'), pack(rules));
    const compiled = [];
    for (let i = 0; i < COMPILED; ++i) {
      rmSync(join(folder, 'native'), { recursive: true, force: true });
      compiled.push((await serve(NATIVE)).ready);
    }
    const kept = [];
    for (let i = 0; i < ROUNDS; ++i) kept.push((await serve(NATIVE)).ready);
    report(`native_compiled/${rules}`, median(compiled), median(compiled));
    report(`native_kept/${rules}`, median(kept), median(compiled));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
mkdirSync(join(root, 'build/bench'), { recursive: true });
writeFileSync(join(root, 'build/bench/start.json'), JSON.stringify(metrics, null, 2) + '\n');
for (const { metric, value, reference, ratio } of metrics) console.log(`${metric.padEnd(32)} ${value.toFixed(1).padStart(9)} ms ${reference.toFixed(0).padStart(6)} ms ${ratio.toFixed(2).padStart(6)}x`);
