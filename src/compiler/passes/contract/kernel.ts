/**
 * A scheduled contraction as ordinary loops. Before (8 columns to a panel, 6 rows to a tile):
 *
 *     contract m, n over k: epilogue(acc)
 *
 * after:
 *
 *     for panel, k, j lanes 8:  packed[panel, k, j] = rhs[k, 8·panel + j]
 *     for panel, tile, j lanes 8:
 *       var c0 … c5 = 0
 *       for k serial:  b = packed[panel, k, j];  c_r = fma(lhs[6·tile + r, k], b, c_r)
 *       epilogue(c_r) with m = 6·tile + r, n = 8·panel + j, for each r
 *
 * A sum over so many k that a panel would not stay in the first-level cache is made in parts:
 *
 *     sums[m, n] = 0
 *     for kc serial:  the same with k of one part, c_r added to sums
 *     for m, n:  epilogue(sums[m, n])
 *
 * An epilogue of many operations, which would stand once for every row of a tile, has a loop of its own over the rows instead:
 *
 *       sums[6·tile + r, 8·panel + j] = c_r, for each r
 *     for r, j lanes 8:  epilogue(sums[m, n])
 *
 * If they are so many parts that adding them up would lose accuracy, what rounding takes from sums is kept in a second array.
 */
import { isFloat } from "../../../core/dtype.ts";
import { addAffine, constant } from "../../ir/affine.ts";
import { binaryExpr, constExpr, fmaExpr, loadExpr, localExpr, newLocal } from "../../ir/build.ts";
import type { Affine, Expr, Local, Stmt } from "../../ir/nodes.ts";
import type { Block } from "../../ir/visit.ts";
import type { Target } from "../../target.ts";
import type { Side } from "./axes.ts";
import { address, axisNest, inOperand, loop, nest } from "./loops.ts";
import {
  columnOf,
  type Expansion,
  epilogueOf,
  type Finish,
  inPlace,
  pack,
  packRows,
  type Rows,
  rolled,
  rowsInPlace,
  type Source,
  spill,
  type TileFinish,
  type Totals,
  totals,
} from "./memory.ts";
import type { Depth, Panel, RowRun, Schedule, Span } from "./tiling.ts";

/** What a tile does with each of its sums, and then with all of them. */
interface End {
  readonly finish: Finish;
  readonly rest?: TileFinish;
}

/** The loops of a schedule. */
export function expand(s: Schedule, target: Target): Expansion {
  if (s.depth) return inParts(s, s.depth, target);
  const ends = new Map(s.panels.map((panel) => [panel, endOf(s, panel)]));
  return joined([tiled(s, target, (panel) => ends.get(panel)!), ...ends.values()]);
}

/** What tiles do with their sums, and what is left to be done after all tiles. */
function endOf(s: Schedule, panel: Panel): End & Expansion {
  if (s.spill || panel.real < panel.width) return spill(s, panel);
  if (s.roll) return rolled(s, panel);
  return { body: [], temps: [], finish: epilogueOf(s.product, s.rows, s.cols) };
}

const joined = (parts: readonly Expansion[]): Expansion => ({
  body: parts.flatMap((x) => x.body),
  temps: parts.flatMap((x) => x.temps),
});

/** Totals in memory, to which the sums of one part of k after the other are added. */
function inParts(s: Schedule, { axis, spans }: Depth, target: Target): Expansion {
  const here = atOuter(s);
  const sums = new Map<Panel, Totals>(s.panels.map((panel) => [panel, totals(here, panel)]));
  const around = s.product.k.slice(0, axis).map((a) => a.extent);
  const parts = spans.map((span): Expansion => {
    let temps: Expansion["temps"] = [];
    const part = (at: readonly Affine[]): Block => {
      const made = tiled(partOf(here, axis, span, at), target, (panel) => sums.get(panel)!);
      temps = made.temps;
      return made.body;
    };
    return { body: nest("kc", [...around, span.count], "serial", part), temps };
  });
  const clear = [...sums.values()].flatMap((x) => x.clear);
  const { body, temps } = joined([...parts, ...sums.values()]);
  return { body: axisNest(s.outer, [...clear, ...body], "serial"), temps };
}

/** The schedule of one position of the outer loops. */
function atOuter(s: Schedule): Schedule {
  const at = (side: "lhs" | "rhs"): Side => ({
    ...s.product[side],
    base: inOperand(s.product[side].base, s.outer, side),
  });
  return { ...s, outer: [], product: { ...s.product, lhs: at("lhs"), rhs: at("rhs") } };
}

