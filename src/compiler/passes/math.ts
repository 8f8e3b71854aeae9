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

export function math(program: Program, { roundsOnce }: Target): Program {
  const memo = new Map<Expr, Expr>();
  const expanded = (e: Expr): Expr => expand(e, roundsOnce);
  const body = mapAllParts(program.body, { expr: (e) => mapExpr(e, expanded, memo) });
  return body === program.body ? program : { ...program, body };
}

/** One node whose operands are expanded already. */
function expand(e: Expr, roundsOnce: boolean): Expr {
  if (e.op !== "unary" && e.op !== "binary") return e;
  const found = expansions.get(e.fn);
  if (!found) return e;
  const made = (roundsOnce && found.fused) || found.expand;
  return made(...(e.op === "unary" ? [e.x] : [e.x, e.y])) as Expr;
}
