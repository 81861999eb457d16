// Short rounds of load that alternate between targets, so that all of them see the same machine, and what is told of them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bench, here, root } from './lab.mjs';
import { cores, cpuSeconds, loadAverage, model, watchOthers } from './machine.mjs';

export const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** One round of wrk against `target`. `shape`: {tool, bytes | args, era, connections, seconds, progress}. */
export function load(target, shape) {
  const others = watchOthers();
  const before = cpuSeconds(target.process.pid);
  const out = execFileSync('wrk', ['-t1', `-c${shape.connections ?? 32}`, `-d${shape.seconds ?? 1}s`, '--timeout', '10s', '-s', join(here, 'calls.lua'), target.url],
    { env: { ...process.env, SESSION: target.session ?? '', TOKEN: target.token ?? '', TOOL: target.tool ?? shape.tool ?? 'echo', ERA: shape.era ?? '2025',
      BYTES: String(shape.bytes ?? 1024), ...(shape.args ? { ARGS: shape.args } : {}), ...(shape.progress ? { PROGRESS: '1' } : {}) }, encoding: 'utf8' });
  const [, rps, p50, p99, failed, requests] = out.match(/RESULT (\S+) (\S+) (\S+) (\d+) (\d+)/);
  if (Number(failed) > 0 || Number(requests) === 0) throw new Error(`${target.name}: ${failed} of ${requests} requests failed`);
  target.calls = (target.calls ?? 0) + Number(requests);
  return { rps: +rps, p50: +p50, p99: +p99, cpu: (cpuSeconds(target.process.pid) - before) / +requests * 1e6, others: others(), load: loadAverage() };
}

/** `rounds` rounds of all targets, there and back again so that a drift of the machine cancels out. Answers a map from target to its rounds. */
export function alternate(targets, shape, rounds) {
  const runs = new Map(targets.map((target) => [target, []]));
  for (const target of targets) load(target, { ...shape, seconds: 1 });
  for (let round = 0; round < rounds; round++) {
    for (const target of round % 2 ? [...targets].reverse() : targets) runs.get(target).push(load(target, shape));
  }
  return runs;
}

const of = (runs, field) => runs.map((run) => run[field]);

/** How busy the machine was with other work, while these runs were made. */
export const around = (...runs) => ({ others_cores: +median(of(runs.flat(), 'others')).toFixed(2), load: +median(of(runs.flat(), 'load')).toFixed(2) });

export const FIELDS = [['throughput', 'rps', 'requests/s'], ['cpu_us_per_request', 'cpu', 'us'], ['p50_ms', 'p50', 'ms'], ['p99_ms', 'p99', 'ms']];

/** Rows of `ours` beside `theirs`: medians, and the median of the ratios of neighbouring rounds. `name` makes the metric of a field's name. */
export function compare(name, ours, theirs, fields = FIELDS) {
  return fields.map(([metric, field, unit]) => ({
    metric: name(metric), value: +median(of(ours, field)).toFixed(4), unit, reference: +median(of(theirs, field)).toFixed(4),
    ratio: +median(ours.map((run, round) => run[field] / theirs[round][field])).toFixed(3), ...around(ours, theirs),
  }));
}

/** Rows of what `ours` and `theirs` add to the latency of `direct`, in microseconds: the median over neighbouring rounds, or, of the p50, the difference of
 *  the best rounds of each, which is what is left of a latency without load when others keep the machine busy. */
export function added(name, ours, theirs, direct, { best = false } = {}) {
  return [['p50', 'added_p50_us'], ...(best ? [] : [['p99', 'added_p99_us']])].map(([field, metric]) => {
    const adds = (runs) => (best ? Math.min(...of(runs, field)) - Math.min(...of(direct, field))
      : median(runs.map((run, round) => run[field] - direct[round][field]))) * 1000;
    const [value, reference] = [adds(ours), adds(theirs)];
    return { metric: name(metric), value: +value.toFixed(1), unit: 'us', reference: +reference.toFixed(1), ratio: +(value / reference).toFixed(3), ...around(ours, theirs) };
  });
}

/** Prints the rows as a table and writes build/bench/NAME.json. */
export function report(title, rows, reference = 'reference') {
  console.log(`${title}\n${cores} cores, ${model}; others: cores that other work kept busy meanwhile\n`);
  const width = Math.max(...rows.map((row) => row.metric.length)) + 2;
  const cell = (value, size) => (value === undefined ? '' : typeof value === 'number' ? value.toFixed(2) : value).padStart(size);
  console.log(`${'metric'.padEnd(width)}${cell('value', 12)}${cell(reference, 14)}${cell('ratio', 9)}${cell('others', 8)}  unit`);
  for (const row of rows) {
    console.log(`${row.metric.padEnd(width)}${cell(row.value, 12)}${cell(row.reference, 14)}${cell(row.ratio, 9)}${cell(row.others_cores, 8)}  ${row.unit}${row.note ? `  ${row.note}` : ''}`);
  }
  mkdirSync(join(root, 'build/bench'), { recursive: true });
  writeFileSync(join(root, `build/bench/${bench}.json`), JSON.stringify(rows, null, 2) + '\n');
}
