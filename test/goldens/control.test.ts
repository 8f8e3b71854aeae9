/** Loops and branches against JAX: values, jvp, vjp, and vmap. */
import type { NDArray } from "../../src/core/array.ts";
import {
  checkpoint,
  grad,
  hessian,
  jacrev,
  jit,
  jvp,
  lax,
  numpy as np,
  tree,
  vmap,
} from "../../src/index.ts";
import { loadOps, numbers } from "./load.ts";
import { type Fn, testRows } from "./rows.ts";

type A = NDArray;
type Options = Parameters<typeof lax.scan>[3];

const rnn =
  (options: Options = {}) =>
  (w: A, b: A, h0: A, xs: A): [A, A] =>
    lax.scan(
      (h: A, x: A) => {
        const next = np.tanh(np.dot(h, w).add(x).add(b));
        return [next, next.mul(x).sum()] as const;
      },
      h0,
      xs,
      options,
    );

const stacked = (ws: A, hs: A, xs: A) =>
  lax.scan(
    (carry: A, x: A) => {
      const [y, next] = lax.scan(
        (input: A, [w, h]: [A, A]) => {
          const out = np.tanh(np.dot(h, w).add(input));
          return [out, out] as const;
        },
        x,
        [ws, carry] as [A, A],
      );
      return [next, y] as const;
    },
    hs,
    xs,
  );

const movingTuple = (a: A, b: A, c: A) =>
  lax.scan(
    ([x, y, z]: [A, A, A]) => [[y, z, x.mul(y).add(z)] as [A, A, A], x] as const,
    [a, b, c] as [A, A, A],
    null,
    { length: 5 },
  );

const counting = (xs: A) =>
  lax.scan(
    ([n, on, total]: [A, A, A], x: A) =>
      [[n.add(1), np.logicalNot(on), np.where(on, total.add(x.mul(n)), total)] as [A, A, A], n] as const,
    [np.array(0, { dtype: "int32" }), np.array(true), np.array(0)] as [A, A, A],
    xs,
  );

const doubling = (x: A, limit: A): A =>
  lax.whileLoop(
    (c: A) => c.less(limit),
    (c: A) => c.mul(2).add(0.5),
    x,
  );

const newton = (a: A) =>
  lax.whileLoop(
    ([x]: [A, A]) => np.abs(x.mul(x).sub(a)).greater(1e-3),
    ([x, n]: [A, A]) => [x.add(a.div(x)).mul(0.5), n.add(1)] as [A, A],
    [a, np.array(0, { dtype: "int32" })] as [A, A],
  );

const dynamicFori = (n: A, x: A): A => lax.foriLoop(0, n, (i, s: A) => s.mul(1.5).add(i), x);

const branch = (p: A, x: A, y: A) =>
  lax.cond(
    p.greater(0),
    (a: A, b: A) => [a.mul(b), np.sin(a)] as [A, A],
    (a: A, b: A) => [a.sub(b), b.mul(b).mul(a)] as [A, A],
    x,
    y,
  );

const switching = (i: A, x: A): A =>
  lax.switch(i, [(v: A) => np.sin(v), (v: A) => v.mul(v), (v: A) => v.mul(3)], x);

const guarded = (x: A): A =>
  lax.cond(
    x.greater(0),
    (v: A) => np.log(v),
    (v: A) => v.mul(0),
    x,
  );

const condInScan = (x: A, xs: A) =>
  lax.scan(
    (c: A, v: A) => {
      const next = lax.cond(
        v.greater(0),
        (s: A) => s.mul(v),
        (s: A) => s.add(np.cos(v)),
        c,
      );
      return [next, next] as const;
    },
    x,
    xs,
  );

const whileInScan = (xs: A) =>
  lax.scan(
    (start: A, v: A) => {
      const c = lax.whileLoop(
        (s: A) => s.less(v),
        (s: A) => s.add(0.7),
        start,
      );
      return [c.mul(0.5), c] as const;
    },
    np.array(0),
    xs,
  );

const mapped =
  (options = {}) =>
  (w: A, xs: A) =>
    lax.map((x: A) => np.tanh(np.dot(w, x)), xs, options);

const rnnLoss = (w: A, b: A, h: A, xs: A): A => {
  const [carry, ys] = rnn()(w, b, h, xs);
  return carry.mul(carry).sum().add(ys.sum());
};

// The constants of the rows without derivatives, which close over them.
const [W, B, , XS] = loadOps("control")
  .find((row) => row.op === "rnn")!
  .args.map((g) => np.array(numbers(g)).reshape([...g.s])) as [A, A, A, A];

/** f(x) on every row of an array; collectives find the rows by the name i. */
const lanes = (f: (x: A) => unknown) => vmap(f as (x: A) => A, { axisName: "i" });

/** Collectives in the body of a loop and in a branch. */
const squaresInScan = (x: A) =>
  lax.scan(
    (c: A, t: A) => {
      const mixed = np.sin(c).add(lax.pmean(c, "i").mul(t));
      const next = lax.cond(
        t.greater(0),
        (v: A) => lax.psum(v, "i") as A,
        (v: A) => v.mul(lax.axisIndex("i")),
        mixed,
      );
      return [next, mixed] as const;
    },
    x,
    XS.slice([], 0),
  );

