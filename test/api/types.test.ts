/** What TypeScript infers for users: every line that compiles here compiles without a cast in a program. */
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  checkpoint,
  customJvp,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  jvp,
  lax,
  linearize,
  numpy as np,
  optim,
  random,
  tree,
  valueAndGrad,
  vjp,
  vmap,
} from "../../src/index.ts";

type A = np.Array;
interface Params {
  w: A;
  readonly b?: A;
}
const f = (x: A) => x.mul(x).sum();
const one = np.array(1);
const loss = (p: Params, x: A) => p.w.mul(x).sum();
const params: Params = { w: np.array([1, 2]) };

describe("transformations of transformations keep arrays", () => {
  /** Compile-time rows: what is given is an array, or a function that returns one. */
  const results: Record<string, A> = {
    "grad of grad": grad(grad(f))(one),
    "grad of jit": grad(jit(f))(one),
    "vmap of grad of vmap": vmap(grad((x: A) => vmap(f)(x).sum()))(np.ones([2, 2])),
    "jacfwd of grad": jacfwd(grad(f))(one),
    "jacrev of grad": jacrev(grad(f))(one),
    hessian: hessian(f)(one),
    "grad of checkpoint": grad(checkpoint(f))(one),
    "jit of vmap of grad of jit": jit(vmap(grad(jit(f))))(np.ones([2])),
    "grad of a custom rule": grad(customJvp(f, ([x], [t]) => [f(x), t.mul(x)]))(one),
    "value and gradient of jit": valueAndGrad(jit(f))(one)[1],
    "of a tree": grad(jit(loss))(params, one).w,
    "twice, of a tree": grad((p: Params) => grad(loss)(p, one).w.sum())(params).w,
  };
  test.each(Object.entries(results))("%s", (_, x) => {
    expectTypeOf(x).toEqualTypeOf<A>();
    expect(x.dtype).toBe("float32");
  });

  test("parameters without types are arrays", () => {
    expectTypeOf(grad((x) => x.mul(x).sum())).returns.toEqualTypeOf<A>();
    expect(jit((x, y) => x.add(y))(1, 2).item()).toBe(3);
    expect(vmap((x) => x.mul(2))(np.arange(3)).js()).toEqual([0, 2, 4]);
    // @ts-expect-error arrays have no such method
    expect(() => jit((x) => x.multiply(2))(1)).toThrow();
  });

  test("lists are trees, in types as at run time", () => {
    // @ts-expect-error a list of numbers is a tree of three scalars, not an array
    expect(() => jit((x: A) => x.add(1))([1, 2, 3])).toThrow();
    expect(jit((xs: A[]) => xs.map((x) => x.add(1)))([1, 2]).map((x) => x.item())).toEqual([2, 3]);
    expect(jit(([x, y]: [A, A]) => x.sub(y))([3, 2]).item()).toBe(1);
  });
});

describe("pullbacks", () => {
  test("give a tuple of cotangents like the primals", () => {
    const [y, back] = vjp((x: A, w: A) => x.mul(w), [np.array(2), np.array(3)]);
    const [dx, dw] = back(np.array(1));
    expect(y.add(dx).add(dw).item()).toBe(11);
    const [dp] = vjp((p: Params) => p.w.sum(), [params])[1](1);
    expectTypeOf(dp.b).toEqualTypeOf<A | undefined>();
    expect(dp.w.js()).toEqual([1, 1]);
    const [of] = vjp((x) => [x, { twice: x.mul(2) }], [3])[1]([1, { twice: 1 }]);
    expect(of.item()).toBe(3);
  });
  test("and aux comes without `as const`", () => {
    const [y, back, aux] = vjp((x: A) => [x.sum(), { x }], [one], { hasAux: true });
    expect(y.add(aux.x).add(back(1)[0]).item()).toBe(3);
    const [[value, more], gradient] = valueAndGrad((x: A) => [x.sum(), { x }], { hasAux: true })(one);
    expect(value.add(more.x).add(gradient).item()).toBe(3);
    const [slope, seen] = grad((x) => [x.sum(), x], { hasAux: true })(one);
    expect(slope.add(seen).item()).toBe(2);
  });
  test("forwards, too", () => {
    const [y, dy] = jvp((x, w) => x.mul(w), [2, 3], [1, 0]);
    const [, push] = linearize((x) => x.mul(x), [3]);
    expect(y.add(dy).add(push(1)).item()).toBe(15);
  });
});

