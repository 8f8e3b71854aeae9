/** Test runners compare arrays as docs/guide/typescript.md says. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { numpy as np } from "../../src/index.ts";

function sameArrays(x: unknown, y: unknown): boolean | undefined {
  if (!(x instanceof np.Array && y instanceof np.Array)) return undefined;
  return x.dtype === y.dtype && Boolean(np.arrayEqual(x, y).item());
}
expect.addEqualityTesters([sameArrays]);

const make = (last: number): unknown => ({ h: np.array([[1, 2]]), count: [np.array(last)] });

test.each<[what: string, x: unknown, y: unknown, same: boolean]>([
  ["the same values", make(3), make(3), true],
  ["computed ones", np.add([1, 2], 1), np.add(1, [1, 2]), true],
  ["another value", make(3), make(4), false],
  ["another dtype", np.array([1, 2]), np.array([1, 2], { dtype: "int32" }), false],
  ["another shape", np.array([1]), np.array(1), false],
  ["no values", np.zeros([0]), np.zeros([0]), true],
])("%s", (_, x, y, same) => {
  if (same) expect({ x: [y] }).toEqual({ x: [x] });
  else expect({ x: [y] }).not.toEqual({ x: [x] });
});

test("the guide gives this very function", () => {
  const read = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");
  const found = (text: string): string | undefined => /function sameArrays[\s\S]*?\n}\n/.exec(text)?.[0];
  expect(found(read("../../docs/guide/typescript.md"))).toBe(found(read("./equality.test.ts")));
});
