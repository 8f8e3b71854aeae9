/** Comparisons and operations on bits. Nothing here is differentiable. */
import type { BasicBinary } from "../core/lowering.ts";
import { ANY, BITS, FLOATING, INTEGER } from "./check.ts";
import { type Binary, binary, type Unary, unary } from "./map.ts";

const compare = (fn: BasicBinary): Binary =>
  binary(fn, { accepts: ANY, bool: true, jvp: "zero", scalar: fn });
const bitwise = (fn: BasicBinary): Binary => binary(fn, { accepts: BITS, jvp: "zero", scalar: fn });
const shift = (name: string, fn: BasicBinary): Binary =>
  binary(name, { accepts: INTEGER, jvp: "zero", scalar: fn });

/**
 * `x === y` per element, as bool. NaN equals nothing.
 * @throws WeftTypeError if dtypes or shapes differ: `np.equal` promotes and broadcasts.
 * @example eq(np.array([1, 2, NaN]), np.array([1, 3, NaN])).js() // => [true, false, false]
 */
export const eq: Binary = compare("eq");
/**
 * `x !== y` per element, as bool. True of NaN.
 * @throws WeftTypeError as {@link eq}.
 * @example ne(np.array([1, NaN]), np.array([1, NaN])).js() // => [false, true]
 */
export const ne: Binary = compare("ne");
/**
 * `x < y` per element, as bool. False with a NaN.
 * @throws WeftTypeError as {@link eq}.
 * @example lt(np.array([1, 2, NaN]), 2).js() // => [true, false, false]
 */
export const lt: Binary = compare("lt");
/**
 * `x <= y` per element, as bool.
 * @throws WeftTypeError as {@link eq}.
 * @example le(np.array([1, 2, 3]), 2).js() // => [true, true, false]
 */
export const le: Binary = compare("le");
/**
 * `x > y` per element, as bool.
 * @throws WeftTypeError as {@link eq}.
 * @example gt([true, false], [false, false]).js() // => [true, false]
 */
export const gt: Binary = compare("gt");
/**
 * `x >= y` per element, as bool. 0 and -0 are equal.
 * @throws WeftTypeError as {@link eq}.
 * @example ge(np.array([-0, -1]), 0).js() // => [true, false]
 */
export const ge: Binary = compare("ge");

/**
 * `x & y`: bitwise on integers, logical on bool.
 * @throws WeftTypeError for floats, or if dtypes or shapes differ.
 * @example bitwiseAnd(np.array([12, 7], { dtype: "int32" }), 10).js() // => [8, 2]
 */
export const bitwiseAnd: Binary = bitwise("and");
/**
 * `x | y`: bitwise on integers, logical on bool.
 * @throws WeftTypeError for floats, or if dtypes or shapes differ.
 * @example bitwiseOr([true, false], [false, false]).js() // => [true, false]
 */
export const bitwiseOr: Binary = bitwise("or");
/**
 * `x ^ y`: bitwise on integers, logical on bool.
 * @throws WeftTypeError for floats, or if dtypes or shapes differ.
 * @example bitwiseXor(new Int32Array([12, 10]), new Int32Array([10, 10])).js() // => [6, 0]
 */
export const bitwiseXor: Binary = bitwise("xor");
/**
 * `~x`: bitwise on integers, logical on bool.
 * @throws WeftTypeError for floats.
 * @example bitwiseNot(np.array([0, 240], { dtype: "uint8" })).js() // => [255, 15]
 */
export const bitwiseNot: Unary = unary("not", { accepts: BITS, jvp: "zero", scalar: "not" });

/**
 * `x << y` on integers; 0 where y is at least the width.
 * @throws WeftTypeError for other dtypes, or if dtypes or shapes differ.
 * @example shiftLeft(np.array([1, 3], { dtype: "uint8" }), np.array([7, 8], { dtype: "uint8" })).js() // => [128, 0]
 */
export const shiftLeft: Binary = shift("shift_left", "shl");
/**
 * `x >>> y` on integers: zeros come in; 0 where y is at least the width.
 * @throws WeftTypeError for other dtypes, or if dtypes or shapes differ.
 * @example shiftRightLogical(np.array([-8, 8], { dtype: "int8" }), 2).js() // => [62, 2]
 */
export const shiftRightLogical: Binary = shift("shift_right_logical", "shrLogical");
/**
 * `x >> y` on integers: copies of the sign come in.
 * @throws WeftTypeError for other dtypes, or if dtypes or shapes differ.
 * @example shiftRightArithmetic(np.array([-8, 8], { dtype: "int8" }), 2).js() // => [-2, 2]
 */
export const shiftRightArithmetic: Binary = shift("shift_right_arithmetic", "shrArith");

/**
 * How many bits are set, in the dtype of x. Integers.
 * @throws WeftTypeError for other dtypes.
 * @example populationCount(np.array([7, -1], { dtype: "int8" })).js() // => [3, 8]
 */
export const populationCount: Unary = unary("population_count", {
  accepts: INTEGER,
  jvp: "zero",
  scalar: "popcount",
});
/**
 * How many zeros stand above the highest set bit: the width for 0. Integers.
 * @throws WeftTypeError for other dtypes.
 * @example clz(np.array([1, 0], { dtype: "uint8" })).js() // => [7, 8]
 */
export const clz: Unary = unary("clz", { accepts: INTEGER, jvp: "zero", scalar: "clz" });

/**
 * False for NaN and the infinities. Floating dtypes.
 * @throws WeftTypeError for other dtypes.
 * @example lax.isFinite(np.array([1, NaN, -Infinity])).js() // => [true, false, false]
 */
export const isFinite: Unary = unary("is_finite", {
  accepts: FLOATING,
  bool: true,
  jvp: "zero",
  scalar: (s, x) => s.binary("lt", s.unary("abs", x), s.const(Number.POSITIVE_INFINITY, x.dtype)),
});
