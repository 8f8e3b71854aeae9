/**
 * How a contraction is run: which axis lies in the vector lanes, how many rows and vectors make a tile, and whether the
 * right operand is repacked. Chosen by a small model of cycles; see `kernel.ts` for the loops it leads to.
 */
import { byteSize, isFloat } from "../../../core/dtype.ts";
import { countExprs, isLeaf, newLoopVar } from "../../ir/visit.ts";
import type { Target } from "../../target.ts";
import { laneInfo } from "../lanes.ts";
import { type Axis, extentOf, type Product, swapped } from "./axes.ts";
import { cycles, dotCycles, rowLimit, type Use } from "./cost.ts";
import type { Depth, Panel, RowBlock, RowRun, Schedule, Span, Tiling } from "./tiling.ts";

/** A schedule and what it costs, in cycles. */
interface Candidate {
  readonly cost: number;
  readonly build: () => Schedule;
}
type Uses = (side: "lhs" | "rhs") => Use;

/** The cheapest schedule, or undefined when one sum after the other is best. `uses`: of the operands. */
export function chooseSchedule(p: Product, target: Target, uses: Uses): Schedule | undefined {
  const volume = extentOf([...p.batch, ...p.m, ...p.n, ...p.k]);
  if (volume < 64 || extentOf(p.k) < 2) return undefined;
  const options = candidates(p, target, uses);
  const best = Math.min(dotCycles(p, target), ...options.map((o) => o.cost));
  return options.find((o) => o.cost === best)?.build();
}

/** Every schedule with tiles: lanes along each free axis of either operand, which is packed or not. */
export function candidates(p: Product, target: Target, uses: Uses): Candidate[] {
  if (byteSize(p.dtype) < 4) return [];
  const turned = swapped(p);
  return [
    ...p.n.flatMap((cols) => along(p, cols, target, uses("rhs"))),
    ...turned.n.flatMap((cols) => along(turned, cols, target, uses("lhs"))),
  ];
}

/**
 * Rows and vectors of a tile: as many accumulators as registers allow, next to the vectors of rhs and a splat of lhs. Eight
 * hide the latency of multiply-adds; one row has six, because engines load all vectors of rhs before they use the first.
 */
function tileShape(rows: number, target: Target): { rows: number; vectors: number } {
  const vectors = rows >= 3 ? 2 : rows === 2 ? 4 : 6;
  const most = Math.min(8, Math.floor((target.registers - 4) / vectors));
  return { vectors, rows: Math.max(1, Math.min(rows, most)) };
}

const largest = (axes: readonly Axis[]): Axis =>
  axes.reduce((a, b) => (b.extent > a.extent ? b : a), { v: newLoopVar("m"), extent: 1, lhs: 0, rhs: 0 });

/** The ways to run `p` with lanes along `cols`: each operand as it lies or packed. */
function along(p: Product, cols: Axis, target: Target, use: Use): Candidate[] {
  if (cols.extent < 2) return [];
  const rows = largest(p.m);
  const tile = tileShape(rows.extent, target);
  const lanes = target.vectorBytes / byteSize(p.dtype);
  const mayPad = rows.extent >= 4 && extentOf(p.k) >= 8;
  const spill = !laneInfo(p.epilogue, cols.v, [p.acc]);
  const outer = [...p.batch, ...p.m, ...p.n].filter((a) => a !== rows && a !== cols);
  const depth = depthOf(p, target);
  const mayPackRows = rows.lhs === 1 && cols.extent >= 4 * lanes && stridedRows(p, target);
  return (mayPackRows ? [false, true] : [false]).flatMap((packRows) =>
    [false, true].map((pack) => {
      const panels = panelsOf(cols.extent, lanes, tile.vectors, pack, mayPad);
      const schedule = { product: p, rows, cols, outer, panels, packRows, depth, spill };
      const cost = cycles(schedule, tile.rows, target, use);
      const build = (): Schedule => ({
        ...schedule,
        roll: rolls(schedule, tile.rows, target),
        blocks: rowBlocks(rows.extent, tile.rows, rowLimit(p, depth, target)),
      });
      return { cost, build };
    }),
  );
}

/** Operations that a tile may consist of besides its multiply-adds. Compilers take longer the more there are. */
const MOST_OPERATIONS = 96;
/** Steps of k beside which it takes no time that sums are stored and loaded. */
const FEW_STEPS = 16;

