import { expect } from "vitest";
import type { NDArray } from "../../src/core/array.ts";

/** The values of an array, row-major. */
export const values = (x: NDArray): number[] => [...x.dataSync()].map(Number);

/** Equal up to a relative error (and the smallest float32 magnitudes); NaN and infinities exactly. */
export function expectClose(x: NDArray, expected: readonly number[], tolerance = 4e-6): void {
  const actual = values(x);
  const wrong = expected.filter((e, i) => {
    const a = actual[i]!;
    return !Object.is(a, e) && !(Math.abs(a - e) <= tolerance * Math.abs(e) + 1e-37);
  });
  if (wrong.length > 0 || actual.length !== expected.length) expect(actual).toEqual(expected);
}
