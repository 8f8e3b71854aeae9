/** Golden values are those of JAX 0.10 with its default generator (threefry2x32, partitionable). */
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { jit, vmap } from "../../src/index.ts";
import { asArray } from "../../src/lax/index.ts";
import { threefry2x32 } from "../../src/lax/threefry.ts";
import * as np from "../../src/numpy/index.ts";
import * as random from "../../src/random/index.ts";
import { expectClose, values } from "../nn/support.ts";

const zero = random.key(0);
const key = random.key(42);
const word = (x: number): NDArray => asArray(Uint32Array.of(x));

test.each([
  [
    [0, 0, 0, 0],
    [0x6b200159, 0x99ba4efe],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0x1cb996fc, 0xbb002be7],
  ],
  [
    [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3],
    [0xc4923a9c, 0x483df7a0],
  ],
])("threefry2x32 of %j", (inputs, expected) => {
  const outputs = threefry2x32(...(inputs.map(word) as [NDArray, NDArray, NDArray, NDArray]));
  expect(outputs.flatMap(values)).toEqual(expected);
});

describe("exact values", () => {
  test.each<[string, () => NDArray, unknown]>([
    ["key(42)", () => key, [0, 42]],
    ["key(-1)", () => random.key(-1), [0, 4294967295]],
    ["key(2^32 + 5)", () => random.key(2 ** 32 + 5), [0, 5]],
    [
      "split",
      () => random.split(key),
      [
        [1832780943, 270669613],
        [64467757, 2916123636],
      ],
    ],
    [
      "split in four",
      () => random.split(zero, 4),
      [
        [1797259609, 2579123966],
        [928981903, 3453687069],
        [4146024105, 2718843009],
        [2467461003, 3840466878],
      ],
    ],
    ["foldIn", () => random.foldIn(zero, 4), [2285895361, 433833334]],
    ["bits", () => random.bits(key, [4]), [2098992034, 2919706841, 2646866425, 2409546199]],
    ["bits, 8 wide", () => random.bits(key, [4], "uint8"), [162, 217, 249, 215]],
    ["bits, 16 wide", () => random.bits(key, [4], "uint16"), [5026, 12505, 63993, 49623]],
    ["randint", () => random.randint(key, [6], 0, 10), [4, 4, 1, 9, 9, 9]],
    [
      "randint, square",
      () => random.randint(zero, [3, 3], 0, 8),
      [
        [5, 0, 0],
        [5, 3, 3],
        [0, 7, 5],
      ],
    ],
    ["categorical", () => random.categorical(key, [0, 1, 2], { shape: [6] }), [2, 2, 2, 2, 1, 2]],
  ])("%s", (_, make, expected) => expect(make().js()).toEqual(expected));

  test("uniform", () => {
    expect(values(random.uniform(zero, [3]))).toEqual([
      0x1e5349c / 2 ** 25,
      0x1f5086c / 2 ** 25,
      0x1544438 / 2 ** 26,
    ]);
    expectClose(random.uniform(key, [4]), [0.488709569, 0.6797971725, 0.6162714958, 0.5610160828], 1e-8);
  });

  test("normal, within a few units in the last place", () => {
    expectClose(random.normal(key, [4]), [-0.028304616, 0.4671318531, 0.2957029641, 0.1535459161], 1e-6);
    expectClose(
      random.normal(zero, [3]),
      [0x19f657a / 2 ** 24, 0x1033be0 / 2 ** 23, -0x1bc002e / 2 ** 26],
      1e-6,
    );
  });
});

