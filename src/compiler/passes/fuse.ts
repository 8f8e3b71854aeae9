/**
 * Fuse: nests of independent loops over the same extents become one, so that what one stores the next has in a register.
 *
 *     for i < 8 independent {               for i < 8 independent {
 *       t[i] = f32.exp(x[i])                  let v: f32 = f32.exp(x[i])
 *     }                                =>     y[i] = f32.add(v, v)
 *     for j < 8 independent {               }
 *       y[j] = f32.add(t[j], t[j])
 *     }
 *
 * A nest over the result of a `contract` becomes part of its epilogue in the same way, before or after what is there, whatever
 * the order of its loops: a transposed result is stored where it belongs at once. Two nests may merge when every element that one of them stores and the other touches is touched in the same iteration of both, and when
 * one of them can be moved to the other past the statements between. They do merge when they share data, when no loop loses its
 * vector form by it, and when the body does not touch too many places of memory at once.
 *
 * Requires: lanes are 1. Ensures: no loop of extent 0 or 1, no temp that is never loaded, no dead local.
 */

import { note } from "../../core/journal.ts";
import { strides } from "../../util/shape.ts";
import { coeffOf, sameAffine } from "../ir/affine.ts";
import { describe } from "../ir/describe.ts";
import { isIndependent } from "../ir/modes.ts";
import type { Affine, Contract, Program, Stmt } from "../ir/nodes.ts";
import { type Block, contractExtents, mapParts, substitute } from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { laneInfo } from "./lanes.ts";
import { type Alignment, type Axis, align, asParts } from "./support/align.ts";
import {
  type Access,
  conflict,
  contended,
  disjoint,
  intersects,
  pairsOf,
  type Summary,
  summarize,
  summaryOf,
} from "./support/conflict.ts";
import { removeDead } from "./support/dead.ts";
import { forward } from "./support/forward.ts";
import { inlineLets } from "./support/lets.ts";
import { peel, wrap } from "./support/nest.ts";
import { inlineTrivial } from "./support/trivial.ts";

/** How many statements back a partner is looked for: keeps the pass linear. */
const LOOKBACK = 64;
/** Places in memory that one body may walk along, for the sake of registers and of the TLB. */
const MAX_STREAMS = 24;

export function fuse(program: Program, _target: Target): Program {
  const body = fuseBlock(inlineTrivial(program.body));
  const cleaned = removeDead({ ...program, body });
  const inlined = inlineLets(cleaned.body);
  return inlined === program.body ? program : { ...cleaned, body: inlined };
}

function fuseBlock(block: Block): Block {
  const out: Stmt[] = [];
  for (const s of block) place(out, mapParts(s, { block: fuseBlock }));
  const same = out.length === block.length && out.every((s, i) => s === block[i]);
  return forward(same ? block : out);
}

/** Appends `s`, merged with whatever it can be merged with. */
function place(out: Stmt[], s: Stmt): void {
  let pinned = false; // whether s cannot move up to what is looked at
  for (let i = out.length - 1; i >= Math.max(0, out.length - LOOKBACK); i--) {
    const partner = out[i]!;
    const reachable = worthwhile(partner, s) && (!pinned || canSink(out, i));
    const both = reachable && merged(partner, s);
    if (both) {
      note("fused", () => `${describe(partner)} and ${describe(s)}`);
      const between = out.splice(i).slice(1);
      if (pinned) out.push(...between);
      place(out, both);
      if (!pinned) out.push(...between);
      return;
    }
    pinned ||= conflict(partner, s);
  }
  out.push(s);
}

/** Whether the statement at `i` can move behind all others. */
function canSink(out: readonly Stmt[], i: number): boolean {
  for (let j = i + 1; j < out.length; j++) if (conflict(out[i]!, out[j]!)) return false;
  return true;
}

