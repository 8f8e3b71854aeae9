/** while and fori against plain loops, in every combination of transformations (JAX: lax_control_flow_test.py). */
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../../src/core/array.ts";
import {
  grad,
  jacfwd,
  jit,
  jvp,
  lax,
  linearize,
  makeJaxpr,
  numpy as np,
  tree,
  vmap,
} from "../../../src/index.ts";
import { expectClose } from "../../support/close.ts";

type A = NDArray;
const int = (x: number): A => np.array(x, { dtype: "int32" });

/** Both ways to run: step by step, and as one program. */
const WAYS: [string, <F extends (...args: never[]) => unknown>(f: F) => F][] = [
  ["eager", (f) => f],
  ["jit", (f) => jit(f as never) as never],
];

describe.each(WAYS)("%s", (_, way) => {
  test("a tuple as value", () => {
    const f = way((limit: A) =>
      lax.whileLoop(
        ([pos, count]: [A, A]) => pos.less(limit).mul(count.less(100)).greater(0),
        ([pos, count]: [A, A]) => [pos.add(3), count.add(1)] as [A, A],
        [int(0), int(0)] as [A, A],
      ),
    );
    expectClose(f(int(7)), [9, 3]);
    expectClose(f(int(-1)), [0, 0]);
  });
  test("many leaves", () => {
    const value = Array.from({ length: 60 }, (_, i) => int(i));
    const f = way((...xs: A[]) =>
      lax.whileLoop(
        (v: A[]) => v[0]!.less(3),
        (v: A[]) => v.map((x) => x.add(1)),
        xs,
      ),
    );
    expect((f(...value) as A[]).map((x) => x.item())).toEqual(value.map((_, i) => i + 3));
  });
  test("closing over arrays, outer and inner", () => {
    const f = way((limit: A, step: A) =>
      lax.whileLoop(
        (c: A) => c.sum().less(limit),
        (c: A) => c.add(step),
        np.zeros([3]),
      ),
    );
    expectClose(f(np.array(10), np.array([1, 2, 3])), np.array([2, 4, 6]));
  });
  test("a value without leaves", () => {
    expect(
      way(() =>
        lax.whileLoop(
          () => false,
          (v: []) => v,
          [] as [],
        ),
      )(),
    ).toEqual([]);
  });
  test("a loop inside of the body and one inside of the condition", () => {
    const triangle = (n: A): A =>
      lax.whileLoop(
        ([i]: [A, A]) =>
          lax
            .whileLoop(
              (k: A) => k.less(i),
              (k: A) => k.add(1),
              int(0),
            )
            .less(n),
        ([i, s]: [A, A]) =>
          [
            i.add(1),
            lax.whileLoop(
              ([j]: [A, A]) => j.lessEqual(i),
              ([j, t]: [A, A]) => [j.add(1), t.add(j)] as [A, A],
              [int(0), s] as [A, A],
            )[1],
          ] as [A, A],
        [int(0), int(0)] as [A, A],
      )[1];
    // Σ over i < 5 of 0 + … + i
    expect(way(triangle)(int(5)).item()).toBe(20);
  });
  test("updates of a buffer: the lower triangle", () => {
    const tril = way((x: A) =>
      lax.foriLoop(
        0,
        4,
        (i, out: A) =>
          lax.foriLoop(
            0,
            i.add(1),
            (j, o: A) => lax.dynamicUpdateSlice(o, lax.dynamicSlice(x, [i, j], [1, 1]), [i, j]),
            out,
          ),
        np.zeros([4, 4]),
      ),
    );
    const x = np.arange(16).reshape([4, 4]).astype("float32");
    expectClose(tril(x), np.tril(x));
  });
  test("forward derivatives, also of linearize", () => {
    const f = way(
      (x: A, y: A) =>
        lax.whileLoop(
          ([, n]: [A, A]) => n.less(5),
          ([v, n]: [A, A]) => [v.mul(v).mul(0.5).add(y), n.add(1)] as [A, A],
          [x, int(0)] as [A, A],
        )[0],
    );
    const plain = (x: A, y: A): A => Array.from({ length: 5 }).reduce((v: A) => v.mul(v).mul(0.5).add(y), x);
    const [x, y, tx, ty] = [0.3, 0.4, 1, 2].map((v) => np.array(v)) as [A, A, A, A];
    expectClose(jvp(f, [x, y], [tx, ty]), jvp(plain, [x, y], [tx, ty]));
    const [value, push] = linearize(f, [x, y]);
    expectClose([value, push(tx, ty)], jvp(plain, [x, y], [tx, ty]));
    expectClose(
      jvp((v: A) => jvp(f, [v, y], [tx, ty])[1], [x], [tx])[1],
      jvp((v: A) => jvp(plain, [v, y], [tx, ty])[1], [x], [tx])[1],
    );
  });
  test("tangents that grow into further slots", () => {
    const f = way(
      (x: A) =>
        lax.whileLoop(
          ([i]: [A, A, A, A]) => i.less(3),
          ([i, a, b]: [A, A, A, A]) => [i.add(1), x.mul(2), a, b] as [A, A, A, A],
          [int(0), np.array(0), np.array(0), np.array(0)] as [A, A, A, A],
        )[3],
    );
    expectClose(jvp(f, [np.array(5)], [np.array(1)]), [10, 2]);
  });
  test("a plain number takes the type that the body gives it", () => {
    const f = way((x: A) =>
      lax.whileLoop(
        (v: A) => v.less(10),
        (v: A) => v.add(x),
        0,
      ),
    );
    expect([f(np.array(4)).dtype, f(int(4)).dtype, f(np.array(4, { dtype: "int16" })).dtype]).toEqual([
      "float32",
      "int32",
      "int16",
    ]);
  });
});

