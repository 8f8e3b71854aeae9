/** cond and switch against JavaScript's own branches (JAX: lax_control_flow_test.py). */
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../../src/core/array.ts";
import {
  disableJit,
  grad,
  hessian,
  jit,
  jvp,
  lax,
  linearize,
  makeJaxpr,
  numpy as np,
  random,
  valueAndGrad,
  vjp,
  vmap,
} from "../../../src/index.ts";
import { expectClose } from "../../support/close.ts";

type A = NDArray;
const int = (x: number): A => np.array(x, { dtype: "int32" });

const BRANCHES = [
  (x: A, y: A): [A, A] => [np.sin(x).mul(y), x.mul(x)],
  (x: A, _: A): [A, A] => [np.exp(x.mul(0.3)), x],
  (_: A, y: A): [A, A] => [y.mul(y), np.cos(y)],
  (_x: A, _y: A): [A, A] => [np.array(1), np.array(2)],
];

describe("switch", () => {
  const f = (i: A, x: A, y: A): [A, A] => lax.switch(i, BRANCHES, x, y) as [A, A];
  const scalarLoss =
    (g: (x: A, y: A) => [A, A]) =>
    (x: A, y: A): A => {
      const [a, b] = g(x, y);
      return a.mul(2).add(b.mul(b));
    };
  const [x, y, tx, ty] = [0.7, -1.3, 0.5, 2].map((v) => np.array(v)) as [A, A, A, A];

  const OBSERVATIONS: Record<string, (g: (x: A, y: A) => [A, A]) => unknown> = {
    value: (g) => g(x, y),
    jvp: (g) => jvp(g, [x, y], [tx, ty]),
    linearize: (g) => linearize(g, [x, y])[1](tx, ty),
    vjp: (g) => vjp(g, [x, y])[1]([np.array(1), np.array(-2)]),
    grad: (g) => valueAndGrad(scalarLoss(g), { argnums: [0, 1] })(x, y),
    hessian: (g) => hessian((v: A) => scalarLoss(g)(v, y))(x),
    "vmap of operands": (g) => vmap(g, [0, null])(np.array([0.1, 0.2, 0.3]), y),
    "vmap of grad": (g) => vmap(grad(scalarLoss(g)), [0, 0])(np.array([0.1, 0.2]), np.array([1, 2])),
  };

  describe.each([-3, 0, 1, 2, 3, 9])("index %i", (i) => {
    const chosen = BRANCHES[Math.min(Math.max(i, 0), 3)]!;
    test.each(Object.keys(OBSERVATIONS))("%s", (name) => {
      const look = OBSERVATIONS[name]!;
      expectClose(
        look((a, b) => f(int(i), a, b)),
        look(chosen),
        1e-5,
      );
      expectClose(jit((k: A) => look((a, b) => f(k, a, b)) as A)(int(i)), look(chosen), 1e-5);
    });
  });

  test("an index per lane", () => {
    const indices = np.array([3, 0, 2, 1, 7, -1], { dtype: "int32" });
    const xs = np.linspace(-1, 1, 6).astype("float32");
    const rows = [0, 1, 2, 3, 4, 5].map((k) => f(indices.slice(k), xs.slice(k), y));
    const expected = [np.stack(rows.map((r) => r[0])), np.stack(rows.map((r) => r[1]))];
    expectClose(vmap(f, [0, 0, null])(indices, xs, y), expected);
    expectClose(jit(vmap(f, [0, 0, null]))(indices, xs, y), expected);
    const g = (i: A, v: A): A => grad((w: A) => scalarLoss((a, b) => f(i, a, b))(w, y))(v);
    expectClose(
      vmap(g)(indices, xs),
      np.stack([0, 1, 2, 3, 4, 5].map((k) => g(indices.slice(k), xs.slice(k)))),
    );
  });

  test("one branch is called as it is", () => {
    const { jaxpr } = makeJaxpr((i: A, v: A) => lax.switch(i, [(w: A) => np.sin(w)], v))(int(5), x);
    expect(jaxpr.eqns.map((e) => e.primitive.name)).not.toContain("cond");
  });

  test("residuals of equal types share a slot", () => {
    const three = (i: A, v: A): A =>
      lax.switch(i, [(w: A) => np.sin(np.sin(w)), (w: A) => np.cos(np.exp(w)), (w: A) => w], v) as A;
    const forward = makeJaxpr((i: A, v: A) => grad((w: A) => three(i, w))(v))(int(0), x).jaxpr.eqns.find(
      (e) => e.primitive.name === "cond",
    )!;
    // The value and two residuals, not two for each of the first two branches.
    expect(forward.outputs.length).toBeLessThanOrEqual(3);
    for (const i of [0, 1, 2])
      expectClose(
        grad((v: A) => three(int(i), v))(0.4),
        grad((v: A) => [np.sin(np.sin(v)), np.cos(np.exp(v)), v][i]!)(0.4),
      );
  });
});

