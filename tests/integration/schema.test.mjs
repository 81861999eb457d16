// runtime/schema against the official draft-04 suite (npm carries no newer one) and against ajv on random schemas of
// draft-07 and 2020-12.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { spawnSync } from "node:child_process";
import { binary } from "./harness.mjs";

const require = createRequire(import.meta.url);
const judge = join(dirname(binary), "tests/unit/schema/schema_judge");

function judged(cases) {
  const input = cases.map((one) => JSON.stringify({ schema: one.schema, data: one.data })).join("\n") + "\n";
  const out = spawnSync(judge, { input, encoding: "utf8", maxBuffer: 1 << 28 });
  assert.equal(out.status, 0, out.stderr);
  const lines = out.stdout.trimEnd().split("\n");
  assert.equal(lines.length, cases.length);
  return lines;
}

test("the official draft-04 suite", () => {
  const root = join(dirname(require.resolve("json-schema-test-suite/package.json")), "tests", "draft4");
  // Not there by design: references that leave the document, metaschemas included.
  const remote = (schema) => /"\$ref":"http/.test(JSON.stringify(schema));
  const cases = [];
  for (const file of readdirSync(root).filter((name) => name.endsWith(".json") && name !== "refRemote.json")) {
    for (const group of JSON.parse(readFileSync(join(root, file), "utf8"))) {
      if (remote(group.schema)) continue;
      for (const one of group.tests) {
        cases.push({ schema: { $schema: "http://json-schema.org/draft-04/schema#", ...group.schema }, data: one.data, valid: one.valid, what: `${file}: ${group.description}: ${one.description}` });
      }
    }
  }
  // Since draft-06 a number without a fraction is an integer however it is written.
  const changed = new Set(["type.json: integer type matches integers: a float is not an integer even without fractional part"]);
  const wrong = judged(cases).filter((line, i) => !changed.has(cases[i].what) && line.startsWith("valid") !== cases[i].valid).length;
  const first = judged(cases).findIndex((line, i) => !changed.has(cases[i].what) && line.startsWith("valid") !== cases[i].valid);
  assert.equal(wrong, 0, first >= 0 ? `${cases[first].what}: ${judged([cases[first]])}` : "");
  assert.ok(cases.length > 250, `${cases.length} cases`);
});

