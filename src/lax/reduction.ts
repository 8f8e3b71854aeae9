/** What all reductions over axes share. */
import { aval, type Shape, type ShapedArray } from "../core/aval.ts";
import { type DType, isFloat, limits } from "../core/dtype.ts";
import type { Combine, Emitter, Operand } from "../core/lowering.ts";
import { interleave, pick, without } from "./axes.ts";
import { BITS, checkAxes, checkDTypes, type DTypeClass } from "./check.ts";

/** `axes` are sorted and distinct. */
export type ReduceParams = { readonly axes: readonly number[] };

export const reducedShape = (shape: Shape, axes: readonly number[]): number[] => without(shape, axes);

/** As weak as x, but for bits, as in JAX. */
export function reductionType(
  name: string,
  accepts: DTypeClass,
  x: ShapedArray,
  axes: readonly number[],
): ShapedArray {
  checkDTypes(name, [x], [accepts]);
  checkAxes(name, axes, x.ndim);
  return aval(reducedShape(x.shape, axes), x.dtype, x.weakType && accepts !== BITS);
}

export function lowerReduction(
  emit: Emitter,
  fn: Combine,
  identity: (dtype: DType) => number | boolean,
  x: Operand,
  axes: readonly number[],
  out: ShapedArray,
): Operand[] {
  const extents = pick(x.aval.shape, axes);
  const init = emit.s.const(identity(out.dtype), out.dtype);
  const result = emit.build(out, (target) =>
    emit.loop(out.shape, (i) => {
      target.store(
        i,
        emit.reduce(fn, init, extents, (j) => x.at(interleave(axes, j, i))),
      );
    }),
  );
  return [result];
}

/** The identities of max and min. */
export const lowest = (dtype: DType): number =>
  isFloat(dtype) ? Number.NEGATIVE_INFINITY : limits(dtype).min;
export const highest = (dtype: DType): number =>
  isFloat(dtype) ? Number.POSITIVE_INFINITY : limits(dtype).max;

/** How an extremum combines: on bool it is a logical operation. */
export const maxOf = (dtype: DType): Combine => (dtype === "bool" ? "or" : "max");
export const minOf = (dtype: DType): Combine => (dtype === "bool" ? "and" : "min");
