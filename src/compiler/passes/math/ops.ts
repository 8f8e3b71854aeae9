/**
 * The arithmetic that expansions are written in. Numbers stand for constants of the dtype of the operand beside them, so one
 * formula serves float32 and float64; what differs is a {@link PerFloat} pair of constants.
 */
import { assert } from "../../../core/errors.ts";
import { binaryExpr, constExpr, convertExpr, fmaExpr, selectExpr, unaryExpr } from "../../ir/build.ts";
import type { Expr } from "../../ir/nodes.ts";

/** An expression, or a constant of its neighbour's dtype. */
export type Value = Expr | number;
export type Float = "float32" | "float64";
/** What the two float dtypes do differently. */
export type PerFloat<T> = Readonly<Record<Float, T>>;

export function floatOf(x: Expr): Float {
  assert(x.dtype === "float32" || x.dtype === "float64", `math functions take floats, not ${x.dtype}`);
  return x.dtype;
}
export const pick = <T>(choices: PerFloat<T>, x: Expr): T => choices[floatOf(x)];

export const constantLike = (value: Value, like: Expr): Expr =>
  typeof value === "number" ? constExpr(value, like.dtype) : value;

type BinaryName = Parameters<typeof binaryExpr>[0];
const binary =
  (fn: BinaryName) =>
  (x: Value, y: Value): Expr => {
    const like = typeof x === "number" ? (y as Expr) : x;
    return binaryExpr(fn, constantLike(x, like), constantLike(y, like));
  };
type Binary = (x: Value, y: Value) => Expr;

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

type UnaryName = Parameters<typeof unaryExpr>[0];
const unary =
  (fn: UnaryName) =>
  (x: Expr): Expr =>
    unaryExpr(fn, x);
export const neg: (x: Expr) => Expr = unary("neg");
export const abs: (x: Expr) => Expr = unary("abs");
export const sqrt: (x: Expr) => Expr = unary("sqrt");
export const rint: (x: Expr) => Expr = unary("rint");

/** x·y + z. Where a product must be exact before the sum, it is: either number of roundings gives the same. */
export const fma = (x: Expr, y: Value, z: Value): Expr => fmaExpr(x, constantLike(y, x), constantLike(z, x));

export function select(cond: Expr, x: Value, y: Value): Expr {
  const like = typeof x === "number" ? (y as Expr) : x;
  return selectExpr(cond, constantLike(x, like), constantLike(y, like));
}

/** min(x, high), max(x, low) and both; a NaN stays. A comparison and a select: machines have it as one (`pmin`, `pmax`). */
export const atMost = (x: Expr, high: number): Expr => select(lt(high, x), high, x);
export const atLeast = (x: Expr, low: number): Expr => select(lt(x, low), low, x);
export const clamp = (x: Expr, low: number, high: number): Expr => atMost(atLeast(x, low), high);

export const truncated = (x: Expr): Expr => convertExpr(x, "int32");
export const toFloat = (x: Expr, dtype: Float): Expr => convertExpr(x, dtype);

/** Coefficients from the highest power down. */
export type Coefficients = PerFloat<readonly number[]>;

/** A polynomial by Horner's rule; coefficients from the highest power down. */
export function horner(x: Expr, [first, ...rest]: readonly number[]): Expr {
  return rest.reduce<Expr>((sum, c) => fma(sum, x, c), constExpr(first!, x.dtype));
}
/** The polynomial for the dtype of x; `after` are further, lower coefficients. */
export const polynomial = (x: Expr, table: Coefficients, ...after: readonly number[]): Expr =>
  horner(x, [...pick(table, x), ...after]);

/** x times the polynomial of x²: an odd function. */
export const odd = (x: Expr, table: Coefficients): Expr => mul(x, polynomial(mul(x, x), table));

/** x + x³·P(x²): an odd function of slope 1, exact where it is x. */
export function oddFromSlope1(x: Expr, table: Coefficients): Expr {
  const z = mul(x, x);
  return fma(mul(x, z), polynomial(z, table), x);
}
