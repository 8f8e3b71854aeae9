import { expect, test } from "vitest";
import { interpret } from "../../../src/backends/interp/index.ts";
import { printProgram } from "../../../src/compiler/ir/print.ts";
import { verify } from "../../../src/compiler/ir/verify.ts";
import { forEachStmt } from "../../../src/compiler/ir/visit.ts";
import { compensate } from "../../../src/compiler/passes/compensate.ts";
import { compileProgram } from "../../backends/wasm-run.ts";
import { dedent, expectMeaningKept, parsed, target } from "./check.ts";

test("a long sum is made of short ones", () => {
  // As text only: roundings differ.
  const before = parsed(
    `program(x: f32[800]) -> (y: f32[1]) {
       reduce s: f32 = add(f32(0)) over (k < 768) lanes 4 { yield f32.mul(x[k], x[k + 1]) }
       y[0] = s
     }`,
  );
  expect(printProgram(compensate(before, target))).toBe(
    dedent(`
program(x: f32[800]) -> (y: f32[1]) {
  var sum: f32 = f32(0)
  var lost: f32 = f32(0)
  for b < 4 {
    reduce part: f32 = add(f32(0)) over (k < 192) lanes 4 {
      yield f32.mul(x[192*b + k], x[192*b + k + 1])
    }
    let x_1: f32 = f32.add(part, lost)
    let sum_1: f32 = sum
    let next: f32 = f32.add(sum_1, x_1)
    %1 = f32.sub(x_1, f32.sub(next, sum_1))
    set lost = f32.select(bool.lt(f32.abs(%1), f32(inf)), %1, f32(0))
    set sum = next
  }
  let s: f32 = sum
  y[0] = s
}`),
  );
});

const KEPT: Record<string, string> = {
  "what takes few steps": "reduce s: f32 = add(f32(0)) over (j < 8, k < 192) lanes 16 { yield x[192*j + k] }",
  extrema: "reduce s: f32 = max(f32(0)) over (k < 1536) { yield x[k] }",
  "sums of integers": `reduce n: i32 = add(i32(0)) over (k < 1536) { yield i32.convert(x[k]) }
    let s: f32 = f32.convert(n)`,
};
test.each(Object.entries(KEPT))("stays: %s", (_, text) => {
  const program = parsed(`program(x: f32[1536]) -> (y: f32[1]) {\n${text}\n y[0] = s\n}`);
  expect(compensate(program, target)).toBe(program);
});

/** Extents with the lanes of the last one. */
const NESTS: readonly (readonly [extents: readonly number[], lanes: number])[] = [
  [[97], 1],
  [[480], 1],
  [[1000], 1],
  [[404], 4],
  [[8], 1],
  [[100, 3], 1],
  [[3, 100], 1],
  [[100, 1], 1],
  [[7, 11, 13], 1],
  [[2, 3, 200], 4],
  [[40, 16], 8],
  [[5, 49], 1],
];
test.each(NESTS)("over %j with %i lanes", (extents, lanes) => {
  const vars = extents.map((n, i) => `${"abc"[i]} < ${n}`).join(", ");
  const size = extents.reduce((p, n) => p * n, 1);
  const index = extents.map((_, i) => `${extents.slice(i + 1).reduce((p, n) => p * n, 1)}*${"abc"[i]}`);
  for (const t of ["f32", "f64"]) {
    const program = parsed(`program(x: ${t}[${size}]) -> (y: ${t}[3]) {
      for i < 3 independent {
        reduce s: ${t} = add(${t}(2)) over (${vars}) lanes ${lanes} {
          let v: ${t} = x[${index.join(" + ")}]
          yield ${t}.mul(v, ${t}.convert(index(i)))
        }
        y[i] = s
      }
    }`);
    const after = compensate(program, target);
    verify(after, "compensate");
    forEachStmt(after.body, (s) => {
      const steps = s.kind === "reduce" ? s.extents.reduce((p, n) => p * n, 1) / s.lanes : 0;
      expect(steps).toBeLessThanOrEqual(96);
    });
    const x = (t === "f32" ? new Float32Array(size) : new Float64Array(size)).map((_, i) => (i % 7) - 2);
    const want = interpret(program, [x]);
    expect(interpret(after, [x])).toEqual(want);
    expect(compileProgram(after, target).run([x])).toEqual(want);
  }
});

test("keeps the meaning of random programs", () => {
  expectMeaningKept((p, t) => compensate(p, t, 2), { exact: false, lanes: true, tolerance: 1e-4 });
});
