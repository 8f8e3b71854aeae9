import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../../src/backends/interp/index.ts";
import type { Program } from "../../../src/compiler/ir/nodes.ts";
import { parseProgram } from "../../../src/compiler/ir/parse.ts";
import { printProgram } from "../../../src/compiler/ir/print.ts";
import { verify } from "../../../src/compiler/ir/verify.ts";
import { forEachStmt } from "../../../src/compiler/ir/visit.ts";
import { contract } from "../../../src/compiler/passes/contract.ts";
import { math } from "../../../src/compiler/passes/math.ts";
import { vectorize } from "../../../src/compiler/passes/vectorize.ts";
import { wasmTarget } from "../../../src/compiler/target.ts";
import { compileProgram } from "../../backends/wasm-run.ts";
import { programs } from "../../support/random-ir.ts";
import { expectSameMeaning, expectSameOutputs, randomArgs } from "../../support/same-meaning.ts";
import { contraction } from "./contractions.ts";

const target = wasmTarget();
const wide = { ...target, name: "wide", vectorBytes: 32 };

function vectorized(text: string): Program {
  const before = parseProgram(text);
  verify(before, "parse");
  for (const t of [target, wide]) {
    const after = vectorize(before, t);
    verify(after, "vectorize");
    expectSameMeaning(before, after, { tolerance: 1e-5 });
    if (t === target) expectInEarnest(before, after, 1, 1e-5);
  }
  return vectorize(before, target);
}

/** The oracle knows no lanes: WebAssembly has them. */
function expectInEarnest(before: Program, after: Program, seed: number, tolerance: number): void {
  const args = randomArgs(before, seed);
  const got = compileProgram(after, target).run(args);
  expectSameOutputs(before, interpret(before, args), got, tolerance);
}

/** The loops and reductions with lanes: variable, extent, lanes. */
function lanesOf(p: Program): string[] {
  const found: string[] = [];
  forEachStmt(p.body, (s) => {
    if (s.kind === "for" && s.lanes > 1) found.push(`${s.v.name} ${s.extent}/${s.lanes}`);
    if (s.kind === "reduce" && s.lanes > 1)
      found.push(`+${s.vars.at(-1)!.name} ${s.extents.at(-1)}/${s.lanes}`);
  });
  return found;
}

test("header example", () => {
  const after = vectorized(`program(x: f32[63]) -> (y: f32[63]) {
    for i < 3 independent { for j < 21 independent { y[21*i + j] = x[21*i + j] } }
  }`);
  expect(printProgram(after)).toMatchInlineSnapshot(`
    "program(x: f32[63]) -> (y: f32[63]) {
      for i < 3 independent {
        for j < 16 independent lanes 8 {
          y[21*i + j] = x[21*i + j]
        }
        for j < 4 independent lanes 4 {
          y[21*i + j + 16] = x[21*i + j + 16]
        }
        y[21*i + 20] = x[21*i + 20]
      }
    }
    "
  `);
});

