// ./dev bench soak [MINUTES]: full load for MINUTES (2), small and large answers and streams in turn, and the engine's memory on the way; Catalyst with 100
// rules, an API key, metrics and audit. Writes build/bench/soak.json.
import { run, sleep } from '../support/lab.mjs';
import { loadAverage, memory } from '../support/machine.mjs';
import { load, report } from '../support/rounds.mjs';
import { inEarnest, ready, upstream } from '../support/targets.mjs';

const MINUTES = Number(process.argv[2] ?? 2);
const SAMPLES = 8;
const SHAPES = [{}, { tool: 'blob', args: '{"bytes":65536}' }, { tool: 'echo_stream' }, { tool: 'steps', args: '{"count":4}', progress: true }];

await run(async () => {
  const target = await ready(await inEarnest(await upstream()));
  const now = () => memory(target.process.pid).resident / 1048576;
  const rows = [];
  const row = (metric, value, more = {}) => rows.push({ metric, value: +value.toFixed(2), unit: 'MiB', ...more, load: loadAverage() });
  row('mib/before', now());
  const began = performance.now();
  let early = 0;
  for (let sample = 1, turn = 0; sample <= SAMPLES; sample++) {
    while (performance.now() - began < sample / SAMPLES * MINUTES * 60000) load(target, { ...SHAPES[turn++ % SHAPES.length], seconds: 2 });
    await sleep(200);
    row(`mib/after_${(sample / SAMPLES * MINUTES).toFixed(2)}_min`, now());
    if (sample === SAMPLES / 4) early = now();
  }
  row('mib/growth_after_the_first_quarter', now() - early, { reference: +early.toFixed(2), ratio: +(now() / early).toFixed(3) });
  rows.push({ metric: 'calls', value: target.calls, unit: '' });
  report(`${MINUTES} minutes of full load over 32 connections`, rows, 'at a quarter');
});
