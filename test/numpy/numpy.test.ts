/** numpy against JAX and NumPy themselves: values, dtypes, weakness, text. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { jit } from "../../src/index.ts";
import { expectGolden, type Golden } from "../goldens/load.ts";
import { PRINTED, TABLES } from "./cases.ts";

type Weak = Golden & { readonly weak: boolean };
const GOLDENS = JSON.parse(readFileSync(new URL("./goldens.json", import.meta.url), "utf8")) as Readonly<
  Record<string, Weak | Weak[] | string>
>;

function expectArray(actual: NDArray, golden: Weak): void {
  expectGolden(actual, golden, { relative: 2e-6, absolute: 1e-6 });
  // JAX calls some bools weak; it makes no difference, since nothing stands below bool.
  if (golden.t !== "bool") expect(actual.weakType, "weakType").toBe(golden.weak);
}

function expectCase(actual: NDArray | NDArray[], golden: Weak | Weak[]): void {
  const [arrays, wanted] = [[actual].flat(), [golden].flat()];
  expect(arrays.length).toBe(wanted.length);
  for (const [k, x] of arrays.entries()) expectArray(x, wanted[k]!);
}

describe.each(Object.entries(TABLES))("%s", (_, cases) => {
  test.each(Object.entries(cases))("%s", (expression, run) => {
    expectCase(run(), GOLDENS[expression] as Weak | Weak[]);
  });
});

// What is done with known positions differs from what is done step by step.
describe.each(["shapes", "indexing", "sorting"])("%s, compiled as one", (table) => {
  const cases = Object.entries(TABLES[table]!);
  test("all cases", () => {
    const together = jit(() => cases.map(([, run]) => run())) as () => (NDArray | NDArray[])[];
    for (const [k, actual] of together().entries())
      expectCase(actual, GOLDENS[cases[k]![0]] as Weak | Weak[]);
  });
});

describe("printing", () => {
  test.each(Object.entries(PRINTED))("%s", (expression, run) => {
    expect(run()).toBe(GOLDENS[expression]);
  });
});

test("every golden is used", () => {
  const used = [...Object.values(TABLES), PRINTED].flatMap(Object.keys);
  expect(Object.keys(GOLDENS).sort()).toEqual(used.sort());
});