describe("which loop gets lanes", () => {
  const rows: Record<string, [text: string, lanes: string[]]> = {
    "the contiguous one, though it is outside": [
      `program(x: f32[96]) -> (y: f32[96]) {
        for j < 8 independent { for i < 12 independent { y[8*i + j] = f32.neg(x[8*i + j]) } } }`,
      ["j 8/8"],
    ],
    "of a transposition the one that stores contiguously": [
      `program(x: f32[96]) -> (y: f32[96]) {
        for i < 8 independent { for j < 12 independent { y[12*i + j] = f32.neg(f32.abs(f32.neg(f32.abs(f32.floor(f32.ceil(x[8*j + i])))))) } } }`,
      ["j 8/8", "j 4/4"],
    ],
    "a copy that goes lane by lane anyway: none": [
      `program(x: f32[64]) -> (y: f32[64]) { for i < 64 independent { y[-i + 63] = x[i] } }`,
      [],
    ],
    "columns: sums over rows run inside of the lanes": [
      `program(x: f32[160]) -> (y: f32[16]) {
        for j < 16 independent {
          reduce s: f32 = add(f32(0)) over (i < 10) { yield x[16*i + j] }
          y[j] = s } }`,
      ["j 16/16"],
    ],
    "rows: sums along the row": [
      `program(x: f32[230]) -> (y: f32[10]) {
        for i < 10 independent {
          reduce s: f32 = max(f32(-inf)) over (j < 23) { yield x[23*i + j] }
          y[i] = s } }`,
      ["+j 16/16", "+j 4/4"],
    ],
    "a sum over two axes, the second strided": [
      `program(x: f32[64]) -> (y: f32[1]) {
        reduce s: f32 = add(f32(1)) over (j < 8, i < 8) { yield x[8*i + j] }
        y[0] = s }`,
      ["+j 8/8"],
    ],
    softmax: [
      `program(x: f32[96]) -> (y: f32[96]) {
        for i < 4 independent {
          reduce m: f32 = max(f32(-inf)) over (j < 24) { yield x[24*i + j] }
          reduce s: f32 = add(f32(0)) over (j < 24) {
            let e: f32 = f32.sub(x[24*i + j], m)
            yield f32.mul(e, e) }
          for j < 24 independent { y[24*i + j] = f32.div(f32.sub(x[24*i + j], m), s) } } }`,
      ["+j 16/16", "+j 8/4", "+j 16/16", "+j 8/4", "j 24/8"],
    ],
    "a recurrence per column": [
      `program(x: f32[64], a: f32[8]) -> (y: f32[64]) {
        for j < 8 independent {
          var c: f32 = f32(0)
          for t < 8 {
            set c = f32.add(f32.mul(a[j], c), x[8*t + j])
            y[8*t + j] = c } } }`,
      ["j 8/8"],
    ],
    "the loops of a serial body": [
      `program(x: f32[64]) -> (y: f32[64]) {
        temp c: f32[8]
        for j < 8 independent { c[j] = f32(0) }
        for t < 8 {
          for j < 8 independent { c[j] = f32.add(c[j], x[8*t + j]) }
          for j < 8 independent { y[8*t + j] = c[j] } } }`,
      ["j 8/8", "j 8/8", "j 8/8"],
    ],
    "masks, integers and floats of 32 bits together": [
      `program(x: f32[16], n: i32[16]) -> (y: f32[16], b: bool[16]) {
        for i < 16 independent {
          let q: bool = bool.lt(x[i], f32.convert(n[i]))
          b[i] = q
          y[i] = f32.select(q, x[i], f32.convert(index(i))) } }`,
      ["i 16/8"],
    ],
    "pairs of 64 bits": [
      `program(x: f64[7]) -> (y: f64[7]) { for i < 7 independent { y[i] = f64.mul(x[i], x[i]) } }`,
      ["i 4/4", "i 2/2"],
    ],
    "pairs of 64 bits under masks": [
      `program(x: f64[4]) -> (y: f64[4]) {
        for i < 4 independent { y[i] = f64.select(bool.gt(x[i], f64(0)), x[i], f64(0)) } }`,
      ["i 4/4"],
    ],
    "narrow integers, widened": [
      `program(x: u8[16]) -> (y: f32[16]) { for i < 16 independent { y[i] = f32.convert(x[i]) } }`,
      ["i 16/8"],
    ],
    "scalars computed beside": [
      `program(x: f32[8], k: i8[4]) -> (y: f32[32]) {
        for i < 4 independent {
          for j < 8 independent { y[8*i + j] = f32.mul(x[j], f32.convert(k[i])) } } }`,
      ["j 8/8"],
    ],
  };
  test.each(Object.entries(rows))("%s", (_, [text, lanes]) => {
    expect(lanesOf(vectorized(text))).toEqual(lanes);
  });
});

test.each([
  ["eight vectors of sums where each leaves a register for what it takes in", 16, 64],
  ["four where there are fewer registers", 12, 32],
])("%s", (_, registers, lanes) => {
  const columns = `program(x: f32[512]) -> (y: f32[64]) {
    for i < 64 independent {
      reduce acc: f32 = max(f32(0)) over (k < 8) { yield x[64*k + i] }
      y[i] = acc } }`;
  expect(lanesOf(vectorize(parseProgram(columns), { ...wide, registers }))).toEqual([`i 64/${lanes}`]);
});

describe("lanes that lie whole pages apart are as many as the cache holds lines of", () => {
  const running = (row: number, arrays: number): string => {
    const from = ["x", "z"].slice(0, arrays - 1);
    const params = from.map((name) => `${name}: f32[${16 * row}]`).join(", ");
    const steps = from.map(
      (name) => `set s = f32.add(f32.exp(f32.mul(s, s)), f32.exp(${name}[${row}*i + j]))`,
    );
    return `program(${params}) -> (y: f32[${16 * row}]) {
      for i < 16 independent {
        var s: f32 = f32(0)
        for j < ${row} {
          ${steps.join("\n")}
          y[${row}*i + j] = s } } }`;
  };
  test.each([
    ["rows that fill pages", running(1024, 2), 4],
    ["rows of two pages", running(2048, 2), 4],
    ["three arrays: no fewer than every machine has", running(1024, 3), 4],
    ["rows that do not", running(1000, 2), 8],
  ])("%s", (_, text, lanes) => {
    const program = vectorize(math(parseProgram(text), wide), wide);
    expect(lanesOf(program)).toEqual([`i 16/${lanes}`]);
  });
});