describe("loops", () => {
  const named = (c: A, x: A) => [c.add(x), c.mul(x)];
  const pair = (c: A, x: A): [A, A] => [c.add(x), c.mul(x)];
  test("bodies may be declared elsewhere", () => {
    for (const body of [named, pair]) {
      const [c, ys] = lax.scan(body, np.array(0), np.arange(3));
      expect(c.add(ys.sum()).item()).toBe(5);
    }
  });
  test("carries are tuples, lists or objects", () => {
    const [[a, b], ys] = lax.scan(([a, b], x) => [[a.add(x), b.mul(x)], a], [np.array(0), one], np.arange(3));
    expect(a.add(b).add(ys.sum()).item()).toBe(4);
    const list: A[] = [np.array(0), one];
    const [all] = lax.scan((hs, x) => [hs.map((h) => h.add(x)), null], list, np.arange(3));
    expect(all.map((h) => h.item())).toEqual([3, 4]);
    expect(lax.foriLoop(0, 3, (i, { n }) => ({ n: n.add(i) }), { n: 0 }).n.item()).toBe(3);
    // @ts-expect-error the carry changes its structure
    expect(() => lax.scan((c, x) => [{ c }, x], one, np.arange(3))).toThrow();
  });
});

describe("optimizers", () => {
  /** A helper for any parameters and any optimizer. */
  function trainStep<P, S>(of: (p: P, x: A) => A, optimizer: optim.GradientTransformation<S>) {
    return (p: P, state: S, x: A) => {
      const [value, grads] = valueAndGrad(of)(p, x);
      const [updates, next] = optimizer.update(grads, state, p);
      return { value, params: optim.applyUpdates(p, updates), state: next };
    };
  }
  test("chains infer their states, and generic helpers compile", () => {
    const adam = optim.chain(optim.clipByGlobalNorm(1), optim.scaleByAdam(), optim.scale(-0.1));
    expectTypeOf<optim.StateOf<typeof adam>[1]>().toEqualTypeOf<optim.AdamState>();
    const step = trainStep(loss, adam);
    let [p, state] = [params, adam.init(params)];
    for (let i = 0; i < 2; i++) ({ params: p, state } = step(p, state, one));
    expect(state[1].count.item()).toBe(2);
    expect(p.w.shape).toEqual([2]);
  });
});

describe("values", () => {
  class Scale {
    readonly factor: A;
    constructor(factor: A) {
      this.factor = factor;
    }
    apply(x: A): A {
      return x.mul(this.factor);
    }
  }
  tree.register(Scale, {
    flatten: (s) => [[s.factor], null],
    unflatten: (_, [factor]) => new Scale(factor as A),
  });

  test("registered classes keep their methods", () => {
    const gradient = grad((s: Scale, x: A) => s.apply(x))(new Scale(np.array(2)), np.array(3));
    expect(gradient.apply(one).item()).toBe(3);
  });
  test("dtypes in a list are dtypes", () => {
    for (const dtype of [np.int32, np.float32]) expect(np.zeros([2], { dtype }).dtype).toBe(dtype);
  });
  test("parts are tuples", () => {
    expectTypeOf(np.split(np.arange(6), 3)).toEqualTypeOf<[A, A, A]>();
    expectTypeOf(np.split(np.arange(6), [1, 4])).toEqualTypeOf<[A, A, A]>();
    expectTypeOf(np.split(np.arange(6), Number("3"))).toEqualTypeOf<A[]>();
    const [k, l, m] = random.split(random.key(0), 3);
    expect([k, l, m].map((key) => key?.shape)).toEqual([[2], [2], [2]]);
  });
  test("shapes are readonly", () => {
    const { shape } = np.zeros([2, 3]);
    expectTypeOf(shape).toEqualTypeOf<readonly number[]>();
  });
});
