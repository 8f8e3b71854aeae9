/**
 * Sums whose error does not grow with their length: within 1e-6 of the exact value, relative to the sum of magnitudes, where one
 * accumulator would be off by per cent. Equal numbers are the worst case: all roundings go the same way.
 */
import { describe, expect, test } from "vitest";
import { grad, jit, lax, type NDArray, nn, numpy as np, vmap } from "../../src/index.ts";

const N = 1_000_000;
/** 0.1 as a float32. */
const D = Math.fround(0.1);
const tenths = (...shape: number[]): NDArray => np.full(shape, D, { dtype: "float32" });
/** The first and the last element. */
const ends = (x: NDArray): number[] => [x.ravel().slice(0).item(), x.ravel().slice(-1).item()] as number[];

type Row = readonly [
  title: string,
  f: (x: NDArray) => NDArray,
  shape: readonly number[],
  want: readonly number[],
];
const all = (want: number): number[] => [want, want];

const SUMS: readonly Row[] = [
  ["sum", (x) => x.sum(), [N], all(N * D)],
  ["mean", (x) => x.mean(), [N], all(D)],
  ["sum of constants", () => np.full([N], D).sum(), [1], all(N * D)],
  ["sum over leading axes", (x) => x.sum(0), [N / 10, 10], all((N / 10) * D)],
  ["sum over an axis in the middle", (x) => x.sum(1), [3, 40_000, 10], all(40_000 * D)],
  ["sum over the last axis", (x) => x.sum(1), [10, N / 10], all((N / 10) * D)],
  ["sum of a transpose", (x) => x.T.sum(), [N / 10, 10], all(N * D)],
  ["sum over two of three axes", (x) => x.sum([0, 2]), [500, 3, 500], all(250_000 * D)],
  [
    "sum of a strided view",
    (x) =>
      x
        .reshape([N / 5, 5])
        .slice([], 2)
        .sum(),
    [N],
    all((N / 5) * D),
  ],
  ["nansum", (x) => np.nansum(x), [N], all(N * D)],
  ["average", (x) => np.average(x, undefined, { weights: x }), [N], all(D)],
  ["dot", (x) => np.dot(x, x), [N], all(N * D * D)],
  ["norm", (x) => np.linalg.norm(x), [N], all(Math.sqrt(N) * D)],
  ["matrix by vector", (x) => np.matmul(x, tenths(N / 5)), [5, N / 5], all((N / 5) * D * D)],
  ["vector by matrix", (x) => np.matmul(tenths(N / 5), x), [N / 5, 5], all((N / 5) * D * D)],
  [
    "einsum over two axes",
    (x) => np.einsum("abi,baj->ij", x, tenths(3, 20_000, 5)),
    [20_000, 3, 4],
    all(60_000 * D * D),
  ],
  ["batches", (x) => vmap((r: NDArray) => r.sum())(x), [7, 50_000], all(50_000 * D)],
  ["derivative of a broadcast", (x) => grad((c: NDArray) => x.mul(c).sum())(np.array(1)), [N], all(N * D)],
  ["logsumexp", (x) => nn.logsumexp(x), [N], all(D + Math.log(N))],
  ["softmax", (x) => nn.softmax(x).mul(N), [N], all(1)],
  [
    "standardize",
    (x) =>
      np
        .square(nn.standardize(np.sin(np.cumsum(x)).add(100), -1, { epsilon: 0, algorithm: "stable" }))
        .mean(),
    [N],
    all(1),
  ],
  ["trapezoid", (x) => np.trapezoid(x), [N], all((N - 1) * D)],
  ["var", (x) => np.var_(np.sin(np.cumsum(np.ones([x.size]))).add(1000)), [N], all(0.5)],
  ["scan of contractions", (x) => timeSum(x), [2000, 32, 4], all(64_000 * D * D)],
];

/** The gradient of weights that all steps share: deferred, it is one contraction over time and batch. */
function timeSum(xs: NDArray): NDArray {
  const loss = (w: NDArray): NDArray =>
    lax
      .scan((c: NDArray, x: NDArray) => [c, np.matmul(x, w)] as const, np.array(0), xs)[1]
      .mul(D)
      .sum();
  return grad(loss)(np.zeros([4, 4]));
}

const RUNNING: readonly Row[] = [
  ["cumsum", (x) => np.cumsum(x), [N], [D, N * D]],
  ["cumsum over rows", (x) => np.cumsum(x, 0), [N / 10, 10], [D, (N / 10) * D]],
  ["cumsum over rows, batched", (x) => np.cumsum(x, 1), [3, 50_000, 7], [D, 50_000 * D]],
  ["reversed", (x) => lax.cumsum(x, 0, { reverse: true }), [N], [N * D, D]],
  ["cumlogsumexp", (x) => lax.cumlogsumexp(x, 0), [N / 10], [D, D + Math.log(N / 10)]],
  ["cumlogsumexp over rows", (x) => lax.cumlogsumexp(x, 0), [N / 10, 3], [D, D + Math.log(N / 10)]],
  ["derivative of cumsum", (x) => grad((y: NDArray) => np.cumsum(y).mul(D).sum())(x), [N], [N * D, D]],
  // The last of many alternating signs is small: the error is relative to what was added up.
  ["alternating signs", (x) => np.cumsum(np.stack([x, x.neg()], 1).ravel()).add(1), [N / 2], [1 + D, 1]],
];

describe.each([
  ["eagerly", (f: (x: NDArray) => NDArray) => f],
  ["compiled", (f: (x: NDArray) => NDArray) => jit(f)],
] as const)("%s", (_, run) => {
  test.each([...SUMS, ...RUNNING])("%s", (_title, f, shape, want) => {
    const got = ends(run(f)(tenths(...shape)));
    for (const [i, w] of want.entries()) expect(Math.abs(got[i]! / w - 1)).toBeLessThan(1e-6);
  });
});

test("1e7 equal numbers", () => {
  for (const value of [0.1, 0.3, 0.7, 1 / 3, 1]) {
    const [x, d] = [np.full([10_000_000], value, { dtype: "float32" }), Math.fround(value)];
    expect(Math.abs(x.sum().item() / (1e7 * d) - 1)).toBeLessThan(1e-6);
    x.dispose();
  }
});

test("more numbers than a float32 can count", () => {
  const n = 50_000_000;
  expect(jit(() => np.ones([n]).mean())().item()).toBe(1);
});

test("float64 keeps its digits", () => {
  const x = np.broadcastTo(np.array(0.1, { dtype: "float64" }), [N]);
  for (const total of [x.sum(), np.dot(x, x).mul(10), np.cumsum(x).slice(-1)])
    expect(Math.abs((total.item() as number) / (N * 0.1) - 1)).toBeLessThan(1e-15);
});

describe("infinities and NaN", () => {
  const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
  const at = (values: Record<number, number>, n = 5000): NDArray =>
    np.array(Float32Array.from({ length: n }, (_, i) => values[i] ?? 1));
  test.each([
    ["one infinity", { 70: inf }, inf],
    ["several", { 70: inf, 4000: inf }, inf],
    ["negative", { 3: -inf }, -inf],
    ["both signs", { 3: -inf, 4444: inf }, nan],
    ["NaN", { 4999: nan }, nan],
    ["overflow", { 10: 3e38, 2000: 3e38 }, inf],
  ] as const)("%s", (_, values, want) => {
    const x = at(values);
    for (const y of [
      x.sum(),
      np.dot(x, np.onesLike(x)),
      np.cumsum(x).slice(-1),
      x.reshape([2500, 2]).sum(0).sum(),
    ])
      expect(y.item()).toBe(want);
  });
});
