/** Memory around the kernels: panels of rhs as they lie or copied, and sums on their way to an epilogue without lanes. */

import { byteSize } from "../../../core/dtype.ts";
import { strides as denseStrides, size } from "../../../util/shape.ts";
import { addAffine, constant, scaledAtom, strided } from "../../ir/affine.ts";
import {
  binaryExpr,
  constExpr,
  indexExpr,
  loadExpr,
  localExpr,
  newBuffer,
  newLocal,
  newLoopVar,
} from "../../ir/build.ts";
import type { Affine, Buffer, Expr, IndexAtom, Local } from "../../ir/nodes.ts";
import { type Block, renewed, substitute } from "../../ir/visit.ts";
import { addTo, type Place } from "../support/rounding.ts";
import { type Axis, extentOf, type Product, type Side } from "./axes.ts";
import { address, axisNest, inOperand, loop, nest } from "./loops.ts";
import type { Panel, Schedule } from "./tiling.ts";

/** Loops, and the temps that they write. */
export interface Expansion {
  readonly body: Block;
  readonly temps: readonly Buffer[];
}

/** Where the columns of a panel group lie: `base + panel·i + lane·j + Σ k`. */
export interface Source extends Side {
  readonly panel: number;
  readonly lane: number;
  readonly k: readonly number[];
}

/** The columns of a panel group as they lie in rhs. */
export function inPlace(s: Schedule, panel: Panel): Source {
  const { rhs, k } = s.product;
  return {
    ...rhs,
    base: addAffine(inOperand(rhs.base, s.outer, "rhs"), constant(panel.start * s.cols.rhs)),
    panel: panel.width * s.cols.rhs,
    lane: s.cols.rhs,
    k: k.map((a) => a.rhs),
  };
}

/** Where the rows of a tile lie: row r of the tile that begins at `row` is at `base + tile·row + step·r + Σ k`. */
export interface Rows extends Side {
  readonly tile: number;
  readonly step: number;
  /** Strides along k in a tile of so many rows. */
  readonly k: (rows: number) => readonly number[];
}

/** The rows as they lie in lhs. */
export function rowsInPlace({ product: { lhs, k }, outer, rows }: Schedule): Rows {
  return {
    ...lhs,
    base: inOperand(lhs.base, outer, "lhs"),
    tile: rows.lhs,
    step: rows.lhs,
    k: () => k.map((a) => a.lhs),
  };
}

/** A loop of a copy: how far reading and writing move per iteration. */
interface Step {
  readonly extent: number;
  readonly from: number;
  readonly to: number;
}

/** Copies the columns of a panel group to [outer, panel, k, lane], lanes that do not exist as zeros. */
export function pack(s: Schedule, panel: Panel): Expansion & { readonly source: Source } {
  const { rhs, k } = s.product;
  const { start, width, count } = panel;
  const around = s.outer.filter((a) => a.rhs !== 0);
  const n = around.length;
  const shape = [...around.map((a) => a.extent), count, ...k.map((a) => a.extent), width];
  const to = denseStrides(shape);
  const buffer = newBuffer("packed", rhs.buffer.dtype, size(shape));
  const wide = s.cols.rhs === 1 ? together(count) : 1;
  const [stride, step] = [width * s.cols.rhs, to[n]!];
  const steps: readonly Step[] = [
    ...around.map((a, i) => ({ extent: a.extent, from: a.rhs, to: to[i]! })),
    { extent: count / wide, from: wide * stride, to: wide * step },
    ...k.map((a, i) => ({ extent: a.extent, from: a.rhs, to: to[n + 1 + i]! })),
    { extent: wide, from: stride, to: step },
  ];
  const first = addAffine(rhs.base, constant(start * s.cols.rhs));
  const vars = around.map((a) => a.v);
  return {
    body: copyRows({ from: rhs, first, stride: s.cols.rhs, to: buffer, start: 0 }, steps, panel),
    temps: [buffer],
    source: {
      buffer,
      base: strided(constant(0), to.slice(0, n), vars),
      panel: step,
      lane: 1,
      k: to.slice(n + 1, -1),
    },
  };
}

/** Several panels per row, so that what is read at a time is a cache line or two. */
const together = (panels: number): number => [4, 2].find((g) => panels % g === 0) ?? 1;

