import { expect } from "vitest";
import { tree } from "../../src/index.ts";

interface ArrayLeaf {
  readonly shape: readonly number[];
  readonly dtype: string;
  dataSync(): ArrayLike<number>;
}

const isArrayLeaf = (x: unknown): x is ArrayLeaf => typeof x === "object" && x !== null && "dataSync" in x;

function numbers(x: unknown): { shape: string; values: number[] } {
  if (isArrayLeaf(x)) return { shape: x.shape.join(), values: Array.from(x.dataSync(), Number) };
  return { shape: "", values: [Number(x)] };
}

/**
 * Two trees of arrays have the same structure and shapes, and values within `tolerance` of each other relative to
 * max(1, |expected|). NaN equals NaN.
 */
export function expectClose(actual: unknown, expected: unknown, tolerance = 1e-5): void {
  expect(String(tree.structure(actual as never))).toBe(String(tree.structure(expected as never)));
  const want = tree.leaves(expected as never) as unknown[];
  (tree.leaves(actual as never) as unknown[]).forEach((leaf, i) => {
    const [a, b] = [numbers(leaf), numbers(want[i])];
    expect(a.shape, `shape of leaf ${i}`).toBe(b.shape);
    a.values.forEach((x, k) => {
      const y = b.values[k]!;
      if (Object.is(x, y) || x === y || (Number.isNaN(x) && Number.isNaN(y))) return;
      const error = Math.abs(x - y) / Math.max(1, Math.abs(y));
      expect(error, `leaf ${i}, element ${k}: ${x} is not close to ${y}`).toBeLessThanOrEqual(tolerance);
    });
  });
}
