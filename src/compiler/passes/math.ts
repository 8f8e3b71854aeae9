/**
 * Math: functions that machines lack become straight-line expressions over those that they have.
 *
 *     y[i] = f32.logistic(x[i])   =>   y[i] = (p·s / (p·s·s + 1))·s   with p, s = polynomial and power of two of x[i]
 *
 * What remains is add, sub, mul, div, fma, neg, abs, sqrt, floor, ceil, trunc, rint, min, max, copysign, far*, comparisons, select,
 * convert, bitcast, integer and bitwise operations. No branches and no tables: float32 stays in 32-bit lanes, so that the
 * vectoriser takes every expansion. Results are the same on every target, up to the one or two roundings of `fma`.
 *
 * Precision (docs/accuracy.md states it; test/compiler/passes/math.test.ts and test/scalars hold it): at most 4 ulp in float32 over the whole range, subnormal numbers,
 * infinities and NaN included. Exceptions are noted with the functions: the tail of erfc has 5 ulp; lgamma and digamma lose
 * relative precision at their negative zeros. sin, cos and tan of large arguments are left to the backends.
 *
 * Requires: nothing. Ensures: no function of {@link UNARY_EXPANSIONS} and {@link BINARY_EXPANSIONS} is left.
 */
import type { BinaryFn, UnaryFn } from "../../core/emit.ts";
import type { Expr, MachineFn, Program } from "../ir/nodes.ts";
import { mapAllParts, mapExpr } from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { acos, asin, atan, atan2 } from "./math/arc.ts";
import { erf, erfc, erfInv } from "./math/erf.ts";
import { cosh, exp, expm1, logistic, sinh, tanh } from "./math/exp.ts";
import { digamma, lgamma } from "./math/gamma.ts";
import { acosh, asinh, atanh, log, log1p } from "./math/log.ts";
import { cbrt, pow, powConstant } from "./math/power.ts";
import { cos, sin, tan } from "./math/trig.ts";

export function math(program: Program, _target: Target): Program {
  const memo = new Map<Expr, Expr>();
  const body = mapAllParts(program.body, { expr: (e) => mapExpr(e, expand, memo) });
  return body === program.body ? program : { ...program, body };
}

export type UnaryExpansion = (x: Expr) => Expr;
export type BinaryExpansion = (x: Expr, y: Expr) => Expr;

export const UNARY_EXPANSIONS: Readonly<Partial<Record<UnaryFn, UnaryExpansion>>> = {
  exp,
  expm1,
  log,
  log1p,
  tanh,
  logistic,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  asinh,
  acosh,
  atanh,
  erf,
  erfc,
  erfInv,
  cbrt,
  lgamma,
  digamma,
};

export const BINARY_EXPANSIONS: Readonly<Partial<Record<BinaryFn | MachineFn, BinaryExpansion>>> = {
  pow: (x, y) => (y.op === "const" ? powConstant(x, y.value) : undefined) ?? pow(x, y),
  atan2,
};

/** One node whose operands are expanded already. */
function expand(e: Expr): Expr {
  if (e.op === "unary") return UNARY_EXPANSIONS[e.fn]?.(e.x) ?? e;
  if (e.op === "binary") return BINARY_EXPANSIONS[e.fn]?.(e.x, e.y) ?? e;
  return e;
}