describe("cond", () => {
  const pick = (p: A | number | boolean, x: A): A =>
    lax.cond(
      p,
      (v: A) => v.mul(2),
      (v: A) => v.neg(),
      x,
    );
  test.each<[A | number | boolean, number]>([
    [true, 6],
    [false, -3],
    [1, 6],
    [0, -3],
    [-2.5, 6],
    [np.array(true), 6],
    [np.array(0), -3],
    [int(7), 6],
  ])("predicate %s", (p, expected) => {
    expect(pick(p, np.array(3)).item()).toBe(expected);
    expect(jit((x: A) => pick(p, x))(3).item()).toBe(expected);
    expect(disableJit(() => pick(p, np.array(3))).item()).toBe(expected);
  });
  test("without operands, closing over arrays", () => {
    const w = np.array([1, 2]);
    const f = jit((p: A, x: A) =>
      lax.cond(
        p,
        () => x.mul(w),
        () => w.sub(x),
      ),
    );
    expectClose([f(true, 3), f(false, 3)], [np.array([3, 6]), np.array([-2, -1])]);
  });
  test("one branch is constant", () => {
    const f = (x: A): { a: A; b: A } =>
      lax.cond(
        x.less(3),
        () => ({ a: np.array(5), b: np.array([1, 2]) }),
        (v: A) => ({ a: v, b: np.array([3, 4]) }),
        x,
      );
    expectClose(f(np.array(1)), { a: 5, b: np.array([1, 2]) });
    expectClose(jit(f)(4), { a: 4, b: np.array([3, 4]) });
    expectClose(grad((x: A) => f(x).a)(4), 1);
    expectClose(grad((x: A) => f(x).a)(1), 0);
  });
  test("branches in branches", () => {
    const f = (x: A): A =>
      lax.cond(
        x.less(2),
        (v: A) =>
          lax.cond(
            v.less(0),
            (w: A) => w.neg(),
            (w: A) => w.mul(10),
            v,
          ),
        (v: A) => v.mul(v),
        x,
      );
    const js = (x: number): number => (x < 2 ? (x < 0 ? -x : 10 * x) : x * x);
    const xs = [-2, 0.5, 1.5, 3];
    expect(xs.map((x) => jit(f)(x).item())).toEqual(xs.map(js));
    expect(vmap(f)(np.array(xs)).js()).toEqual(xs.map(js));
    expect(vmap(grad(f))(np.array(xs)).js()).toEqual([-1, 10, 10, 6]);
  });
  test("only the chosen branch is executed, unless lanes disagree", () => {
    const f = (p: A, x: A): A =>
      lax.cond(
        p,
        (v: A) => np.sin(v),
        (v: A) => np.cos(v),
        x,
      );
    const names = (axes: [number | null, number | null], p: A): string =>
      String(makeJaxpr(vmap(f, axes))(p, np.ones([3])).jaxpr);
    expect(names([null, 0], np.array(true))).toContain("cond[");
    expect(names([0, 0], np.array([true, false, true]))).not.toContain("cond[");
    expect(names([0, 0], np.array([true, false, true]))).toContain("select_n");
  });
  test("no NaN comes out of the branch that is not taken", () => {
    const f = (x: A): A =>
      lax.cond(
        x.equal(0),
        () => np.array(0),
        (v: A) => np.sqrt(v),
        x,
      );
    const xs = np.array([0, 4, 0]);
    expect(vmap(grad(f))(xs).js()).toEqual([0, 0.25, 0]);
    expect(grad((v: A) => vmap(f)(v).sum())(xs).js()).toEqual([0, 0.25, 0]);
    expect(jit(vmap(grad(f)))(xs).js()).toEqual([0, 0.25, 0]);
  });
  test("inside of a loop, mapped: random walks", () => {
    const walk = (key: A): A =>
      lax.foriLoop(
        0,
        6,
        (i, x: A) =>
          lax.cond(
            random.bernoulli(random.foldIn(key, i)),
            (v: A) => v.add(1),
            (v: A) => v.sub(1),
            x,
          ),
        np.array(0),
      );
    const keys = random.split(random.key(3), 4);
    expectClose(vmap(walk)(keys), np.stack([0, 1, 2, 3].map((k) => walk(keys.slice(k)))));
  });
  test("a scan over a cond over a read-only carry stays small under vmap", () => {
    const f = (p: A, w: A, x: A): A =>
      lax.cond(
        p,
        (v: A) =>
          lax.scan(([m, c]: [A, A]) => [[m, np.dot(m, c)] as [A, A], null] as const, [w, v] as [A, A], null, {
            length: 2,
          })[0][1],
        (v: A) => v,
        x,
      );
    const [w, xs] = [
      np.array([
        [0, 1],
        [1, 1],
      ]),
      np.array([
        [1, 2],
        [3, 4],
      ]),
    ];
    expectClose(
      vmap(f, [null, null, 0])(np.array(true), w, xs),
      np.stack([0, 1].map((k) => np.dot(w, np.dot(w, xs.slice(k))))),
    );
  });
  test("integers and weak types meet", () => {
    const one = (): A => 1 as unknown as A;
    expect(lax.cond(true, one, () => np.array(2)).dtype).toBe("float32");
    expectClose(
      grad((x: A) =>
        lax.cond(
          x.greater(0),
          (v: A) => v.mul(1.5),
          () => 0 as unknown as A,
          x,
        ),
      )(2),
      1.5,
    );
  });
});
