/** Estimates of how much a block computes, in scalar or vector instructions: what decides about functions and unrolling. */
import type { Expr, Stmt } from "../../compiler/ir/nodes.ts";
import { type Block, blocksOf, exprsOf, forEachExpr, isLeaf } from "../../compiler/ir/visit.ts";

/** Where functions begin and end, in units of work. */
export interface WorkLimits {
  /** Not worth a call. */
  readonly trivial: number;
  /** A call costs nothing in comparison. */
  readonly call: number;
  /** Work of a function that runs a part of the iterations of a long loop. */
  readonly block: number;
  /** A serial loop that may take long in slow code. */
  readonly longSerial: number;
  /** Some milliseconds in slow code: better cut into several calls, whatever the loop. */
  readonly long: number;
  /** What a thread takes at a time of a parallel loop: some microseconds. */
  readonly piece: number;
}
export const WORK_LIMITS: WorkLimits = {
  trivial: 48,
  call: 2_000,
  block: 50_000,
  longSerial: 1_000_000,
  long: 5_000_000,
  piece: 20_000,
};

/** Iterations assumed of a `while`. */
const SOME = 16;
const known = new WeakMap<Stmt, number>();

/** Nodes of an expression that compute something. */
function expressionWork(root: Expr): number {
  let nodes = 1;
  forEachExpr(root, (e) => {
    if (!isLeaf(e)) nodes++;
  });
  return nodes;
}

function iterations(s: Stmt): number {
  if (s.kind === "for") return (s.extent / s.lanes) * Math.ceil(s.lanes / 4);
  if (s.kind === "reduce") return (s.extents.reduce((n, e) => n * e, 1) / s.lanes) * Math.ceil(s.lanes / 4);
  return s.kind === "while" ? SOME : 1;
}

export function statementWork(s: Stmt): number {
  const seen = known.get(s);
  if (seen !== undefined) return seen;
  const own = exprsOf(s).reduce((sum, e) => sum + expressionWork(e), 0);
  const inner = blocksOf(s).reduce((sum, b) => sum + blockWork(b), 0);
  const total = iterations(s) * (own + inner + 1);
  known.set(s, total);
  return total;
}

export const blockWork = (block: Block): number => block.reduce((sum, s) => sum + statementWork(s), 0);