/** The schedule of the part of k at these positions of the axes up to the divided one. */
function partOf(s: Schedule, axis: number, { start, size }: Span, at: readonly Affine[]): Schedule {
  const { k } = s.product;
  const first = [...at.slice(0, -1), address(constant(start), [size], [at.at(-1)!])];
  const moved = (side: "lhs" | "rhs"): Side => {
    const strides = k.slice(0, axis + 1).map((a) => a[side]);
    return { ...s.product[side], base: address(s.product[side].base, strides, first) };
  };
  const inside = [{ ...k[axis]!, extent: size }, ...k.slice(axis + 1)];
  return { ...s, product: { ...s.product, lhs: moved("lhs"), rhs: moved("rhs"), k: inside } };
}

function tiled(s: Schedule, target: Target, endOf: (panel: Panel) => End): Expansion {
  const left = s.packRows ? packRows(s) : undefined;
  const from = left?.rows ?? rowsInPlace(s);
  const work = s.panels.map((panel) => {
    const copy = panel.packed ? pack(s, panel) : undefined;
    return { panel, source: copy?.source ?? inPlace(s, panel), end: endOf(panel), copy };
  });
  const tiles = s.blocks.flatMap((block) =>
    loop("mc", block.count, (mc) => {
      const first = address(constant(block.start), [block.size], [mc]);
      return work.flatMap(({ panel, source, end }) =>
        loop("jc", panel.count, (jc) =>
          rowTiles(first, block.runs, (row, rows) => [
            ...tile(s, target, { panel, source, from, jc, row, rows, finish: end.finish }),
            ...(end.rest?.(row, rows, jc) ?? []),
          ]),
        ),
      );
    }),
  );
  const copies = [left, ...work.map((w) => w.copy)].filter((x) => x !== undefined);
  return joined([...copies, { body: axisNest(s.outer, tiles), temps: [] }]);
}

const rowTiles = (
  first: Affine,
  runs: readonly RowRun[],
  tile: (row: Affine, rows: number) => Block,
): Block =>
  runs.flatMap(({ start, rows, count }) =>
    loop("i", count, (i) => tile(address(addAffine(first, constant(start)), [rows], [i]), rows)),
  );

interface Tile {
  readonly panel: Panel;
  readonly source: Source;
  readonly from: Rows;
  readonly jc: Affine;
  readonly row: Affine;
  readonly rows: number;
  readonly finish: Finish;
}

/** One tile: sums of `rows` rows by the lanes of one panel, then what is done with them. */
function tile(s: Schedule, target: Target, t: Tile): Block {
  const { dtype } = s.product;
  const { width } = t.panel;
  const vectors = (j: Affine): Block => {
    const sums = Array.from({ length: t.rows }, (_, r) => newLocal(`c${r}`, dtype));
    const column = columnOf(t.panel, t.jc, j);
    const row = (r: number): Affine => addAffine(t.row, constant(r));
    return [
      ...sums.map((local): Stmt => ({ kind: "var", local, init: constExpr(0, dtype) })),
      ...steps(s, target, t, j, sums),
      ...sums.flatMap((c, r) => t.finish(c, row(r), column)),
    ];
  };
  return loop("j", width, vectors, { lanes: width });
}

/** The loop over k: one vector of rhs, and for each row a scalar of lhs that multiplies it. */
function steps(s: Schedule, target: Target, t: Tile, j: Affine, sums: readonly Local[]): Block {
  const { k, dtype } = s.product;
  const [left, top] = [t.from.k(t.rows), address(t.source.base, [t.source.panel, t.source.lane], [t.jc, j])];
  const first = address(t.from.base, [t.from.tile], [t.row]);
  const step = (at: readonly Affine[]): Block => {
    const value = loadExpr(t.source.buffer, address(top, t.source.k, at), t.source.since);
    const update = (c: Local, r: number, b: Expr): Stmt => {
      const row = addAffine(address(first, left, at), constant(r * t.from.step));
      const a = loadExpr(t.from.buffer, row, t.from.since);
      return { kind: "set", local: c, value: mulAdd(a, b, localExpr(c), target.fma) };
    };
    if (t.rows === 1) return [update(sums[0]!, 0, value)]; // its vectors need no registers
    const b = newLocal("b", dtype);
    return [{ kind: "let", local: b, value }, ...sums.map((c, r) => update(c, r, localExpr(b)))];
  };
  const extents = k.map((a) => a.extent);
  return nest("k", extents, "serial", step);
}

/** x·y + z. */
const mulAdd = (x: Expr, y: Expr, z: Expr, fma: boolean): Expr =>
  fma && isFloat(z.dtype) ? fmaExpr(x, y, z) : binaryExpr("add", binaryExpr("mul", x, y), z);
