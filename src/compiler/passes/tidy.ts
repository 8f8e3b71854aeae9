/**
 * Tidy: what the other passes leave behind is brought to its simplest form before code is emitted.
 *
 *     y[i] = f32.add(f32.exp(x[i]), f32(0))           let c: f32 = f32.exp(x[i])
 *     z[i] = f32.mul(f32.exp(x[i]), f32(2))     =>    y[i] = c
 *     let d: f32 = f32.neg(x[i])                      z[i] = f32.mul(c, f32(2))
 *
 * Constants fold, loops that run once stand open, subexpressions that several statements of a block have in common become lets,
 * and what nobody uses goes.
 *
 * Requires: nothing. Ensures: no loop of extent 0 or 1 (but for vectors), no dead code, every let used.
 */

import {
  binaryExpr,
  bitcastExpr,
  constExpr,
  convertExpr,
  fmaExpr,
  indexExpr,
  loadExpr,
  localExpr,
  selectExpr,
  unaryExpr,
} from "../ir/build.ts";
import type { Expr, Local, Program } from "../ir/nodes.ts";
import { type Block, effects, mapExprs, mapParts, mapSame } from "../ir/visit.ts";
import type { Target } from "../target.ts";
import { shareValues } from "./support/cse.ts";
import { removeDead } from "./support/dead.ts";
import { inlineTrivial } from "./support/trivial.ts";

export function tidy(program: Program, _target: Target): Program {
  const folded = mapExprs(inlineTrivial(program.body), fold);
  const mutable = effects(folded).assigns;
  return removeDead({ ...program, body: share(folded, mutable) });
}

function share(block: Block, mutable: ReadonlySet<Local>): Block {
  const inner = mapSame(block, (s) => mapParts(s, { block: (b) => share(b, mutable) }));
  return shareValues(inner, mutable);
}

/** The node as its constructor makes it today: folded, and one object per expression. */
function fold(e: Expr): Expr {
  switch (e.op) {
    case "const":
      return constExpr(e.value, e.dtype);
    case "index":
      return indexExpr(e.index);
    case "local":
      return localExpr(e.local);
    case "load":
      return loadExpr(e.buffer, e.index, e.since);
    case "unary":
      return unaryExpr(e.fn, e.x);
    case "binary":
      return binaryExpr(e.fn, e.x, e.y);
    case "fma":
      return fmaExpr(e.x, e.y, e.z);
    case "select":
      return selectExpr(e.cond, e.x, e.y);
    case "convert":
      return convertExpr(e.x, e.dtype);
    case "bitcast":
      return bitcastExpr(e.x, e.dtype);
  }
}
