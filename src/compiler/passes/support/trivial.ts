/** Loops that run once or never are not loops: their bodies stand alone, with the loop variable 0. */
import { constant } from "../../ir/affine.ts";
import type { Contract, Expr, Local, LoopVar, Reduce, Stmt } from "../../ir/nodes.ts";
import {
  type Block,
  contractExtents,
  indexExpr,
  mapStmts,
  substitute,
  substituteExpr,
} from "../../ir/visit.ts";

/** The block without loops, reductions and result axes of contractions of extent 0 or 1. */
export const inlineTrivial = (block: Block): Block => mapStmts(block, simpler);

function simpler(s: Stmt): Stmt | Block {
  switch (s.kind) {
    case "for":
      if (s.extent === 0) return [];
      return s.extent === 1 && s.lanes === 1 ? substitute(s.body, zeros([s.v])) : s;
    case "reduce":
      return s.lanes === 1 && s.extents.some((n) => n <= 1) ? smallerReduce(s) : s;
    case "contract":
      return contractExtents(s).includes(1) ? smallerContract(s) : s;
    default:
      return s;
  }
}

const zeros = (vars: readonly LoopVar[]): Map<LoopVar, Expr> =>
  new Map(vars.map((v) => [v, indexExpr(constant(0))]));
const letAcc = (local: Local, value: Expr): Stmt => ({ kind: "let", local, value });

function smallerReduce(s: Reduce): Stmt | Block {
  if (s.extents.includes(0)) return letAcc(s.acc, s.init);
  const map = zeros(s.vars.filter((_, i) => s.extents[i] === 1));
  const [body, value] = [substitute(s.body, map), substituteExpr(s.value, map)];
  const vars = s.vars.filter((v) => !map.has(v));
  if (vars.length > 0) return { ...s, vars, extents: s.extents.filter((n) => n !== 1), body, value };
  return [...body, letAcc(s.acc, { op: "binary", dtype: s.acc.dtype, fn: s.fn, x: s.init, y: value })];
}

function smallerContract(s: Contract): Contract {
  const extents = contractExtents(s);
  const vars = s.vars.filter((_, i) => extents[i] !== 1);
  const without = (along: readonly number[], xs: readonly number[]): number[] =>
    xs.filter((_, i) => along[i] !== 1);
  const { batchExtents, mExtents, nExtents } = s;
  return {
    ...s,
    lhs: { ...s.lhs, batch: without(batchExtents, s.lhs.batch), free: without(mExtents, s.lhs.free) },
    rhs: { ...s.rhs, batch: without(batchExtents, s.rhs.batch), free: without(nExtents, s.rhs.free) },
    batchExtents: without(batchExtents, batchExtents),
    mExtents: without(mExtents, mExtents),
    nExtents: without(nExtents, nExtents),
    vars,
    epilogue: substitute(s.epilogue, zeros(s.vars.filter((_, i) => extents[i] === 1))),
  };
}
