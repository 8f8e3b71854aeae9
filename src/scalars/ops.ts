/**
 * The arithmetic that expansions are written in. Numbers stand for constants of the dtype of the operand beside them, so one
 * formula serves float32 and float64; what differs is a {@link PerFloat} pair of constants.
 */
import type { DType } from "../core/dtype.ts";
import { assert } from "../core/errors.ts";
import type { BasicBinary, BasicUnary, MachineFn, Scalar, ScalarBuilder } from "../core/lowering.ts";

/** Constructors of expressions. */
interface Arithmetic extends Pick<ScalarBuilder, "const" | "select" | "convert" | "bitcast"> {
  unary(fn: BasicUnary, x: Scalar): Scalar;
  binary(fn: BasicBinary | MachineFn, x: Scalar, y: Scalar): Scalar;
  fma(x: Scalar, y: Scalar, z: Scalar): Scalar;
  /** The value of a constant; undefined for other expressions. */
  valueOf(x: Scalar): number | undefined;
}
let arithmetic: Arithmetic;
/** The compiler installs its constructors when it is loaded. */
export const installArithmetic = (constructors: Arithmetic): void => {
  arithmetic = constructors;
};

export const constant = (value: number, dtype: DType): Scalar => arithmetic.const(value, dtype);
export const valueOf = (x: Scalar): number | undefined => arithmetic.valueOf(x);
export const convert = (x: Scalar, dtype: DType): Scalar => arithmetic.convert(x, dtype);
export const bitcast = (x: Scalar, dtype: DType): Scalar => arithmetic.bitcast(x, dtype);

/** An expression, or a constant of its neighbour's dtype. */
type Value = Scalar | number;
type Float = "float32" | "float64";
/** What the two float dtypes do differently. */
export type PerFloat<T> = Readonly<Record<Float, T>>;

export function floatOf(x: Scalar): Float {
  assert(x.dtype === "float32" || x.dtype === "float64", `math functions take floats, not ${x.dtype}`);
  return x.dtype;
}
export const pick = <T>(choices: PerFloat<T>, x: Scalar): T => choices[floatOf(x)];

export const constantLike = (value: Value, like: Scalar): Scalar =>
  typeof value === "number" ? constant(value, like.dtype) : value;

export const binary =
  (fn: BasicBinary | MachineFn) =>
  (x: Value, y: Value): Scalar => {
    const like = typeof x === "number" ? (y as Scalar) : x;
    return arithmetic.binary(fn, constantLike(x, like), constantLike(y, like));
  };
type Binary = (x: Value, y: Value) => Scalar;

export const add: Binary = binary("add");
export const sub: Binary = binary("sub");
export const mul: Binary = binary("mul");
export const div: Binary = binary("div");
export const copysign: Binary = binary("copysign");
export const eq: Binary = binary("eq");
export const ne: Binary = binary("ne");
export const lt: Binary = binary("lt");
export const gt: Binary = binary("gt");
export const ge: Binary = binary("ge");
export const and: Binary = binary("and");
export const or: Binary = binary("or");
export const xor: Binary = binary("xor");
export const shl: Binary = binary("shl");
export const shrArith: Binary = binary("shrArith");

const unary =
  (fn: BasicUnary) =>
  (x: Scalar): Scalar =>
    arithmetic.unary(fn, x);
export const neg: (x: Scalar) => Scalar = unary("neg");
export const abs: (x: Scalar) => Scalar = unary("abs");
export const sqrt: (x: Scalar) => Scalar = unary("sqrt");
export const rint: (x: Scalar) => Scalar = unary("rint");

/** x·y + z. Where a product must be exact before the sum, it is: either number of roundings gives the same. */
export const fma = (x: Scalar, y: Value, z: Value): Scalar =>
  arithmetic.fma(x, constantLike(y, x), constantLike(z, x));

export function select(cond: Scalar, x: Value, y: Value): Scalar {
  const like = typeof x === "number" ? (y as Scalar) : x;
  return arithmetic.select(cond, constantLike(x, like), constantLike(y, like));
}

/** min(x, high), max(x, low) and both; a NaN stays. A comparison and a select: machines have it as one (`pmin`, `pmax`). */
export const atMost = (x: Scalar, high: number): Scalar => select(lt(high, x), high, x);
const atLeast = (x: Scalar, low: number): Scalar => select(lt(x, low), low, x);
export const clamp = (x: Scalar, low: number, high: number): Scalar => atMost(atLeast(x, low), high);

export const truncated = (x: Scalar): Scalar => convert(x, "int32");
export const toFloat = (x: Scalar, dtype: Float): Scalar => convert(x, dtype);

/** Coefficients from the highest power down. */
export type Coefficients = PerFloat<readonly number[]>;

/** A polynomial by Horner's rule; coefficients from the highest power down. */
export function horner(x: Scalar, [first, ...rest]: readonly number[]): Scalar {
  return rest.reduce<Scalar>((sum, c) => fma(sum, x, c), constant(first!, x.dtype));
}
/** The polynomial for the dtype of x; `after` are further, lower coefficients. */
export const polynomial = (x: Scalar, table: Coefficients, ...after: readonly number[]): Scalar =>
  horner(x, [...pick(table, x), ...after]);

/** x times the polynomial of x²: an odd function. */
export const odd = (x: Scalar, table: Coefficients): Scalar => mul(x, polynomial(mul(x, x), table));

/** x + x³·P(x²): an odd function of slope 1, exact where it is x. */
export function oddFromSlope1(x: Scalar, table: Coefficients): Scalar {
  const z = mul(x, x);
  return fma(mul(x, z), polynomial(z, table), x);
}