// biome-ignore lint/suspicious/noExplicitAny: programs of all signatures stand in one table
const PROGRAMS: Record<string, (...args: any[]) => unknown> = {
  rnn: rnn(),
  "rnn reverse": rnn({ reverse: true }),
  "rnn unrolled": rnn({ unroll: 2 }),
  "rnn of batches": vmap(rnn(), [null, null, 0, 1]),
  "rnn of weights": vmap(rnn(), [0, null, null, null]),
  "rnn gradient": grad(rnnLoss, { argnums: [0, 3] }),
  "rnn hessian": hessian((h: A) => rnn()(W, B, h, XS)[0].sum()),
  "rnn jacobian": jacrev((h: A) => rnn()(W, B, h, XS)[1]),
  stacked,
  "with constants": (a: A, b: A, x: A) =>
    lax.scan((c: A) => [np.dot(np.sin(a), c).add(b), c] as const, x, null, { length: 4 }),
  "logistic map": (r: A, x: A) =>
    lax.scan((c: A) => [r.mul(c).mul(np.subtract(1, c)), c] as const, x, null, { length: 12 }),
  "moving tuple": movingTuple,
  counting,
  doubling,
  "doubling forwards": (x: A, limit: A, t: A) => jvp((y: A) => doubling(y, limit), [x], [t]),
  "doubling lanes": vmap(doubling),
  newton,
  "newton lanes": vmap(newton),
  "fixed fori": (x: A, y: A) => lax.foriLoop(2, 6, (i, s: A) => s.mul(y).add(i), x),
  "dynamic fori": dynamicFori,
  "dynamic fori none": dynamicFori,
  "dynamic fori lanes": vmap(dynamicFori),
  "cond true": branch,
  "cond false": branch,
  "cond lanes": vmap(branch),
  "cond shared": vmap(branch, [null, 0, null]),
  switch: switching,
  "switch below": switching,
  "switch above": switching,
  "switch lanes": vmap(switching),
  "guarded lanes": vmap(guarded),
  "cond in scan": condInScan,
  "cond in scan lanes": vmap(condInScan),
  "while in scan": whileInScan,
  "while in scan lanes": vmap(whileInScan),
  map: mapped(),
  "map of batches": mapped({ batchSize: 2 }),
  psum: lanes((x) => lax.psum(x.mul(x), "i").mul(x)),
  pmean: lanes((x) => x.sub(lax.pmean(np.sin(x), "i"))),
  "pmean of integers": lanes((x) => lax.pmean(x, "i")),
  "psum of bools": lanes((x) => lax.psum(x, "i")),
  "psum of what is not mapped": lanes((x) => np.dot(lax.psum(W, "i"), x)),
  "pmax and pmin": lanes((x) => lax.pmax(x, "i").sub(lax.pmin(x, "i"))),
  allGather: lanes((x) => np.dot(lax.allGather(x, "i"), x)),
  "allGather along axis 1": lanes((x) => lax.allGather(x, "i", { axis: 1 }).mul(np.expandDims(x, 1))),
  "allGather tiled": lanes((x) => lax.allGather(x, "i", { tiled: true }).mul(x.slice(0))),
  psumScatter: lanes((x) => lax.psumScatter(np.sin(x), "i").mul(x)),
  "psumScatter tiled": lanes((x) =>
    lax.psumScatter(np.sin(x), "i", { scatterDimension: 1, tiled: true }).mul(x.slice([], [0, 1])),
  ),
  ppermute: lanes((x) =>
    lax
      .ppermute(np.sin(x), "i", [
        [0, 3],
        [1, 4],
        [2, 0],
        [3, 2],
        [4, 1],
      ])
      .mul(x),
  ),
  allToAll: lanes((x) => lax.allToAll(np.sin(x), "i", 0, 1).mul(x.sum())),
  "allToAll tiled": lanes((x) => lax.allToAll(np.sin(x), "i", 1, 0, { tiled: true }).mul(x.sum())),
  "axisIndex and axisSize": lanes((x) => x.mul(lax.axisIndex("i")).div(lax.axisSize("i"))),
  "collectives in loops": lanes(squaresInScan),
  "gradient of each lane": lanes(grad((x: A) => lax.psum(x.mul(x), "i").mul(x).sum())),
  "gradient of gathered lanes": lanes(grad((x: A) => lax.allGather(np.sin(x), "i").mul(x).sum())),
  "two axes": vmap(
    lanes((x) => lax.psum(x.mul(lax.axisIndex(["o", "i"])), ["i", "o"]).mul(x)),
    { axisName: "o" },
  ),
  "an axis inside another": vmap(
    lanes((x) => lax.psum(np.sin(x), "o").mul(lax.allGather(x, "i"))),
    { axisName: "o", inAxes: 1, outAxes: 1 },
  ),
  "a jitted collective": lanes(jit((x: A) => lax.psum(np.sin(x), "i").mul(x))),
  "checkpoint of a collective": lanes(checkpoint((x: A) => lax.psum(np.sin(x), "i").mul(x))),
  "nothing mapped": vmap((y: A) => np.sin(y).mul(lax.axisIndex("i")), {
    inAxes: null,
    axisSize: 3,
    axisName: "i",
  }),
  "axes of trees": (x: A, y: A) =>
    vmap((d: { a: A }, t: [A, A]) => ({ s: d.a.mul(t[0]), r: d.a.sum() }), {
      inAxes: [{ a: 1 }, [0, null]],
      outAxes: { s: -1, r: 0 },
    })({ a: x }, [y, x]),
  "associative scan": (x: A) => lax.associativeScan(np.multiply, x),
  "associative scan of affine maps": (a: A, b: A) =>
    lax.associativeScan(([a1, b1]: [A, A], [a2, b2]: [A, A]) => [a2.mul(a1), a2.mul(b1).add(b2)] as [A, A], [
      a,
      b,
    ] as [A, A]),
};

const TABLE = Object.fromEntries(
  Object.entries(PROGRAMS).map(([name, fn]): [string, Fn] => [
    name,
    (...args) => tree.leaves(fn(...args) as never) as A[],
  ]),
);

testRows("control", TABLE, () => ({
  value: { relative: 2e-6, absolute: 1e-6 },
  derivative: { relative: 2e-5, absolute: 5e-6 },
}));