describe("vmap", () => {
  const grow = (x: A): A =>
    lax.whileLoop(
      (v: A) => v.less(3),
      (v: A) => v.add(2),
      x,
    );
  test("lanes that are done stand still", () => {
    expect(vmap(grow)(np.array([0, 1, 2, 3])).js()).toEqual([4, 3, 4, 3]);
    expect(jit(vmap(grow))(np.array([0, 1, 2, 3])).js()).toEqual([4, 3, 4, 3]);
    expect(
      vmap(vmap(grow))(
        np.array([
          [0, 1],
          [2, 3],
        ]),
      ).js(),
    ).toEqual([
      [4, 3],
      [4, 3],
    ]);
  });
  test("what a finished lane would compute does not reach it", () => {
    const f = (x: A): A =>
      lax.whileLoop(
        (v: A) => v.greater(1),
        (v: A) => np.sqrt(v.sub(1)),
        x,
      );
    expectClose(vmap(f)(np.array([0.5, 5, -3])), np.array([0.5, f(np.array(5)).item() as number, -3]));
  });
  test.each<[string, (x: A, y: A) => A]>([
    [
      "the condition's constant",
      (limit, x) =>
        lax.whileLoop(
          (v: A) => v.less(limit),
          (v: A) => v.add(1),
          x,
        ),
    ],
    [
      "the body's constant",
      (step, x) =>
        lax.whileLoop(
          (v: A) => v.less(5),
          (v: A) => v.add(step),
          x,
        ),
    ],
    [
      "a constant that the body returns",
      (y, x) =>
        lax.whileLoop(
          ([a]: [A, A]) => a.less(5),
          ([a]: [A, A]) => [a.add(1), y] as [A, A],
          [x, x] as [A, A],
        )[1],
    ],
    [
      "part of a tuple",
      (x, y) =>
        lax.whileLoop(
          ([a]: [A, A]) => a.less(20),
          ([a, b]: [A, A]) => [a.add(b), b.add(1)] as [A, A],
          [x, y] as [A, A],
        )[0],
    ],
  ])("over %s", (_, f) => {
    const [xs, ys] = [np.array([1, 2, 3]), np.array([0.5, 1.5, 2.5])];
    for (const axes of [
      [0, null],
      [null, 0],
      [0, 0],
    ] as const) {
      const at = (a: A, axis: number | null, k: number): A => (axis === null ? a.slice(1) : a.slice(k));
      const loop = np.stack([0, 1, 2].map((k) => f(at(xs, axes[0], k), at(ys, axes[1], k))));
      const args = [axes[0] === null ? xs.slice(1) : xs, axes[1] === null ? ys.slice(1) : ys] as const;
      expectClose(vmap(f, axes)(...args), loop);
      expectClose(jit(vmap(f, axes))(...args), loop);
    }
  });
  test("a shared predicate stays one number", () => {
    const f = (x: A): A => lax.foriLoop(0, int(3).add(0), (_, v: A) => v.mul(2), x);
    const text = String(
      makeJaxpr(vmap((x: A, n: A) => lax.foriLoop(0, n, (_, v: A) => v.mul(2), x), [0, null]))(
        np.ones([4]),
        int(3),
      ).jaxpr,
    );
    expect(text).not.toContain("reduce_or");
    expect(vmap(f)(np.array([1, 2])).js()).toEqual([8, 16]);
  });
  test("loops in loops", () => {
    const f = (n: A, x: A): A =>
      lax.foriLoop(
        0,
        n,
        (i, v: A) =>
          lax.whileLoop(
            (w: A) => w.less(i),
            (w: A) => w.add(1.5),
            v,
          ),
        x,
      );
    const [ns, xs] = [np.array([1, 4, 6], { dtype: "int32" }), np.array([0.5, 0, -2])];
    expectClose(vmap(f)(ns, xs), np.stack([0, 1, 2].map((k) => f(ns.slice(k), xs.slice(k)))));
  });
});

