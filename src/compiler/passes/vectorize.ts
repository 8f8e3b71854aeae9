/**
 * Loops get vector lanes. Of each nest of independent loops, the one whose accesses are contiguous becomes innermost and is
 * split into parts whose iterations run in lanes, and a scalar rest:
 *
 *     for i < 3 independent           for i < 3 independent
 *       for j < 21 independent          for j < 16 independent lanes 8:  y[21·i + j] = x[21·i + j]
 *         y[21·i + j] = x[21·i + j]     for j < 4 independent lanes 4:   y[21·i + j + 16] = x[21·i + j + 16]
 *                                       y[21·i + 20] = x[21·i + 20]
 *
 * Whatever the body contains (serial loops, reductions) runs inside, once for all lanes. A `reduce` that no such loop
 * encloses is vectorised along its own best axis, its parts chained through `init`.
 *
 * What is best is asked of a model that counts operations: {@link instructions}.
 *
 * Requires: no `contract`; transcendental functions are expanded. Leaves loops that have lanes already alone.
 */

import { byteSize } from "../../core/dtype.ts";
import { costOf } from "../../core/scalar.ts";
import { Estimate, UNKNOWN_TRIPS } from "../estimate.ts";
import { addAffine, coeffOf, constant, scaledAtom } from "../ir/affine.ts";
import { isIndependent } from "../ir/modes.ts";
import type {
  Affine,
  Buffer,
  Expr,
  For,
  IndexAtom,
  Local,
  LoopVar,
  Program,
  Reduce,
  Stmt,
} from "../ir/nodes.ts";
import {
  type Block,
  blocksOf,
  exprsOf,
  forEachExpr,
  indexExpr,
  localExpr,
  mapParts,
  newLocal,
  newLoopVar,
  renewed,
  substitute,
} from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { type LaneInfo, laneInfo } from "./lanes.ts";
import { summaryOf } from "./support/conflict.ts";
import { peel, wrap } from "./support/nest.ts";

export function vectorize(program: Program, target: Target): Program {
  const { block } = bestBlock(program.body, target);
  return block === program.body ? program : { ...program, body: block };
}

/** A block or statement and what running it costs. */
interface Priced {
  readonly block: Block;
  readonly cost: number;
}

function bestBlock(block: Block, target: Target): Priced {
  const plans = block.map((s) => bestStmt(s, target));
  const out = plans.flatMap((p) => p.block);
  const same = out.length === block.length && out.every((s, i) => s === block[i]);
  return { block: same ? block : out, cost: plans.reduce((sum, p) => sum + p.cost, 0) };
}

function bestStmt(s: Stmt, target: Target): Priced {
  if (isIndependent(s) && s.lanes === 1) return bestNest(s, target);
  if (s.kind === "reduce" && s.lanes === 1) return bestReduce(s, target);
  if (s.kind === "for" && s.lanes > 1) return { block: [s], cost: cost([s]) };
  let inside = 0;
  const mapped = mapParts(s, {
    block: (b) => {
      const plan = bestBlock(b, target);
      inside += plan.cost;
      return plan.block;
    },
  });
  return { block: [mapped], cost: SINGLY.around(s, inside) };
}

// ---------------------------------------------------------------------------------------------- independent loops

function bestNest(s: For, target: Target): Priced {
  const { vars, extents, body } = peel(s);
  const inner = bestBlock(body, target);
  const runs = extents.reduce((product, e) => product * e, 1);
  const kept = inner.block === body ? [s] : wrap({ vars, extents, body: inner.block });
  let best: { cost: number; build: () => Block } = { cost: runs * (inner.cost + 1), build: () => kept };
  for (const [i, v] of vars.entries()) {
    const info = laneInfo(body, v);
    const most = info && mostLanes(body, info, target);
    const lanes = info && Math.min(target.vectorBytes, Math.max(SMALLEST, most! * info.bytes)) / info.bytes;
    if (!lanes || extents[i]! < lanes) continue;
    const rest = extents[i]! % lanes;
    const line = ((cost(body, info) + 1) * (extents[i]! - rest)) / lanes + rest * (inner.cost + 1);
    const total = (runs / extents[i]!) * line;
    const build = (): Block => {
      const outer = { vars: vars.toSpliced(i, 1), extents: extents.toSpliced(i, 1) };
      const unroll = Math.min(unrollOf(body, info, target, hasLoop(body)), Math.max(1, most! / lanes));
      return wrap({ ...outer, body: split(v, partsOf(extents[i]!, lanes, unroll), body, inner.block) });
    };
    if (total < best.cost) best = { cost: total, build };
  }
  return { block: best.build(), cost: best.cost };
}

