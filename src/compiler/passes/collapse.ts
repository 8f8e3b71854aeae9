/**
 * Collapse: two perfectly nested independent loops become one when every access walks on through the end of the inner one.
 *
 *     for i < 32 independent {
 *       for j < 256 independent {                  for ij < 8192 independent {
 *         y[256*i + j] = f32.neg(x[256*i + j])  =>   y[ij] = f32.neg(x[ij])
 *       }                                          }
 *     }
 *
 * The condition: coeff(i) = 256 · coeff(j) in every index of the body. Reductions collapse their axes likewise. One long loop has
 * one remainder after vectorisation instead of one per row. (Contractions merge their axes when they are expanded.)
 *
 * A sum of floats has no axes along which nothing changes: the sum over the others is taken so many times. That takes no time and
 * rounds once, where adding up n equal numbers is off by up to n/2 roundings.
 *
 * Requires: lanes are 1. Ensures: same loops otherwise.
 */

import { isFloat } from "../../core/dtype.ts";
import { coeffOf, constant, scaledAtom } from "../ir/affine.ts";
import { binaryExpr, constExpr, localExpr } from "../ir/build.ts";
import { isIndependent } from "../ir/modes.ts";
import {
  type Affine,
  type Expr,
  type For,
  type LoopVar,
  MAX_EXTENT,
  type Program,
  type Reduce,
  type Stmt,
} from "../ir/nodes.ts";
import {
  type Block,
  forEachExpr,
  forEachExprIn,
  forEachStmt,
  indexExpr,
  mapStmts,
  newLocal,
  newLoopVar,
  type Substitution,
  substitute,
  substituteExpr,
  visitParts,
} from "../ir/visit.ts";
import type { Target } from "../target.ts";

export function collapse(program: Program, _target: Target): Program {
  const body = mapStmts(program.body, collapsed);
  return body === program.body ? program : { ...program, body };
}

const collapsed = (s: Stmt): Stmt | Block =>
  s.kind === "for" ? collapseFor(s) : s.kind === "reduce" ? multiplied(s) : s;

const isCollapsible = (s: Stmt): s is For => isIndependent(s) && s.lanes === 1;

interface Axis {
  readonly v: LoopVar;
  readonly extent: number;
}

/** `outer` around one inner loop that has been collapsed already. */
function collapseFor(outer: For): For {
  const [inner] = outer.body;
  if (!inner || outer.body.length > 1 || !isCollapsible(outer) || !isCollapsible(inner)) return outer;
  if (!walksOn(indicesIn(inner.body), outer, inner)) return outer;
  const { v, map } = joined(outer.v, inner.v);
  return { ...inner, v, extent: outer.extent * inner.extent, body: substitute(inner.body, map) };
}

/** The sum over the axes along which something changes, times the number of its equals. */
function multiplied(s: Reduce): Stmt | Block {
  const indices = indicesOfReduce(s);
  const axes = axesOf(s);
  const idle = axes.filter(({ v }) => indices.every((a) => coeffOf(a, v) === 0));
  const times = idle.reduce((n, { extent }) => n * extent, 1);
  const { dtype } = s.acc;
  if (s.fn !== "add" || !isFloat(dtype) || idle.length === 0 || times === 0) return collapseReduce(s);
  const rest = axes.filter((axis) => !idle.includes(axis));
  const acc = newLocal("part", dtype);
  const [vars, extents] = [rest.map(({ v }) => v), rest.map(({ extent }) => extent)];
  const one: Block =
    rest.length > 0
      ? [collapseReduce({ ...s, acc, init: constExpr(0, dtype), vars, extents })]
      : [...s.body, { kind: "let", local: acc, value: s.value }];
  const all = binaryExpr("mul", localExpr(acc), constExpr(times, dtype));
  return [...one, { kind: "let", local: s.acc, value: binaryExpr("add", s.init, all) }];
}

function collapseReduce(s: Reduce): Reduce {
  if (s.lanes !== 1) return s;
  const indices = indicesOfReduce(s);
  const axes = axesOf(s);
  const at = axes.findIndex((axis, i) => i + 1 < axes.length && walksOn(indices, axis, axes[i + 1]!));
  if (at < 0) return s;
  const { v, map } = joined(s.vars[at]!, s.vars[at + 1]!);
  return collapseReduce({
    ...s,
    vars: s.vars.toSpliced(at, 2, v),
    extents: s.extents.toSpliced(at, 2, s.extents[at]! * s.extents[at + 1]!),
    body: substitute(s.body, map),
    value: substituteExpr(s.value, map),
  });
}

const axesOf = (s: Reduce): Axis[] => s.vars.map((v, i) => ({ v, extent: s.extents[i]! }));
const indicesOfReduce = (s: Reduce): Affine[] => [...indicesIn(s.body), ...indicesOf(s.value)];

/** Whether one loop can stand for both. */
const walksOn = (indices: readonly Affine[], outer: Axis, inner: Axis): boolean =>
  outer.extent * inner.extent <= MAX_EXTENT &&
  indices.every((a) => coeffOf(a, outer.v) === inner.extent * coeffOf(a, inner.v));

/** The variable of both loops together; where `walksOn` holds, `inner` alone stands for it once `outer` is 0. */
function joined(outer: LoopVar, inner: LoopVar): { v: LoopVar; map: Substitution } {
  const v = newLoopVar(outer.name + inner.name);
  return {
    v,
    map: new Map<LoopVar, Expr>([
      [outer, indexExpr(constant(0))],
      [inner, indexExpr(scaledAtom(v))],
    ]),
  };
}

function indicesIn(block: Block): Affine[] {
  const found: Affine[] = [];
  forEachStmt(block, (s) => visitParts(s, { index: (a) => found.push(a) }));
  forEachExprIn(block, (e) => {
    if (e.op === "load" || e.op === "index") found.push(e.index);
  });
  return found;
}

function indicesOf(root: Expr): Affine[] {
  const found: Affine[] = [];
  forEachExpr(root, (e) => {
    if (e.op === "load" || e.op === "index") found.push(e.index);
  });
  return found;
}
