/** topK selects few elements in one pass and sorts for many; both ways give the same order. */
import { describe, expect, test } from "vitest";
import { jit, lax, numpy as np } from "../../src/index.ts";

/** NaN first, then from the largest to the smallest, 0 before -0, of equal elements the first. */
function expected(row: readonly number[], k: number): number[] {
  const rank = (x: number): number[] => [Number.isNaN(x) ? 0 : 1, -x || 0, Object.is(x, -0) ? 1 : 0];
  const compare = (i: number, j: number): number => {
    const [a, b] = [rank(row[i]!), rank(row[j]!)];
    const at = a.findIndex((r, n) => !Object.is(r, b[n]));
    return at < 0 ? i - j : a[at]! - b[at]!;
  };
  return row
    .map((_, i) => i)
    .sort(compare)
    .slice(0, k);
}

const VALUES = [0, -0, 1, -1, Number.NaN, Infinity, -Infinity, 0.5, 2, 2, 1e-40];
const row = (n: number, seed: number): number[] =>
  Array.from(
    { length: n },
    (_, i) => VALUES[(i * 17 + seed * 7 + ((i * i * (seed + 1)) % 13)) % VALUES.length]!,
  );

describe("topK", () => {
  test.each([1, 2, 5, 16, 17, 40])("k = %i, with ties, zeros and NaN", (k) => {
    for (const n of [k, k + 1, 3 * k + 7]) {
      const rows = [0, 1, 2].map((seed) => row(n, seed));
      const [values, positions] = jit((x) => lax.topK(x, k))(np.array(rows));
      const want = rows.map((r) => expected(r, k));
      expect(positions.js()).toEqual(want);
      expect(values.js()).toEqual(want.map((at, i) => at.map((j) => Math.fround(rows[i]![j]!))));
    }
  });
  test.each(["int32", "uint8", "bool", "float64"] as const)("%s", (dtype) => {
    const x = np.array([3, 0, 2, 3, 0, 9]).astype(dtype);
    expect(lax.topK(x, 3)[1].js()).toEqual(dtype === "bool" ? [0, 2, 3] : [5, 0, 3]);
  });
  test("a few of many take no memory like the whole", () => {
    const x = np.zeros([4, 1000]);
    expect(
      jit((x) => lax.topK(x, 5))
        .lower(x)
        .cost().arenaBytes,
    ).toBeLessThan(1000);
  });
});
