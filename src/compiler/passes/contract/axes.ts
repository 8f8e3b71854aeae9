/**
 * The normal form of a contraction: axes as records with a stride per operand, none of extent 1, merged where possible.
 */
import type { DType } from "../../../core/dtype.ts";
import { coeffOf, constant } from "../../ir/affine.ts";
import type { Affine, Contract, ContractOperand, Local, LoopVar } from "../../ir/nodes.ts";
import {
  type Block,
  forEachExprIn,
  forEachStmt,
  indexExpr,
  newLoopVar,
  substitute,
  visitParts,
} from "../../ir/visit.ts";

export interface Axis {
  readonly v: LoopVar;
  readonly extent: number;
  /** Strides in the two operands; 0 where the axis does not occur. */
  readonly lhs: number;
  readonly rhs: number;
}

/** `base` is the address with all axes at zero. */
export type Side = Pick<ContractOperand, "buffer" | "base" | "since">;

/** `for batch, m, n: acc = Σ_k lhs·rhs; epilogue`. The roles of (lhs, m) and (rhs, n) may be exchanged: {@link swapped}. */
export interface Product {
  readonly dtype: DType;
  readonly lhs: Side;
  readonly rhs: Side;
  readonly batch: readonly Axis[];
  readonly m: readonly Axis[];
  readonly n: readonly Axis[];
  readonly k: readonly Axis[];
  readonly acc: Local;
  readonly epilogue: Block;
}

/** Number of positions along some axes. */
export const extentOf = (axes: readonly Axis[]): number => axes.reduce((product, a) => product * a.extent, 1);

/** C^T = B^T A^T. */
export function swapped(p: Product): Product {
  const turn = (axes: readonly Axis[]): Axis[] => axes.map((a) => ({ ...a, lhs: a.rhs, rhs: a.lhs }));
  return {
    ...p,
    lhs: p.rhs,
    rhs: p.lhs,
    batch: turn(p.batch),
    m: turn(p.n),
    n: turn(p.m),
    k: turn(p.k),
  };
}

export function productOf(c: Contract): Product {
  const vars = [...c.vars];
  const take = (extents: readonly number[], lhs?: readonly number[], rhs?: readonly number[]): Axis[] =>
    extents.map((extent, i) => ({
      v: vars.shift() ?? newLoopVar("k"),
      extent,
      lhs: lhs?.[i] ?? 0,
      rhs: rhs?.[i] ?? 0,
    }));
  const product: Product = {
    dtype: c.dtype,
    lhs: c.lhs,
    rhs: c.rhs,
    batch: take(c.batchExtents, c.lhs.batch, c.rhs.batch),
    m: take(c.mExtents, c.lhs.free),
    n: take(c.nExtents, undefined, c.rhs.free),
    k: take(c.kExtents, c.lhs.reduced, c.rhs.reduced).sort((a, b) => b.lhs + b.rhs - a.lhs - a.rhs),
    acc: c.acc,
    epilogue: c.epilogue,
  };
  return merged(product);
}

/** Axes of extent 1 vanish, and two axes that every access walks as one become one. */
function merged(p: Product): Product {
  const indices = indicesOf(p.epilogue);
  const gone: LoopVar[] = [];
  const simplify = (axes: readonly Axis[]): Axis[] => {
    const kept = axes.filter((a) => a.extent !== 1 || !gone.push(a.v));
    for (let pair = mergeable(kept, indices); pair; pair = mergeable(kept, indices)) {
      const [outer, inner] = pair;
      kept[kept.indexOf(inner)] = { ...inner, extent: inner.extent * outer.extent };
      kept.splice(kept.indexOf(outer), 1);
      gone.push(outer.v);
    }
    return kept;
  };
  const axes = { batch: simplify(p.batch), m: simplify(p.m), n: simplify(p.n), k: simplify(p.k) };
  const zero = indexExpr(constant(0));
  return { ...p, ...axes, epilogue: substitute(p.epilogue, new Map(gone.map((v) => [v, zero]))) };
}

/** Two axes whose strides fit together in both operands and in every index of the epilogue. */
function mergeable(axes: readonly Axis[], indices: readonly Affine[]): readonly [Axis, Axis] | undefined {
  for (const outer of axes) {
    for (const inner of axes) {
      const fits = (o: number, i: number): boolean => o === i * inner.extent;
      const strides = fits(outer.lhs, inner.lhs) && fits(outer.rhs, inner.rhs);
      if (
        outer !== inner &&
        strides &&
        indices.every((a) => fits(coeffOf(a, outer.v), coeffOf(a, inner.v)))
      ) {
        return [outer, inner];
      }
    }
  }
  return undefined;
}

/** Every index of a block: of loads, stores, host arguments and index expressions. */
function indicesOf(block: Block): Affine[] {
  const found: Affine[] = [];
  forEachStmt(block, (s) => visitParts(s, { index: (a) => found.push(a) }));
  forEachExprIn(block, (e) => {
    if (e.op === "load" || e.op === "index") found.push(e.index);
  });
  return found;
}