/** Whether merging could save a trip through memory: cheap, and asked first. */
function worthwhile(a: Stmt, b: Stmt): boolean {
  if (!isFusable(a) || !isFusable(b)) return false;
  const [x, y] = [summaryOf(a), summaryOf(b)];
  const flows = [...x.writes].some((buffer) => y.reads.has(buffer));
  if (a.kind === "contract" || b.kind === "contract") return flows && a.kind !== b.kind;
  return (
    flows ||
    contended(x, y).length > 0 ||
    [...x.reads].some((buffer) => buffer.size > 1 && y.reads.has(buffer))
  );
}

const isFusable = (s: Stmt): boolean => s.kind === "contract" || isIndependent(s);

/** Loops around a block, and the statement that they are. */
interface LoopNest {
  readonly stmt: Stmt;
  readonly axes: readonly Axis[];
  readonly body: Block;
}

function nestOf(s: Stmt): LoopNest {
  if (s.kind === "contract") {
    const extents = contractExtents(s);
    return { stmt: s, axes: s.vars.map((v, i) => ({ v, extent: extents[i]! })), body: s.epilogue };
  }
  const { vars, extents, body } = peel(s);
  return { stmt: s, axes: vars.map((v, i) => ({ v, extent: extents[i]! })), body };
}

/** One statement that does what `a` and then `b` do, unless that is impossible or unwise. */
function merged(a: Stmt, b: Stmt): Stmt | undefined {
  const [x, y] = [nestOf(a), nestOf(b)];
  const common = matched(x, y);
  if (!common) return undefined;
  const [first, second] = [refined(x, common.a), refined(y, common.b)];
  if (!sameIterations(first, second, common)) return undefined;
  const body = fuseBlock([...first.body, ...second.body]);
  if (!keepsShape(first, second, body)) return undefined;
  const owner = second.stmt.kind === "contract" ? second : first;
  return rebuilt(owner, body);
}

/**
 * The common axes of two frames. Loops are compared in their order, but those of a contraction and of a nest over its result
 * in the order in which they walk along that result.
 */
function matched(x: LoopNest, y: LoopNest): Alignment | undefined {
  const [store, load] = x.stmt.kind === y.stmt.kind ? [] : sharedElement(x.stmt, y.stmt);
  if (!store || !load) return align(x.axes, y.axes);
  const [a, b] = [bySteps(x.axes, store.index), bySteps(y.axes, load.index)];
  const common = align(a, b);
  if (!common) return undefined;
  const partsIn = (axes: readonly Axis[], order: readonly Axis[], parts: Alignment["a"]): Alignment["a"] =>
    axes.map((axis) => parts[order.indexOf(axis)]!);
  return { a: partsIn(x.axes, a, common.a), b: partsIn(y.axes, b, common.b) };
}

/** An access of either statement to a buffer that one of them stores to. */
function sharedElement(first: Stmt, second: Stmt): readonly Access[] {
  const [a, b] = [summaryOf(first), summaryOf(second)];
  const [buffer] = contended(a, b);
  return (buffer && pairsOf(buffer, a, b)[0]) ?? [];
}

/** Axes by how far they move an index, outermost first. */
const bySteps = (axes: readonly Axis[], index: Affine): Axis[] =>
  axes.toSorted((a, b) => Math.abs(coeffOf(index, b.v)) - Math.abs(coeffOf(index, a.v)));

/** The frame with each of its axes replaced by the axes that it consists of. */
function refined(f: LoopNest, parts: Alignment["a"]): LoopNest {
  const map = asParts(f.axes, parts);
  if (map.size === 0) return f;
  const body = substitute(f.body, map);
  const stmt = f.stmt.kind === "contract" ? refinedContract(f.stmt, parts) : f.stmt;
  return rebuiltNest(stmt, parts.flat(), body);
}

const rebuiltNest = (stmt: Stmt, axes: readonly Axis[], body: Block): LoopNest => ({
  axes,
  body,
  stmt: rebuilt({ stmt, axes, body }, body),
});

