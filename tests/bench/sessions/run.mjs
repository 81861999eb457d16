// ./dev bench sessions [dropped|left]: opens and drops SESSIONS sessions of 2025-11-25 (100,000; a million: SESSIONS=1000000) before a server that has sessions itself, and shows
// the engine's memory before, on the way and after; once with clients that end their sessions (DELETE), once with clients that just go away, as most do.
// Writes build/bench/sessions.json.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { end, here, run, sleep } from '../support/lab.mjs';
import { loadAverage, memory } from '../support/machine.mjs';
import { report } from '../support/rounds.mjs';
import { inEarnest, ready, upstream } from '../support/targets.mjs';

const SESSIONS = Number(process.env.SESSIONS ?? 100000);
const STEPS = 10;

/** `count` sessions, each with a call. */
function open(target, count, leave) {
  return new Promise((done, fail) => {
    const wrk = spawn('wrk', ['-t1', '-c32', '-d600s', '--timeout', '10s', '-s', join(here, 'sessions.lua'), target.url],
      { env: { ...process.env, TOKEN: target.token, COUNT: String(count), LEAVE: leave ? '1' : '0' }, stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    wrk.stdout.on('data', (chunk) => (out += chunk));
    wrk.on('exit', () => {
      const [, opened, failed] = out.match(/RESULT (\d+) (\d+)/) ?? [];
      if (Number(opened) >= count && Number(failed) === 0) done(Number(opened));
      else fail(new Error(`${opened} of ${count} sessions, ${failed} requests failed`));
    });
  });
}

await run(async () => {
  const rows = [];
  for (const [name, leave] of [['dropped', false], ['left', true]].filter(([one]) => process.argv.length < 3 || process.argv.includes(one))) {
    const target = await ready(await inEarnest(await upstream('sessions'), { limits: 'sessions: 10000' }));
    const now = () => memory(target.process.pid).resident / 1048576;
    const row = (metric, value, unit = 'MiB', more = {}) => rows.push({ metric: `${metric}/${name}`, value: +value.toFixed(2), unit, ...more, load: loadAverage() });
    row('mib/before', now());
    const began = performance.now();
    let opened = 0;
    let early = 0;
    for (let step = 1; step <= STEPS; step++) {
      opened += await open(target, Math.ceil(SESSIONS / STEPS), leave);
      if (step === 2) early = now();
      if (step === 1 || step === 2 || step === STEPS / 2 || step === STEPS) row(`mib/after_${opened}`, now());
    }
    row('sessions_per_second', opened / (performance.now() - began) * 1000, '1/s');
    await sleep(1000);
    // What the first fifth leaves behind is pools and caches at their size; what follows must add nothing.
    row('mib/growth_after_the_first_fifth', now() - early, 'MiB', { reference: +early.toFixed(2), ratio: +(now() / early).toFixed(3) });
    await end(target.process);
  }
  report(`${SESSIONS} sessions: opened, one call, dropped (DELETE) or left; cap of sessions 10,000`, rows, 'at a fifth');
});
