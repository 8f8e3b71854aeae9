/** Loops and addresses as the expansion of contractions builds them. */
import { addAffine, constant, scaleAffine, scaledAtom, strided } from "../../ir/affine.ts";
import { newLoopVar } from "../../ir/build.ts";
import type { Affine } from "../../ir/nodes.ts";
import type { Block } from "../../ir/visit.ts";
import type { Axis } from "./axes.ts";

/** `for v < extent`, or just the body when there is one iteration. */
export function loop(
  name: string,
  extent: number,
  body: (i: Affine) => Block,
  { mode = "independent", lanes = 1 }: { mode?: "serial" | "independent"; lanes?: number } = {},
): Block {
  if (extent === 0) return [];
  if (extent === 1) return body(constant(0));
  const v = newLoopVar(name);
  return [{ kind: "for", v, extent, mode, lanes, body: body(scaledAtom(v)) }];
}

/** Nested loops with fresh variables, one per extent. */
export function nest(
  name: string,
  extents: readonly number[],
  mode: "serial" | "independent",
  body: (at: readonly Affine[]) => Block,
  at: readonly Affine[] = [],
): Block {
  const extent = extents[at.length];
  if (extent === undefined) return body(at);
  return loop(name, extent, (i) => nest(name, extents, mode, body, [...at, i]), { mode });
}

/** The loops of `axes` themselves, declaring their own variables. */
export const axisNest = (
  axes: readonly Axis[],
  body: Block,
  mode: "serial" | "independent" = "independent",
): Block =>
  axes.reduceRight<Block>(
    (inner, { v, extent }) => [{ kind: "for", v, extent, mode, lanes: 1, body: inner }],
    body,
  );

/** `base + Σ strides · at`. */
export const address = (base: Affine, strides: readonly number[], at: readonly Affine[]): Affine =>
  at.reduce((sum, i, axis) => addAffine(sum, scaleAffine(i, strides[axis]!)), base);

/** `base + Σ strides · v` over axes, with their strides in one operand. */
export const inOperand = (base: Affine, axes: readonly Axis[], side: "lhs" | "rhs"): Affine => {
  const strides = axes.map((a) => a[side]);
  const vars = axes.map((a) => a.v);
  return strided(base, strides, vars);
};