// Without `contains` (of an empty list) and `unevaluated...` (below anyOf), where ajv has ways of its own; tests/golden/schema
// has them. Random schemas and instances, small enough to meet often. The seed is printed when something differs.
function generator(seed) {
  let state = seed;
  const next = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 24;
  const pick = (list) => list[Math.floor(next() * list.length)];
  const chance = (p) => next() < p;
  const keys = ["a", "b", "c", "aa"];
  const scalar = () => pick([null, true, false, 0, 1, 2, -1, 1.5, 2.0, "", "a", "b", "ab", "ä"]);
  const value = (depth) =>
    depth === 0 || chance(0.5)
      ? scalar()
      : chance(0.5)
        ? Array.from({ length: Math.floor(next() * 4) }, () => value(depth - 1))
        : Object.fromEntries(keys.filter(() => chance(0.4)).map((key) => [key, value(depth - 1)]));
  const many = (depth, draft) => Array.from({ length: 1 + Math.floor(next() * 2) }, () => schema(depth - 1, draft));
  const map = (depth, draft) => Object.fromEntries(keys.filter(() => chance(0.4)).map((key) => [key, schema(depth - 1, draft)]));
  const keywords = {
    type: () => (chance(0.7) ? pick(["null", "boolean", "object", "array", "number", "string", "integer"]) : ["string", pick(["object", "array", "number"])]),
    enum: () => [value(1), value(1), value(0)],
    const: () => value(1),
    minimum: () => pick([0, 1, 1.5]),
    maximum: () => pick([0, 1, 2]),
    exclusiveMinimum: () => pick([0, 1]),
    exclusiveMaximum: () => pick([1, 2]),
    multipleOf: () => pick([1, 2, 0.5]),
    minLength: () => pick([1, 2]),
    maxLength: () => pick([0, 1]),
    pattern: () => pick(["^a", "b$", "^.$", "[^a]"]),
    minItems: () => pick([1, 2]),
    maxItems: () => pick([0, 1, 2]),
    uniqueItems: () => true,
    minProperties: () => 1,
    maxProperties: () => pick([1, 2]),
    required: () => [pick(keys)],
    allOf: (d, v) => many(d, v),
    anyOf: (d, v) => many(d, v),
    oneOf: (d, v) => many(d, v),
    not: (d, v) => schema(d - 1, v),
    if: (d, v) => schema(d - 1, v),
    then: (d, v) => schema(d - 1, v),
    else: (d, v) => schema(d - 1, v),
    properties: map,
    patternProperties: (d, v) => ({ [pick(["^a", "b"])]: schema(d - 1, v) }),
    additionalProperties: (d, v) => schema(d - 1, v),
    propertyNames: () => ({ maxLength: 1 }),
    items: (d, v) => (v === 7 && chance(0.4) ? many(d, v) : schema(d - 1, v)),
    $ref: () => "#/$defs/x",
  };
  const draft7 = { ...keywords, additionalItems: (d, v) => schema(d - 1, v), dependencies: (d, v) => ({ [pick(keys)]: chance(0.5) ? [pick(keys)] : schema(d - 1, v) }) };
  const draft2020 = {
    ...keywords,
    prefixItems: (d, v) => many(d, v),
    dependentRequired: () => ({ [pick(keys)]: [pick(keys)] }),
    dependentSchemas: (d, v) => ({ [pick(keys)]: schema(d - 1, v) }),
  };
  const schema = (depth, draft) => {
    if (chance(0.1)) return chance(0.8);
    const out = {};
    const known = draft === 7 ? draft7 : draft2020;
    const plain = Object.keys(known).filter((key) => depth > 0 || known[key].length === 0);
    for (let i = 1 + Math.floor(next() * 3); i > 0; i--) {
      const key = pick(plain);
      out[key] = known[key](depth, draft);
    }
    // Draft-07 ignores what stands beside $ref; ajv does not quite, so there it stands alone.
    return draft === 7 && out.$ref ? { $ref: out.$ref } : out;
  };
  return { value: () => value(3), schema, next };
}

for (const draft of [7, 2020]) {
  test(`ajv agrees on random schemas of draft ${draft}`, { timeout: 120000 }, async () => {
    const Ajv = (await import(draft === 7 ? "ajv" : "ajv/dist/2020.js")).default;
    const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
    const random = generator(seed);
    const cases = [];
    for (let i = 0; i < 4000; i++) {
      const inner = random.schema(1, draft);
      const schema = { ...Object(random.schema(3, draft)), $defs: { x: typeof inner === "object" ? { ...inner, $ref: undefined } : inner } };
      if (draft === 7) schema.$schema = "http://json-schema.org/draft-07/schema#";
      const text = JSON.parse(JSON.stringify(schema));
      let check;
      try {
        // ajv's own reading of draft-07: what stands beside $ref is ignored there.
        check = new Ajv({ strict: false, logger: false, ignoreKeywordsWithRef: draft === 7, validateSchema: false }).compile(text);
      } catch {
        continue;
      }
      for (let j = 0; j < 6; j++) {
        const data = random.value();
        let valid;
        try {
          valid = check(data);
        } catch {
          break; // a reference that goes round in a circle
        }
        cases.push({ schema: text, data, valid });
      }
    }
    assert.ok(cases.length > 10000, `${cases.length} cases`);
    const lines = judged(cases);
    // References that go round in a circle without the instance getting smaller have no meaning; who gives up is a
    // matter of order.
    const circles = lines.filter((line) => line.includes("too expensive")).length;
    assert.ok(circles < cases.length / 20, `${circles} of ${cases.length}`);
    const wrong = cases.findIndex((one, i) => !lines[i].includes("too expensive") && lines[i].startsWith("valid") !== one.valid);
    assert.ok(wrong < 0, `SEED=${seed}: ajv says ${cases[wrong]?.valid}, we say ${lines[wrong]}: ${JSON.stringify(cases[wrong])}`);
  });
}
