/** Every form of control flow and derivative rule in every composition of transformations, against JAX. */
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { InternalError, WeftError } from "../../src/core/errors.ts";
import {
  checkpoint,
  customJvp,
  customVjp,
  disableJit,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  jvp,
  lax,
  linearize,
  numpy as np,
  vmap,
} from "../../src/index.ts";
import { expectGolden, type Golden, load } from "./load.ts";

type A = NDArray;
type F = (x: A) => A;

const X = np.array([0.5, 2, 1.25]);
const C = np.array([0.75, -0.5, 1.5]);
const TS = np.array([
  [1, 0.5, -1],
  [0.25, 2, 0.5],
]);
const int = (x: number): A => np.array(x, { dtype: "int32" });
const f32 = (x: number[]): A => np.array(x, { dtype: "float32" });

// Rules that are wrong on purpose: they show whose rule was used.
const jvpConstant = customJvp(
  (y: A) => C.mul(y),
  ([y], [t]) => [C.mul(y), C.mul(t).mul(2)],
) as F;
const jvpMakes = customJvp(
  (y: A) => y.mul(f32([0, 1, 2])),
  ([y], [t]) => [y.mul(f32([0, 1, 2])), t.mul(f32([1, 2, 3])).add(np.flip(t))],
) as F;
const jvpNonlinear = customJvp(
  (y: A) => np.sin(y),
  ([y], [t]) => [np.sin(y), t.mul(y).mul(C)],
) as F;
const vjpConstant = customVjp(
  (y: A) => C.mul(y),
  (y: A) => [C.mul(y), y],
  (y: A, g: A) => [C.mul(g).mul(y)],
) as F;
const vjpBwdOnly = customVjp(
  (y: A) => y.mul(2),
  (y: A) => [y.mul(2), null],
  (_: null, g: A) => [C.mul(g)],
) as F;
const vjpResidual = customVjp(
  (y: A) => y.add(C),
  (y: A) => [y.add(C), C],
  (c: A, g: A) => [c.mul(g)],
) as F;
const vjpMakes = customVjp(
  (y: A) => np.cos(y),
  (y: A) => [np.cos(y), y],
  (y: A, g: A) => [g.mul(np.ones([3])).add(f32([1, 2, 3]).mul(y))],
) as F;
const jvpInJvp = customJvp(
  (y: A) => jvpConstant(y).add(y),
  ([y], [t]) => [jvpConstant(y).add(y), jvpConstant(t).mul(C)],
) as F;
const vjpInVjp = customVjp(
  (y: A) => vjpConstant(np.sin(y)),
  (y: A) => [vjpConstant(np.sin(y)), y],
  (y: A, g: A) => [vjpConstant(g).mul(y)],
) as F;
const vjpOfGrad = customVjp(
  (y: A) => np.sin(y),
  (y: A) => [np.sin(y), grad((z: A) => vjpConstant(z).mul(z).sum())(y)],
  (r: A, g: A) => [r.mul(g)],
) as F;
const jvpRecursive: F = customJvp(
  (y: A) => np.exp(y.mul(C)),
  ([y], [t]) => [jvpRecursive(y), jvpRecursive(y).mul(t).mul(C)],
) as F;
const jvpTwo = customJvp(
  (y: A, z: A) => y.mul(z),
  ([y, z], [s, t]) => [y.mul(z), y.mul(t).mul(3).add(C.mul(s))],
) as (y: A, z: A) => A;
const vjpTwo = customVjp(
  (y: A, z: A) => y.mul(z),
  (y: A, z: A) => [y.mul(z), [y, z]],
  ([, z]: [A, A], g: A) => [z.mul(g).mul(C), null],
) as (y: A, z: A) => A;
const vjpFirst = customVjp(
  (y: A, _: A) => y.mul(2),
  (y: A, _: A) => [y.mul(2), y],
  (y: A, g: A) => [C.mul(y).mul(g), null],
) as (y: A, z: A) => A;
type Pair = { a: A; b: [A, A] };
const vjpTree = customVjp(
  (d: Pair) => ({ s: d.a.mul(d.b[0]) }),
  (d: Pair) => [{ s: d.a.mul(d.b[0]) }, d],
  (_: Pair, g: { s: A }) => [{ a: g.s.mul(C), b: [null, g.s.mul(2)] }],
) as (d: Pair) => { s: A };