/** Bytes of a register that every machine has. */
const SMALLEST = 16;

/**
 * How many lanes a loop should have at most, a power of two. Lines that lie whole pages apart are all in one set of the first-level
 * cache, which holds as many as it has pages: of more than those, a loop inside would find none again.
 */
function mostLanes(body: Block, { v }: LaneInfo, { l1Bytes, caches: { l1Period } }: Target): number {
  const apart = new Set<Buffer>();
  for (const s of body)
    for (const [buffer, accesses] of summaryOf(s).accesses) {
      const steps = accesses.map(({ index }) => coeffOf(index, v) * byteSize(buffer.dtype));
      if (steps.some((step) => step !== 0 && step % l1Period === 0)) apart.add(buffer);
    }
  return apart.size === 0
    ? Number.POSITIVE_INFINITY
    : 2 ** Math.floor(Math.log2(l1Bytes / l1Period / apart.size));
}

/** The iterations of an independent loop as loops with lanes and a scalar rest, whose body is `single`. */
function split(v: LoopVar, parts: readonly Part[], body: Block, single: Block): Block {
  return parts.flatMap((part, i): Block => {
    const once = part.extent === 1;
    const w = i === 0 ? v : newLoopVar(v.name);
    const at = once ? constant(part.start) : addAffine(scaledAtom(w), constant(part.start));
    const moved = i === 0 ? body : shifted(renewed(part.lanes === 1 ? single : body), v, at);
    if (once) return moved;
    return [{ kind: "for", v: w, extent: part.extent, mode: "independent", lanes: part.lanes, body: moved }];
  });
}

interface Part {
  readonly start: number;
  readonly extent: number;
  readonly lanes: number;
}

/** [0, extent) cut into a part for `unroll` vectors at a time, one for single vectors, one for single iterations. */
export function partsOf(extent: number, lanes: number, unroll: number): Part[] {
  const parts: Part[] = [];
  let widest = lanes * unroll;
  while (widest > extent) widest /= 2;
  let start = 0;
  for (const width of new Set([widest, lanes, 1])) {
    const length = Math.floor((extent - start) / width) * width;
    if (length > 0) parts.push({ start, extent: length, lanes: width });
    start += length;
  }
  return parts;
}

const shifted = (block: Block, v: LoopVar, at: Affine): Block =>
  substitute(block, new Map<IndexAtom, Expr>([[v, indexExpr(at)]]));

/**
 * Vectors per iteration. Sums are carried from step to step, so several of them hide the latency and use whole cache lines
 * of rows, eight if each leaves a register for what it takes in; elsewhere a little unrolling saves loop overhead. Long bodies fill
 * the registers by themselves.
 */
export function unrollOf(body: Block, info: LaneInfo, { registers }: Target, carries: boolean): number {
  const live = count(body, info.varies);
  const fits = (vectors: number): boolean => live * vectors <= registers + 8;
  if (carries) for (const vectors of [8, 4]) if (fits(vectors) && 2 * vectors <= registers) return vectors;
  return fits(2) ? 2 : 1;
}

const hasLoop = (block: Block): boolean => block.some((s) => blocksOf(s).length > 0);

/** Operations whose values differ between lanes, at all depths. */
function count(block: Block, varies: (e: Expr) => boolean): number {
  let total = 0;
  for (const s of block) {
    for (const e of operations(s)) if (varies(e)) total++;
    for (const b of blocksOf(s)) total += count(b, varies);
  }
  return total;
}

