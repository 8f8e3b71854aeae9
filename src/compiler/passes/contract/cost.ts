/**
 * What the ways to run a contraction cost, in cycles of a current core. A step of k for a tile of r rows by v vectors is r·v
 * multiply-adds, two per cycle, and r + v loads, and each sum waits for its own last step. To that is added what cache lines
 * take on their way to the first-level cache; how many they are follows from strides, where they come from from what is read
 * in between. Within a factor of two of what was measured with vectors of 16 and of 64 bytes, and close enough to choose.
 */
import { byteSize } from "../../../core/dtype.ts";
import { coeffOf } from "../../ir/affine.ts";
import { effects } from "../../ir/visit.ts";
import type { Target } from "../../target.ts";
import { bytesTaken, L1_PERIOD, L2_PERIOD, LINE, type Stride } from "../support/cache.ts";
import { type Axis, extentOf, type Product } from "./axes.ts";
import type { Panel, Plan, Schedule } from "./schedule.ts";

/** From one multiply-add to the next one of the same sum. */
const LATENCY = 4;
/** Where a tile begins and ends. */
const PER_TILE = 12;
/** Cycles per cache line from the second-level cache, which other work hides well, and from beyond. */
const FROM_L2 = 0.5;
const FROM_AFAR = 5;
/** Share of that when lines follow each other: they are loaded ahead. */
const STREAMED = 0.5;
/** Cycles per element to load it into a vector on its own. */
const GATHER = 0.75;
/** Cycles per element to store it on its own, to a line that is in the cache or has left it. */
const SCATTER = 0.75;
const SCATTER_AFAR = 4;
/** Cycles per element to copy it, in vectors or one by one. */
const COPY = 0.25;
const COPY_STRIDED = 0.5;

/** How a program uses an operand: `times` times, and in turns with others like it, `among` of them together. */
export interface Use {
  readonly times: number;
  readonly among: number;
}

/** Cycles of a schedule whose tiles have up to `tileRows` rows; `use` is that of rhs. */
export function cycles(s: Plan, tileRows: number, target: Target, use: Use): number {
  const tiles = Math.ceil(s.rows.extent / tileRows);
  const rows = s.rows.extent / tiles;
  const perPanel = (q: Panel): number =>
    tiles * tileCycles(s, q, rows, target) + rhsCycles(s, q, tiles, target, use);
  const tiled = s.panels.reduce((sum, q) => sum + q.count * perPanel(q), lhsCycles(s, rows, tiles, target));
  return extentOf(s.outer) * tiled + copyCycles(s, target, use) + finishCycles(s, target);
}

/** Of one sum at a time, vectorised along k where both operands are contiguous. */
export function dotCycles(p: Product, target: Target): number {
  const [m, n, k] = [p.m, p.n, p.k].map(extentOf) as [number, number, number];
  const bytes = byteSize(p.dtype);
  const lanes = target.vectorBytes / bytes;
  const run = p.k.find((a) => a.lhs === 1 && a.rhs === 1);
  const perSum = run && run.extent >= lanes ? (0.9 * k) / lanes + 8 : 1.5 * k;
  const lines = (n * k * bytes) / LINE;
  return extentOf(p.batch) * m * (n * perSum + STREAMED * lines * lineCycles(lines, LINE, IN_TURN, target));
}

/** Of the steps of one tile, its data being in the first-level cache. */
function tileCycles({ product: p, cols }: Plan, q: Panel, rows: number, target: Target): number {
  const vectors = Math.max(1, (q.width * byteSize(p.dtype)) / target.vectorBytes);
  const loads = !q.packed && cols.rhs !== 1 ? GATHER * q.width : 0.5 * vectors;
  return extentOf(p.k) * Math.max(LATENCY, 0.5 * rows * vectors, loads + 0.5 * rows) + PER_TILE;
}

// ------------------------------------------------------------------------------------------------ cache lines

/** One line after the other. */
const IN_TURN: readonly Stride[] = [{ extent: Number.POSITIVE_INFINITY, bytes: LINE }];

/** To bring in a line when these loops read `run` bytes in each of `steps` steps. */
function lineCycles(
  steps: number,
  run: number,
  strides: readonly Stride[],
  { l1Bytes, l2Bytes }: Target,
): number {
  const taken = (period: number): number => bytesTaken(steps, run, strides, period);
  return taken(L1_PERIOD) <= l1Bytes ? 0 : taken(L2_PERIOD) <= l2Bytes ? FROM_L2 : FROM_AFAR;
}

/** How the tiles read an operand. */
interface Walk {
  /** Lines that a tile touches per step of k, and how many they would be if it used all of each. */
  readonly lines: number;
  readonly own: number;
  /** Cycles per line when the whole operand is read in between, or one tile's part of it. */
  readonly whole: number;
  readonly again: number;
}

