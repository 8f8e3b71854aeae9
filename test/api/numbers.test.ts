/**
 * Plain numbers have no dtype until they meet one, which then gets all of their digits; whole ones count as integers. What a
 * function makes of them is the same when it is called, jitted, mapped over something else and run step by step.
 */
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import type { DType } from "../../src/core/dtype.ts";
import { disableJit, grad, jit, lax, nn, numpy as np, random, vmap } from "../../src/index.ts";

type Fn = (x: NDArray) => NDArray;

const D = { dtype: "float64" } as const;
const f64 = np.array([1, 2], D);
const i32 = np.array([3, 4], { dtype: "int32" });
const zero = f64.mul(0);
const first = (x: NDArray): NDArray => x.slice(0);

/** What a jitted function gets is traced, so nothing may ask for its value; the types say that it is an array. */
const MODES: Readonly<Record<string, (f: Fn, x: number) => NDArray>> = {
  called: (f, x) => f(x as unknown as NDArray),
  jitted: (f, x) => jit(f)(x),
  "under vmap": (f, x) => first(vmap((y: NDArray, _: NDArray) => f(y), [null, 0])(x, np.zeros(2))),
  "step by step": (f, x) => disableJit(() => jit(f)(x)) as NDArray,
};

/** Exactly this double, in float64. */
const EXACT: Readonly<Record<string, Fn>> = {
  full: (x) => first(np.full([2], x, D)),
  fullLike: (x) => first(np.fullLike(f64, x)),
  "sum with float64": (x) => first(np.add(x, zero)),
  "lax.add": (x) => first(lax.add(zero, x)),
  where: (x) => first(np.where([true, false], x, f64)),
  select: (x) => first(lax.select([true, false], x, f64).sub(0)),
  "np.select": (x) => first(np.select([[true, false]], [x], f64)),
  "clip's bounds": (x) => first(np.clip(zero, x, null)),
  "lax.clamp": (x) => first(lax.clamp(x, zero, 1)),
  pad: (x) => first(np.pad(f64, [1, 0], { constantValues: x })),
  "lax.pad": (x) => first(lax.pad(f64, x, [[1, 0, 0]])),
  stack: (x) => first(np.stack([x, first(f64)])),
  "nested arrays": (x) => first(np.array([x, first(f64)])),
  "lists beside float64": (x) => first(np.add(zero, [x, 0.5])),
  append: (x) => np.append(f64, x).slice(-1),
  "at().set": (x) => first(f64.at(0).set(x)),
  "at().add": (x) => first(zero.at(0).add(x)),
  "at(indices).set": (x) => first(f64.at(np.array([0, 1], { dtype: "int32" })).set(x)),
  convertElementType: (x) => lax.convertElementType(x, "float64"),
  maximum: (x) => first(np.maximum(zero, x)),
  "scan's init": (x) => lax.scan((c, y) => [c.add(y.mul(0)), null], x, f64)[0],
  "scan's next state": (x) => lax.scan((_, y) => [x, y], first(f64), f64)[0],
  "foriLoop's init": (x) => lax.foriLoop(0, 2, (_, c) => c.add(first(zero)), x),
  "whileLoop's next state": (x) =>
    lax.whileLoop(
      (c) => c.equal(0),
      () => x,
      first(zero),
    ),
  "nanToNum's nan": (x) => first(np.nanToNum(np.array([Number.NaN], D), { nan: x })),
  average: (x) => np.average(np.stack([x, x]).astype("float64").mul(0).add(x)),
  leakyRelu: (x) =>
    nn
      .leakyRelu(np.array([-1], D), x)
      .neg()
      .slice(0),
  elu: (x) =>
    nn
      .elu(np.array([-Infinity], D), x)
      .neg()
      .slice(0),
  "random's bounds": (x) => random.uniform(random.key(0), [], { minval: x, maxval: x, ...D }),
};

describe.each(Object.keys(EXACT))("0.1 reaches float64 through %s", (name) => {
  test.each(Object.keys(MODES))("%s", (mode) => {
    const out = MODES[mode]!(EXACT[name]!, 0.1);
    expect([out.dtype, out.item()]).toEqual(["float64", 0.1]);
  });
});

