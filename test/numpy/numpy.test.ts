/** numpy against JAX and NumPy themselves: values, dtypes, weakness, text. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { expectGolden, type Golden } from "../goldens/load.ts";
import { PRINTED, TABLES } from "./cases.ts";

type Weak = Golden & { readonly weak: boolean };
const GOLDENS = JSON.parse(readFileSync(new URL("./goldens.json", import.meta.url), "utf8")) as Readonly<
  Record<string, Weak | Weak[] | string>
>;

function expectArray(actual: NDArray, golden: Weak): void {
  expectGolden(actual, golden, { relative: 2e-6, absolute: 1e-6 });
  expect(actual.weakType, "weakType").toBe(golden.weak);
}

describe.each(Object.entries(TABLES))("%s", (_, cases) => {
  test.each(Object.entries(cases))("%s", (expression, run) => {
    const golden = GOLDENS[expression] as Weak | Weak[];
    const actual = run();
    if (!Array.isArray(golden)) return expectArray(actual as NDArray, golden);
    expect((actual as NDArray[]).length).toBe(golden.length);
    golden.forEach((g, k) => expectArray((actual as NDArray[])[k]!, g));
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
