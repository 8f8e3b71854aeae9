/** How much a program computes: what decides which tier is worth its compile time. Known without running it. */
import { Estimate, type Measure, UNKNOWN_TRIPS } from "./estimate.ts";
import type { Expr, Program, Stmt } from "./ir/nodes.ts";
import { contractExtents, exprsOf, forEachExpr, isLeaf } from "./ir/visit.ts";

const product = (xs: readonly number[]): number => xs.reduce((a, b) => a * b, 1);

const OPERATIONS: Measure = {
  own(s) {
    const own = exprsOf(s).reduce((sum, e) => sum + operations(e), 0);
    if (s.kind === "contract") return own + 2 * product(s.kExtents);
    return own + (s.kind === "store" || s.kind === "reduce" ? 1 : 0);
  },
  times,
};

function times(s: Stmt): number {
  if (s.kind === "for") return s.extent / s.lanes;
  if (s.kind === "reduce") return product(s.extents);
  if (s.kind === "contract") return product(contractExtents(s));
  return s.kind === "while" ? UNKNOWN_TRIPS : 1;
}

/** Operations on elements in one run of a program as it was lowered; a multiply-add counts as two. */
export const workOf = (program: Program): number => new Estimate(OPERATIONS).block(program.body);

/** Nodes that compute something. */
export function operations(root: Expr): number {
  let count = 0;
  forEachExpr(root, (e) => {
    if (!isLeaf(e)) count++;
  });
  return count;
}
