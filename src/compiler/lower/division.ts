/** Division of indices by constants: affine where the ranges of loop variables allow it, else an int32 local. */
import type { BinaryFn } from "../../core/lowering.ts";
import { affine, affineRange, isConstant, subAffine } from "../ir/affine.ts";
import { binaryExpr, constant, constExpr, indexExpr } from "../ir/build.ts";
import type { Affine } from "../ir/nodes.ts";
import type { Code } from "./code.ts";

/** `floor(a / k)`, where a lies in [0, extent). */
export function divide(code: Code, a: Affine, k: number, extent: number): Affine {
  if (k === 1) return a;
  const split = splitBy(code, a, k, extent);
  return split ? split.quotient : computed(code, "div", a, k, Math.ceil(extent / k));
}

/** `a mod k`, where a lies in [0, extent). */
export function modulo(code: Code, a: Affine, k: number, extent: number): Affine {
  if (k === 1) return constant(0);
  const split = splitBy(code, a, k, extent);
  return split ? split.rest : computed(code, "rem", a, k, k);
}

/** `a = k · quotient + rest` with rest in [0, k), when it can be read off the terms. */
function splitBy(
  code: Code,
  a: Affine,
  k: number,
  extent: number,
): { quotient: Affine; rest: Affine } | undefined {
  if (extent <= k) return { quotient: constant(0), rest: a };
  if (isConstant(a)) return { quotient: constant(Math.floor(a.offset / k)), rest: constant(a.offset % k) };
  const whole = affine(
    Math.floor(a.offset / k) * k,
    a.terms.filter((t) => t.coeff % k === 0),
  );
  const rest = subAffine(a, whole);
  const range = affineRange(rest, (atom) => code.extents.get(atom));
  if (!range || range.min < 0 || range.max >= k) return undefined;
  const quotient = affine(
    whole.offset / k,
    whole.terms.map((t) => ({ atom: t.atom, coeff: t.coeff / k })),
  );
  return { quotient, rest };
}

function computed(code: Code, fn: BinaryFn, a: Affine, k: number, extent: number): Affine {
  return code.asIndex(binaryExpr(fn, indexExpr(a), constExpr(k, "int32")), extent);
}
