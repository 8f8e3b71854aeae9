/**
 * Functions that machines lack, as straight-line expressions over those that they have.
 *
 * What they are made of is add, sub, mul, div, fma, neg, abs, sqrt, floor, ceil, trunc, rint, min, max, copysign, far*,
 * comparisons, select, convert, bitcast, integer and bitwise operations. No branches and no tables: float32 stays in 32-bit lanes,
 * so that the vectoriser takes every expansion. Results are the same on every target, up to the one or two roundings of `fma`.
 *
 * Precision (docs/accuracy.md states it; test/compiler/passes/math.test.ts and test/scalars hold it): at most 4 ulp in float32 over
 * the whole range, subnormal numbers, infinities and NaN included. Exceptions are noted with the functions: the tail of erfc has
 * 5 ulp; lgamma and digamma lose relative precision at their negative zeros. sin, cos and tan of large arguments are left to the
 * backends.
 */
export * from "./arc.ts";
export * from "./erf.ts";
export { cosh, exp, expm1, logistic, sinh, tanh } from "./exp.ts";
export { expansions } from "./expansion.ts";
export * from "./gamma.ts";
export { acosh, asinh, atanh, log, log1p } from "./log.ts";
export { cbrt, pow } from "./power.ts";
export { cos, sin, tan } from "./trig.ts";