describe("what has no lanes stays as it is", () => {
  const rows: Record<string, string> = {
    "a computed gather": `program(x: f32[16], n: i32[16]) -> (y: f32[16]) {
      for i < 16 independent {
        let k: i32 = i32.and(n[i], i32(15))
        y[i] = x[k] } }`,
    "lanes of two sizes": `program(x: f32[16]) -> (y: f64[16]) { for i < 16 independent { y[i] = f64.convert(x[i]) } }`,
    "integer division": `program(x: i32[16]) -> (y: i32[16]) { for i < 16 independent { y[i] = i32.div(x[i], i32(3)) } }`,
    "shifts by lanes": `program(x: u32[16]) -> (y: u32[16]) { for i < 16 independent { y[i] = u32.shl(x[i], x[i]) } }`,
    "a branch that lanes disagree on": `program(x: i32[16]) -> (y: i32[16]) {
      for i < 16 independent {
        switch i32.and(x[i], i32(1)) { case { y[i] = i32(0) } case { y[i] = x[i] } } } }`,
    "a loop that lanes leave at different times": `program(x: i32[16]) -> (y: i32[16]) {
      for i < 16 independent {
        var n: i32 = i32.and(x[i], i32(7))
        while { test bool.gt(n, i32(0)) } do { set n = i32.sub(n, i32(1)) }
        y[i] = n } }`,
    "a serial recurrence": `program(x: f32[16]) -> (y: f32[17]) {
      y[0] = f32(0)
      for i < 16 { y[i + 1] = f32.add(y[i], x[i]) } }`,
    "few iterations": `program(x: f32[3]) -> (y: f32[3]) { for i < 3 independent { y[i] = x[i] } }`,
  };
  test.each(Object.entries(rows))("%s", (_, text) => {
    const program = parseProgram(text);
    expect(vectorize(program, target)).toBe(program);
  });
});

describe("every extent", () => {
  const EXTENTS = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 33, 35];
  test.each(EXTENTS)("%i", (n) => {
    for (const m of [1, 3, 9]) {
      const size = m * n;
      vectorized(`program(x: f32[${size}], b: f32[${n}]) -> (y: f32[${size}], c: f32[${n}], r: f32[${m}], d: f32[1]) {
        for i < ${m} independent { for j < ${n} independent { y[${n}*i + j] = f32.add(x[${n}*i + j], b[j]) } }
        for j < ${n} independent {
          reduce s: f32 = add(b[j]) over (i < ${m}) { yield x[${n}*i + j] }
          c[j] = f32.mul(s, f32.convert(index(j + 1))) }
        for i < ${m} independent {
          reduce s: f32 = mul(f32(1)) over (j < ${n}) { yield x[${n}*i + j] }
          r[i] = s }
        reduce s: f32 = add(f32(0)) over (i < ${m}, j < ${n}) {
          let p: f32 = f32.mul(x[${n}*i + j], b[j])
          yield p }
        d[0] = s }`);
    }
  });
});

test("kernels of contractions keep their lanes", () => {
  const program = contraction({ extents: { m: 12, n: 16, k: 64 }, lhs: "mk", rhs: "kn", out: "mn" });
  const kernel = contract(program, target);
  expect(vectorize(kernel, target)).toBe(kernel);
});

describe("random programs", () => {
  test.each([
    ["exact", target, 0],
    ["exact, wide vectors", wide, 0],
    ["rounded", target, 1e-3],
  ])("%s", (_, t, tolerance) => {
    fc.assert(
      fc.property(programs({ exact: tolerance === 0 }), fc.nat(), (program, seed) => {
        const expanded = contract(program, t);
        verify(expanded, "contract");
        expectSameMeaning(program, expanded, { seed, tolerance });
        const after = vectorize(expanded, t);
        verify(after, "vectorize");
        expectSameMeaning(program, after, { seed, tolerance });
        if (tolerance === 0 && t === target) expectInEarnest(program, after, seed, 0);
      }),
      { numRuns: 200 },
    );
  });
});
