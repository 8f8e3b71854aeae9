/** Reductions in terms of loops. */
import type { Expr, Local, Reduce } from "../../compiler/ir/nodes.ts";
import { type Block, localExpr } from "../../compiler/ir/visit.ts";
import { type DType, isFloat, limits } from "../../core/dtype.ts";
import type { Combine } from "../../core/lowering.ts";

/** The loops of a reduction, combining into `acc`. */
export function nestOf(s: Reduce, acc: Local): Block {
  const combined = { kind: "set", local: acc, value: combine(s.fn, acc, s.value) } as const;
  return s.vars.reduceRight<Block>(
    (body, v, i) => {
      const lanes = i === s.vars.length - 1 ? s.lanes : 1;
      return [{ kind: "for", v, extent: s.extents[i]!, mode: "serial", lanes, body }];
    },
    [...s.body, combined],
  );
}

/** A sum of products is a chain of multiply-adds. */
function combine(fn: Combine, acc: Local, value: Expr): Expr {
  const [x, dtype] = [localExpr(acc), acc.dtype];
  if (fn === "add" && isFloat(dtype) && value.op === "binary" && value.fn === "mul") {
    return { op: "fma", dtype, x: value.x, y: value.y, z: x };
  }
  return { op: "binary", dtype, fn, x, y: value };
}

/** What changes nothing when combined. */
export function identityOf(fn: Combine, dtype: DType): number {
  const { min, max } = limits(dtype);
  const [lowest, highest] = isFloat(dtype)
    ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
    : [min, max];
  const allOnes = dtype === "bool" ? 1 : -1;
  return { add: 0, mul: 1, max: lowest, min: highest, and: allOnes, or: 0 }[fn];
}
