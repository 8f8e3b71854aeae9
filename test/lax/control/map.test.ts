/** lax.map, associativeScan and the scans along an axis. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../../src/core/array.ts";
import { grad, jit, jvp, lax, numpy as np, vmap } from "../../../src/index.ts";
import { expectClose } from "../../support/close.ts";

type A = NDArray;

describe("map", () => {
  const f = (x: A): A => np.tanh(x.mul(2)).add(1);
  const xs = np.arange(10).astype("float32").mul(0.1);

  test.each([undefined, 0, 1, 3, 5, 10, 40])("batchSize %s", (batchSize) => {
    const options = batchSize === undefined ? {} : { batchSize };
    const map = (v: A): A => lax.map(f, v, options);
    expectClose(map(xs), f(xs));
    expectClose(jit(map)(xs), f(xs));
    expectClose(grad((v: A) => map(v).mul(map(v)).sum())(xs), grad((v: A) => f(v).mul(f(v)).sum())(xs));
    expectClose(vmap(map)(np.stack([xs, xs.neg()])), np.stack([f(xs), f(xs.neg())]));
  });
  test("trees", () => {
    const out = lax.map(({ a, b: [c] }: { a: A; b: [A] }) => [a.add(c), { d: a.mul(c) }] as [A, { d: A }], {
      a: np.array([1, 2]),
      b: [np.array([3, 4])] as [A],
    });
    expectClose(out, [np.array([4, 6]), { d: np.array([3, 8]) }]);
  });
  test("nothing to map over", () => {
    expect(lax.map(f, np.zeros([0, 3])).shape).toEqual([0, 3]);
    expect(lax.map((x: A) => x.sum(), np.zeros([0, 3]), { batchSize: 2 }).shape).toEqual([0]);
  });
  test("is one loop without a carry", () => {
    expect(() => lax.map(7 as never, xs)).toThrow("lax.map: f argument should be a callable.");
    expect(() => lax.map(f, xs, { batchSize: -1 })).toThrow(
      "lax.map: batchSize must be a non-negative integer, got -1.",
    );
    expect(() => lax.map(f, [1, 2] as never)).toThrow("no leading axis to scan over");
  });
});

/** Prefixes by a plain loop over elements along the axis. */
function prefixes(f: (a: A, b: A) => A, x: A, axis: number, reverse: boolean): A {
  const n = x.shape[axis]!;
  if (n === 0) return x;
  const parts = Array.from({ length: n }, (_, i) => lax.sliceInDim(x, i, i + 1, 1, axis));
  if (reverse) parts.reverse();
  for (let i = 1; i < n; i++) parts[i] = f(parts[i - 1]!, parts[i]!);
  return np.concatenate(reverse ? parts.reverse() : parts, axis);
}

describe("associativeScan", () => {
  const SHAPES = [[0], [1], [2], [3], [5], [10], [257], [2, 3], [7, 5], [5, 6, 7]];
  test.each(SHAPES.map((shape): [number[]] => [shape]))("shape %j", (shape) => {
    const n = shape.reduce((a, b) => a * b, 1);
    const x = np.arange(n).astype("float32").mul(0.37).reshape(shape).mod(3).sub(1);
    shape.forEach((_, axis) => {
      for (const reverse of [false, true]) {
        const got = lax.associativeScan(np.add, x, { axis, reverse }) as A;
        expectClose(got, prefixes(np.add, x, axis, reverse), 1e-4);
      }
    });
    expectClose(lax.associativeScan(np.maximum, x), prefixes(np.maximum, x, 0, false));
  });
  test("trees: composition of affine maps, and its derivative", () => {
    type Affine = { a: A; b: A };
    const compose = (p: Affine, q: Affine): Affine => ({ a: q.a.mul(p.a), b: q.a.mul(p.b).add(q.b) });
    const recurrence = (a: A, b: A): A =>
      lax.scan(
        (h: A, [ai, bi]: [A, A]) => {
          const next = ai.mul(h).add(bi);
          return [next, next] as const;
        },
        np.array(0),
        [a, b] as [A, A],
      )[1];
    const parallel = (a: A, b: A): A => (lax.associativeScan(compose, { a, b }) as Affine).b;
    const a = np.array([0.5, -0.3, 0.9, 1.1, 0.2, -0.7]);
    const b = np.array([1, 2, -1, 0.5, 3, 1]);
    expectClose(parallel(a, b), recurrence(a, b));
    expectClose(jit(parallel)(a, b), recurrence(a, b));
    const loss =
      (f: (p: A, q: A) => A) =>
      (p: A, q: A): A =>
        f(p, q).mul(f(p, q)).sum();
    const argnums = [0, 1] as const;
    expectClose(grad(loss(parallel), { argnums })(a, b), grad(loss(recurrence), { argnums })(a, b), 1e-4);
  });
  test("bools", () => {
    const x = np.array([true, false, true, true, false]);
    expect((lax.associativeScan(np.logicalXor, x) as A).js()).toEqual([true, true, false, true, true]);
  });
  test("order matters: products of matrices", () => {
    const ms = np.arange(20).astype("float32").mul(0.1).reshape([5, 2, 2]);
    const product = (p: A, q: A): A => np.matmul(q, p);
    const last = [1, 2, 3, 4].reduce((m, k) => np.matmul(ms.slice(k), m), ms.slice(0));
    expectClose((lax.associativeScan(product, ms) as A).slice(4), last, 1e-4);
  });
  test("errors", () => {
    expect(() => lax.associativeScan(3 as never, np.ones([3]))).toThrow("fn argument should be a callable");
    expect(() => lax.associativeScan((p: A[]) => p, [np.ones([3]), np.ones([4])])).toThrow(
      "Array inputs to associativeScan must have the same size along axis 0. (saw: [(3), (4)])",
    );
  });
});

describe("cumulative reductions", () => {
  const FOLDS: Record<string, [fn: typeof lax.cumsum, fold: (a: number, b: number) => number]> = {
    cumsum: [lax.cumsum, (a, b) => a + b],
    cumprod: [lax.cumprod, (a, b) => a * b],
    cummax: [lax.cummax, Math.max],
    cummin: [lax.cummin, Math.min],
    cumlogsumexp: [lax.cumlogsumexp, (a, b) => Math.log(Math.exp(a) + Math.exp(b))],
  };
  test.each(Object.keys(FOLDS))("%s is a fold, and its derivative a difference", (name) => {
    const [fn, fold] = FOLDS[name]!;
    const folded = (xs: number[]): number[] => {
      let last: number | undefined;
      return xs.map((x) => (last = last === undefined ? x : fold(last, x)));
    };
    const anyList = fc.uniqueArray(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(anyList, fc.boolean(), (ints, reverse) => {
        const xs = ints.map((k) => k / 16);
        const way = (v: number[]): number[] => (reverse ? [...v].reverse() : v);
        const f = (x: A): A => fn(x, 0, { reverse });
        expectClose(f(np.array(xs)), np.array(way(folded(way(xs)))), 1e-5);
        const t = xs.map((_, i) => (i % 3) - 1);
        const h = 1e-6;
        const moved = (s: number): number[] => way(folded(way(xs.map((x, i) => x + s * h * t[i]!))));
        const [up, down] = [moved(1), moved(-1)];
        const slope = up.map((u, i) => (u - down[i]!) / (2 * h));
        expectClose(jvp(f, [np.array(xs)], [np.array(t)])[1], np.array(slope), 1e-3);
      }),
      { numRuns: 12, seed: 7 },
    );
  });
});
