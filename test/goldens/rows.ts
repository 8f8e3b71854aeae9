/** Running the rows of a golden file: values, jvp and vjp of every call. */
import { describe, expect, test } from "vitest";
import { jvp, vjp } from "../../src/api/autodiff.ts";
import type { NDArray } from "../../src/core/array.ts";
import { isFloat } from "../../src/core/dtype.ts";
import { type Closeness, cotangent, expectGolden, loadOps, type OpRow, tangent, toArray } from "./load.ts";

export type Fn = (...args: NDArray[]) => NDArray | NDArray[];

/** How close values and derivatives of a row must be. */
export interface Tolerances {
  readonly value: Closeness;
  readonly derivative: Closeness;
}

const outputs = (x: NDArray | NDArray[]): NDArray[] => (Array.isArray(x) ? x : [x]);

/** `fn` as a function of the arguments that the row differentiates, to its floating results. */
function restricted(fn: Fn, args: NDArray[], diff: readonly number[]): (...xs: NDArray[]) => NDArray[] {
  return (...xs) => {
    const all = [...args];
    diff.forEach((i, k) => (all[i] = xs[k]!));
    return outputs(fn(...all)).filter((x) => isFloat(x.dtype));
  };
}

export function checkRow(fn: Fn, row: OpRow, { value, derivative }: Tolerances): void {
  const args = row.args.map(toArray);
  const outs = outputs(fn(...args));
  expect(outs.length).toBe(row.out.length);
  outs.forEach((x, i) => expectGolden(x, row.out[i]!, value, `value ${i}`));
  if (!row.diff) return;
  const f = restricted(fn, args, row.diff);
  const xs = row.diff.map((i) => args[i]!);
  const [, pushed] = jvp(f, xs, xs.map(tangent)) as [NDArray[], NDArray[]];
  pushed.forEach((x, i) => expectGolden(x, row.jvp![i]!, derivative, `jvp ${i}`));
  const [out, pull] = vjp(f, xs) as unknown as [NDArray[], (cts: NDArray[]) => NDArray[]];
  pull(out.map(cotangent)).forEach((x, i) => expectGolden(x, row.vjp![i]!, derivative, `vjp ${i}`));
}

/** Tests of every row of a file against a table of functions; the table must name exactly what the file holds. */
export function testRows(
  file: string,
  table: Record<string, Fn>,
  tolerances: (row: OpRow) => Tolerances,
): void {
  const rows = loadOps(file);
  const names = [...new Set(rows.map((row) => row.op))];
  describe.each(names)("%s", (op) => {
    const cases = rows
      .filter((row) => row.op === op)
      .map((row): [string, OpRow] => [row.args.map((a) => `${a.t}[${a.s}]`).join(" "), row]);
    test.each(cases)("of %s", (_, row) => checkRow(table[op]!, row, tolerances(row)));
  });
  test("every golden has a function and every function a golden", () => {
    expect(Object.keys(table).sort()).toEqual([...names].sort());
  });
}
