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
import { bytesTaken, type Stride } from "../support/cache.ts";
import { type Axis, extentOf, type Product } from "./axes.ts";
import type { Panel, Schedule, Tiling } from "./tiling.ts";

/** How a program uses an operand: `times` times, and in turns with others like it, `among` of them together. */
export interface Use {
  readonly times: number;
  readonly among: number;
}

/** Cycles of a schedule whose tiles have up to `tileRows` rows; `use` is that of rhs. */
export function cycles(s: Tiling, tileRows: number, target: Target, use: Use): number {
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
  const lines = (n * k * bytes) / target.caches.lineBytes;
  return (
    extentOf(p.batch) *
    m *
    (n * perSum +
      target.cycles.streamed * lines * lineCycles(lines, target.caches.lineBytes, inTurn(target), target))
  );
}

/** Of the steps of one tile, its data being in the first-level cache. */
function tileCycles({ product: p, cols }: Tiling, q: Panel, rows: number, target: Target): number {
  const vectors = Math.max(1, (q.width * byteSize(p.dtype)) / target.vectorBytes);
  const loads = !q.packed && cols.rhs !== 1 ? target.cycles.gather * q.width : 0.5 * vectors;
  return (
    extentOf(p.k) * Math.max(target.cycles.latency, 0.5 * rows * vectors, loads + 0.5 * rows) +
    target.cycles.perTile
  );
}

// ------------------------------------------------------------------------------------------------ cache lines

/** One line after the other. */
const inTurn = ({ caches }: Target): readonly Stride[] => [
  { extent: Number.POSITIVE_INFINITY, bytes: caches.lineBytes },
];

/** To bring in a line when these loops read `run` bytes in each of `steps` steps. */
function lineCycles(
  steps: number,
  run: number,
  strides: readonly Stride[],
  { l1Bytes, l2Bytes, caches, cycles }: Target,
): number {
  const taken = (period: number): number => bytesTaken(steps, run, strides, period, caches.lineBytes);
  if (taken(caches.l1Period) <= l1Bytes) return 0;
  return taken(caches.l2Period) <= l2Bytes ? cycles.lineFromL2 : cycles.lineFromAfar;
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
  const used = Math.min(1, ...strides.map((s) => s.bytes / target.caches.lineBytes));
  const level = (n: number, run: number, apart: readonly Stride[]): number =>
    lineCycles(n, run, apart, target);
  if (axis[side] === 1) {
    const own = (used * count * bytes) / target.caches.lineBytes;
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
  const lines = level(count, target.caches.lineBytes, apart) === 0 ? own : count;
  return {
    own,
    lines,
    whole: level(steps * axis.extent * used, target.caches.lineBytes, inTurn(target)),
    again: level(steps * own, target.caches.lineBytes, inTurn(target)),
  };
}

function walkPacked(
  { extent }: Axis,
  { dtype }: Product,
  count: number,
  steps: number,
  target: Target,
): Walk {
  const own = (count * byteSize(dtype)) / target.caches.lineBytes;
  const level = (columns: number): number =>
    lineCycles((steps * columns * own) / count, target.caches.lineBytes, inTurn(target), target);
  return { own, lines: own, whole: level(extent), again: level(count) };
}

/** Steps of k that are made before anything else is read. */
const stepsOf = (k: readonly Axis[], depth: Schedule["depth"]): number =>
  depth ? depth.spans[0]!.size * extentOf(k.slice(depth.axis + 1)) : extentOf(k);

/** Lines of one panel: the first tile takes them from wherever rhs is, the others from what the first one left. */
function rhsCycles(
  { product: p, cols, depth }: Tiling,
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
  const first =
    (q.packed ? target.cycles.streamed : 1) *
    lineCycles(bytes / target.caches.lineBytes, target.caches.lineBytes, inTurn(target), target);
  return k * (own * first + (lines * tiles - own) * again);
}

/** Lines of all rows, once per panel: first from wherever lhs is, then from what a block of rows left. */
function lhsCycles(s: Tiling, rows: number, tiles: number, target: Target): number {
  const p = s.product;
  const [k, steps] = [extentOf(p.k), stepsOf(p.k, s.depth)];
  const block = { ...s.rows, extent: Math.min(s.rows.extent, rowLimit(p, s.depth, target)) };
  const { own, lines, whole, again } = s.packRows
    ? walkPacked(block, p, rows, steps, target)
    : walk([block, "lhs"], p, rows, steps, target);
  const passes = s.panels.reduce((sum, q) => sum + q.count, 0);
  const perLine = (level: number): number => own * level + (lines - own) * Math.min(level, again);
  const first = lineCycles(
    (s.rows.extent * k * byteSize(p.dtype)) / target.caches.lineBytes,
    target.caches.lineBytes,
    inTurn(target),
    target,
  );
  return tiles * k * (perLine(Math.max(first, whole)) + (passes - 1) * perLine(whole));
}

/** Rows of which so many steps of k fill half of the second-level cache. */
export const rowLimit = ({ k, dtype }: Product, depth: Schedule["depth"], { l2Bytes }: Target): number =>
  Math.floor(l2Bytes / 2 / (stepsOf(k, depth) * byteSize(dtype)));

// ------------------------------------------------------------------------------------------------ copies and sums

function copyCycles({ product: p, cols, panels, packRows }: Tiling, target: Target, { times }: Use): number {
  const bytes = byteSize(p.dtype);
  const copied = (elements: number, each: number): number =>
    elements *
    (each +
      (2 *
        bytes *
        lineCycles(
          (elements * bytes) / target.caches.lineBytes,
          target.caches.lineBytes,
          inTurn(target),
          target,
        )) /
        target.caches.lineBytes);
  const [batch, m, n, k] = [p.batch, p.m, p.n, p.k].map(extentOf) as [number, number, number, number];
  const columns = panels.reduce((sum, q) => sum + (q.packed ? q.count * q.real : 0), 0);
  const right =
    copied(
      (batch * n * k * columns) / cols.extent,
      cols.rhs === 1 ? target.cycles.copy : target.cycles.copyStrided,
    ) / times;
  return right + (packRows ? copied(batch * m * k, target.cycles.copy) : 0);
}

/** What is done with the sums: in vectors, or lane by lane on as many lines, which the next columns need again. */
function finishCycles({ product: p, cols, panels, depth, spill }: Tiling, target: Target): number {
  const bytes = byteSize(p.dtype);
  const { caches, cycles: each } = target;
  const { stores, loads } = effects(p.epilogue);
  const widest = Math.max(...panels.map((q) => q.width));
  const perSum = (stride: number): number => {
    if (stride === 1) return bytes / target.vectorBytes;
    const apart = [{ extent: widest, bytes: Math.abs(stride) * bytes }];
    return lineCycles(widest, caches.lineBytes, apart, target) === 0 ? each.scatter : each.scatterAfar;
  };
  const strides = [...stores, ...loads].map((access) => coeffOf(access.index, cols.v)).filter((c) => c !== 0);
  const last = panels.at(-1)!;
  const spilled = spill || depth ? 1 : last.real < last.width ? last.real / cols.extent : 0;
  const sums = extentOf([...p.batch, ...p.m, ...p.n]);
  return sums * (strides.map(perSum).reduce((sum, x) => sum + x, 0) + 1.5 * spilled);
}
