/**
 * Functions that machines lack. Primitives are defined by them, so that a page loads those that its primitives use; the loop IR
 * has them by name, until the pass `math` puts what they are made of in their place.
 */
import type { BinaryExpansion, ExpandedBinary, ExpandedUnary, Scalar, UnaryExpansion } from "../core/emit.ts";

const byName = new Map<string, (...operands: Scalar[]) => Scalar>();
/** What they are made of, by name. */
export const expansions: ReadonlyMap<string, (...operands: Scalar[]) => Scalar> = byName;

/* @__NO_SIDE_EFFECTS__ */
export function defineUnary(fn: ExpandedUnary, expand: (x: Scalar) => Scalar): UnaryExpansion {
  byName.set(fn, expand as (...operands: Scalar[]) => Scalar);
  return { fn, expand };
}

/* @__NO_SIDE_EFFECTS__ */
export function defineBinary(fn: ExpandedBinary, expand: (x: Scalar, y: Scalar) => Scalar): BinaryExpansion {
  byName.set(fn, expand as (...operands: Scalar[]) => Scalar);
  return { fn, expand };
}