/** Copies the rows of all tiles to [outer, tile, k, row]. */
export function packRows(s: Schedule): Expansion & { readonly rows: Rows } {
  const { lhs, k } = s.product;
  const around = s.outer.filter((a) => a.lhs !== 0);
  const depth = extentOf(k);
  const [outer, inner] = [
    denseStrides([...around.map((a) => a.extent), s.rows.extent * depth]),
    denseStrides(k.map((a) => a.extent)),
  ];
  const buffer = newBuffer(
    "packed",
    lhs.buffer.dtype,
    size([...around.map((a) => a.extent), s.rows.extent * depth]),
  );
  const perRow = (extent: number, rows: number): Step => ({
    extent,
    from: rows * s.rows.lhs,
    to: rows * depth,
  });
  const body = s.blocks.flatMap((block) =>
    block.runs.flatMap((run) => {
      const [start, wide] = [block.start + run.start, together(run.count)];
      const steps = [
        ...around.map((a, i) => ({ extent: a.extent, from: a.lhs, to: outer[i]! })),
        perRow(block.count, block.size),
        perRow(run.count / wide, wide * run.rows),
        ...k.map((a, i) => ({ extent: a.extent, from: a.lhs, to: run.rows * inner[i]! })),
        perRow(wide, run.rows),
      ];
      const copy = {
        from: lhs,
        first: addAffine(lhs.base, constant(start * s.rows.lhs)),
        stride: s.rows.lhs,
        to: buffer,
        start: start * depth,
      };
      return copyRows(copy, steps, { width: run.rows, real: run.rows });
    }),
  );
  const vars = around.map((a) => a.v);
  const rows: Rows = {
    buffer,
    base: strided(constant(0), outer.slice(0, -1), vars),
    tile: depth,
    step: 1,
    k: (count) => inner.map((step) => count * step),
  };
  return { body, temps: [buffer], rows };
}

interface Copy {
  readonly from: Side;
  readonly first: Affine;
  /** From one element of a row to the next. */
  readonly stride: number;
  readonly to: Buffer;
  readonly start: number;
}

/** Bytes of the smallest vectors that all targets have. */
const SMALLEST = 16;

/** Copies a row of `real` elements per position of the steps, and fills it up to the width. */
function copyRows(
  { from, first, stride, to, start }: Copy,
  steps: readonly Step[],
  { width, real }: Pick<Panel, "width" | "real">,
): Block {
  const [reading, writing] = [steps.map((a) => a.from), steps.map((a) => a.to)];
  const row = (at: readonly Affine[]): Block => {
    const source = address(first, reading, at);
    const target = address(constant(start), writing, at);
    const store = (j: Affine, value: Expr): Block => [
      { kind: "store", buffer: to, index: addAffine(target, j), value },
    ];
    const copy = (j: Affine): Block =>
      store(j, loadExpr(from.buffer, address(source, [stride], [j]), from.since));
    if (real === width) {
      // Lanes even of few rows, lest they are looked for across rows.
      const inLanes = width - (width % (SMALLEST / byteSize(to.dtype)));
      const rest = loop("j", width - inLanes, (j) => copy(addAffine(j, constant(inLanes))));
      return [...loop("j", inLanes, copy, { lanes: inLanes }), ...rest];
    }
    const clear = (j: Affine): Block => store(j, constExpr(0, to.dtype));
    return [...loop("j", width, clear, { lanes: width }), ...loop("j", real, copy)];
  };
  const extents = steps.map((a) => a.extent);
  return nest("p", extents, "independent", row);
}

/** Where lane j of panel jc of a group lies in the result. */
export const columnOf = ({ start, width }: Panel, jc: Affine, j: Affine): Affine =>
  address(constant(start), [width, 1], [jc, j]);

/** What is done with the sum at (row, column). */
export type Finish = (acc: Local, row: Affine, column: Affine) => Block;

/** The epilogue itself, with acc and the two loop variables replaced. */
export const epilogueOf =
  (p: Product, rows: Axis, cols: Axis): Finish =>
  (acc, row, column) =>
    substitute(
      renewed(p.epilogue),
      new Map<IndexAtom, Expr>([
        [p.acc, localExpr(acc)],
        [rows.v, indexExpr(row)],
        [cols.v, indexExpr(column)],
      ]),
    );

/** What is done with the sums of a tile once all of them are there, besides what is done with each: rows are `first + 0 … rows`. */
export type TileFinish = (first: Affine, rows: number, jc: Affine) => Block;

