/**
 * Two lists of loops that walk the same number of positions in the same order, brought to one list: a loop of 128 beside
 * loops of 4 and 32 is split into those.
 */

import { strides } from "../../../util/shape.ts";
import { constant, strided } from "../../ir/affine.ts";
import type { Expr, IndexAtom, LoopVar } from "../../ir/nodes.ts";
import { indexExpr } from "../../ir/visit.ts";

export interface Axis {
  readonly v: LoopVar;
  readonly extent: number;
}

export interface Alignment {
  /** For each axis of the first list the common axes that it consists of, outermost first. */
  readonly a: readonly (readonly Axis[])[];
  readonly b: readonly (readonly Axis[])[];
}

/** The common refinement of two lists of axes (none of extent 1), or undefined when their boundaries cross. */
export function align(a: readonly Axis[], b: readonly Axis[]): Alignment | undefined {
  const [left, right]: [Axis[][], Axis[][]] = [[], []];
  let j = 0;
  for (let i = 0; i < a.length; ) {
    const [x, y] = [a[i]!, b[j]];
    if (!y) return undefined;
    const [coarse, fine, at] = x.extent < y.extent ? [y, a, i] : [x, b, j];
    const parts = partsOf(coarse, fine, at);
    if (!parts) return undefined;
    if (coarse === x) {
      left.push(x.extent === y.extent ? [x] : parts);
      right.push(...(x.extent === y.extent ? [[x]] : parts.map((p) => [p])));
      i++;
      j += parts.length;
    } else {
      left.push(...parts.map((p) => [p]));
      right.push(parts);
      i += parts.length;
      j++;
    }
  }
  return j === b.length ? { a: left, b: right } : undefined;
}

/** The axes of `fine` from `at` on whose extents multiply to that of `coarse`. */
function partsOf(coarse: Axis, fine: readonly Axis[], at: number): Axis[] | undefined {
  let [end, product] = [at, 1];
  while (end < fine.length && product < coarse.extent) product *= fine[end++]!.extent;
  return product === coarse.extent ? fine.slice(at, end) : undefined;
}

/** What the variables of `axes` stand for when they consist of `parts`. */
export function asParts(axes: readonly Axis[], parts: readonly (readonly Axis[])[]): Map<IndexAtom, Expr> {
  const map = new Map<IndexAtom, Expr>();
  for (const [i, { v }] of axes.entries()) {
    const into = parts[i]!;
    if (into.length === 1 && into[0]!.v === v) continue;
    const steps = strides(into.map((p) => p.extent));
    map.set(
      v,
      indexExpr(
        strided(
          constant(0),
          steps,
          into.map((p) => p.v),
        ),
      ),
    );
  }
  return map;
}
