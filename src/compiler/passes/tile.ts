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
import { type FreeLoop, isIndependent } from "../ir/modes.ts";
import type { Affine, LoopVar, Program, Stmt } from "../ir/nodes.ts";
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
import { bytesTaken } from "./support/cache.ts";

/** @param line bytes of a cache line */
export function tile(program: Program, target: Target, line: number = target.caches.lineBytes): Program {
  const body = mapStmts(program.body, (s) => (isFree(s) ? tiled(s, target, line) : s));
  return body === program.body ? program : { ...program, body };
}

const isFree = (s: Stmt): s is FreeLoop => isIndependent(s) && s.lanes === 1;

function tiled(loop: FreeLoop, target: Target, line: number): Stmt | Block {
  if (!canSink(loop.body)) return loop;
  const rows = Math.max(0, ...innermost(loop.body).map((inner) => rowsPerLine(loop.v, inner, target, line)));
  if (rows < 2) return loop;
  const count = Math.floor(loop.extent / rows);
  const parts = [
    { start: 0, rows, count },
    { start: count * rows, rows: loop.extent - count * rows, count: 1 },
  ];
  return parts.filter((p) => p.rows > 0 && p.count > 0).flatMap((part) => rowsInside(loop, part));
}

/** What keeps its order when rows are taken inside: each loop, and the statements between two of them. */
function parts(block: Block): (FreeLoop | Block)[] {
  const found: (FreeLoop | Stmt[])[] = [];
  for (const s of block) {
    const last = found.at(-1);
    if (isIndependent(s)) found.push(s);
    else if (Array.isArray(last)) last.push(s);
    else found.push([s]);
  }
  return found;
}
const isBlock = (part: FreeLoop | Block): part is Block => Array.isArray(part);

/** Whether the parts of a block, each in a loop of its own, need nothing from each other but what is in memory. */
function canSink(block: Block): boolean {
  const all = parts(block);
  const declared = all.filter(isBlock).map((part) => effects(part).declares);
  const needed = all.map((part) => [...freeAtoms(isBlock(part) ? part : [part])]);
  return (
    block.some(isIndependent) &&
    all.every((part) => (isBlock(part) ? isStraight(part) : isStraight(part.body) || canSink(part.body))) &&
    !needed.flat().some((atom) => declared.some((declares) => declares.has(atom)))
  );
}
const isStraight = (block: Block): boolean => block.every((s) => blocksOf(s).length === 0);

const innermost = (block: Block): FreeLoop[] =>
  block.filter(isIndependent).flatMap((s) => (isStraight(s.body) ? [s] : innermost(s.body)));

/** How many iterations over `v` read or write within the lines that `inner` walks across, 0 if those stay in the cache. */
function rowsPerLine(v: LoopVar, inner: FreeLoop, { l1Bytes, caches }: Target, line: number): number {
  const { extent } = inner;
  const rows = ({ buffer, index }: Load | Store): number => {
    const [near, bytes] = [v, inner.v].map((w) => Math.abs(coeffOf(index, w)) * byteSize(buffer.dtype)) as [
      number,
      number,
    ];
    const leaves =
      bytes >= line &&
      bytesTaken(extent, line, [{ extent, bytes }], caches.l1Period, caches.lineBytes) > l1Bytes;
    return near > 0 && leaves ? Math.floor(line / near) : 0;
  };
  const { loads, stores } = effects(inner.body);
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

/** Everything in the block with the loop around it, each part with its own. */
function sunk(block: Block, loop: FreeLoop): Block {
  if (isStraight(block)) return renewed([{ ...loop, body: block }]);
  return parts(block).flatMap((part) =>
    isBlock(part) ? renewed([{ ...loop, body: part }]) : [{ ...part, body: sunk(part.body, loop) }],
  );
}
