// The rules of the workload in the languages of other engines. A missing argument, or one of another type, makes its
// condition false.

const quoted = (value) => JSON.stringify(value);
const serverOf = (prefix) => prefix.split('.')[0];

/** One policy; ids decide which of those that hold is the strongest. */
export function cedar({ effect, when }) {
  const conditions = [];
  let principal = 'principal';
  if (when.user) principal += ` == User::${quoted(when.user)}`;
  if (when.tenant) {
    if (when.user) conditions.push(`principal in Tenant::${quoted(when.tenant)}`);
    else principal += ` in Tenant::${quoted(when.tenant)}`;
  }
  if (when.rolesAny) conditions.push(`principal in [${when.rolesAny.map((role) => `Role::${quoted(role)}`).join(', ')}]`);
  const action = when.tool ? `action == Action::${quoted(when.tool)}` : 'action';
  const server = when.server ?? (when.toolPrefix && serverOf(when.toolPrefix));
  const resource = server ? `resource == Server::${quoted(server)}` : 'resource';
  if (when.toolPrefix) conditions.push(`context.tool like ${quoted(`${when.toolPrefix}*`)}`);
  if (when.riskGte !== undefined) conditions.push(`context.risk >= ${when.riskGte}`);
  if (when.riskLt !== undefined) conditions.push(`context.risk < ${when.riskLt}`);
  if (when.timeFrom !== undefined) conditions.push(`context.time >= ${when.timeFrom}`, `context.time < ${when.timeTo}`);
  for (const { key, op, value } of when.args ?? []) {
    const path = `context.args.${key}`;
    const [head, tail] = key.split('.');
    conditions.push(`context.args has ${head}`);
    if (tail) conditions.push(`context.args.${head} has ${tail}`);
    conditions.push(
      {
        eq: `${path} == ${quoted(value)}`,
        gt: `${path} > ${value}`,
        lt: `${path} < ${value}`,
        prefix: `${path} like ${quoted(`${value}*`)}`,
        has: `${path}.contains(${quoted(value)})`,
      }[op],
    );
  }
  const tail = conditions.length > 0 ? ` when { ${conditions.join(' && ')} }` : '';
  return `${effect === 'allow' ? 'permit' : 'forbid'} (${principal}, ${action}, ${resource})${tail};`;
}

/** One expression. */
export function cel({ when }) {
  const conditions = [];
  const equal = (path, value) => value !== undefined && conditions.push(`${path} == ${quoted(value)}`);
  equal('tool', when.tool);
  equal('principal.id', when.user);
  equal('principal.tenant', when.tenant);
  equal('server', when.server);
  if (when.toolPrefix) conditions.push(`tool.startsWith(${quoted(when.toolPrefix)})`);
  if (when.riskGte !== undefined) conditions.push(`risk >= ${when.riskGte}`);
  if (when.riskLt !== undefined) conditions.push(`risk < ${when.riskLt}`);
  if (when.timeFrom !== undefined) conditions.push(`time >= ${when.timeFrom}`, `time < ${when.timeTo}`);
  for (const { key, op, value } of when.args ?? []) {
    const path = `args.${key}`;
    conditions.push(`has(args.${key.split('.')[0]})`);
    conditions.push(
      {
        eq: `${path} == ${quoted(value)}`,
        gt: `${path} > ${value}`,
        lt: `${path} < ${value}`,
        prefix: `${path}.startsWith(${quoted(value)})`,
        has: `${quoted(value)} in ${path}`,
      }[op],
    );
  }
  if (when.rolesAny) conditions.push(`(${when.rolesAny.map((role) => `${quoted(role)} in principal.roles`).join(' || ')})`);
  return conditions.length > 0 ? conditions.join(' && ') : 'true';
}

/** A decision table of hit policy `first`, in JSON Decision Model. */
export function jdm(rules) {
  const columns = { tool: 'tool', server: 'server', user: 'principal.id', tenant: 'principal.tenant', risk: 'risk', time: 'time', rest: '' };
  const row = ({ when }, rule) => {
    const cells = { _id: `r${rule}`, tool: '', server: '', user: '', tenant: '', risk: '', time: '', rest: '', out: String(rule) };
    for (const name of ['tool', 'server', 'user', 'tenant']) if (when[name]) cells[name] = quoted(when[name]);
    const rest = [];
    if (when.toolPrefix) rest.push(`startsWith(tool, ${quoted(when.toolPrefix)})`);
    if (when.riskGte !== undefined) rest.push(`risk >= ${when.riskGte}`);
    if (when.riskLt !== undefined) rest.push(`risk < ${when.riskLt}`);
    if (when.timeFrom !== undefined) cells.time = `[${when.timeFrom}..${when.timeTo})`;
    for (const { key, op, value } of when.args ?? []) {
      const path = `args.${key}`;
      rest.push(
        {
          eq: `${path} == ${quoted(value)}`,
          gt: `(${path} != null and ${path} > ${value})`,
          lt: `(${path} != null and ${path} < ${value})`,
          prefix: `(${path} != null and startsWith(${path}, ${quoted(value)}))`,
          has: `(${path} != null and contains(${path}, ${quoted(value)}))`,
        }[op],
      );
    }
    if (when.rolesAny) rest.push(`some(principal.roles, # in [${when.rolesAny.map(quoted).join(', ')}])`);
    cells.rest = rest.join(' and ');
    return cells;
  };
  const at = (x) => ({ x, y: 0 });
  const table = {
    hitPolicy: 'first',
    inputs: Object.entries(columns).map(([id, field]) => ({ id, name: id, field })),
    outputs: [{ id: 'out', name: 'rule', field: 'rule' }],
    rules: rules.map(row),
  };
  return {
    contentType: 'application/vnd.gorules.decision',
    nodes: [
      { id: 'in', type: 'inputNode', name: 'Request', position: at(0) },
      { id: 'table', type: 'decisionTableNode', name: 'Rules', position: at(1), content: table },
      { id: 'end', type: 'outputNode', name: 'Response', position: at(2) },
    ],
    edges: [
      { id: 'e1', sourceId: 'in', targetId: 'table', type: 'edge' },
      { id: 'e2', sourceId: 'table', targetId: 'end', type: 'edge' },
    ],
  };
}