/** Whether the epilogue would be too much code once for every row and vector, and sums can go to memory for that. */
function rolls({ product: p, outer, rows, cols, panels }: Tiling, tileRows: number, target: Target): boolean {
  const vectors = (panels[0]!.width * byteSize(p.dtype)) / target.vectorBytes;
  const bytes = extentOf([...outer, rows, cols]) * byteSize(p.dtype);
  const copies = Math.min(rows.extent, tileRows) * Math.max(1, vectors);
  return (
    copies * countExprs(p.epilogue, (e) => !isLeaf(e)) > MOST_OPERATIONS &&
    extentOf(p.k) >= FEW_STEPS &&
    2 * bytes <= target.l2Bytes
  );
}

/** Bytes of the first-level cache per step of k in one part: of two vectors of 16 bytes it takes a quarter. */
const BYTES_PER_STEP = 128;

/** Whether each step along k takes another cache line of lhs, more of them than the first cache holds. */
const stridedRows = (p: Product, target: Target): boolean =>
  extentOf([...p.m, ...p.k]) * byteSize(p.dtype) > target.l1Bytes &&
  p.k.every((a) => a.lhs * byteSize(p.dtype) >= 64);

/** Steps of k whose sum in plain parts is off by no more than one of them is; a power of two. */
const FEW_PARTS = 16384;

/** The parts of k, when it is so long that going back to the totals in memory costs nothing. */
export function depthOf({ k, dtype }: Pick<Product, "k" | "dtype">, target: Target): Depth | undefined {
  const steps = target.l1Bytes / BYTES_PER_STEP;
  if (extentOf(k) <= 4 * steps) return undefined;
  const compensated = isFloat(dtype) && extentOf(k) > FEW_PARTS;
  let axis = k.length - 1;
  while (extentOf(k.slice(axis)) <= steps) axis--;
  const { extent } = k[axis]!;
  const most = Math.max(1, Math.floor(steps / extentOf(k.slice(axis + 1))));
  return {
    axis,
    compensated,
    spans: spans(extent, Math.ceil(extent / Math.ceil(extent / most))),
  };
}

/** `extent` positions in parts of `size`, the last of which may be shorter. */
function spans(extent: number, size: number): Span[] {
  const count = Math.floor(extent / size);
  const rest = extent - count * size;
  const full = { start: 0, size, count };
  return rest === 0 ? [full] : [full, { start: count * size, size: rest, count: 1 }];
}

/**
 * Columns in panels of `vectors` vectors, then of fewer; what is left over is one padded vector (when there are
 * enough rows to pay for a copy) or single columns.
 */
export function panelsOf(
  extent: number,
  lanes: number,
  vectors: number,
  packed: boolean,
  mayPad: boolean,
): Panel[] {
  const panels: Panel[] = [];
  let start = 0;
  for (const width of [vectors, 4, 2, 1].filter((v) => v <= vectors).map((v) => v * lanes)) {
    const count = Math.floor((extent - start) / width);
    if (count > 0) panels.push({ start, width, count, real: width, packed });
    start += count * width;
  }
  const rest = extent - start;
  if (rest > 1 && mayPad) panels.push({ start, width: lanes, count: 1, real: rest, packed: true });
  else if (rest > 0) panels.push({ start, width: 1, count: rest, real: 1, packed });
  return panels;
}

/** Rows in blocks of at most `limit`, and those in tiles of at most `tile`. */
export function rowBlocks(extent: number, tile: number, limit: number): RowBlock[] {
  const size = extent <= limit ? extent : Math.max(tile, limit - (limit % tile));
  return spans(extent, size).map((span) => ({ ...span, runs: balanced(span.size, tile) }));
}

/** As few tiles as possible, of two neighbouring sizes: 13 rows by at most 6 are 5 + 4 + 4. */
export function balanced(extent: number, tile: number): RowRun[] {
  const tiles = Math.ceil(extent / tile);
  const rows = Math.floor(extent / tiles);
  const more = extent - rows * tiles;
  const runs = [
    { start: 0, rows: rows + 1, count: more },
    { start: more * (rows + 1), rows, count: tiles - more },
  ];
  return runs.filter((r) => r.count > 0);
}
