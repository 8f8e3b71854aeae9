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
 * k is not blocked: a panel that exceeds the first-level cache still streams from the second at 2 loads per 12 fma.
 */
import { isFloat } from "../../../core/dtype.ts";
import { addAffine, constant, scaleAffine, scaledAtom, strided } from "../../ir/affine.ts";
import {
  binaryExpr,
  constExpr,
  fmaExpr,
  indexExpr,
  loadExpr,
  localExpr,
  newBuffer,
  newLocal,
  newLoopVar,
} from "../../ir/build.ts";
import type { Affine, Buffer, Expr, IndexAtom, Local, Stmt } from "../../ir/nodes.ts";
import { type Block, renewed, substitute } from "../../ir/visit.ts";
import type { Target } from "../../target.ts";
import { type Axis, extentOf, type Product } from "./axes.ts";
import type { Panel, RowRun, Schedule } from "./schedule.ts";

export interface Expansion {
  readonly body: Block;
  readonly temps: readonly Buffer[];
}

/** `for v < extent`, or just the body when there is one iteration. */
export function loop(
  name: string,
  extent: number,
  body: (i: Affine) => Block,
  { mode = "independent", lanes = 1 }: { mode?: "serial" | "independent"; lanes?: number } = {},
): Block {
  if (extent === 0) return [];
  if (extent === 1) return body(constant(0));
  const v = newLoopVar(name);
  return [{ kind: "for", v, extent, mode, lanes, body: body(scaledAtom(v)) }];
}

/** Nested loops with fresh variables, one per extent. */
function nest(
  name: string,
  extents: readonly number[],
  mode: "serial" | "independent",
  body: (at: readonly Affine[]) => Block,
  at: readonly Affine[] = [],
): Block {
  const extent = extents[at.length];
  if (extent === undefined) return body(at);
  return loop(name, extent, (i) => nest(name, extents, mode, body, [...at, i]), { mode });
}

/** The loops of `axes` themselves, declaring their own variables. */
export const axisNest = (axes: readonly Axis[], body: Block): Block =>
  axes.reduceRight<Block>(
    (inner, { v, extent }) => [{ kind: "for", v, extent, mode: "independent", lanes: 1, body: inner }],
    body,
  );

/** `base + Σ strides · at`. */
const address = (base: Affine, strides: readonly number[], at: readonly Affine[]): Affine =>
  at.reduce((sum, i, axis) => addAffine(sum, scaleAffine(i, strides[axis]!)), base);

/** x·y + z. */
const mulAdd = (x: Expr, y: Expr, z: Expr, fma: boolean): Expr =>
  fma && isFloat(z.dtype) ? fmaExpr(x, y, z) : binaryExpr("add", binaryExpr("mul", x, y), z);

/** Where the columns of one panel group lie: `base + panel·i + lane·j + Σ k`. */
interface Source {
  readonly buffer: Buffer;
  readonly base: Affine;
  readonly panel: number;
  readonly lane: number;
  readonly k: readonly number[];
}

/** The loops of a schedule. */
export function expand(s: Schedule, target: Target): Expansion {
  const work = s.panels.map((panel) => {
    const copy = panel.packed ? pack(s, panel) : undefined;
    const spilled = s.spill || panel.real < panel.width ? spill(s, panel) : undefined;
    const finish = spilled?.finish ?? epilogueOf(s.product, s.rows, s.cols);
    return { panel, source: copy?.source ?? inPlace(s, panel), finish, copy, spilled };
  });
  const tiles = s.blocks.flatMap((block) =>
    loop("mc", block.count, (mc) => {
      const first = address(constant(block.start), [block.size], [mc]);
      return work.flatMap(({ panel, source, finish }) =>
        loop("jc", panel.count, (jc) =>
          rowTiles(first, block.runs, (row, rows) =>
            tile(s, target, { panel, source, jc, row, rows, finish }),
          ),
        ),
      );
    }),
  );
  return {
    body: [
      ...work.flatMap((w) => w.copy?.body ?? []),
      ...axisNest(s.outer, tiles),
      ...work.flatMap((w) => w.spilled?.body ?? []),
    ],
    temps: work.flatMap((w) => [...(w.copy?.temps ?? []), ...(w.spilled?.temps ?? [])]),
  };
}

