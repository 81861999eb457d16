// ./dev bench answers [SHAPE...]: what `./dev bench proxy` measures for 1 KiB, for large results, event streams, both generations of the protocol and the bridge
// between them; Catalyst with 100 rules, an API key, metrics and audit. nginx translates nothing: beside the bridge it stands before a server of the
// client's own generation. Writes build/bench/answers.json.
import { run } from '../support/lab.mjs';
import { alternate, compare, report } from '../support/rounds.mjs';
import { inEarnest, nginx, ready, upstream } from '../support/targets.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 7);
const blob = (kib) => ({ tool: 'blob', args: `{"bytes":${kib * 1024}}` });

await run(async () => {
  const servers = { 2025: await upstream('legacy'), 2026: await upstream('modern') };
  const proxies = {};
  const engines = {};
  for (const era of ['2025', '2026']) proxies[era] = await ready(await nginx(servers[era]), era);
  for (const era of ['2025', '2026']) engines[era] = await inEarnest(servers[era]);

  const rows = [];
  const asked = process.argv.slice(2);
  const measure = async (name, shape, from = '2025', to = from) => {
    if (asked.length > 0 && !asked.includes(name)) return;
    const ours = await ready({ ...engines[to], session: '' }, from);
    const runs = alternate([proxies[from], ours], { ...shape, era: from }, ROUNDS);
    rows.push(...compare((metric) => `${metric}/${name}`, runs.get(ours), runs.get(proxies[from])));
  };
  await measure('64KiB', blob(64));
  await measure('1MiB', { ...blob(1024), connections: 8 });
  await measure('sse/1KiB', { tool: 'echo_stream' });
  await measure('sse/16_progress', { tool: 'steps', args: '{"count":16}', progress: true });
  await measure('2026/1KiB', {}, '2026');
  await measure('2026/64KiB', blob(64), '2026');
  await measure('2025_client_2026_server/1KiB', {}, '2025', '2026');
  await measure('2026_client_2025_server/1KiB', {}, '2026', '2025');
  report(`tools/call, 32 connections (1 MiB: 8), median of ${ROUNDS} rounds of 1 s; reference: nginx, one worker`, rows, 'nginx');
});
