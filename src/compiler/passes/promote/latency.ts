/**
 * What a recurrence over elements costs per iteration, in cycles: through memory with the elements inside, or in registers
 * with time inside. A model for one decision, from measurements on Zen 5.
 *
 * Through memory, a carry comes back late, but all elements overlap: the latency counts once. In registers as many vectors
 * run at once as the vectoriser takes, and the latency counts for each such group again. So rows that one group covers gain
 * always (16 floats, c·0.9 + x: 17 cycles become 4), long rows only when a step is so short that reading and writing
 * the carry is most of it (8192 floats: 2200 cycles become 600), and long chains lose (tanh of 256 floats: 220 become 1300).
 *
 * Rows that are read or written as time goes on are walked once by each group, a stride apart: every group takes the time to
 * get the cache lines, or pages, of the whole array again (xs and ys of 256 floats take 1.5 times as long, 3 times in
 * WebAssembly, whose groups are one cache line wide). They have to be one group.
 */
import { costOf } from "../../../core/scalar.ts";
import { coeffOf } from "../../ir/affine.ts";
import type { Expr, For, IndexAtom, LoopVar, Stmt } from "../../ir/nodes.ts";
import { type Block, children, effects, exprsOf, forEachExpr, isLeaf } from "../../ir/visit.ts";
import type { Cycles, Target } from "../../target.ts";
import { type LaneInfo, laneInfo } from "../lanes.ts";
import type { Nest } from "../support/nest.ts";
import { partsOf, unrollOf } from "../vectorize.ts";

/** Operations of elements that run side by side as scalars: keeps code short. */
const MAX_UNROLLED = 256;
/** Shorter loops do not earn the way in and out. */
const MIN_TRIPS = 4;

/** How a row of elements runs through time: whole vectors, and a rest that is unrolled. */
export interface Layout {
  readonly whole: number;
  readonly rest: number;
}

/**
 * The best layout of the elements that `axes` walks over, if time inside pays; `single` is one element from the first to the
 * last iteration.
 */
export function layoutOf(single: Block, axes: Nest, target: Target): Layout | undefined {
  const [v, extent] = [axes.vars.at(-1)!, axes.extents.at(-1)!];
  const [loop] = single.filter((s) => s.kind === "for");
  const info = laneInfo(single, v);
  if (!info || !loop || loop.extent < MIN_TRIPS || !walksInLanes(single, v)) return undefined;
  const lanes = target.vectorBytes / info.bytes;
  const rows = axes.extents.slice(0, -1).reduce((product, n) => product * n, 1);
  const work = workOf(loop, info);
  const { cycles } = target;
  const latency = depthOf(loop.body, cycles);
  const throughput = (vectors: number, operations: number): number =>
    (vectors * operations) / cycles.perCycle;
  const carries = effects(loop.body).assigns.size;
  const isAlone = streams(loop, axes.vars);

  const inRegisters = (layout: Layout): number => {
    const groups = groupsOf(layout, lanes, unrollOf(single, info, target, true));
    const spills = layout.rest * carries > target.registers;
    if (spills || layout.rest * work > MAX_UNROLLED || (isAlone && rows * groups.length > 1))
      return Number.POSITIVE_INFINITY;
    return rows * groups.reduce((sum, n) => sum + Math.max(latency, throughput(n, work)), 0);
  };
  const rest = extent % lanes;
  const vectors = rows * (rest + (extent - rest) / lanes);
  const layouts = [
    { whole: extent - rest, rest },
    { whole: 0, rest: extent },
  ];
  const [best] = layouts.sort((a, b) => inRegisters(a) - inRegisters(b));
  const inMemory = Math.max(cycles.forwarding + latency, throughput(vectors, work + 2));
  return inRegisters(best!) < inMemory ? best : undefined;
}

/** Vectors, or scalars of the rest, that run at once, group by group. */
function groupsOf({ whole, rest }: Layout, lanes: number, unroll: number): number[] {
  const parts = whole > 0 ? partsOf(whole, lanes, unroll) : [];
  const groups = parts.flatMap((p) => Array.from({ length: p.extent / p.lanes }, () => p.lanes / lanes));
  return rest > 0 ? [...groups, rest] : groups;
}

/** Whether every access is contiguous or uniform. */
function walksInLanes(block: Block, v: LoopVar): boolean {
  const { loads, stores } = effects(block);
  return [...loads, ...stores].every(({ index }) => [0, 1].includes(coeffOf(index, v)));
}

/** Whether the loop walks along rows of memory. */
function streams(loop: For, vars: readonly LoopVar[]): boolean {
  const { loads, stores } = effects(loop.body);
  return [...loads, ...stores].some(
    ({ index }) => coeffOf(index, loop.v) !== 0 && vars.some((v) => coeffOf(index, v) !== 0),
  );
}

/** Operations of one iteration on one vector, and accesses to what it walks along. */
function workOf(loop: For, info: LaneInfo): number {
  const found = new Set<Expr | Stmt>();
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    const isFixed = isLeaf(e) || (e.op === "load" && coeffOf(e.index, loop.v) === 0);
    if (!isFixed && info.varies(e)) found.add(e);
  };
  for (const s of loop.body) {
    if (s.kind === "store") found.add(s);
    for (const root of exprsOf(s)) forEachExpr(root, visit, seen);
  }
  return found.size;
}

/** Cycles from the carries of one iteration to those of the next. */
function depthOf(body: Block, cycles: Cycles): number {
  const times = new Map<IndexAtom, number>([...effects(body).assigns].map((carry) => [carry, 0]));
  const memo = new Map<Expr, number>();
  const depth = (e: Expr): number => {
    let known = memo.get(e);
    if (known === undefined) {
      const before = Math.max(Number.NEGATIVE_INFINITY, ...children(e).map(depth));
      known =
        e.op === "local" ? (times.get(e.local) ?? Number.NEGATIVE_INFINITY) : before + latencyOf(e, cycles);
      memo.set(e, known);
    }
    return known;
  };
  let longest = 0;
  for (const s of body) {
    if (s.kind === "let") times.set(s.local, depth(s.value));
    if (s.kind === "set") longest = Math.max(longest, depth(s.value));
  }
  return longest;
}

const latencyOf = (e: Expr, { latency, slowLatency }: Cycles): number =>
  "fn" in e && costOf(e.fn) === "slow" ? slowLatency : latency;
