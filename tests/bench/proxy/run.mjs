// ./dev bench proxy: tools/call with a 1 KiB message through Catalyst, nginx and HAProxy (plain reverse proxies) to the same upstream, and to the
// upstream directly. Catalyst twice: with the quickstart's policy, and in earnest with 100 rules, an API key, metrics and audit (and
// again without the audit). Writes build/bench/proxy.json.
import { run } from '../support/lab.mjs';
import { added, alternate, compare, report } from '../support/rounds.mjs';
import { haproxy, inEarnest, nginx, proveDecided, quickstart, ready, upstream } from '../support/targets.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 15);
const SECONDS = Number(process.env.SECONDS ?? 1);
const CONNECTIONS = Number(process.env.CONNECTIONS ?? 32);

await run(async () => {
  const direct = await upstream();
  const [web, plain, small, full, silent] = [await nginx(direct), await haproxy(direct), await quickstart(direct), await inEarnest(direct),
    await inEarnest(direct, { audit: false })];
  for (const target of [web, plain, small, full, silent]) await ready(target);

  const runs = alternate([direct, small, web, full, silent, plain], { seconds: SECONDS, connections: CONNECTIONS }, ROUNDS);
  const single = alternate([direct, web, full], { seconds: 1, connections: 1 }, Math.ceil(ROUNDS / 2));
  await proveDecided(full, full.calls);

  const of = (target) => runs.get(target);
  report(`tools/call with a 1 KiB message, ${CONNECTIONS} connections, median of ${ROUNDS} rounds of ${SECONDS} s; reference: nginx, one worker, unless named`, [
    ...compare((metric) => `${metric}/1KiB`, of(small), of(web)),
    ...compare((metric) => `${metric}/1KiB/100_rules`, of(full), of(web)),
    ...compare((metric) => `${metric}/1KiB/100_rules_no_audit`, of(silent), of(web)),
    ...compare((metric) => `${metric}/1KiB/100_rules/haproxy`, of(full), of(plain)),
    ...compare((metric) => `${metric}/1KiB/100_rules/direct`, of(full), of(direct), [['throughput', 'rps', 'requests/s']]),
    ...added((metric) => `${metric}/1KiB/100_rules`, of(full), of(web), of(direct)),
    ...added((metric) => `${metric}/1KiB/100_rules/1_connection`, single.get(full), single.get(web), single.get(direct), { best: true }),
  ], 'nginx');
});
