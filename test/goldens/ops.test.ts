/** Every operation of lax against values and derivatives that JAX computed, on the compiled road. */
import { describe, expect, test } from "vitest";
import { jvp, vjp } from "../../src/api/autodiff.ts";
import type { NDArray } from "../../src/core/array.ts";
import { isFloat } from "../../src/core/dtype.ts";
import "../../src/runtime/index.ts";
import { type Closeness, cotangent, expectGolden, type OpRow, loadOps, tangent, toArray } from "./load.ts";
import { LAX } from "./lax-table.ts";

type Fn = (...args: NDArray[]) => NDArray | NDArray[];

/** Values of single operations may differ in the last bits: XLA and weft round at different places. */
const ULPS = { float32: 8 * 2 ** -24, float64: 32 * 2 ** -53 };
/** Operations that XLA computes less accurately than weft, in units of the last place of the largest term. */
const LOOSE: Record<string, number> = { exp2: 64, sinh: 12, cosh: 12, erfc: 40, lgamma: 32, digamma: 32 };
const DERIVATIVE: Closeness = { relative: 3e-6, absolute: 4e-7 };

function tolerance({ op, out, tol }: OpRow): Closeness {
  const unit = ULPS[out.some((g) => g.t === "float64") ? "float64" : "float32"];
  const loose = LOOSE[op];
  return loose ? { relative: loose * unit, absolute: loose * unit * 0.1 } : tol ? { relative: tol, absolute: tol } : { relative: unit };
}

const outputs = (x: NDArray | NDArray[]): NDArray[] => (Array.isArray(x) ? x : [x]);
const floats = (xs: NDArray[]): NDArray[] => xs.filter((x) => isFloat(x.dtype));

function check(fn: Fn, row: OpRow): void {
  const args = row.args.map(toArray);
  const closeness = tolerance(row);
  outputs(fn(...args)).forEach((x, i) => expectGolden(x, row.out[i]!, closeness, `value ${i}`));
  if (!row.diff) return;
  const xs = row.diff.map((i) => args[i]!);
  const restricted = (...ys: NDArray[]): NDArray[] => {
    const all = [...args];
    row.diff!.forEach((i, k) => (all[i] = ys[k]!));
    return floats(outputs(fn(...all)));
  };
  const [, pushed] = jvp(restricted, xs, xs.map(tangent)) as [NDArray[], NDArray[]];
  pushed.forEach((x, i) => expectGolden(x, row.jvp![i]!, DERIVATIVE, `jvp ${i}`));
  const [out, pull] = vjp(restricted, xs) as unknown as [NDArray[], (cts: NDArray[]) => NDArray[]];
  pull(out.map(cotangent)).forEach((x, i) => expectGolden(x, row.vjp![i]!, DERIVATIVE, `vjp ${i}`));
}

const rows = loadOps("ops");

describe.each([...new Set(rows.map((row) => row.op))])("%s", (op) => {
  const cases = rows.filter((row) => row.op === op).map((row): [string, OpRow] => [row.args.map((a) => `${a.t}[${a.s}]`).join(" "), row]);
  test.each(cases)("of %s", (_, row) => check(LAX[op]!, row));
});

test("every golden has a function and every function a golden", () => {
  expect(Object.keys(LAX).sort()).toEqual([...new Set(rows.map((row) => row.op))].sort());
});