/** Sums of a panel group by way of memory: the tiles store them, and a nest of its own runs the epilogue. */
interface Spill extends Expansion {
  readonly finish: Finish;
}
export function spill(s: Schedule, panel: Panel): Spill {
  const sums = cellsFor("sums", s, panel);
  return {
    temps: [sums.buffer],
    finish: stored(sums),
    body: epilogues(s, panel, (row, column) => sums.at(row, column).value),
  };
}

const stored =
  (sums: Cells): Finish =>
  (acc, row, column) => [sums.at(row, column).set(localExpr(acc))];

/**
 * Sums by way of memory, read again by the tile that made them, while they are in the first-level cache: the epilogue stands in
 * a loop over its rows instead of once per row.
 */
export function rolled(s: Schedule, panel: Panel): Spill & { readonly rest: TileFinish } {
  const sums = cellsFor("sums", s, panel);
  const epilogue = withSum(s, (row, column) => sums.at(row, column).value);
  const rest: TileFinish = (first, rows, jc) =>
    loop("r", rows, (r) =>
      loop("j", panel.width, (j) => epilogue(addAffine(first, r), columnOf(panel, jc, j)), {
        lanes: panel.width,
      }),
    );
  return { temps: [sums.buffer], finish: stored(sums), body: [], rest };
}

/** Sums of a panel group that parts of k are added to, one after the other. */
export interface Totals extends Spill {
  /** Sets them to 0. */
  readonly clear: Block;
}
export function totals(s: Schedule, panel: Panel): Totals {
  const sums = cellsFor("sums", s, panel);
  const body = epilogues(s, panel, (row, column) => sums.at(row, column).value);
  if (!s.depth?.compensated) {
    const finish: Finish = (acc, row, column) => {
      const total = sums.at(row, column);
      return [total.set(binaryExpr("add", total.value, localExpr(acc)))];
    };
    return { body, finish, temps: [sums.buffer], clear: sums.clear };
  }
  const lost = cellsFor("lost", s, panel);
  const finish: Finish = (acc, row, column) =>
    addTo(sums.at(row, column), lost.at(row, column), localExpr(acc));
  return { body, finish, temps: [sums.buffer, lost.buffer], clear: [...sums.clear, ...lost.clear] };
}

/** One number in memory for each (row, column) of a panel group, at every position of the outer loops. */
interface Cells {
  readonly buffer: Buffer;
  readonly at: (row: Affine, column: Affine) => Place;
  /** Sets all to 0. */
  readonly clear: Block;
}

function cellsFor(name: string, s: Schedule, panel: Panel): Cells {
  const shape = [...[...s.outer, s.rows].map((a) => a.extent), panel.count * panel.width];
  const strides = denseStrides(shape);
  const buffer = newBuffer(name, s.product.dtype, size(shape));
  const outerVars = s.outer.map((a) => a.v);
  const first = strided(constant(0), strides, outerVars);
  const at = (row: Affine, column: Affine): Place => {
    const within = [row, addAffine(column, constant(-panel.start))];
    const index = address(first, [strides[s.outer.length]!, 1], within);
    return { value: loadExpr(buffer, index), set: (value) => ({ kind: "store", buffer, index, value }) };
  };
  return {
    buffer,
    at,
    clear: nest("i", [buffer.size], "independent", ([index]) => [
      { kind: "store", buffer, index: index!, value: constExpr(0, buffer.dtype) },
    ]),
  };
}

/** The epilogue of the sum at (row, column), which `sum` reads. */
const withSum =
  (s: Schedule, sum: (row: Affine, column: Affine) => Expr) =>
  (row: Affine, column: Affine): Block => {
    const acc = newLocal("acc", s.product.dtype);
    const value = sum(row, column);
    return [{ kind: "let", local: acc, value }, ...epilogueOf(s.product, s.rows, s.cols)(acc, row, column)];
  };

/** The epilogue for all sums of a panel group, as `sum` gives them. */
function epilogues(s: Schedule, panel: Panel, sum: (row: Affine, column: Affine) => Expr): Block {
  const real = panel.real < panel.width ? panel.real : panel.count * panel.width;
  const outer = s.outer.map((a) => ({ ...a, v: newLoopVar(a.v.name) }));
  const fresh = new Map<IndexAtom, Expr>(s.outer.map((a, i) => [a.v, indexExpr(scaledAtom(outer[i]!.v))]));
  const epilogue = withSum(s, sum);
  const body = nest("i", [s.rows.extent, real], "independent", ([row, column]) =>
    substitute(epilogue(row!, addAffine(column!, constant(panel.start))), fresh),
  );
  return axisNest(outer, body);
}
