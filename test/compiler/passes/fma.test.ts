import { expect, test } from "vitest";
import type { Program } from "../../../src/compiler/ir/nodes.ts";
import { printProgram } from "../../../src/compiler/ir/print.ts";
import { fma } from "../../../src/compiler/passes/fma.ts";
import { expectSameMeaning } from "../../support/same-meaning.ts";
import { dedent, expectMeaningKept, parsed, target } from "./check.ts";

const machine = { ...target, fma: true };
const onMachine = (program: Program): Program => fma(program, machine);

const around = (value: string): string => `
program(a: f32[4], b: f32[4], c: f32[4], n: i32[4]) -> (y: f32[4]) {
  for i < 4 independent {
    y[i] = ${value}
  }
}`;

const FUSED: Record<string, readonly [string, string]> = {
  "product + c": ["f32.add(f32.mul(a[i], b[i]), c[i])", "f32.fma(a[i], b[i], c[i])"],
  "c + product": ["f32.add(c[i], f32.mul(a[i], b[i]))", "f32.fma(a[i], b[i], c[i])"],
  "product - c": ["f32.sub(f32.mul(a[i], b[i]), c[i])", "f32.fma(a[i], b[i], f32.neg(c[i]))"],
  "c - product": ["f32.sub(c[i], f32.mul(a[i], b[i]))", "f32.fma(f32.neg(a[i]), b[i], c[i])"],
  "a polynomial": [
    "f32.add(f32.mul(f32.add(f32.mul(a[i], c[i]), b[i]), c[i]), b[i])",
    "f32.fma(f32.fma(a[i], c[i], b[i]), c[i], b[i])",
  ],
};
test.each(Object.entries(FUSED))("%s", (_, [before, after]) => {
  const program = parsed(around(before));
  const result = onMachine(program);
  expect(printProgram(result)).toBe(dedent(around(after)));
  expectSameMeaning(program, result, { tolerance: 1e-6 });
});

const KEPT: Record<string, string> = {
  "two products, whose difference may have to be 0": around(
    "f32.sub(f32.mul(a[i], b[i]), f32.mul(b[i], a[i]))",
  ),
  "two products, one negated": around("f32.add(f32.neg(f32.mul(a[i], b[i])), f32.mul(b[i], a[i]))"),
  "a sum without products": around("f32.add(a[i], b[i])"),
  integers: around("f32.convert(i32.add(i32.mul(n[i], n[i]), n[i]))"),
  "a product with a name": `
program(a: f32[4], b: f32[4], c: f32[4]) -> (y: f32[4]) {
  for i < 4 independent {
    let p: f32 = f32.mul(a[i], b[i])
    y[i] = f32.max(f32.add(p, c[i]), p)
  }
}`,
};
test.each(Object.entries(KEPT))("stays: %s", (_, text) => {
  const program = parsed(text);
  expect(onMachine(program)).toBe(program);
});

test("a product that something else needs stays", () => {
  const program = parsed(around("f32.max(f32.add(f32.mul(a[i], b[i]), c[i]), a[i])"));
  const [loop] = program.body;
  const [store] = loop?.kind === "for" ? loop.body : [];
  if (loop?.kind !== "for" || store?.kind !== "store" || store.value.op !== "binary")
    throw new Error("not a max");
  const sum = store.value.x;
  if (sum.op !== "binary") throw new Error("not a sum");
  const shared = {
    ...program,
    body: [{ ...loop, body: [{ ...store, value: { ...store.value, y: sum.x } }] }],
  };
  expect(onMachine(shared)).toBe(shared);
});

test("machines without the instruction keep both roundings", () => {
  const program = parsed(around(FUSED["c + product"]![0]));
  expect(fma(program, { ...target, fma: false })).toBe(program);
});

test("keeps the meaning of random programs up to rounding", () => {
  expectMeaningKept(onMachine, { exact: false, tolerance: 1e-4 });
});
