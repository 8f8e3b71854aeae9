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
import { addAffine, constant } from "../../ir/affine.ts";
import { binaryExpr, constExpr, fmaExpr, loadExpr, localExpr, newLocal } from "../../ir/build.ts";
import type { Affine, Expr, Local, Stmt } from "../../ir/nodes.ts";
import type { Block } from "../../ir/visit.ts";
import type { Target } from "../../target.ts";
import { address, axisNest, inOperand, loop, nest } from "./loops.ts";
import { type Expansion, epilogueOf, type Finish, inPlace, pack, type Source, spill } from "./memory.ts";
import type { Panel, RowRun, Schedule } from "./schedule.ts";

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
  const { dtype } = s.product;
  const { start, width } = t.panel;
  const vectors = (j: Affine): Block => {
    const sums = Array.from({ length: t.rows }, (_, r) => newLocal(`c${r}`, dtype));
    const column = address(constant(start), [width, 1], [t.jc, j]);
    return [
      ...sums.map((local): Stmt => ({ kind: "var", local, init: constExpr(0, dtype) })),
      ...steps(s, target, t, j, sums),
      ...sums.flatMap((c, r) => t.finish(c, addAffine(t.row, constant(r)), column)),
    ];
  };
  return loop("j", width, vectors, { lanes: width });
}

/** The loop over k: one vector of rhs, and for each row a scalar of lhs that multiplies it. */
function steps(s: Schedule, target: Target, t: Tile, j: Affine, sums: readonly Local[]): Block {
  const { lhs, k, dtype } = s.product;
  const [left, top] = [
    k.map((a) => a.lhs),
    address(t.source.base, [t.source.panel, t.source.lane], [t.jc, j]),
  ];
  const first = address(inOperand(lhs.base, s.outer, "lhs"), [s.rows.lhs], [t.row]);
  const step = (at: readonly Affine[]): Block => {
    const b = newLocal("b", dtype);
    const update = (c: Local, r: number): Stmt => {
      const a = loadExpr(lhs.buffer, addAffine(address(first, left, at), constant(r * s.rows.lhs)));
      return { kind: "set", local: c, value: mulAdd(a, localExpr(b), localExpr(c), target.fma) };
    };
    const value = loadExpr(t.source.buffer, address(top, t.source.k, at));
    return [{ kind: "let", local: b, value }, ...sums.map(update)];
  };
  const extents = k.map((a) => a.extent);
  return nest("k", extents, "serial", step);
}

/** x·y + z. */
const mulAdd = (x: Expr, y: Expr, z: Expr, fma: boolean): Expr =>
  fma && isFloat(z.dtype) ? fmaExpr(x, y, z) : binaryExpr("add", binaryExpr("mul", x, y), z);
