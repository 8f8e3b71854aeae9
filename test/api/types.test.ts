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
    "of a function of numpy": grad(grad(np.sin))(one),
    "of what takes lists for arrays, too": grad((x: np.ArrayLike) => np.sum(x))(one),
    "of the last argument": grad(loss, { argnums: -1 })(params, one),
    "of several arguments": grad(loss, { argnums: [0, 1] })(params, one)[1],
    "of a checkpoint without types": grad(checkpoint((x) => x.mul(x).sum()))(one),
    "twice, of a tree": grad((p: Params) => grad(loss)(p, one).w.sum())(params).w,
    "jvp of grad": jvp(grad(loss), [params, one], [params, one])[1].w,
    "vjp of jit": vjp(jit(loss), [params, one])[1](1)[0].w,
    "linearize of jit of grad": linearize(jit(grad(loss)), [params, one])[1](params, one).w,
    "a custom rule for jit": grad(customJvp(jit(f), ([x], [t]) => [jit(f)(x), np.multiply(t, x)]))(one),
    "jacfwd of the second argument": jacfwd((x: A, p: Params) => p.w.mul(x), { argnums: 1 })(one, params).w,
    "jacrev of the last": jacrev((x: A, p: Params) => p.w.mul(x), { argnums: -1 })(one, params).w,
    "hessian of the second": hessian((x: A, p: Params) => loss(p, x), { argnums: 1 })(one, params).w.w,
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
    // @ts-expect-error also where the function takes lists for arrays: its gradient would be a list
    expect(grad((x: np.ArrayLike) => np.sum(x))([1, 2])).toHaveLength(2);
    // @ts-expect-error
    expect(() => vmap(np.sin)([1, 2])).toThrow(/argument 0/);
    const nested = (p: { layers: { w: np.ArrayLike; b?: np.ArrayLike }[] }) => np.sum(p.layers[0]!.w);
    // @ts-expect-error inside of a tree as well
    expect(grad(nested)({ layers: [{ w: [1, 2] }] }).layers[0]!.w).toHaveLength(2);
    const slope: A = grad(nested)({ layers: [{ w: np.array([1, 2]), b: 1 }] }).layers[0]!.w;
    expect(slope.js()).toEqual([1, 1]);
    // @ts-expect-error a list where the carry has an array
    expect(() => lax.scan((c, x) => [[c, c], x], one, np.arange(3))).toThrow(/carry/);
    // @ts-expect-error
    expect(() => lax.foriLoop(0, 3, (_, c) => [c, c], one)).toThrow(/carry/);
  });

  test("the gradient of a tree is of the tree's own type", () => {
    const gradient: Params = grad(loss)(params, one);
    expectTypeOf(grad(loss)).returns.toEqualTypeOf<Params>();
    expectTypeOf(grad(jit(grad(jit(loss), { argnums: 1 })))).returns.toEqualTypeOf<Params>();
    expectTypeOf(jit(checkpoint(grad(jit(loss))))).returns.toEqualTypeOf<Params>();
    const both: [Params, A] = grad(jit(loss), { argnums: [0, 1] })(params, one);
    const next: Params = tree.map((x, dx) => x.sub(dx), params, gradient);
    expect([next.w.js(), both[0].w.js()]).toEqual([
      [0, 1],
      [1, 1],
    ]);
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
    const elsewhere = (x: A) => [x.sum(), { x }];
    const [of, { x }] = grad(elsewhere, { hasAux: true })(one);
    expect(of.add(x).item()).toBe(2);
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
  test("of which TypeScript thinks that they return lists", () => {
    const swap = ([a, b]: [A, A], x: A) => [[b, a.add(x)], { x }];
    const [[a], { x }] = lax.scan(swap, [one, one], np.arange(3));
    expect(a.add(x.sum()).item()).toBe(5);
    const grow = (hs: A[], x: A): [A[], null] => [hs.map((h) => h.add(x)), null];
    expect(lax.scan(grow, [one, one], np.arange(3))[0].map((h) => h.item())).toEqual([4, 4]);
    const halve = ([a, b]: readonly [A, A]) => [a.div(2), b] as const;
    expect(lax.whileLoop(([a]) => a.greater(1), halve, [np.array(8), one])[0].item()).toBe(1);
    const fib = (_: A, [a, b]: [A, A]) => [b, a.add(b)];
    expect(lax.foriLoop(0, 5, fib, [np.array(0), one])[0].item()).toBe(5);
    const affine = ([a, b]: [A, A], [c, d]: [A, A]) => [a.mul(c), b.mul(c).add(d)];
    const [, ends] = lax.associativeScan(affine, [np.ones([3]), np.ones([3])]);
    expect(ends.js()).toEqual([1, 2, 3]);
    // @ts-expect-error one part of two
    expect(() => lax.foriLoop(0, 3, (_, [a]) => [a], [one, one])).toThrow(/carry/);
  });
  test("branches are tuples, and may be numbers", () => {
    const [most] = lax.cond(
      one.less(2),
      (x) => [x, x],
      (x) => [x.add(1), x],
      one,
    );
    const some = lax.cond(
      true,
      (x) => x.mul(2),
      () => 0,
      one,
    );
    const [chosen] = lax.switch(1, [(x) => [x, x], (x) => [0, x]], one);
    expect(most.add(some).add(chosen).item()).toBe(3);
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

describe("helpers for any trees of arrays", () => {
  type Trees<P> = tree.TreeOf<P, A>;
  const scaled = <P extends Trees<P>>(p: P): P => tree.map((x) => x.mul(2), p);
  function descend<P extends Trees<P>>(of: (p: P, x: A) => A, p: P, x: A): P {
    return tree.map((w, dw, again) => w.sub(dw.add(again)), p, grad(of)(p, x), jit(grad(of))(p, x));
  }
  function learned<P extends Trees<P>>(of: (p: P, ...data: A[]) => A, start: P, optimizer = optim.sgd(1)): P {
    let [p, state] = [start, optimizer.init(start)];
    for (const x of [one, one]) {
      const [updates, next] = optimizer.update(grad(of)(p, x), state, p);
      [p, state] = [optim.applyUpdates(p, updates), next];
    }
    return p;
  }
  const slopes = <P, D extends unknown[]>(of: (p: P, ...data: D) => A, p: P, ...data: D) =>
    grad(of)(p, ...data);
  class Model {
    readonly w: A;
    constructor(w: A) {
      this.w = w;
    }
    apply(x: A): A {
      return this.w.mul(x).sum();
    }
  }
  tree.register(Model, { flatten: (m) => [[m.w], null], unflatten: (_, [w]) => new Model(w as A) });

  test("give back the type they got", () => {
    const layers: readonly Params[] = scaled<readonly Params[]>([params]);
    const pair: [A, Params | null] = scaled<[A, Params | null]>([one, params]);
    const dict: Record<string, A> = scaled<Record<string, A>>({ a: one });
    const down: Params = descend(loss, params, one);
    const fitted: Params = learned(loss, params);
    const model: Model = learned((m: Model, x: A) => m.apply(x), new Model(one));
    const { w }: { w: A } = slopes((p: { w: A }, x: A) => p.w.mul(x), { w: one }, one);
    const results = [layers[0]!.w, pair[0], dict["a"], down.w, fitted.w, model.w, w];
    expect(results.map((x) => x?.js())).toEqual([[2, 4], 2, 2, [-1, 0], [-1, 0], -1, 1]);
  });
  /** A step of training for parameters of any type; nothing in it is a cast. */
  function trainStep<P extends Trees<P>, D extends unknown[]>(of: (p: P, ...data: D) => A, rate = 1) {
    return (p: P, ...data: D): { value: A; params: P } => {
      const [value, slope] = valueAndGrad(of)(p, ...data);
      const again = grad(of)(p, ...data);
      return { value, params: tree.map((w, dw, same) => w.sub(dw.add(same).mul(rate)), p, slope, again) };
    };
  }
  test("with any data, too: a step of training", () => {
    const ofInterface: Params = trainStep(loss)(params, one).params;
    const ofLiteral: { w: A; l: [A, null] } = trainStep((p: { w: A; l: [A, null] }) => p.w.mul(p.l[0]))({
      w: one,
      l: [one, null],
    }).params;
    const ofList: A[] = trainStep((p: A[], x: A) => p[0]!.mul(x))([one, one], one).params;
    const ofTuple: [A, Params] = trainStep((p: [A, Params]) => p[0].mul(p[1].w.sum()))([one, params]).params;
    const ofArray: A = trainStep((p: A, x: A, y: A) => p.mul(x).mul(y))(one, one, one).params;
    const ofClass: Model = trainStep((m: Model, x: A) => m.apply(x))(new Model(one), one).params;
    const changed = [ofInterface.w, ofLiteral.w, ofList[1]!, ofTuple[1].w, ofArray, ofClass.w];
    expect(changed.map((x) => x.js())).toEqual([[-1, 0], -1, 1, [-1, 0], -1, -1]);
    const dictionary = (p: Record<string, A>): A => p["w"]!;
    expectTypeOf(trainStep(dictionary)({ w: one }).params).toEqualTypeOf<Record<string, A>>();
    // @ts-expect-error text is no parameter
    expect(() => trainStep((p: { w: A; name: string }) => p.w)({ w: one, name: "text" })).toThrow(TypeError);
  });
  test("and refuse other leaves", () => {
    // @ts-expect-error text, at its own key
    expect(() => scaled({ w: one, name: "text" })).toThrow(TypeError);
    // @ts-expect-error numbers have no methods
    expect(() => scaled([1, 2])).toThrow(TypeError);
    // @ts-expect-error
    expect(() => tree.map((x) => x.mul(2), { n: 1 })).toThrow(TypeError);
    // @ts-expect-error
    expect(() => tree.map((x) => x.mul(2), "text")).toThrow(TypeError);
    expect(tree.map((x) => x * 2, 3)).toBe(6);
  });
  test("transformations may be chosen, and take functions of any type", () => {
    const chosen = [jit, checkpoint][1]!;
    const compiled = <F extends (x: A, ...rest: A[]) => A>(of: F, ...args: Parameters<F>) =>
      grad(of)(...args);
    expect([chosen(f)(2).item(), compiled(f, one).item()]).toEqual([4, 2]);
  });
});

describe("wrappers with rest arguments", () => {
  type Trees<P> = tree.TreeOf<P, A>;
  function counted<Args extends unknown[], R>(of: (...args: Args) => R) {
    const calls = { count: 0 };
    const wrapped = (...args: Args): R => {
      calls.count++;
      return of(...args);
    };
    return Object.assign(wrapped, { calls });
  }
  /** Around a transformation of what is generic itself, the result is the tree with arrays for leaves. */
  const compiled = <Args extends unknown[], R>(of: (...args: Args) => R) => {
    const fast = jit(of);
    return (...args: Args): tree.MapTree<R, A> => fast(...args);
  };
  const mapped =
    <Args extends unknown[], R>(of: (...args: Args) => R) =>
    (...args: Args): tree.MapTree<R, A> =>
      vmap(of)(...args);
  const slopes =
    <P extends Trees<P>, Rest extends unknown[]>(of: (p: P, ...rest: Rest) => A) =>
    (p: P, ...rest: Rest): tree.MapTree<P, A> =>
      grad(of)(p, ...rest);

  const scale = (p: Params, x: A): Params => ({ w: p.w.mul(x) });
  test("around transformations and inside of them keep parameters and results", () => {
    const results: Record<string, A> = {
      "around jit": counted(jit((x: A, y: A) => x.mul(y)))(one, 2),
      "around grad": counted(grad(loss))(params, one).w,
      "around vmap": counted(vmap((x: A) => x.mul(2)))(np.ones([1])),
      "inside of jit": jit(counted(scale))(params, 2).w,
      "inside of grad": grad(counted(loss))(params, 2).w,
      "inside of vmap": vmap(counted((x: A) => x.mul(2)))(np.ones([1])),
      "with jit in it": compiled(scale)(params, one).w,
      "with vmap in it": mapped(scale)({ w: np.ones([2]) }, np.ones([2])).w,
      "with grad in it": slopes(loss)(params, one).w,
      "one in the other": counted(compiled(slopes(loss)))(params, one).w,
    };
    for (const x of Object.values(results)) {
      expectTypeOf(x).toEqualTypeOf<A>();
      expect(x.dtype).toBe("float32");
    }
    const same: Params = compiled(scale)(params, one);
    expectTypeOf(compiled(scale)).parameters.toEqualTypeOf<[p: Params, x: A]>();
    expect(same.w.js()).toEqual([1, 2]);
    // @ts-expect-error one argument of two
    expect(() => compiled(scale)(params)).toThrow(TypeError);
  });
  test("of functions that return numbers return arrays: not the type that they had", () => {
    const three: A = compiled(() => 3)();
    expect(three.item()).toBe(3);
    const chosen = jit(<T extends A>(x: T) => x);
    expectTypeOf(chosen(one)).toEqualTypeOf<A>();
  });
});

describe("values", () => {
  class Scale {
    readonly factor: A;
    readonly #name: string;
    constructor(factor: A, name: string) {
      this.factor = factor;
      this.#name = name;
    }
    get length(): number {
      return this.#name.length;
    }
    apply(x: A): A {
      return x.mul(this.factor);
    }
  }
  tree.register(Scale, {
    flatten: (s) => [[s.factor], null],
    unflatten: (_, [factor]) => new Scale(factor as A, "again"),
  });
  /** All that it has is private. */
  class Bias {
    readonly #b: A;
    constructor(b: A) {
      this.#b = b;
    }
    static {
      tree.register(Bias, { flatten: (s) => [[s.#b], null], unflatten: (_, [b]) => new Bias(b as A) });
    }
    apply(x: A): A {
      return x.add(this.#b);
    }
  }

  test("registered classes keep their methods, and are the user's own", () => {
    const scale = new Scale(np.array(2), "s");
    const gradient: Scale = grad(jit((s: Scale, x: A) => s.apply(x)))(scale, np.array(3));
    const next: Scale = tree.map((x, dx) => x.sub(dx), scale, gradient);
    expect([gradient, next].map((s) => s.apply(one).item())).toEqual([3, -1]);
    const rule = optim.sgd(1);
    const applied: Scale = optim.applyUpdates(scale, rule.update(gradient, rule.init(scale), scale)[0]);
    expect(applied.apply(one).item()).toBe(-1);
    const [last] = lax.scan((s: Scale, x: A) => [s, s.apply(x)], scale, np.arange(3));
    expect(last.apply(one).item()).toBe(2);
    const layers: [Scale, Bias] = jit((l: [Scale, Bias]) => l)([scale, new Bias(one)]);
    const doubled: [Scale, Bias] = tree.map((x: A) => x.mul(2), layers);
    expect(doubled[1].apply(one).item()).toBe(3);
  });
  test("dtypes in a list are dtypes", () => {
    for (const dtype of [np.int32, np.float32]) expect(np.zeros([2], { dtype }).dtype).toBe(dtype);
  });
  test("parts are tuples", () => {
    expectTypeOf(np.split(np.arange(6), 3)).toEqualTypeOf<[A, A, A]>();
    expectTypeOf(np.split(np.arange(6), [1, 4])).toEqualTypeOf<[A, A, A]>();
    expectTypeOf(np.split(np.arange(6), Number("3"))).toEqualTypeOf<A[]>();
  });
  test("keys are taken apart by patterns, and are an array all the same", () => {
    const [k, l, m] = random.split(random.key(0), 3);
    expectTypeOf([k, l, m]).toEqualTypeOf<A[]>();
    let [key, sub] = random.split(k);
    [key, sub] = random.split(key);
    expect([l, m, key, sub].map((each) => random.normal(each, [2]).shape)).toEqual(Array(4).fill([2]));
    const keys = random.split(key, 3);
    expectTypeOf(keys).toExtend<A>();
    expect(vmap((each) => random.normal(each, [2]))(keys).shape).toEqual([3, 2]);
    expect(lax.scan((c, each) => [c, each], 0, keys)[1].shape).toEqual([3, 2]);
    expect(np.stack(keys).js()).toEqual(keys.js());
    expectTypeOf(random.split(key, Number("3"))).toEqualTypeOf<A>();
    // @ts-expect-error they are no list
    expect(() => keys.map((each) => each)).toThrow();
  });
  test("values are nested lists, of the type that is expected", () => {
    const rows: number[][] = np.ones([2, 3]).js();
    expect(rows[1]).toEqual([1, 1, 1]);
    expectTypeOf(one.js()).not.toBeAny();
    expectTypeOf(one.jsAsync<number[]>()).toEqualTypeOf<Promise<number[]>>();
  });
  test("arrays are no lists", () => {
    const x = np.arange(3);
    const refused = [
      // @ts-expect-error
      () => x[0],
      // @ts-expect-error
      () => x.length,
      // @ts-expect-error
      () => x.map((y) => y),
      () => {
        // @ts-expect-error
        x[0] = 1;
      },
      () => {
        // @ts-expect-error
        x.shape = [3, 1];
      },
      () => {
        // @ts-expect-error
        x.T = x;
      },
    ];
    for (const use of refused) expect(use).toThrow(TypeError);
  });
  test("shapes are readonly", () => {
    const { shape } = np.zeros([2, 3]);
    expectTypeOf(shape).toEqualTypeOf<readonly number[]>();
  });
});
