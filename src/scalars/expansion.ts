/**
 * Functions that machines lack. Primitives are defined by them, so that a page loads those that its primitives use; the loop IR
 * has them by name, until the pass `math` puts what they are made of in their place.
 */
import type { BinaryExpansion, Scalar, UnaryExpansion } from "../core/lowering.ts";

interface Expansion {
  readonly operands: 1 | 2;
  /** The value in double precision, before it is rounded. */
  readonly evaluate: (x: number, y: number) => number;
  readonly expand: (...operands: Scalar[]) => Scalar;
  /** Instead, where a multiply-add rounds once. */
  readonly fused: ((...operands: Scalar[]) => Scalar) | undefined;
}
const byName = new Map<string, Expansion>();
/** All of them, by name. */
export const expansions: ReadonlyMap<string, Expansion> = byName;

type Unary = (x: Scalar) => Scalar;

/* @__NO_SIDE_EFFECTS__ */
export function defineUnary(
  fn: string,
  evaluate: (x: number) => number,
  expand: Unary,
  fused?: Unary,
): UnaryExpansion {
  byName.set(fn, {
    operands: 1,
    evaluate,
    expand: expand as Expansion["expand"],
    fused: fused as Expansion["fused"],
  });
  return { fn, expand };
}

/* @__NO_SIDE_EFFECTS__ */
export function defineBinary(
  fn: string,
  evaluate: (x: number, y: number) => number,
  expand: (x: Scalar, y: Scalar) => Scalar,
): BinaryExpansion {
  byName.set(fn, { operands: 2, evaluate, expand: expand as Expansion["expand"], fused: undefined });
  return { fn, expand };
}
