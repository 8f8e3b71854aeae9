/**
 * Tile: a nest that walks through one array along its rows and through another across them works on as many rows at a time as share
 * the other's cache lines.
 *
 *     for i < 1024 independent {                            for ib < 64 independent {
 *       for j < 1024 independent lanes 8 {                    for j < 1024 independent lanes 8 {
 *         y[1024*i + j] = x[i + 1024*j]           =>            for i < 16 independent {
 *       }                                                         y[16384*ib + 1024*i + j] = x[16*ib + i + 1024*j]
 *     }                                                   } } }
 *
 * A walk across rows takes another line at every step. When they are more than the first-level cache holds at that distance, each line
 * has left it before the next row reads its neighbour, and is brought in once per element; here it is used up at once.
 *
 * Requires: loops that have lanes have got them. Ensures: the same iterations in another order.
 */
import { byteSize } from "../../core/dtype.ts";
import { addAffine, coeffOf, constant, scaledAtom } from "../ir/affine.ts";
import type { Affine, For, LoopVar, Program, Stmt } from "../ir/nodes.ts";
import { gcd } from "../ir/solve.ts";
import {
  type Block,
  blocksOf,
  effects,
  freeAtoms,
  indexExpr,
  type Load,
  mapStmts,
  newLoopVar,
  renewed,
  type Store,
  substitute,
} from "../ir/visit.ts";
import type { Target } from "../target.ts";

/** Bytes of a cache line, and the distance of addresses that share a set of the first-level cache. */
const LINE = 64;
const PERIOD = 4096;

export function tile(program: Program, target: Target): Program {
  const body = mapStmts(program.body, (s) => (isFree(s) ? tiled(s, target) : s));
  return body === program.body ? program : { ...program, body };
}

type FreeLoop = For & { readonly mode: "independent" };
const isLoop = (s: Stmt): s is FreeLoop => s.kind === "for" && s.mode === "independent";
const isFree = (s: Stmt): s is FreeLoop => isLoop(s) && s.lanes === 1;

function tiled(loop: FreeLoop, target: Target): Stmt | Block {
  if (!canSink(loop.body)) return loop;
  const rows = Math.max(0, ...innermost(loop.body).map((inner) => rowsPerLine(loop.v, inner, target)));
  if (rows < 2) return loop;
  const count = Math.floor(loop.extent / rows);
  const parts = [
    { start: 0, rows, count },
    { start: count * rows, rows: loop.extent - count * rows, count: 1 },
  ];
  return parts.filter((p) => p.rows > 0 && p.count > 0).flatMap((part) => rowsInside(loop, part));
}

/** Loops and, beside them, statements that need nothing from each other: vectors, and the rest that makes none. */
function canSink(block: Block): boolean {
  const loops = block.filter(isLoop);
  const others = block.filter((s) => !isLoop(s));
  const { declares } = effects(others);
  return (
    loops.length > 0 &&
    others.every((s) => blocksOf(s).length === 0) &&
    ![...freeAtoms(loops)].some((atom) => declares.has(atom)) &&
    loops.every((s) => isStraight(s.body) || canSink(s.body))
  );
}
const isStraight = (block: Block): boolean => block.every((s) => blocksOf(s).length === 0);

const innermost = (block: Block): FreeLoop[] =>
  block.filter(isLoop).flatMap((s) => (isStraight(s.body) ? [s] : innermost(s.body)));

/** How many iterations over `v` read or write within the lines that `inner` walks across, 0 if those stay in the cache. */
function rowsPerLine(v: LoopVar, inner: FreeLoop, { l1Bytes }: Target): number {
  const { loads, stores } = effects(inner.body);
  const rows = ({ buffer, index }: Load | Store): number => {
    const [near, far] = [v, inner.v].map((w) => Math.abs(coeffOf(index, w)) * byteSize(buffer.dtype));
    const sets = PERIOD / Math.max(LINE, gcd(far!, PERIOD));
    return near! > 0 && far! >= LINE && inner.extent > sets * (l1Bytes / PERIOD)
      ? Math.floor(LINE / near!)
      : 0;
  };
  return Math.max(0, ...[...loads, ...stores].map(rows));
}
interface Rows {
  readonly start: number;
  readonly rows: number;
  readonly count: number;
}

/** `count` times the loop over `rows` iterations, inside of everything else. */
function rowsInside(loop: FreeLoop, { start, rows, count }: Rows): Block {
  const [outer, inner] = [newLoopVar(`${loop.v.name}b`), newLoopVar(loop.v.name)];
  const within = addAffine(scaledAtom(inner), constant(start));
  const at: Affine = count === 1 ? within : addAffine(scaledAtom(outer, rows), within);
  const body = substitute(renewed(loop.body), new Map([[loop.v, indexExpr(at)]]));
  const moved = sunk(body, { ...loop, v: inner, extent: rows });
  return count === 1 ? moved : [{ ...loop, v: outer, extent: count, body: moved }];
}

/** Everything in the block with the loop around it, each with its own. */
function sunk(block: Block, loop: FreeLoop): Block {
  const around = (body: Block): Block => (body.length > 0 ? renewed([{ ...loop, body }]) : []);
  if (isStraight(block)) return around(block);
  const others = block.filter((s) => !isLoop(s));
  return [...block.filter(isLoop).map((s) => ({ ...s, body: sunk(s.body, loop) })), ...around(others)];
}
