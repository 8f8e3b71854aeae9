/** The field operations, and what derivatives are made of. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { checkInteger } from "../core/check.ts";
import type { Scalar, ScalarBuilder } from "../core/lowering.ts";
import { bind1, type Primitive } from "../core/primitive.ts";
import { fullLike } from "./broadcast.ts";
import { NUMBER } from "./check.ts";
import { asArray } from "./convert.ts";
import { type Binary, binary, defineMap, transposeBy, type Unary, unary } from "./map.ts";

/**
 * `-x`. Any number; unsigned integers wrap.
 * @throws WeftTypeError for bools.
 * @example neg(np.array([1, 2], { dtype: "uint8" })).js() // => [255, 254]
 */
export const neg: Unary = unary("neg", {
  accepts: NUMBER,
  jvp: (g) => neg(g),
  transpose: transposeBy((ct) => neg(ct)),
  scalar: "neg",
});

/**
 * `x + y` for two arrays of one dtype and one shape; plain numbers and scalars fit everywhere.
 * @throws WeftTypeError if dtypes or shapes differ: `np.add` promotes and broadcasts.
 * @example add(np.array([1, 2]), 1).js() // => [2, 3]
 */
export const add: Binary = binary("add", {
  accumulates: true,
  jvp: [(g) => g, (g) => g],
  transpose: transposeBy(
    (ct) => ct,
    (ct) => ct,
  ),
  scalar: "add",
});

/**
 * The sum of two cotangents of one value: an `add` that readers of jaxprs can tell from the user's own. Source:
 * `jax.interpreters.ad.add_any_p`.
 * @throws WeftTypeError as {@link add}.
 * @example addAny(np.array([1, 2]), np.array([3, 4])).js() // => [4, 6]
 */
export const addAny: Binary = binary("add_any", {
  accumulates: true,
  jvp: [(g) => g, (g) => g],
  transpose: transposeBy(
    (ct) => ct,
    (ct) => ct,
  ),
  scalar: "add",
});

/**
 * `x - y`. Operands and errors are those of {@link add}.
 * @example sub(1, np.array([0.25, 3])).js() // => [0.75, -2]
 */
export const sub: Binary = binary("sub", {
  jvp: [(g) => g, (g) => neg(g)],
  transpose: transposeBy(
    (ct) => ct,
    (ct) => neg(ct),
  ),
  scalar: "sub",
});

/**
 * `x · y`; integers wrap. Operands and errors are those of {@link add}.
 * @example mul(np.array([50, 100], { dtype: "int8" }), 2).js() // => [100, -56]
 */
export const mul: Binary = binary("mul", {
  jvp: [(g, _, __, y) => mul(g, y!), (g, _, x) => mul(x!, g)],
  transpose: transposeBy(
    (ct, _, y) => mul(ct, y!),
    (ct, x) => mul(x!, ct),
  ),
  scalar: "mul",
});

/**
 * `x / y`. Integers truncate towards zero; an integer by 0 is -1, or if unsigned the largest. Operands and errors are
 * those of {@link add}.
 * @example div(new Int32Array([7, -7, 5]), new Int32Array([2, 2, 0])).js() // => [3, -3, -1]
 */
export const div: Binary = binary("div", {
  jvp: [(g, _, __, y) => div(g, y!), (g, _, x, y) => mul(mul(neg(g), x!), integerPow(y!, -2))],
  transpose: transposeBy((ct, _, y) => div(ct, y!), null),
  scalar: "div",
});

export const integerPowP: Primitive<{ readonly y: number }> = defineMap<{ readonly y: number }>({
  name: "integer_pow",
  accepts: [NUMBER],
  jvp: ([x], [g], { y }) => [[integerPow(x!, y)], [mul(g as NDArray, mul(integerPow(x!, y - 1), y))]],
  scalar: (s, [x], { y }) =>
    y < 0 ? s.binary("div", s.const(1, x!.dtype), power(s, x!, -y)) : power(s, x!, y),
});

/** x to a positive power by repeated squaring. */
function power(s: ScalarBuilder, x: Scalar, y: number): Scalar {
  if (y === 1) return x;
  const half = power(s, x, Math.floor(y / 2));
  const square = s.binary("mul", half, half);
  return y % 2 ? s.binary("mul", square, x) : square;
}

/**
 * `x` to a constant integer power, by repeated multiplication. Negative powers need a floating dtype to be useful.
 * @throws WeftTypeError for bools or if y is no integer.
 * @example integerPow(np.array([1, 2, 3]), 2).js() // => [1, 4, 9]
 */
export function integerPow(x: ArrayLike, y: number): NDArray {
  const base = asArray("lax.integerPow: x", x);
  const n = checkInteger("lax.integerPow: y", y);
  if (n === 0) return fullLike(base, 1);
  return n === 1 ? base : bind1(integerPowP, [base], { y: n });
}

/**
 * `x²`. Any number; integers wrap.
 * @throws WeftTypeError for bools.
 * @example square(np.array([3, 20], { dtype: "uint8" })).js() // => [9, 144]
 */
export const square: Unary = unary("square", {
  accepts: NUMBER,
  jvp: (g, _, x) => mul(g, mul(x, 2)),
  scalar: (s, x) => s.binary("mul", x, x),
});

/**
 * -1, 0 or 1 (and NaN for NaN), in the dtype of x.
 * @throws WeftTypeError for bools.
 * @example sign(np.array([-2.5, 0, NaN])).js() // => [-1, 0, NaN]
 */
export const sign: Unary = unary("sign", {
  accepts: NUMBER,
  jvp: "zero",
  scalar: (s, x) => {
    const [zero, one] = [s.const(0, x.dtype), s.const(1, x.dtype)];
    const negative = s.select(s.binary("lt", x, zero), s.unary("neg", one), x);
    return s.select(s.binary("gt", x, zero), one, negative);
  },
});

/**
 * `1 / x`. Meant for floating dtypes: integers truncate, as in {@link div}.
 * @throws WeftTypeError for bools.
 * @example reciprocal(np.array([4, -0.5, 0])).js() // => [0.25, -2, Infinity]
 */
export const reciprocal = (x: ArrayLike): NDArray => div(1, asArray("lax.reciprocal: x", x));
