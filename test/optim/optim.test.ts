import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { grad, jit, numpy as np } from "../../src/index.ts";
import { convertElementType } from "../../src/lax/cast.ts";
import { scan } from "../../src/lax/control/loops.ts";
import { asArray } from "../../src/lax/index.ts";
import { multiply, subtract, sum } from "../../src/numpy/computing.ts";
import * as optim from "../../src/optim/index.ts";
import { expectClose, values } from "../nn/support.ts";

type Optimizer = optim.GradientTransformation<unknown[]>;
type Float = "float32" | "float64";
const arrayOf = (dtype: Float, ...xs: number[]): NDArray => np.array(xs, { dtype });
const array = (...xs: number[]): NDArray => arrayOf("float32", ...xs);

/** The same rule on plain numbers: a function of a gradient and a parameter that remembers what it must. */
type Reference = () => (g: number, p: number) => number;

const adamRule =
  (rate: number, b1 = 0.9, b2 = 0.999, eps = 1e-8, decay = 0): Reference =>
  () => {
    let [m, v, t] = [0, 0, 0];
    return (g, p) => {
      t++;
      m = b1 * m + (1 - b1) * g;
      v = b2 * v + (1 - b2) * g * g;
      return -rate * (m / (1 - b1 ** t) / (Math.sqrt(v / (1 - b2 ** t)) + eps) + decay * p);
    };
  };
const momentumRule =
  (rate: number, decay: number, nesterov: boolean): Reference =>
  () => {
    let trace = 0;
    return (g) => {
      trace = g + decay * trace;
      return -rate * (nesterov ? g + decay * trace : trace);
    };
  };

const GRADIENTS = [0.5, -1, 2, 0.1, -0.3];

describe.each<[name: string, optimizer: Optimizer, reference: Reference]>([
  ["sgd", optim.sgd(0.1), () => (g) => -0.1 * g],
  ["sgd with momentum", optim.sgd(0.1, { momentum: 0.9 }), momentumRule(0.1, 0.9, false)],
  [
    "sgd with Nesterov momentum",
    optim.sgd(0.1, { momentum: 0.9, nesterov: true }),
    momentumRule(0.1, 0.9, true),
  ],
  ["adam", optim.adam(0.01), adamRule(0.01)],
  ["adam with options", optim.adam(0.01, { b1: 0.5, b2: 0.9, eps: 0.1 }), adamRule(0.01, 0.5, 0.9, 0.1)],
  ["adamw", optim.adamw(0.01, { weightDecay: 0.1 }), adamRule(0.01, 0.9, 0.999, 1e-8, 0.1)],
  [
    "a schedule",
    optim.sgd((count) => multiply(convertElementType(count, "float64"), 0.1)),
    () => {
      let n = 0;
      return (g) => -0.1 * n++ * g;
    },
  ],
])("%s", (_, optimizer, reference) => {
  test.each([
    ["float32", 1e-5],
    ["float64", 1e-14],
  ] as const)("five updates are those of its formula, in a tree of %s", (dtype, tolerance) => {
    const array = (...xs: number[]): NDArray => arrayOf(dtype, ...xs);
    let params: { w: NDArray; b: [NDArray] } = { w: array(1, -2), b: [array(0.5)] };
    let state = optimizer.init(params);
    const expected = [1, -2, 0.5];
    const rules = expected.map(reference);
    for (const g of GRADIENTS) {
      const grads = { w: array(g, 2 * g), b: [array(-g)] as [NDArray] };
      const [updates, next] = optimizer.update(grads, state, params);
      params = optim.applyUpdates(params, updates);
      state = next;
      [g, 2 * g, -g].forEach((gi, i) => void (expected[i]! += rules[i]!(gi, expected[i]!)));
    }
    expect([params.w.dtype, params.b[0].dtype]).toEqual([dtype, dtype]);
    expectClose(params.w, expected.slice(0, 2), tolerance);
    expectClose(params.b[0], expected.slice(2), tolerance);
  });

  test("is the same inside of jit and scan", () => {
    const params = array(1, -2);
    const step = ([p, s]: [NDArray, unknown[]], g: NDArray): [[NDArray, unknown[]], null] => {
      const [updates, next] = optimizer.update(p, s, multiply(g, p));
      return [[optim.applyUpdates(p, updates) as NDArray, next], null];
    };
    let carry: [NDArray, unknown[]] = [params, optimizer.init(params)];
    for (const g of GRADIENTS) [carry] = step(carry, asArray(g));
    const looped = jit(
      (p: NDArray, gs: NDArray) => scan(step as never, [p, optimizer.init(p)], gs)[0] as unknown[],
    );
    expectClose(looped(params, array(...GRADIENTS))[0] as NDArray, values(carry[0]), 1e-5);
  });
});