const rowTiles = (
  first: Affine,
  runs: readonly RowRun[],
  tile: (row: Affine, rows: number) => Block,
): Block =>
  runs.flatMap(({ start, rows, count }) =>
    loop("i", count, (i) => tile(address(addAffine(first, constant(start)), [rows], [i]), rows)),
  );

/** What is done with the sum at (row, column). */
type Finish = (acc: Local, row: Affine, column: Affine) => Block;

interface Tile {
  readonly panel: Panel;
  readonly source: Source;
  readonly jc: Affine;
  readonly row: Affine;
  readonly rows: number;
  readonly finish: Finish;
}

/** One tile: sums of `rows` rows by the lanes of one panel, then what is done with them. */
function tile(s: Schedule, target: Target, t: Tile): Block {
  const { product: p } = s;
  const { width, start } = t.panel;
  return loop("j", width, (j) => vectors(j), { lanes: width });

  function vectors(j: Affine): Block {
    const sums = Array.from({ length: t.rows }, (_, r) => newLocal(`c${r}`, p.dtype));
    const from = address(t.source.base, [t.source.panel, t.source.lane], [t.jc, j]);
    const row = (r: number): Affine => addAffine(t.row, constant(r));
    const lhs = strided(
      p.lhs.base,
      s.outer.map((a) => a.lhs),
      s.outer.map((a) => a.v),
    );
    const step = (k: readonly Affine[]): Block => {
      const b = newLocal("b", p.dtype);
      const left = address(
        lhs,
        p.k.map((a) => a.lhs),
        k,
      );
      const update = (c: Local, r: number): Stmt => {
        const a = loadExpr(p.lhs.buffer, address(left, [s.rows.lhs], [row(r)]));
        return { kind: "set", local: c, value: mulAdd(a, localExpr(b), localExpr(c), target.fma) };
      };
      const value = loadExpr(t.source.buffer, address(from, t.source.k, k));
      return [{ kind: "let", local: b, value }, ...sums.map(update)];
    };
    const column = address(constant(start), [width, 1], [t.jc, j]);
    return [
      ...sums.map((local): Stmt => ({ kind: "var", local, init: zero(p) })),
      ...nest(
        "k",
        p.k.map((a) => a.extent),
        "serial",
        step,
      ),
      ...sums.flatMap((c, r) => t.finish(c, row(r), column)),
    ];
  }
}

const zero = (p: Product): Expr => constExpr(0, p.dtype);

/** The epilogue itself, with acc and the two loop variables replaced. */
const epilogueOf =
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

/** Row-major strides of some extents. */
const denseStrides = (extents: readonly number[]): number[] =>
  extents.map((_, axis) => extents.slice(axis + 1).reduce((product, e) => product * e, 1));

/** The columns of a panel group as they lie in rhs. */
function inPlace(s: Schedule, panel: Panel): Source {
  const { rhs, k } = s.product;
  const base = strided(
    rhs.base,
    s.outer.map((a) => a.rhs),
    s.outer.map((a) => a.v),
  );
  return {
    buffer: rhs.buffer,
    base: addAffine(base, constant(panel.start * s.cols.rhs)),
    panel: panel.width * s.cols.rhs,
    lane: s.cols.rhs,
    k: k.map((a) => a.rhs),
  };
}

/** A loop of a copy: how far reading and writing move per iteration. */
interface Step {
  readonly extent: number;
  readonly from: number;
  readonly to: number;
}