function rebuilt({ stmt, axes }: LoopNest, body: Block): Stmt {
  if (stmt.kind === "contract") return { ...stmt, epilogue: body };
  return wrap({ vars: axes.map((p) => p.v), extents: axes.map((p) => p.extent), body })[0]!;
}

/** A contraction whose result axes are split; their strides follow. */
function refinedContract(s: Contract, parts: Alignment["a"]): Contract {
  const [m, n] = [s.batchExtents.length, s.batchExtents.length + s.mExtents.length];
  const extents = (from: number, to?: number): number[] =>
    parts
      .slice(from, to)
      .flat()
      .map((p) => p.extent);
  const split = (along: readonly number[], from: number): number[] =>
    along.flatMap((step, i) => strides(parts[from + i]!.map((p) => p.extent)).map((inner) => inner * step));
  return {
    ...s,
    lhs: { ...s.lhs, batch: split(s.lhs.batch, 0), free: split(s.lhs.free, m) },
    rhs: { ...s.rhs, batch: split(s.rhs.batch, 0), free: split(s.rhs.free, n) },
    batchExtents: extents(0, m),
    mExtents: extents(m, n),
    nExtents: extents(n),
    vars: parts.flat().map((p) => p.v),
  };
}

// ------------------------------------------------------------------------------------------------ when it is right

/** Whether each element that one frame stores and the other touches belongs to one iteration of the common loops. */
function sameIterations(first: LoopNest, second: LoopNest, common: Alignment): boolean {
  const [a, b] = [summaryOf(first.stmt), summaryOf(second.stmt)];
  const axes = common.a.flat();
  if (a.calls || b.calls || intersects(a.assigns, b.uses) || intersects(b.assigns, a.uses)) return false;
  return contended(a, b).every((buffer) =>
    pairsOf(buffer, a, b).every(
      ([i, j]) => (sameElement(i, j) && injective(i.index, axes)) || disjoint(i.index, j.index, a, b),
    ),
  );
}

/** What a contraction reads as a whole belongs to no iteration. */
const sameElement = (i: Access, j: Access): boolean => !i.whole && !j.whole && sameAffine(i.index, j.index);

/** Whether different iterations of `axes` have different values of the index: a mixed-radix number without carries. */
function injective(index: Affine, axes: readonly Axis[]): boolean {
  const digits = axes.map(({ v, extent }) => ({ step: Math.abs(coeffOf(index, v)), extent }));
  digits.sort((a, b) => a.step - b.step);
  let reach = 0;
  return digits.every(({ step, extent }) => {
    const fits = step > reach;
    reach += step * (extent - 1);
    return fits;
  });
}

// ------------------------------------------------------------------------------------------------ when it is wise

/** Whether the merged body still runs in lanes if its parts did, and walks along few enough places. */
function keepsShape(first: LoopNest, second: LoopNest, body: Block): boolean {
  const inner = first.axes.at(-1);
  const runsInLanes = (block: Block): boolean =>
    inner !== undefined && laneInfo(block, inner.v) !== undefined;
  const [a, b] = [runsInLanes(first.body), runsInLanes(second.body)];
  if ((a || b) && !runsInLanes(body)) return false;
  if (isStraight(first.body) !== isStraight(second.body) && !flowsBetween(first.body, second.body))
    return false;
  const hasContract = first.stmt.kind === "contract" || second.stmt.kind === "contract";
  if (hasContract && !isStraight(body)) return false;
  return streams(summarize(body)) <= MAX_STREAMS;
}

const isStraight = (block: Block): boolean => block.every((s) => s.kind === "store" || s.kind === "let");
const flowsBetween = (a: Block, b: Block): boolean => {
  const { reads } = summarize(b);
  return [...summarize(a).writes].some((x) => reads.has(x));
};

function streams(s: Summary): number {
  let count = 0;
  for (const accesses of s.accesses.values()) {
    const keys = accesses.map(({ index }) => index.terms.map((t) => `${t.atom.id}*${t.coeff}`).join());
    count += new Set(keys).size;
  }
  return count;
}