test("a schedule may return a plain number, and updates keep their dtypes", () => {
  const t = optim.sgd(() => 0.1);
  for (const dtype of ["float32", "float64"] as const) {
    const g = arrayOf(dtype, 0.3);
    const [update] = t.update(g, t.init(g)) as [NDArray, unknown];
    expect(update.dtype).toBe(dtype);
    expectClose(
      update,
      [-(dtype === "float32" ? Math.fround(0.3) : 0.3) * 0.1],
      dtype === "float32" ? 1e-7 : 0,
    );
  }
});

test("adam finds the bottom of a bowl", () => {
  const target = array(3, -1);
  const loss = (p: NDArray): NDArray => {
    const off = subtract(p, target);
    return sum(multiply(off, off));
  };
  const optimizer = optim.adam(0.1);
  const step = jit((p: NDArray, s: optim.StateOf<typeof optimizer>) => {
    const [updates, next] = optimizer.update(grad(loss)(p), s, p);
    return [optim.applyUpdates(p, updates), next];
  });
  let [params, state] = [array(0, 0), optimizer.init(array(0, 0))];
  for (let i = 0; i < 200; i++) [params, state] = step(params, state);
  values(params).forEach((x, i) => void expect(x).toBeCloseTo([3, -1][i]!, 2));
});

describe("parts", () => {
  const update = (t: optim.GradientTransformation, grads: unknown): unknown =>
    t.update(grads, t.init(grads))[0];

  test("the global norm takes all leaves together", () => {
    expectClose(optim.globalNorm({ a: array(3), b: [array(0, 4)] }), [5]);
    expect(() => optim.globalNorm({})).toThrow("the tree has no leaves");
  });

  test("clipByGlobalNorm shortens long gradients and leaves short ones", () => {
    const clip = optim.clipByGlobalNorm(1);
    const long = update(clip, { a: array(3), b: array(4) }) as { a: NDArray; b: NDArray };
    expectClose(long.a, [0.6]);
    expectClose(long.b, [0.8]);
    expectClose(update(clip, array(0.3, 0.4)) as NDArray, [0.3, 0.4].map(Math.fround));
    expectClose(update(clip, array(0, 0)) as NDArray, [0, 0]);
  });

  test("clipByGlobalNorm keeps the dtypes of a mixed tree", () => {
    const grads = { a: arrayOf("float32", 3), b: arrayOf("float64", 4) };
    const clipped = update(optim.clipByGlobalNorm(1), grads) as typeof grads;
    expect([clipped.a.dtype, clipped.b.dtype]).toEqual(["float32", "float64"]);
    expectClose(clipped.b, [0.8], 1e-15);
  });

  test("clipByValue, scale", () => {
    expectClose(update(optim.clipByValue(1), array(-5, 0.5, 5)) as NDArray, [-1, 0.5, 1]);
    expectClose(update(optim.scale(2), array(1, 2)) as NDArray, [2, 4]);
  });

  test("chain passes updates on and keeps the state of each", () => {
    const t = optim.chain(optim.scale(3), optim.clipByValue(4));
    expect(t.init(array(0))).toEqual([[], []]);
    expectClose(t.update(array(1, 2), t.init(null))[0] as NDArray, [3, 4]);
  });

  test("weight decay needs the parameters", () => {
    expect(() => update(optim.addDecayedWeights(0.1), array(1))).toThrow(
      "needs the parameters as its third argument",
    );
  });

  test("parameters keep their dtype, and trees must match", () => {
    const p = asArray(new Float64Array([1]));
    expect(optim.applyUpdates(p, array(0.5)).dtype).toBe("float64");
    expect(() => optim.applyUpdates({ a: array(1), b: array(1) }, { a: array(1) })).toThrow(/b/);
  });
});
