import type { NDArray } from "../core/array.ts";
import { ops } from "../core/ops.ts";
import { type MaybeZero, Zero } from "../core/primitive.ts";

export const isZero = (t: MaybeZero): t is Zero => t instanceof Zero;

/** A symbolic zero as an array. */
export const instantiate = (t: MaybeZero): NDArray => (isZero(t) ? ops().zeros(t.aval) : t);

/** The sum of two tangents or cotangents of the same type. */
export function addTangents(a: MaybeZero, b: MaybeZero): MaybeZero {
  if (isZero(a)) return b;
  return isZero(b) ? a : ops().add(a, b);
}