const scan =
  (f: F, n = 3): F =>
  (x) =>
    lax.scan((c: A) => [f(c), null] as const, x, null, { length: n })[0];
const positive: F = (y) => np.where(y.greater(0.6), y, y.mul(0.5));
const step = (c: A, t: A): [A, A] => {
  const next = np.sin(c).mul(t);
  return [next, next.mul(t)];
};
const saved = (f: F, options = {}): F => checkpoint(f, options) as F;
const affine = ([a, b]: [A, A], [c, d]: [A, A]): [A, A] => [c.mul(a), c.mul(b).add(d)];

const FORMS: Record<string, F> = {
  "customJvp of a constant": jvpConstant,
  "customJvp that makes arrays": jvpMakes,
  "customJvp, not linear": jvpNonlinear,
  "customJvp in customJvp": jvpInJvp,
  "customJvp that calls itself": jvpRecursive,
  "customJvp of two": (x) => jvpTwo(x, np.sin(x)),
  "customJvp of two, one constant": (x) => jvpTwo(C, x),
  "customVjp of a constant": vjpConstant,
  "customVjp, bwd of a constant": vjpBwdOnly,
  "customVjp with a constant residual": vjpResidual,
  "customVjp that makes arrays": vjpMakes,
  "customVjp in customVjp": vjpInVjp,
  "customVjp with grad inside": vjpOfGrad,
  "customVjp of two, null for one": (x) => vjpTwo(x, np.cos(x)),
  "customVjp of trees": (x) => vjpTree({ a: x, b: [np.sin(x), x] }).s,
  "customVjp in jit": jit(vjpBwdOnly) as F,
  "customJvp in cond": (x) => lax.cond(x.slice(0).greater(0), jvpConstant, (y: A) => y, x),
  "customVjp in switch": (x) => lax.switch(1, [np.sin as F, vjpConstant, vjpBwdOnly], x),
  "customVjp in scan": scan(vjpBwdOnly),
  "customJvp in fori": (x) => lax.foriLoop(0, 2, (_, c: A) => jvpNonlinear(c), x),
  "customVjp in checkpoint": saved((x) => np.sin(vjpConstant(x))),
  "customVjp of scan xs": (x) =>
    lax.scan((c: A, t: A) => [c.add(vjpConstant(x).mul(t)), vjpBwdOnly(c)] as const, x, TS)[1].sum(0),
  "checkpoint of scan": saved(scan(np.sin as F)),
  "checkpoint of fori": saved((x) => lax.foriLoop(0, 3, (_, c: A) => np.sin(c).mul(C), x)),
  "checkpoint of cond": saved((x) =>
    positive(lax.cond(x.slice(0).greater(0), np.sin as F, np.cos as F, x) as A),
  ),
  "checkpoint of jit": saved((x) => positive(jit((y: A) => np.sin(np.cos(y)))(x))),
  "checkpoint of checkpoint": saved((x) => positive(saved((y) => np.exp(np.sin(y)))(x))),
  "checkpoint of map": saved((x) => positive((lax.map((t: A) => np.sin(t).mul(x), x) as A).sum(0))),
  "checkpoint of an unused scan": saved((x) =>
    positive(lax.scan((c: A) => [c, x] as const, np.array(0), x)[1].sum(0)),
  ),
  "checkpoint, carry forwarded": saved((x) =>
    positive(lax.scan((c: A, t: A) => [c, t.mul(2)] as const, x, x)[0]),
  ),
  "checkpoint of a ys product": saved((x) => {
    const y = lax.scan(step, x, TS)[1];
    return np.exp(y).mul(y).sum(0);
  }),
  "checkpoint of take": saved((x) =>
    np.take(np.sin(x), lax.scan((c: A) => [c.add(1), c] as const, int(0), x)[1], null, { mode: "clip" }),
  ),
  "checkpoint of two scans": saved((x) => scan(np.cos as F)(positive(scan(np.sin as F)(x)))),
  "checkpoint of a while": saved((x) =>
    x.mul(
      lax.whileLoop(
        (n: A) => n.less(3),
        (n: A) => n.add(1),
        lax.stopGradient(x.slice(0)),
      ),
    ),
  ),
  "checkpoint of a sort": saved((x) => np.cumprod(np.sort(np.sin(x)))),
  "scan of checkpoint": scan(saved((c) => np.sin(np.cos(c).mul(c)))),
  "scan of checkpoint of scan": scan(saved(scan(saved(np.sin as F), 2)), 2),
  "cond of checkpoint": (x) =>
    lax.cond(
      x.slice(0).greater(0),
      saved((y) => np.exp(np.sin(y))),
      np.cos as F,
      x,
    ),
  "checkpoint, everything kept": saved((x) => np.exp(np.sin(x)), {
    policy: checkpoint.policies.everythingSaveable,
  }),
  "fori of scan": (x) => lax.foriLoop(0, 2, (i, c: A) => lax.scan(step, c, TS)[0].add(i), x),
  "scan of fori": scan((c) => lax.foriLoop(0, 2, (i, s: A) => np.sin(s).add(i.mul(c)), c)),
  "fori with bounds of arrays": (x) => lax.foriLoop(int(0), int(2), (i, c: A) => np.sin(c).mul(i), x),
  "fori of cond": (x) =>
    lax.foriLoop(0, 3, (i, c: A) => lax.cond(i.mod(2).equal(0), np.sin as F, (v: A) => v.mul(C), c) as A, x),
  while: (x) =>
    lax.whileLoop(
      (c: A) => c.sum().less(9),
      (c: A) => c.mul(1.5).add(C),
      x,
    ),
  "fori with a traced bound": (x) =>
    lax.foriLoop(0, x.slice(0).mul(4).astype("int32"), (_, c: A) => np.sin(c).mul(x), x),
  "scan reversed": (x) => lax.scan(step, x, TS, { reverse: true })[1].sum(0),
  "scan of no element": (x) => {
    const [c, ys] = lax.scan(step, x, TS.slice([0, 0]));
    return c.add(ys.sum(0));
  },
  "map in chunks": (x) => lax.map((t: A) => np.sin(t).mul(t), x, { batchSize: 2 }) as A,
  switch: (x) =>
    lax.switch(x.slice(0).mul(2).astype("int32"), [np.sin as F, (y: A) => y.mul(y), np.cos as F], x) as A,
  "switch of constants": (x) =>
    lax.switch(x.slice(0).mul(2).astype("int32"), [() => x, () => np.sin(x).mul(C), () => C.add(0)]) as A,
  associativeScan: (x) => lax.associativeScan(np.multiply, np.sin(x)),
  "associativeScan reversed": (x) =>
    lax.associativeScan((a: A, b: A) => a.mul(b).add(a), np.sin(x), { reverse: true }),
  "associativeScan of pairs": (x) => lax.associativeScan(affine as never, [x, x.mul(C)] as [A, A])[1],
  "associativeScan of one": (x) => lax.associativeScan(np.multiply, x.slice([0, 1])).mul(x),
  "associativeScan of none": (x) =>
    lax
      .associativeScan(np.multiply, x.slice([0, 0]))
      .sum()
      .add(x),
  "associativeScan along axis 1": (x) => lax.associativeScan(np.multiply, TS.mul(x), { axis: 1 }).sum(0),
};

