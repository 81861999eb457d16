// ./dev bench reload [RULES...]: from the moment before a policy file is saved to the first call that is decided by it, under a real
// `catalyst run`; once with one rule changed per save and once with every rule changed, each save when the native code of the one before is
// in force. Writes build/bench/reload.json; `reference` is the promise.
import { spawn, execFileSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const binary = process.env.CATALYST_BINARY ?? join(root, 'build/release/catalyst');
const SAVES = Number(process.env.SAVES ?? 30);
const PROMISE_MS = 50;  // up to 1,000 rules
const sizes = process.argv.slice(2).map(Number);
const temporary = mkdtempSync(join(tmpdir(), 'catalyst-bench-'));
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Starts the engine on `folder`; answers its process and the port it listens on. */
function start(folder) {
  writeFileSync(join(folder, 'catalyst.yaml'), 'listen: 127.0.0.1:0\npolicy: policy.cata\nservers: {}\n');
  const engine = spawn(binary, ['run', '--config', 'catalyst.yaml'], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  return new Promise((done, fail) => {
    let log = '';
    engine.stderr.on('data', (chunk) => {
      log += chunk;
      const port = log.match(/"url":"http:\/\/127\.0\.0\.1:(\d+)"|url=http:\/\/127\.0\.0\.1:(\d+)/);
      if (port) done({ engine, port: Number(port[1] ?? port[2]) });
    });
    engine.on('exit', (code) => fail(new Error(`catalyst ended with ${code}:\n${log}`)));
  });
}

const packNow = (port) => new Promise((done, fail) => {
  request({ host: '127.0.0.1', port, path: '/api/v1/pack', agent }, (answer) => {
    let text = '';
    answer.on('data', (chunk) => (text += chunk));
    answer.on('end', () => done(JSON.parse(text)));
  }).on('error', fail).end();
});

/** As editors save: over the file, or beside it and renamed. */
function save(path, text, how) {
  if (how === 'in place') {
    writeFileSync(path, text);
    return;
  }
  const file = openSync(`${path}~`, 'w');
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}~`, path);
}

/** The policy with its version, and one rule or every rule, different in each save. */
const edits = {
  'one rule': (text, n) => text.replace('\nrule r7\n', `\nrule r7_${n}\n`),
  'every rule': (text, n) => text.replace(/\nrule r(\d+)\n/g, `\nrule r$1_${n}\n`),
};

async function measure(rules) {
  const folder = join(temporary, String(rules));
  mkdirSync(folder);
  execFileSync(join(root, 'build/release/tests/bench/bench_reload_pack'), [folder, String(rules)]);
  const path = join(folder, 'policy.cata');
  const original = readFileSync(path, 'utf8');
  const { engine, port } = await start(folder);
  const rows = [];
  for (const [name, edit] of Object.entries(edits)) {
    const times = [];
    for (let n = 1; n <= SAVES; n++) {
      const version = `1.${name === 'one rule' ? 0 : 1}.${n}`;
      const text = edit(original, n).replace('pack bench.decide 1.0.0', `pack bench.decide ${version}`);
      while ((await packNow(port)).tier !== 'native') await sleep(20);
      const began = performance.now();
      save(path, text, n % 2 ? 'in place' : 'renamed');
      while ((await packNow(port)).version !== version) {
        await sleep(1);
        if (performance.now() - began > 20_000) throw new Error(`${rules} rules: save ${n} was never seen`);
      }
      times.push(performance.now() - began);
    }
    times.sort((a, b) => a - b);
    for (const [statistic, value] of [['median', times[times.length >> 1]], ['worst', times.at(-1)]]) {
      rows.push({ metric: `save_to_visible/${name}/${rules}/${statistic}`, value: +value.toFixed(2), unit: 'ms',
        ...(rules <= 1000 ? { reference: PROMISE_MS, ratio: +(value / PROMISE_MS).toFixed(3) } : {}) });
    }
  }
  engine.removeAllListeners('exit');
  engine.kill('SIGKILL');
  return rows;
}

try {
  const rows = [];
  for (const rules of sizes.length ? sizes : [10, 100, 1000, 5000]) rows.push(...await measure(rules));
  console.log(`${SAVES} saves each, half in place, half renamed\n`);
  for (const row of rows) console.log(`${row.metric.padEnd(44)} ${row.value.toFixed(1).padStart(8)} ms`);
  mkdirSync(join(root, 'build/bench'), { recursive: true });
  writeFileSync(join(root, 'build/bench/reload.json'), JSON.stringify(rows, null, 2) + '\n');
} finally {
  agent.destroy();
  rmSync(temporary, { recursive: true, force: true });
}
