/**
 * Math: functions that machines lack become the expressions over those that they have of `scalars/`.
 *
 *     y[i] = f32.logistic(x[i])   =>   y[i] = (p·s / (p·s·s + 1))·s   with p, s = polynomial and power of two of x[i]
 *
 * Requires: nothing. Ensures: no function of `scalars/` is left.
 */
import { expansions } from "../../scalars/expansion.ts";
import { installArithmetic } from "../../scalars/ops.ts";
import {
  binaryExpr,
  bitcastExpr,
  constExpr,
  convertExpr,
  fmaExpr,
  selectExpr,
  unaryExpr,
} from "../ir/build.ts";
import type { Expr, Program } from "../ir/nodes.ts";
import { mapAllParts, mapExpr } from "../ir/visit.ts";
import type { Target } from "../target.ts";

installArithmetic({
  const: constExpr,
  unary: unaryExpr,
  binary: binaryExpr,
  fma: fmaExpr,
  select: selectExpr,
  convert: convertExpr,
  bitcast: bitcastExpr,
  valueOf: (x: Expr) => (x.op === "const" ? x.value : undefined),
});

export function math(program: Program, _target: Target): Program {
  const memo = new Map<Expr, Expr>();
  const body = mapAllParts(program.body, { expr: (e) => mapExpr(e, expand, memo) });
  return body === program.body ? program : { ...program, body };
}

/** One node whose operands are expanded already. */
function expand(e: Expr): Expr {
  const operands = e.op === "unary" ? [e.x] : e.op === "binary" ? [e.x, e.y] : undefined;
  return (operands && (expansions.get((e as Expr & { fn: string }).fn)?.(...operands) as Expr)) ?? e;
}