// The derivative of root is infinite where x is 0.5: a zero cotangent that is an array becomes NaN there.
const root: F = (x) => np.sqrt(x.sub(0.5));
const first = (x: A, _: A): A => x;
const twice = (x: A, _: A): A => x.mul(2);

const DEAD: Record<string, F> = {
  "operand of cond": (x) => lax.cond(x.slice(0).greater(0), twice, first, x, root(x)),
  "operand of switch": (x) => lax.switch(1, [twice, first], x, root(x)) as A,
  "operand of the other branch": (x) =>
    lax.cond(x.slice(0).greater(0), twice, (x: A, a: A) => x.add(a), x, root(x)),
  "result of cond": (x) =>
    lax.cond(
      x.slice(0).greater(0),
      (x: A) => [x.mul(2), root(x)] as [A, A],
      (x: A) => [x, x] as [A, A],
      x,
    )[0],
  "operand of jit": (x) => jit(twice)(x, root(x)),
  "result of jit": (x) => jit((x: A) => [x.mul(2), root(x)] as [A, A])(x)[0],
  "operand of checkpoint": (x) => checkpoint(twice)(x, root(x)),
  "result of checkpoint": (x) => checkpoint((x: A) => [np.sin(x), root(x)] as [A, A])(x)[0],
  "xs of scan": (x) => lax.scan((c: A, _: A) => [c.mul(2), null] as const, x, root(x))[0],
  "constant of scan": (x) => {
    const a = root(x);
    return lax.scan((c: A, _: A) => [c.mul(2), a] as const, x, TS)[0];
  },
  "ys of scan": (x) => lax.scan((c: A, t: A) => [c.mul(2), root(t)] as const, x, x)[0],
  "carry of scan": (x) =>
    lax.scan(
      ([a, b]: [A, A], _: A) => [[a.mul(2), b] as [A, A], null] as const,
      [x, root(x)] as [A, A],
      TS,
    )[0][0],
  "changing carry of scan": (x) =>
    lax.scan(
      ([a, b]: [A, A], t: A) => [[a.mul(2), b.mul(t)] as [A, A], null] as const,
      [x, root(x)] as [A, A],
      TS,
    )[0][0],
  "constant of fori": (x) => {
    const a = root(x);
    return lax.foriLoop(0, 2, (_, [c]: [A, A]) => [c.mul(2), a] as [A, A], [x, x] as [A, A])[0];
  },
  "carry of fori": (x) =>
    lax.foriLoop(0, 2, (_, [a, b]: [A, A]) => [a.mul(2), np.sin(b)] as [A, A], [x, root(x)] as [A, A])[0],
  "xs of map": (x) => lax.map(([t]: [A, A]) => t.mul(2), [x, root(x)] as [A, A]) as A,
  "argument of customVjp": (x) => vjpFirst(x, root(x)),
  "argument of customJvp": (x) => customJvp(first, ([y], [t]) => [y, t.mul(2)])(x, root(x)) as A,
  "carry of while": (x) =>
    lax.whileLoop(
      ([a]: [A, A]) => a.sum().less(9),
      ([a, b]: [A, A]) => [a.mul(2), b] as [A, A],
      [x, root(x)] as [A, A],
    )[0],
};
for (const [name, f] of Object.entries(DEAD)) FORMS[`dead ${name}`] = f;

