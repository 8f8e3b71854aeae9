/** How much a program computes: what decides which tier is worth its compile time. Known without running it. */
import type { Program, Stmt } from "./ir/nodes.ts";
import { type Block, blocksOf, contractExtents, exprsOf, forEachExpr, isLeaf } from "./ir/visit.ts";

/** Iterations assumed of a loop whose count is not known. */
const SOME = 16;

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
const product = (xs: readonly number[]): number => xs.reduce((a, b) => a * b, 1);

/** Operations on elements in one run of a program as it was lowered; a multiply-add counts as two. */
export const workOf = (program: Program): number => blockWork(program.body);

function blockWork(block: Block): number {
  return sum(block.map((s) => statementWork(s, sum(blocksOf(s).map(blockWork)))));
}

/** One run of a statement whose blocks take `inner`. */
function statementWork(s: Stmt, inner: number): number {
  const own = sum(exprsOf(s).map(operations)) + (s.kind === "store" ? 1 : 0);
  switch (s.kind) {
    case "for":
      return (s.extent / s.lanes) * inner;
    case "reduce":
      return product(s.extents) * (inner + own + 1);
    case "contract":
      return product(contractExtents(s)) * (2 * product(s.kExtents) + inner);
    case "while":
      return SOME * (inner + own);
    default:
      return inner + own;
  }
}

function operations(root: Parameters<typeof forEachExpr>[0]): number {
  let count = 0;
  forEachExpr(root, (e) => {
    if (!isLeaf(e)) count++;
  });
  return count;
}
