import { expect, test } from "vitest";
import { numpy as np, tree } from "../../src/index.ts";

test("trees of arrays stack along a new axis and come apart again", () => {
  const layers = [0, 1, 2].map((k) => ({ w: np.full([2], k), b: [np.array(k)] }));
  const stacked = tree.stack(layers);
  expect(stacked.w.js()).toEqual([
    [0, 0],
    [1, 1],
    [2, 2],
  ]);
  expect(stacked.b[0]!.js()).toEqual([0, 1, 2]);
  const parts = tree.unstack(stacked);
  expect(parts.map((p) => [p.w.js(), p.b[0]!.js()])).toEqual(layers.map((p) => [p.w.js(), p.b[0]!.js()]));
});

test("what cannot be stacked says why", () => {
  expect(() => tree.stack([])).toThrow("needs at least one tree");
  expect(() => tree.stack([{ a: np.zeros([2]) }, { a: np.zeros([3]) }])).toThrow();
  expect(() => tree.unstack({ a: np.zeros([2]), b: np.zeros([3]) })).toThrow("has 2 parts");
});
