// Holds page/recon.js and page/print.js against the vectors: node recon.mjs VECTORS PRINT-VECTORS
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Data, Num, Rec, parse } from "../page/recon.js";
import { print } from "../page/print.js";

const expressions = new Set(["binary", "unary", "invoke", "conditional", "lambda", "sel"]);
const rows = (path) => JSON.parse(readFileSync(path, "utf8")).filter((v) => !v.lone_surrogate);
const holdsExpression = (s) => s !== null && typeof s === "object" && (expressions.has(s.t) || Object.values(s).some(holdsExpression));

// shape describes a value as the vectors do, but for the kinds of numbers.
function shape(v) {
  if (v === undefined) return { t: "absent" };
  if (v === null) return { t: "extant" };
  if (typeof v === "string") return { t: "text", v };
  if (typeof v === "boolean") return { t: "bool", v };
  if (v instanceof Num) return { t: "num", v: amount(v.text) };
  if (v instanceof Data) return { t: "data", base64: v.base64 };
  assert(v instanceof Rec);
  return { t: "record", items: v.items.map((it) => ({
    value: () => shape(it.value),
    slot: () => ({ t: "slot", key: shape(it.key), value: shape(it.value) }),
    attr: () => ({ t: "attr", key: it.key, value: shape(it.value) }),
  })[it.kind]()) };
}

const amount = (text) => {
  const negative = text.startsWith("-");
  const digits = negative ? text.slice(1) : text;
  if (!/^(0x[0-9a-fA-F]+|[0-9]+)$/.test(digits)) return Number(text) === 0 ? 0 : Number(text);
  const n = digits.startsWith("0x") ? BigInt.asUintN(64, BigInt(digits)) : BigInt(digits);
  return whole(negative ? -n : n);
};
const whole = (n) => BigInt.asIntN(53, n) === n ? Number(n) : `${n}`;

function wanted(s) {
  if (s.t === "num") return { t: "num", v: amount(s.v) };
  if (s.items) return { t: s.t, items: s.items.map(wanted) };
  if (s.t === "slot") return { t: s.t, key: wanted(s.key), value: wanted(s.value) };
  if (s.t === "attr") return { t: s.t, key: s.key, value: wanted(s.value) };
  return s;
}

test("parse vectors", () => {
  let parsed = 0, refused = 0;
  for (const v of rows(process.argv[2])) {
    let got;
    try {
      got = parse(v.in);
    } catch (e) {
      assert(e instanceof SyntaxError, `${v.id}: parse(${JSON.stringify(v.in)}) throws ${e.stack}`);
      assert(!v.ok || holdsExpression(v.value) || v.kind.startsWith("op-") || v.kind === "selector", `${v.id}: parse(${JSON.stringify(v.in)}): ${e.message}`);
      refused++;
      continue;
    }
    assert(v.ok, `${v.id}: parse(${JSON.stringify(v.in)}) = ${print(got)}, want an error`);
    assert.deepEqual(shape(got), wanted(v.value), `${v.id}: parse(${JSON.stringify(v.in)})`);
    if (got !== null) assert.deepEqual(shape(parse(print(got))), shape(got), `${v.id}: ${JSON.stringify(v.in)} printed as ${print(got)}`);
    parsed++;
  }
  assert(parsed > 400 && refused > 100, `${parsed} texts were read, ${refused} refused`);
});

test("print vectors", () => {
  let read = 0;
  for (const v of rows(process.argv[3])) {
    if (!v.roundtrip || holdsExpression(v.value)) continue;
    const got = parse(v.canonical);
    assert.deepEqual(shape(parse(print(got))), shape(got), `${v.id}: ${v.canonical} printed as ${print(got)}`);
    read++;
  }
  assert(read > 50, `${read} texts were read`);
});

test("digits stay", () => {
  assert.equal(parse("9223372036854775807").text, "9223372036854775807");
  assert.equal(print(parse("{a:0.10,b:1e3}")), "{a:0.10,b:1e3}");
});