/** Of `count` rows (or columns) at a time out of `extent`, as they lie, through `steps` steps of k. */
function walk(
  [axis, side]: readonly [Axis, "lhs" | "rhs"],
  { k, dtype }: Product,
  count: number,
  steps: number,
  target: Target,
): Walk {
  const bytes = byteSize(dtype);
  const strides = k.map((a) => ({ extent: a.extent, bytes: Math.abs(a[side]) * bytes }));
  const used = Math.min(1, ...strides.map((s) => s.bytes / LINE));
  const level = (n: number, run: number, apart: readonly Stride[]): number =>
    lineCycles(n, run, apart, target);
  if (axis[side] === 1) {
    const own = (used * count * bytes) / LINE;
    const [run, all] = [count * bytes, axis.extent * bytes];
    return {
      own,
      lines: Math.max(used, Math.ceil(own)),
      whole: level(steps, all, strides),
      again: level(steps, run, strides),
    };
  }
  const own = count * used;
  // A line that is left before the next step is read once per element.
  const apart = [{ extent: count, bytes: Math.abs(axis[side]) * bytes }];
  const lines = level(count, LINE, apart) === 0 ? own : count;
  return {
    own,
    lines,
    whole: level(steps * axis.extent * used, LINE, IN_TURN),
    again: level(steps * own, LINE, IN_TURN),
  };
}

function walkPacked(
  { extent }: Axis,
  { dtype }: Product,
  count: number,
  steps: number,
  target: Target,
): Walk {
  const own = (count * byteSize(dtype)) / LINE;
  const level = (columns: number): number =>
    lineCycles((steps * columns * own) / count, LINE, IN_TURN, target);
  return { own, lines: own, whole: level(extent), again: level(count) };
}

/** Steps of k that are made before anything else is read. */
const stepsOf = (k: readonly Axis[], depth: Schedule["depth"]): number =>
  depth ? depth.spans[0]!.size * extentOf(k.slice(depth.axis + 1)) : extentOf(k);

/** Lines of one panel: the first tile takes them from wherever rhs is, the others from what the first one left. */
function rhsCycles(
  { product: p, cols, depth }: Plan,
  q: Panel,
  tiles: number,
  target: Target,
  { among }: Use,
): number {
  const [k, steps] = [extentOf(p.k), stepsOf(p.k, depth)];
  const { own, lines, again } = q.packed
    ? walkPacked(cols, p, q.width, steps, target)
    : walk([cols, "rhs"], p, q.width, steps, target);
  const bytes = among * cols.extent * k * byteSize(p.dtype);
  const first = (q.packed ? STREAMED : 1) * lineCycles(bytes / LINE, LINE, IN_TURN, target);
  return k * (own * first + (lines * tiles - own) * again);
}

/** Lines of all rows, once per panel: first from wherever lhs is, then from what a block of rows left. */
function lhsCycles(s: Plan, rows: number, tiles: number, target: Target): number {
  const p = s.product;
  const [k, steps] = [extentOf(p.k), stepsOf(p.k, s.depth)];
  const block = { ...s.rows, extent: Math.min(s.rows.extent, rowLimit(p, s.depth, target)) };
  const { own, lines, whole, again } = s.packRows
    ? walkPacked(block, p, rows, steps, target)
    : walk([block, "lhs"], p, rows, steps, target);
  const passes = s.panels.reduce((sum, q) => sum + q.count, 0);
  const perLine = (level: number): number => own * level + (lines - own) * Math.min(level, again);
  const first = lineCycles((s.rows.extent * k * byteSize(p.dtype)) / LINE, LINE, IN_TURN, target);
  return tiles * k * (perLine(Math.max(first, whole)) + (passes - 1) * perLine(whole));
}

/** Rows of which so many steps of k fill half of the second-level cache. */
export const rowLimit = ({ k, dtype }: Product, depth: Schedule["depth"], { l2Bytes }: Target): number =>
  Math.floor(l2Bytes / 2 / (stepsOf(k, depth) * byteSize(dtype)));

// ------------------------------------------------------------------------------------------------ copies and sums

function copyCycles({ product: p, cols, panels, packRows }: Plan, target: Target, { times }: Use): number {
  const bytes = byteSize(p.dtype);
  const copied = (elements: number, each: number): number =>
    elements * (each + (2 * bytes * lineCycles((elements * bytes) / LINE, LINE, IN_TURN, target)) / LINE);
  const [batch, m, n, k] = [p.batch, p.m, p.n, p.k].map(extentOf) as [number, number, number, number];
  const columns = panels.reduce((sum, q) => sum + (q.packed ? q.count * q.real : 0), 0);
  const right = copied((batch * n * k * columns) / cols.extent, cols.rhs === 1 ? COPY : COPY_STRIDED) / times;
  return right + (packRows ? copied(batch * m * k, COPY) : 0);
}

/** What is done with the sums: in vectors, or lane by lane on as many lines, which the next columns need again. */
function finishCycles({ product: p, cols, panels, depth, spill }: Plan, target: Target): number {
  const bytes = byteSize(p.dtype);
  const { stores, loads } = effects(p.epilogue);
  const widest = Math.max(...panels.map((q) => q.width));
  const perSum = (stride: number): number => {
    if (stride === 1) return bytes / target.vectorBytes;
    const apart = [{ extent: widest, bytes: Math.abs(stride) * bytes }];
    return lineCycles(widest, LINE, apart, target) === 0 ? SCATTER : SCATTER_AFAR;
  };
  const strides = [...stores, ...loads].map((access) => coeffOf(access.index, cols.v)).filter((c) => c !== 0);
  const last = panels.at(-1)!;
  const spilled = spill || depth ? 1 : last.real < last.width ? last.real / cols.extent : 0;
  const sums = extentOf([...p.batch, ...p.m, ...p.n]);
  return sums * (strides.map(perSum).reduce((sum, x) => sum + x, 0) + 1.5 * spilled);
}
