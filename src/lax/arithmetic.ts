/** The field operations, and what derivatives are made of. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { checkInteger } from "../core/check.ts";
import type { Scalar, ScalarBuilder } from "../core/emit.ts";
import { bind1, type Primitive } from "../core/primitive.ts";
import { fullLike } from "./broadcast.ts";
import { NUMBER } from "./check.ts";
import { asArray } from "./convert.ts";
import { type Binary, binary, defineMap, transposeBy, type Unary, unary } from "./map.ts";

/** `-x`. Any number; unsigned integers wrap. */
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

/** The sum of two cotangents of one value: an `add` that readers of jaxprs can tell from the user's own. */
export const addAny: Binary = binary("add_any", {
  accumulates: true,
  jvp: [(g) => g, (g) => g],
  transpose: transposeBy(
    (ct) => ct,
    (ct) => ct,
  ),
  scalar: "add",
});

/** `x - y`. See {@link add} for what operands may be. */
export const sub: Binary = binary("sub", {
  jvp: [(g) => g, (g) => neg(g)],
  transpose: transposeBy(
    (ct) => ct,
    (ct) => neg(ct),
  ),
  scalar: "sub",
});

/** `x · y`. See {@link add} for what operands may be. */
export const mul: Binary = binary("mul", {
  jvp: [(g, _, __, y) => mul(g, y!), (g, _, x) => mul(x!, g)],
  transpose: transposeBy(
    (ct, _, y) => mul(ct, y!),
    (ct, x) => mul(x!, ct),
  ),
  scalar: "mul",
});

/** `x / y`. Integers truncate towards zero; division of an integer by 0 gives -1. See {@link add}. */
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
 * @example integerPow(np.array([1, 2, 3]), 2).js() // => [1, 4, 9]
 */
export function integerPow(x: ArrayLike, y: number): NDArray {
  const base = asArray("lax.integerPow: x", x);
  const n = checkInteger("lax.integerPow: y", y);
  if (n === 0) return fullLike(base, 1);
  return n === 1 ? base : bind1(integerPowP, [base], { y: n });
}

/** `x²`. Any number. */
export const square: Unary = unary("square", {
  accepts: NUMBER,
  jvp: (g, _, x) => mul(g, mul(x, 2)),
  scalar: (s, x) => s.binary("mul", x, x),
});

/** -1, 0 or 1 (and NaN for NaN), in the dtype of x. */
export const sign: Unary = unary("sign", {
  accepts: NUMBER,
  jvp: "zero",
  scalar: (s, x) => {
    const [zero, one] = [s.const(0, x.dtype), s.const(1, x.dtype)];
    const negative = s.select(s.binary("lt", x, zero), s.unary("neg", one), x);
    return s.select(s.binary("gt", x, zero), one, negative);
  },
});

/** `1 / x`. Floating dtypes. */
export const reciprocal = (x: ArrayLike): NDArray => div(1, asArray("lax.reciprocal: x", x));