describe("fori", () => {
  const sum = (lo: number | A, hi: number | A): unknown =>
    lax.foriLoop(lo, hi, (i, s: A) => s.add(i), int(0)).item();
  test("bounds", () => {
    expect([sum(0, 5), sum(2, 4), sum(3, 3), sum(5, 2), sum(-2, 2)]).toEqual([10, 5, 0, 0, -2]);
    expect([sum(int(0), int(5)), sum(5, int(2)), sum(int(-2), 2)]).toEqual([10, 0, -2]);
    expect(jit((n: A) => lax.foriLoop(0, n, (i, s: A) => s.add(i), int(0)))(int(5)).item()).toBe(10);
  });
  test("bounds of other integer types", () => {
    const n = np.array(3, { dtype: "int16" });
    expect(lax.foriLoop(0, n, (i, s: A) => s.add(i.astype("float32")), np.array(0)).item()).toBe(3);
    expect(jit((m: A) => lax.foriLoop(0, m, (_, s: A) => s.add(1), np.array(0)))(n).item()).toBe(3);
  });
  test("trees as state", () => {
    const out = lax.foriLoop(
      1,
      5,
      (i, { total, pair: [a, b] }: { total: A; pair: [A, A]; none: null; empty: [] }) => ({
        total: total.add(i),
        pair: [b, a] as [A, A],
        none: null,
        empty: [] as [],
      }),
      { total: int(0), pair: [int(1), int(2)] as [A, A], none: null, empty: [] as [] },
    );
    expectClose(out, { total: 10, pair: [1, 2], none: null, empty: [] });
  });
  test("with known bounds it can be differentiated backwards, whatever unroll says", () => {
    for (const unroll of [undefined, 1, 2, 5, true, false]) {
      const f = (x: A): A =>
        lax.foriLoop(0, 3, (_, v: A) => v.mul(x), x, unroll === undefined ? {} : { unroll });
      expectClose(grad(f)(2), 32);
      expectClose(jit(grad(f))(2), 32);
    }
  });
  test("with unknown bounds it can be differentiated forwards", () => {
    const f = (n: A, x: A): A => lax.foriLoop(0, n, (_, v: A) => v.mul(x), x);
    expectClose(
      jvp((x: A) => f(int(3), x), [np.array(2)], [np.array(1)]),
      [16, 32],
    );
    expectClose(jit((x: A, n: A) => jvp((y: A) => f(n, y), [x], [np.array(1)]))(2, int(3)), [16, 32]);
    expectClose(jacfwd((x: A) => f(int(2), x))(3), 27);
  });
});

describe("optimised carries stay right", () => {
  test.each([0, 1, 2, 3])("slots that are only passed on, permutation %i", (k) => {
    const order = [
      [0, 1, 2],
      [1, 0, 2],
      [0, 2, 1],
      [2, 0, 1],
    ][k]!;
    const body = (v: A[]): A[] => [v[0]!.add(1), ...order.map((j) => v[j + 1]!)];
    const start = [int(0), ...[10, 20, 30].map((x) => np.array(x))];
    let expected: A[] = start;
    for (let i = 0; i < 4; i++) expected = body(expected);
    const f = (v: A[]): A[] => lax.whileLoop((w: A[]) => w[0]!.less(4), body, v);
    expectClose(f(start), expected);
    expectClose(jit(f)(start), expected);
    const [, tangents] = jvp(
      (a: A) => tree.leaves(f([start[0]!, a, a.mul(2), a.mul(3)])) as A[],
      [np.array(1)],
      [np.array(1)],
    );
    expectClose(
      (tangents as A[]).slice(1),
      (expected.slice(1) as A[]).map((x) => x.div(10)),
    );
  });
});