const WEIGHTS = np.array([1, 2, -1]);
const loss =
  (f: F): F =>
  (x) =>
    f(x).mul(WEIGHTS).sum();
const T = np.array([1, -2, 0.5]);
const batch: F = (x) => np.stack([x, x.mul(0.5), x.add(0.25)]);
const half =
  (f: F): F =>
  (x) =>
    f(x).mul(0.5);
const repeated =
  (f: F) =>
  (x: A, n: A | number): A =>
    lax.whileLoop(
      ([i]: [A, A]) => i.less(n),
      ([i, c]: [A, A]) => [i.add(1), half(f)(c)] as [A, A],
      [int(0), x] as [A, A],
    )[1];

const COMPOSITIONS: Record<string, (f: F) => F> = {
  value: (f) => f,
  grad: (f) => grad(loss(f)) as F,
  jvp: (f) => (x) => jvp(f, [x], [T])[1],
  linearize: (f) => (x) => linearize(f, [x])[1](T),
  jacfwd: (f) => jacfwd(f) as F,
  jacrev: (f) => jacrev(f) as F,
  hessian: (f) => hessian(loss(f)) as F,
  "grad of grad": (f) => grad((x: A) => (grad(loss(f))(x) as A).mul(T).sum()) as F,
  vmap: (f) => (x) => vmap(f)(batch(x)) as A,
  "vmap of grad": (f) => (x) => vmap(grad(loss(f)) as F)(batch(x)) as A,
  "grad of vmap": (f) => (x) =>
    grad((b: A) => (vmap(f, 1, 1)(b) as A).mul(batch(X)).sum())(batch(x).transpose()) as A,
  "grad of jit": (f) => grad(loss(jit(f) as F)) as F,
  "grad in scan": (f) => scan((c) => c.add((grad(loss(f))(c) as A).mul(0.1)), 2),
  "grad of scan": (f) => grad(loss(scan(half(f), 2))) as F,
  "grad of scans": (f) => grad(loss(scan(scan(half(f), 2), 2))) as F,
  "grad of fori": (f) => grad(loss((x) => lax.foriLoop(0, 2, (i, c: A) => half(f)(c).add(i), x))) as F,
  "grad of map": (f) =>
    grad((x: A) => (lax.map((r: A) => f(r).mul(x), batch(X)) as A).mul(batch(X)).sum()) as F,
  "grad of cond": (f) => grad(loss((x) => lax.cond(x.slice(0).greater(0), f, (y: A) => y, x) as A)) as F,
  "grad of switch": (f) => grad(loss((x) => lax.switch(2, [(y: A) => y, np.sin as F, f], x) as A)) as F,
  "grad of checkpoint": (f) => grad(loss(saved((x) => positive(f(x))))) as F,
  "grad of scan of checkpoint": (f) => grad(loss(scan(saved(half(f)), 2))) as F,
  "jvp of while": (f) => (x) => jvp((y: A) => repeated(f)(y, 2), [x], [T])[1],
  "vmap of a while per lane": (f) => (x) =>
    vmap(repeated(f))(batch(x), np.array([0, 2, 1], { dtype: "int32" })) as A,
  "vmap of grad of a cond per lane": (f) => (x) =>
    vmap(grad(loss((x) => lax.cond(x.slice(0).greater(0.4), f, (y: A) => np.sin(y).mul(2), x) as A)) as F)(
      batch(x),
    ) as A,
};

