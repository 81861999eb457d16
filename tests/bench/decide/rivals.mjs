// node rivals.mjs WORKLOAD.json [CLIPS]: decides the workload with rules engines that npm carries, and with the program CLIPS (clips.c), from
// records parsed before.
// Writes a line `NAME NANOSECONDS` for each that agreed on every request it was measured on, and says on standard error
// why another has no line. Nanoseconds are processor time of the process, the median of three slices.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import * as translate from './translate.mjs';

const kRequestsLeast = 20; // decided before anything is measured
const kCheckMs = 500;
const kSliceMs = 150;

const { rules, requests, expected } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const lowest = (ids) => ids.reduce((best, id) => (best < 0 || id < best ? id : best), -1);

function firstThatHolds(programs) {
  return (request) =>
    programs.findIndex((program) => {
      try {
        return program(request) === true;
      } catch {
        return false; // an argument of another type
      }
    });
}

// Each answers a function from a request to the rule that decides, or a promise of it; -1: none.
const rivals = {
  async cedar() {
    const cedar = await import('@cedar-policy/cedar-wasm/nodejs');
    const staticPolicies = Object.fromEntries(rules.map((rule, id) => [id, translate.cedar(rule)]));
    const parsed = cedar.preparsePolicySet('rules', { staticPolicies });
    if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed.errors));
    const calls = new Map();
    for (const request of requests) {
      const { id, tenant, roles } = request.principal;
      const principal = { type: 'User', id };
      const parents = [{ type: 'Tenant', id: tenant }, ...roles.map((role) => ({ type: 'Role', id: role }))];
      calls.set(request, {
        principal,
        action: { type: 'Action', id: request.tool },
        resource: { type: 'Server', id: request.server },
        context: { args: request.args, time: request.time, risk: request.risk, tool: request.tool },
        validateRequest: false,
        preparsedPolicySetId: 'rules',
        entities: [{ uid: principal, attrs: {}, parents }],
      });
    }
    return (request) => {
      const answer = cedar.statefulIsAuthorized(calls.get(request));
      if (answer.type !== 'success') throw new Error(JSON.stringify(answer.errors));
      return lowest(answer.response.diagnostics.reason.map(Number));
    };
  },

  async 'json-rules-engine'() {
    if (rules.length > 1000) return null; // a quarter of a second a decision
    const { Engine } = await import('json-rules-engine');
    const engine = new Engine([], { allowUndefinedFacts: true });
    engine.addOperator('startsWith', (text, prefix) => typeof text === 'string' && text.startsWith(prefix));
    engine.addOperator('sharesOne', (list, some) => Array.isArray(list) && some.some((item) => list.includes(item)));
    engine.addOperator('holds', (list, item) => Array.isArray(list) && list.includes(item));
    engine.addOperator('above', (number, limit) => typeof number === 'number' && number > limit);
    engine.addOperator('below', (number, limit) => typeof number === 'number' && number < limit);
    rules.forEach((rule, id) => {
      engine.addRule({
        conditions: translate.jsonRules(rule),
        event: { type: rule.effect, params: { rule: id } },
        priority: rules.length - id,
      });
    });
    engine.on('success', () => engine.stop());
    return async ({ principal, ...rest }) => {
      const facts = { ...rest, user: principal.id, tenant: principal.tenant, roles: principal.roles };
      const { events } = await engine.run(facts);
      return lowest(events.map((event) => event.params.rule));
    };
  },

  async zen() {
    const { ZenEngine, ZenDecisionContent } = await import('@gorules/zen-engine');
    const text = Buffer.from(JSON.stringify(translate.jdm(rules)));
    const decision = new ZenEngine().createDecision(new ZenDecisionContent(text));
    return async (request) => {
      const { result } = await decision.evaluate(request);
      return result?.rule === undefined || result.rule === null ? -1 : Number(result.rule);
    };
  },

  async 'cel-js'() {
    const { Environment } = await import('@marcbachmann/cel-js');
    const environment = new Environment({ unlistedVariablesAreDyn: true });
    return firstThatHolds(rules.map((rule) => environment.parse(translate.cel(rule))));
  },

  async 'bufbuild-cel'() {
    const { celEnv, parse, plan } = await import('@bufbuild/cel');
    const environment = celEnv();
    return firstThatHolds(rules.map((rule) => plan(environment, parse(translate.cel(rule)))));
  },
};

/** How many requests, from the first, agreed within the time there is. */
async function check(decide) {
  const end = performance.now() + kCheckMs;
  for (let i = 0; i < requests.length; ++i) {
    if (i >= kRequestsLeast && performance.now() > end) return i;
    const rule = await decide(requests[i]);
    if (rule !== expected[i]) throw new Error(`says rule ${rule} where ${expected[i]} decides: ${JSON.stringify(requests[i])}`);
  }
  return requests.length;
}

async function slice(decide, count) {
  const begin = performance.now();
  const { user, system } = process.cpuUsage();
  let decisions = 0;
  while (performance.now() - begin < kSliceMs) {
    const answer = decide(requests[decisions++ % count]);
    if (answer instanceof Promise) await answer;
  }
  const used = process.cpuUsage();
  return ((used.user + used.system - user - system) * 1000) / decisions;
}

/** In a program of its own; it checks its answers and measures itself. */
function clips(program, workload) {
  const files = [workload.replace(/json$/, 'clp'), workload.replace(/json$/, 'tsv')];
  writeFileSync(files[0], translate.clips(rules));
  writeFileSync(files[1], requests.map((request, i) => `${translate.clipsRequest(request, expected[i])}\n`).join(''));
  return execFileSync(program, files, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

if (process.argv[3] !== undefined) {
  try {
    console.log(`clips ${clips(process.argv[3], process.argv[2])}`);
  } catch (error) {
    console.error(`rival/clips/${rules.length} has no figure: ${error.message}`);
  }
}
for (const [name, prepare] of Object.entries(rivals)) {
  try {
    const decide = await prepare();
    if (decide === null) continue;
    const count = await check(decide);
    const slices = [await slice(decide, count), await slice(decide, count), await slice(decide, count)];
    console.log(`${name} ${slices.sort((a, b) => a - b)[1].toFixed(1)}`);
  } catch (error) {
    console.error(`rival/${name}/${rules.length} has no figure: ${error.message}`);
  }
}
process.exit(0);