/** Copies the columns of a panel group to [outer, panel, k, lane], lanes that do not exist as zeros. */
function pack(s: Schedule, panel: Panel): Expansion & { readonly source: Source } {
  const { rhs, k, dtype } = s.product;
  const { start, width, count, real } = panel;
  const around = s.outer.filter((a) => a.rhs !== 0);
  const extents = [...around.map((a) => a.extent), count, ...k.map((a) => a.extent), width];
  const to = denseStrides(extents);
  const buffer = newBuffer(
    "packed",
    rhs.buffer.dtype,
    extents.reduce((n, e) => n * e, 1),
  );
  // Several panels per row, so that what is read at a time is a cache line or two.
  const wide = s.cols.rhs === 1 ? ([4, 2].find((g) => count % g === 0) ?? 1) : 1;
  const [stride, step] = [width * s.cols.rhs, to[around.length]!];
  const axes: readonly Step[] = [
    ...around.map((a, i) => ({ extent: a.extent, from: a.rhs, to: to[i]! })),
    { extent: count / wide, from: wide * stride, to: wide * step },
    ...k.map((a, i) => ({ extent: a.extent, from: a.rhs, to: to[around.length + 1 + i]! })),
    { extent: wide, from: stride, to: step },
  ];
  const base = addAffine(rhs.base, constant(start * s.cols.rhs));
  const row = (at: readonly Affine[]): Block => {
    const source = address(
      base,
      axes.map((a) => a.from),
      at,
    );
    const target = address(
      constant(0),
      axes.map((a) => a.to),
      at,
    );
    const store = (j: Affine, value: Expr): Block => [
      { kind: "store", buffer, index: addAffine(target, j), value },
    ];
    const copy = (j: Affine): Block => store(j, loadExpr(rhs.buffer, address(source, [s.cols.rhs], [j])));
    if (real === width) return loop("j", width, copy, { lanes: width });
    const clear = (j: Affine): Block => store(j, constExpr(0, dtype));
    return [...loop("j", width, clear, { lanes: width }), ...loop("j", real, copy)];
  };
  return {
    body: nest(
      "p",
      axes.map((a) => a.extent),
      "independent",
      row,
    ),
    temps: [buffer],
    source: {
      buffer,
      base: strided(
        constant(0),
        to.slice(0, around.length),
        around.map((a) => a.v),
      ),
      panel: step,
      lane: 1,
      k: to.slice(around.length + 1, -1),
    },
  };
}

/** Sums of a panel group by way of memory: the tiles store them, and a nest of its own runs the epilogue. */
function spill(s: Schedule, panel: Panel): Expansion & { readonly finish: Finish } {
  const { product: p } = s;
  const columns = panel.count * panel.width;
  const axes = [...s.outer, s.rows];
  const strides = denseStrides([...axes.map((a) => a.extent), columns]);
  const buffer = newBuffer("sums", p.dtype, extentOf(axes) * columns);
  const first = strided(
    constant(0),
    strides,
    s.outer.map((a) => a.v),
  );
  const at = (row: Affine, column: Affine): Affine =>
    address(first, [strides[s.outer.length]!, 1], [row, addAffine(column, constant(-panel.start))]);
  const finish: Finish = (acc, row, column) => [
    { kind: "store", buffer, index: at(row, column), value: localExpr(acc) },
  ];
  const real = panel.real < panel.width ? panel.real : columns;
  const outer = s.outer.map((a) => ({ ...a, v: newLoopVar(a.v.name) }));
  const fresh = new Map<IndexAtom, Expr>(s.outer.map((a, i) => [a.v, indexExpr(scaledAtom(outer[i]!.v))]));
  const epilogue = (row: Affine, column: Affine): Block => {
    const acc = newLocal("acc", p.dtype);
    const value = loadExpr(buffer, at(row, column));
    return [{ kind: "let", local: acc, value }, ...epilogueOf(p, s.rows, s.cols)(acc, row, column)];
  };
  const body = nest("i", [s.rows.extent, real], "independent", ([row, column]) =>
    substitute(epilogue(row!, addAffine(column!, constant(panel.start))), fresh),
  );
  return { body: axisNest(outer, body), temps: [buffer], finish };
}

/** One sum after the other. */
export function dots(p: Product): Block {
  const { k } = p;
  const axes = [...p.batch, ...p.m, ...p.n];
  const all = [...axes, ...k];
  const vars = k.map((a) => a.v);
  const factor = (side: "lhs" | "rhs"): Expr => {
    const strides = all.map((a) => a[side]);
    const index = strided(
      p[side].base,
      strides,
      all.map((a) => a.v),
    );
    return loadExpr(p[side].buffer, index);
  };
  const product = binaryExpr("mul", factor("lhs"), factor("rhs"));
  const sum: Stmt =
    k.length === 0
      ? { kind: "let", local: p.acc, value: product }
      : {
          kind: "reduce",
          acc: p.acc,
          fn: "add",
          init: zero(p),
          vars,
          extents: k.map((a) => a.extent),
          lanes: 1,
          body: [],
          value: product,
        };
  return axisNest(axes, [sum, ...p.epilogue]);
}
