/** Compiled code gives what the interpreter of the loop IR gives: every row's value and derivatives, as one program. */
import { expect, test } from "vitest";
import { jit } from "../../src/api/jit.ts";
import type { NDArray } from "../../src/core/array.ts";
import { executors, setExecutor } from "../../src/devices/index.ts";
import * as lax from "../../src/lax/index.ts";
import { OPS, type OpRow } from "./ops.ts";
import { distance, everything, outputs, samples, values } from "./support.ts";

function under<T>(executor: (typeof executors)["wasm"], body: () => T): T {
  setExecutor(executor);
  try {
    return body();
  } finally {
    setExecutor(executors.interp);
  }
}

test.each(OPS.map((row): [string, OpRow] => [row.name, row]))("%s", (_, row) => {
  for (const float of ["float32", "float64"] as const) {
    const args = samples(row, float, 11);
    const expected = jit(everything(row))(...args) as NDArray[];
    const compiled = under(executors.wasm, () => jit(everything(row))(...args) as NDArray[]);
    const eager = under(executors.wasm, () => outputs(row, args));
    const tol = (row.tol ?? 1e-6) * 4;
    compiled.forEach((x, i) =>
      expect(distance(values(x), values(expected[i]!)), `result ${i}`).toBeLessThan(tol),
    );
    eager.forEach((x, i) =>
      expect(distance(values(x), values(expected[i]!)), `eager ${i}`).toBeLessThan(tol),
    );
  }
});

/** Exports that are no operations on arrays, or that other files test. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  RoundingMethod: "constants",
  asArray: "errors.test.ts",
  nextafter: "values.test.ts (float32 only, no derivative)",
  addAny: "add under another name, for cotangents",
  zerosLike: "values.test.ts",
  onesLike: "values.test.ts",
  full: "values.test.ts",
  fullLike: "values.test.ts",
  iota: "values.test.ts",
  broadcastedIota: "values.test.ts",
  scan: "control/scan.test.ts",
  whileLoop: "control/while.test.ts",
  foriLoop: "control/while.test.ts",
  cond: "control/cond.test.ts",
  switch: "control/cond.test.ts",
  switchCase: "control/cond.test.ts",
  map: "control/map.test.ts",
  associativeScan: "control/map.test.ts",
  ...Object.fromEntries(
    ["psum", "pmean", "pmax", "pmin", "allGather", "psumScatter", "ppermute", "allToAll", "axisIndex"].map(
      (name) => [name, "needs a named axis: goldens/control.test.ts"],
    ),
  ),
  axisSize: "a number",
};

test("every operation has a row", () => {
  const rows = new Set(OPS.map((row) => row.name.split(" ")[0]!));
  const aliases: Record<string, string> = { convertElementType: "convert", bitcastConvertType: "bitcast" };
  const missing = Object.keys(lax).filter((name) => !rows.has(aliases[name] ?? name) && !(name in ELSEWHERE));
  expect(missing).toEqual([]);
  const gone = Object.keys(ELSEWHERE).filter((name) => !(name in lax));
  expect(gone).toEqual([]);
});