/** A function of a whole number, the number, and the dtype and values of the result. Dtypes and values are those of JAX. */
const WHOLE: Readonly<Record<string, [Fn, number, DType, unknown]>> = {
  "carry of foriLoop": [(n) => lax.foriLoop(0, 40, (_, c) => c.mul(2), n), 1, "int32", 0],
  "carry and ys of scan": [(n) => lax.scan((c, _) => [c, c], n, null, { length: 2 })[1], 7, "int32", [7, 7]],
  "carry that becomes a float": [(n) => lax.foriLoop(0, 3, (_, c) => c.mul(0.5), n), 1, "float32", 0.125],
  "carry beyond float32's digits": [
    (n) => lax.foriLoop(0, 1, (_, c) => c.add(1), n),
    123456789,
    "int32",
    123456790,
  ],
  "next state is a number": [(n) => lax.scan((_, x) => [0, x], n, np.arange(5))[0], -1, "int32", 0],
  "next state is a fraction": [(n) => lax.scan((_, x) => [0.5, x], n, np.arange(5))[0], -1, "float32", 0.5],
  "y is a number": [(n) => lax.scan((c, x) => [c.add(x), 3], n, np.arange(2))[1], 0, "int32", [3, 3]],
  "number for a float carry": [
    (n) => lax.scan((_, x) => [n, x], np.array([2]).sum(), np.arange(2))[0],
    5,
    "float32",
    5,
  ],
  "while with a number": [
    (n) =>
      lax.whileLoop(
        (c) => c.less(3),
        (c) => c.add(1.5),
        n,
      ),
    0,
    "float32",
    3,
  ],
  "branch beside an integer": [
    (n) =>
      lax.whileLoop(
        (c: NDArray) => c.less(9),
        (c) =>
          lax.cond(
            c.less(5),
            () => 7 as unknown as NDArray,
            (v) => v.add(1),
            c,
          ),
        n,
      ),
    0,
    "int32",
    9,
  ],
  "bound of foriLoop": [(n) => lax.foriLoop(0, n, (i, c) => c.add(i), 0), 4, "int32", 6],
  "beside int32": [(n) => np.add(n, i32), 1, "int32", [4, 5]],
  "beside uint8": [(n) => np.subtract(np.array([1], { dtype: "uint8" }), n), 2, "uint8", [255]],
  "beside bool": [(n) => np.add(n, np.array([true, false])), 2, "int32", [3, 2]],
  "beside float32": [(n) => np.add(n, np.array([0.5])), 2, "float32", [2.5]],
  "lax beside int32": [(n) => lax.mul(i32, n), 3, "int32", [9, 12]],
  "large beside int32": [(n) => np.add(n, i32), 16777217, "int32", [16777220, 16777221]],
  "stacked with int32": [(n) => np.stack([n, first(i32)]), 16777217, "int32", [16777217, 3]],
  "nested with int32": [(n) => np.array([n, first(i32)]), 1, "int32", [1, 3]],
  "full of int32": [(n) => np.full([1], n, { dtype: "int32" }), 16777217, "int32", [16777217]],
  "full of uint32": [(n) => np.full([1], n, { dtype: "uint32" }), -1, "uint32", [4294967295]],
  index: [(n) => np.array([1, 2, 3]).slice(n), 1, "float32", 2],
  "start of a slice": [(n) => lax.dynamicSlice(i32, [n], [1]), 1, "int32", [4]],
  taken: [(n) => np.take(i32, n), 1, "int32", 4],
  "index of switch": [(n) => lax.switch(n, [() => 10, () => 20, () => 30]), 1, "int32", 20],
  alone: [(n) => np.multiply(n, n), 100000, "float32", 1e10],
  exponent: [(n) => np.power(i32, n), 2, "int32", [9, 16]],
};

describe.each(Object.keys(WHOLE))("a whole number as %s", (name) => {
  const [f, n, dtype, value] = WHOLE[name]!;
  test.each(Object.keys(MODES))("%s", (mode) => {
    const out = MODES[mode]!(f, n);
    expect([out.dtype, out.js()]).toEqual([dtype, value]);
  });
});

// Step by step only one branch runs, so nobody knows what the other would have returned.
test.each(["called", "jitted", "under vmap"])(
  "0.1 in a branch becomes what the other returns: %s",
  (mode) => {
    const branch: Fn = (x) =>
      lax.cond<[], unknown>(
        true,
        () => x,
        () => first(f64),
      ) as NDArray;
    const out = MODES[mode]!(branch, 0.1);
    expect([out.dtype, out.item()]).toEqual(["float64", 0.1]);
  },
);

test("a number is traced once, whatever its value; whole ones once more", () => {
  let traces = 0;
  const f = jit((x: NDArray) => {
    traces++;
    return np.add(x, f64);
  });
  expect([0.1, 0.3, 3, 4].map((x) => first(f(x) as NDArray).item())).toEqual([1.1, 1.3, 4, 5]);
  expect(traces).toBe(2);
});

test("a number that is differentiated is a float", () => {
  const f = (x: NDArray): NDArray => lax.scan((c, y) => [c.mul(y), null], x, np.array([2, 3]))[0];
  const gradients = [grad(f)(2), jit(grad(f))(2), grad(jit(f))(2)] as NDArray[];
  expect(gradients.map((x) => x.item())).toEqual([6, 6, 6]);
});