// ---------------------------------------------------------------------------------------------- reductions

function bestReduce(s: Reduce, target: Target): Priced {
  const inner = bestBlock(s.body, target);
  const runs = s.extents.reduce((product, e) => product * e, 1);
  const kept = inner.block === s.body ? s : { ...s, body: inner.block };
  const value: Stmt = { kind: "let", local: s.acc, value: s.value };
  const element = [...s.body, value];
  let best = { cost: runs * (inner.cost + ownCost(value) + 2), build: (): Block => [kept] };
  for (const [i, v] of s.vars.entries()) {
    const extent = s.extents[i]!;
    const info = laneInfo(element, v);
    const lanes = info && target.vectorBytes / info.bytes;
    if (!lanes || extent < lanes || !info.varies(s.value)) continue;
    const rest = extent % lanes;
    const line = ((cost(element, info) + 2) * (extent - rest)) / lanes + rest * (cost(element) + 2);
    // Combining the lanes at the end takes about two operations per halving.
    const total = (runs / extent) * line + 4 * Math.log2(lanes);
    const build = (): Block => chain(s, i, partsOf(extent, lanes, unrollOf(element, info, target, true)));
    if (total < best.cost) best = { cost: total, build };
  }
  return { block: best.build(), cost: ownCost(s) + best.cost };
}

/** One reduction after the other, each starting from what the one before came to; axis `i` is last, cut into `parts`. */
function chain(s: Reduce, i: number, parts: readonly Part[]): Block {
  let init = s.init;
  return parts.map((part, at): Stmt => {
    const acc: Local = at === parts.length - 1 ? s.acc : newLocal(s.acc.name, s.acc.dtype);
    const w = newLoopVar(s.vars[i]!.name);
    const piece: Reduce = {
      ...s,
      acc,
      init,
      vars: [...s.vars.toSpliced(i, 1), w],
      extents: [...s.extents.toSpliced(i, 1), part.extent],
      lanes: part.lanes,
    };
    init = localExpr(acc);
    const index = addAffine(scaledAtom(w), constant(part.start));
    const [moved] = shifted([piece], s.vars[i]!, index) as [Reduce];
    const [own] = renewed([moved]) as [Reduce];
    return { ...own, acc };
  });
}

// ---------------------------------------------------------------------------------------------- the model

/** Operations of a block for one iteration, or with `info` for one vector of iterations. */
const instructions = (info?: LaneInfo): Estimate =>
  new Estimate({
    own: (s) => ownCost(s, info) + (s.kind === "for" || s.kind === "reduce" || s.kind === "while" ? 1 : 0),
    times(s) {
      if (s.kind === "for") return s.extent / s.lanes;
      if (s.kind === "reduce") return s.extents.reduce((product, e) => product * e, 1) / s.lanes;
      return s.kind === "while" ? UNKNOWN_TRIPS : 1;
    },
  });
const SINGLY = instructions();
const cost = (block: Block, info?: LaneInfo): number => (info ? instructions(info) : SINGLY).block(block);

/** The distinct nodes of one statement that take an instruction. */
function operations(s: Stmt): Set<Expr> {
  const found = new Set<Expr>();
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (e.op !== "const" && e.op !== "local" && e.op !== "index") found.add(e);
  };
  for (const e of exprsOf(s)) forEachExpr(e, visit, seen);
  return found;
}

function ownCost(s: Stmt, info?: LaneInfo): number {
  let total = s.kind === "store" ? accessCost(s.index, info, 2.5) : 0;
  for (const e of operations(s)) {
    if (e.op === "load") total += accessCost(e.index, info);
    else total += (e.op === "unary" || e.op === "binary") && costOf(e.fn) === "slow" ? 4 : 1;
  }
  return total;
}

/** A contiguous or uniform access is one operation for all lanes; any other goes lane by lane. */
function accessCost(index: Affine, info: LaneInfo | undefined, perLane = 2): number {
  const coeff = info ? coeffOf(index, info.v) : 0;
  return coeff === 0 || coeff === 1 ? 1 : (perLane * 16) / info!.bytes;
}