describe("distributions", () => {
  const N = 20_000;
  /** Mean and variance of the first, and a range that holds all. */
  test.each<[string, () => NDArray, mean: number, variance: number, low: number, high: number]>([
    ["uniform", () => random.uniform(key, [N], { minval: -1, maxval: 3 }), 1, 16 / 12, -1, 3],
    ["normal", () => random.normal(key, [N]), 0, 1, -6, 6],
    ["truncatedNormal", () => random.truncatedNormal(key, -2, 2, [N]), 0, 0.87962566 ** 2, -2, 2],
    ["exponential", () => random.exponential(key, [N]), 1, 1, 0, 20],
    ["gumbel", () => random.gumbel(key, [N]), 0.5772157, Math.PI ** 2 / 6, -5, 20],
    ["bernoulli", () => np.astype(random.bernoulli(key, 0.3, [N]), "float32"), 0.3, 0.21, 0, 1],
    ["randint", () => np.astype(random.randint(key, [N], -3, 4), "float32"), 0, 4, -3, 3],
  ])("%s", (_, make, mean, variance, low, high) => {
    const xs = values(make());
    const average = xs.reduce((a, b) => a + b, 0) / N;
    expect(Math.abs(average - mean)).toBeLessThan(5 * Math.sqrt(variance / N));
    const measured = xs.reduce((a, b) => a + (b - average) ** 2, 0) / N;
    expect(Math.abs(measured / variance - 1)).toBeLessThan(0.06);
    expect(Math.min(...xs)).toBeGreaterThanOrEqual(low);
    expect(Math.max(...xs)).toBeLessThanOrEqual(high);
  });

  test("categorical draws rows by their probabilities", () => {
    const logits = np.log(
      asArray([
        [0.1, 0.2, 0.7],
        [0.5, 0.5, 1e-30],
      ]),
    );
    const draws = random.categorical(key, logits, { shape: [N, 2] }).js() as number[][];
    const share = (row: number, k: number): number => draws.filter((d) => d[row] === k).length / N;
    expect([share(0, 0), share(0, 1), share(0, 2)].map((p) => Math.round(p * 50) / 50)).toEqual([
      0.1, 0.2, 0.7,
    ]);
    expect(share(1, 2)).toBe(0);
  });
});

describe("transformations", () => {
  test("jit and vmap give the same numbers", () => {
    const keys = random.split(key, 3);
    const rows = [0, 1, 2].map((i) => random.normal(keys.slice(i) as NDArray, [2]).js());
    expect(vmap((k: NDArray) => random.normal(k, [2]))(keys).js()).toEqual(rows);
    expect(jit((k: NDArray) => random.uniform(k, [3]))(key).js()).toEqual(random.uniform(key, [3]).js());
    expect(jit((i: NDArray) => random.foldIn(zero, i))(asArray(Int32Array.of(4)).reshape([])).js()).toEqual([
      2285895361, 433833334,
    ]);
  });

  test("splitting does not depend on how many keys are made", () => {
    expect(values(random.split(key, 5).slice([0, 2]))).toEqual(values(random.split(key, 2)));
    expect(random.split(key, [2, 3]).shape).toEqual([2, 3, 2]);
  });
});

describe("errors", () => {
  test.each<[string, () => unknown, string]>([
    [
      "an array of keys",
      () => random.uniform(random.split(key)),
      "needs a single key of type uint32[2], got uint32[2,2]",
    ],
    ["a number as key", () => random.split(1 as never), "needs a single key of type uint32[2], got 1"],
    ["a fraction as seed", () => random.key(0.5), "random.key: the seed must be an integer, got 0.5."],
    [
      "integers from a continuous distribution",
      () => random.normal(key, [2], { dtype: "int32" }),
      "random.normal: dtype must be a float type, got int32.",
    ],
    [
      "floats from randint",
      () => random.randint(key, [2], 0, 5, { dtype: "float32" }),
      "random.randint: dtype must be an integer type",
    ],
    [
      "a shape that does not end with the batch",
      () =>
        random.categorical(
          key,
          [
            [0, 1],
            [1, 0],
          ],
          { shape: [3] },
        ),
      "must end with the batch shape (2) of the logits",
    ],
  ])("%s", (_, make, message) => expect(make).toThrow(message));
});