interface Row {
  readonly form: string;
  readonly composition: string;
  readonly out?: Golden;
  /** The class of JAX's error where it has no program. */
  readonly error?: string;
}
const ROWS = load<Row[]>("compositions");
const CLOSE = { relative: 5e-5, absolute: 2e-5 };

describe.each(Object.entries(FORMS))("%s", (form, f) => {
  const rows = ROWS.filter((r) => r.form === form);
  const works = rows.filter((r) => r.out);
  const of = (row: Row): F => COMPOSITIONS[row.composition]!(f);
  const check = (row: Row, x: A): void => expectGolden(x, row.out!, CLOSE, row.composition);

  test("all compositions in one program", () => {
    const outs = jit((x: A) => works.map((row) => of(row)(x)))(X);
    works.forEach((row, i) => check(row, outs[i]!));
  });
  test("operation by operation", () => {
    for (const row of works.filter((r) => !LOOPS.has(r.composition))) check(row, of(row)(X));
  });
  test("step by step", () => {
    for (const row of works.filter((r) => !DIFFERENT_STEPWISE.has(r.form)))
      check(
        row,
        disableJit(() => of(row)(X)),
      );
  });
  test("what is an error in JAX is one here", () => {
    for (const row of rows.filter((r) => r.error)) {
      const run = (): unknown => of(row)(X).dataSync();
      expect(run, row.composition).toThrow(WeftError);
      expect(run, row.composition).not.toThrow(InternalError);
    }
  });
});

/** What is one loop is one program in any case. */
const LOOPS = new Set([
  "grad in scan",
  "grad of scans",
  "grad of fori",
  "jvp of while",
  "grad of scan of checkpoint",
]);

/** A loop of no iteration has no result that says of what type it is; a branch that JavaScript does not take has no derivative. */
const DIFFERENT_STEPWISE = new Set(["scan of no element", "dead operand of the other branch"]);

test("every golden has a program and every program a golden", () => {
  const names = (key: "form" | "composition"): string[] => [...new Set(ROWS.map((r) => r[key]))].sort();
  expect(names("form")).toEqual(Object.keys(FORMS).sort());
  expect(names("composition")).toEqual(Object.keys(COMPOSITIONS).sort());
});
