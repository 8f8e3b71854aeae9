/** Comparisons and operations on bits. Nothing here is differentiable. */
import type { BinaryFn } from "../core/emit.ts";
import { ANY, BITS, FLOATING, INTEGER } from "./check.ts";
import { type Binary, binary, type Unary, unary } from "./map.ts";

const compare = (fn: BinaryFn): Binary => binary(fn, { accepts: ANY, bool: true, jvp: "zero", scalar: fn });
const bitwise = (fn: BinaryFn): Binary => binary(fn, { accepts: BITS, jvp: "zero", scalar: fn });
const shift = (name: string, fn: BinaryFn): Binary =>
  binary(name, { accepts: INTEGER, jvp: "zero", scalar: fn });

/** `x === y` per element, as bool. NaN equals nothing. @throws WeftTypeError if dtypes or shapes differ. */
export const eq: Binary = compare("eq");
/** `x !== y` per element, as bool. */
export const ne: Binary = compare("ne");
/** `x < y` per element, as bool. */
export const lt: Binary = compare("lt");
/** `x <= y` per element, as bool. */
export const le: Binary = compare("le");
/** `x > y` per element, as bool. */
export const gt: Binary = compare("gt");
/** `x >= y` per element, as bool. */
export const ge: Binary = compare("ge");

/** `x & y`: bitwise on integers, logical on bool. */
export const bitwiseAnd: Binary = bitwise("and");
/** `x | y`: bitwise on integers, logical on bool. */
export const bitwiseOr: Binary = bitwise("or");
/** `x ^ y`: bitwise on integers, logical on bool. */
export const bitwiseXor: Binary = bitwise("xor");
/** `~x`: bitwise on integers, logical on bool. */
export const bitwiseNot: Unary = unary("not", { accepts: BITS, jvp: "zero", scalar: "not" });

/** `x << y` on integers; 0 where y is at least the width. */
export const shiftLeft: Binary = shift("shift_left", "shl");
/** `x >>> y` on integers: zeros come in; 0 where y is at least the width. */
export const shiftRightLogical: Binary = shift("shift_right_logical", "shrLogical");
/** `x >> y` on integers: copies of the sign come in. */
export const shiftRightArithmetic: Binary = shift("shift_right_arithmetic", "shrArith");

/** How many bits are set. Integers. */
export const populationCount: Unary = unary("population_count", {
  accepts: INTEGER,
  jvp: "zero",
  scalar: "popcount",
});
/** How many zeros stand above the highest set bit. Integers. */
export const clz: Unary = unary("clz", { accepts: INTEGER, jvp: "zero", scalar: "clz" });

/** False for NaN and the infinities. Floating dtypes. */
export const isFinite: Unary = unary("is_finite", {
  accepts: FLOATING,
  bool: true,
  jvp: "zero",
  scalar: (s, x) => s.binary("lt", s.unary("abs", x), s.const(Number.POSITIVE_INFINITY, x.dtype)),
});
