/**
 * Last rewrites of the loop IR, for what WebAssembly engines do not do themselves:
 * - short innermost loops are unrolled;
 * - long loops with little in them are cut into blocks of iterations, so that a block can be a function: an engine replaces
 *   slow first code by optimised code only when a function is called again;
 * - loops whose lanes would part ways give them up;
 * - reductions with lanes get several accumulators where that hides latency.
 */

import { affine, constant } from "../../compiler/ir/affine.ts";
import { isParallel, isSerial } from "../../compiler/ir/modes.ts";
import type { Affine, For, LoopVar, Reduce, Stmt } from "../../compiler/ir/nodes.ts";
import {
  type Block,
  blocksOf,
  effects,
  indexExpr,
  mapStmts,
  newLoopVar,
  renewed,
  substitute,
} from "../../compiler/ir/visit.ts";
import { withPossibleLanes } from "../common/lanes.ts";
import { blockWork, statementWork, type WorkLimits } from "./work.ts";

const UNROLL_EXTENT = 4;
const UNROLL_WORK = 96;

/** Parallel loops as plain ones, for modules that know of one thread. */
export const withoutThreads = (block: Block): Block =>
  mapStmts(block, (s) => (isParallel(s) ? { ...s, mode: "independent" } : s));

export function prepare(block: Block, limits: WorkLimits): Block {
  const seen = new Set<LoopVar>();
  return mapStmts(block, (s) => {
    const own = withOwnVars(s, seen);
    if (own.kind === "reduce") return moreAccumulators(withPossibleLanes(own));
    if (own.kind !== "for") return own;
    if (isParallel(own)) return own.extent > 0 ? own : [];
    const loop = withPossibleLanes(own);
    return unrolled(loop) ?? blocked(loop, limits) ?? loop;
  });
}

/** A loop variable belongs to one loop: what is known of it is kept by its identity. */
function withOwnVars(s: Stmt, seen: Set<LoopVar>): Stmt {
  const vars = s.kind === "for" ? [s.v] : s.kind === "reduce" ? s.vars : [];
  const result = vars.some((v) => seen.has(v)) ? renewed([s])[0]! : s;
  const own = result.kind === "for" ? [result.v] : result.kind === "reduce" ? result.vars : [];
  for (const v of own) seen.add(v);
  return result;
}

const isInnermost = (block: Block): boolean => block.every((s) => blocksOf(s).length === 0);

/** The iterations of a short loop one after the other. */
function unrolled(s: For): Block | undefined {
  if (s.lanes > 1) return undefined;
  const short = s.extent <= UNROLL_EXTENT && isInnermost(s.body) && statementWork(s) <= UNROLL_WORK;
  if (!short && s.extent > 1) return undefined;
  return Array.from({ length: s.extent }, (_, i) =>
    renewed(substitute(s.body, new Map([[s.v, indexExpr(constant(i))]]))),
  ).flat();
}

/** `for v < n` as `for block { for step < size }`, and the iterations that are left. */
function blocked(s: For, limits: WorkLimits): Block | undefined {
  const once = blockWork(s.body) + 1;
  const size = s.lanes * Math.ceil(limits.block / once);
  const long = statementWork(s) >= (isSerial(s) ? limits.longSerial : limits.long);
  if (!long || s.extent < 2 * size || once >= limits.call || effects(s.body).calls) return undefined;
  const count = Math.floor(s.extent / size);
  const [outer, inner, last] = [newLoopVar(`${s.v.name}_block`), newLoopVar(s.v.name), newLoopVar(s.v.name)];
  const at = affine(0, [
    { atom: outer, coeff: size },
    { atom: inner, coeff: 1 },
  ]);
  const restAt = affine(count * size, [{ atom: last, coeff: 1 }]);
  const bodyAt = (index: Affine): Block => substitute(s.body, new Map([[s.v, indexExpr(index)]]));
  const steps: For = { ...s, v: inner, extent: size, body: bodyAt(at) };
  const rest: For = { ...s, v: last, extent: s.extent - count * size, body: renewed(bodyAt(restAt)) };
  return [{ ...s, v: outer, extent: count, lanes: 1, body: [steps] }, ...(rest.extent > 0 ? [rest] : [])];
}

/** Twice or four times the lanes: independent sums in several registers. */
function moreAccumulators(s: Reduce): Reduce {
  const extent = s.extents.at(-1) ?? 1;
  const small = isInnermost(s.body) && blockWork(s.body) <= 32;
  const factor = [4, 2].find((k) => s.lanes * k <= 16 && extent % (s.lanes * k) === 0);
  return s.lanes > 1 && small && factor ? { ...s, lanes: s.lanes * factor } : s;
}