/** The conditions of one rule of json-rules-engine, with the operators of `rivals.mjs`. */
export function jsonRules({ when }) {
  const all = [];
  const need = (fact, operator, value) => value !== undefined && all.push({ fact, operator, value });
  need('tool', 'equal', when.tool);
  need('user', 'equal', when.user);
  need('tenant', 'equal', when.tenant);
  need('server', 'equal', when.server);
  need('tool', 'startsWith', when.toolPrefix);
  need('roles', 'sharesOne', when.rolesAny);
  need('risk', 'greaterThanInclusive', when.riskGte);
  need('risk', 'lessThan', when.riskLt);
  need('time', 'greaterThanInclusive', when.timeFrom);
  need('time', 'lessThan', when.timeTo);
  const operators = { eq: 'equal', gt: 'above', lt: 'below', prefix: 'startsWith', has: 'holds' };
  for (const { key, op, value } of when.args ?? []) all.push({ fact: 'args', path: `$.${key}`, operator: operators[op], value });
  return { all };
}

const kSlots = { 'target.ns': 'namespace' };
const slotOf = (key) => kSlots[key] ?? key;

/** Rules of CLIPS, the strongest with the highest salience: each sets a global to its number. */
export function clips(rules) {
  const singles = ['tool', 'server', 'user', 'tenant', 'time', 'risk', 'env', 'amount', 'count', 'path', 'branch', 'dryRun', 'namespace'];
  const slots = [...singles.map((name) => `(slot ${name})`), '(multislot roles)', '(multislot labels)'].join(' ');
  const constant = (value) => (typeof value === 'boolean' ? String(value).toUpperCase() : quoted(value));
  const lines = [`(deftemplate request ${slots})`, '(defglobal ?*fired* = -1)'];
  rules.forEach(({ when }, id) => {
    const tests = {}; // by slot: of its variable, unless it is the constant itself
    const add = (slot, test) => (tests[slot] ??= []).push(test);
    const v = (slot) => `?${slot}`;
    for (const name of ['tool', 'server', 'user', 'tenant']) if (when[name]) add(name, { constant: quoted(when[name]) });
    if (when.toolPrefix) {
      if (!when.server) add('server', { constant: quoted(serverOf(when.toolPrefix)) });
      add('tool', { test: `(eq 1 (str-index ${quoted(when.toolPrefix)} ?tool))` });
    }
    if (when.riskGte !== undefined) add('risk', { test: `(>= ?risk ${when.riskGte})` });
    if (when.riskLt !== undefined) add('risk', { test: `(< ?risk ${when.riskLt})` });
    if (when.timeFrom !== undefined) add('time', { test: `(>= ?time ${when.timeFrom}) (< ?time ${when.timeTo})` });
    for (const { key, op, value } of when.args ?? []) {
      const slot = slotOf(key);
      if (op === 'eq') add(slot, { constant: constant(value) });
      else if (op === 'gt') add(slot, { test: `(integerp ${v(slot)}) (> ${v(slot)} ${value})` });
      else if (op === 'lt') add(slot, { test: `(integerp ${v(slot)}) (< ${v(slot)} ${value})` });
      else if (op === 'prefix') add(slot, { test: `(stringp ${v(slot)}) (eq 1 (str-index ${quoted(value)} ${v(slot)}))` });
      else add(slot, { list: `(member$ ${quoted(value)} $?${slot})` });
    }
    if (when.rolesAny) add('roles', { list: `(or ${when.rolesAny.map((role) => `(member$ ${quoted(role)} $?roles)`).join(' ')} FALSE)` });
    const patterns = Object.entries(tests).map(([slot, all]) => {
      if (all.length === 1 && all[0].constant) return `(${slot} ${all[0].constant})`;
      const list = all.some((one) => one.list);
      const conditions = all.map((one) => one.list ?? one.test ?? `(eq ${v(slot)} ${one.constant})`);
      return `(${slot} ${list ? '$' : ''}${v(slot)}&:(and ${conditions.join(' ')} TRUE))`;
    });
    lines.push(`(defrule r${id} (declare (salience ${rules.length - id})) (request ${patterns.join(' ')}) => (bind ?*fired* ${id}) (halt))`);
  });
  return `${lines.join('\n')}\n`;
}

/** One line for clips.c. */
export function clipsRequest({ principal, tool, server, args, time, risk }, expected) {
  const { target, note, ...rest } = args;
  const slots = { user: principal.id, tenant: principal.tenant, roles: principal.roles, tool, server, time, risk, ...rest };
  if (target?.ns !== undefined) slots.namespace = target.ns;
  const field = ([name, value]) => {
    if (Array.isArray(value)) return `${name} l ${value.join(',')}`;
    if (typeof value === 'number') return `${name} n ${value}`;
    if (typeof value === 'boolean') return `${name} b ${String(value).toUpperCase()}`;
    return `${name} t ${value}`;
  };
  return [expected, ...Object.entries(slots).map(field)].join('\t');
}
