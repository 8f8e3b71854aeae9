/** Loops as ordinary JavaScript loops over concrete values, for `disableJit`: a debugger can step through them. */
import type { NDArray } from "../../core/array.ts";
import { WeftValueError } from "../../core/errors.ts";
import { type StepwiseLoops, Tracer } from "../../core/trace.ts";
import * as tree from "../../tree/index.ts";
import { asArray } from "../convert.ts";
import { dynamicIndexInDim } from "../dynamic.ts";
import { mapLeaves } from "../leaves.ts";
import { stackTrees } from "../trees.ts";
import { bodyOutput, type UserFunction } from "./body.ts";

/** A carry as arrays; plain numbers become like the carry before, as they do where the types are known. */
export function asArrays(value: unknown, before?: unknown): unknown {
  const [leaves, def] = tree.flatten(value, undefined);
  const likes = before === undefined ? [] : (tree.leaves(before, undefined) as NDArray[]);
  const context = { where: "the carry of a loop" };
  return tree.unflatten(
    def,
    mapLeaves(leaves, def, context, (x, i) => bodyOutput(x, likes[i]?.aval)),
  );
}

function scan(
  body: UserFunction,
  init: unknown,
  xsTree: tree.TreeDef,
  xs: readonly NDArray[],
  length: number,
  reverse: boolean,
): unknown[][] {
  if (length === 0)
    throw new WeftValueError(
      "zero-length scan is not supported in disableJit() mode because the output type is unknown.",
    );
  const ys: unknown[] = Array(length);
  let carry = asArrays(init);
  for (let k = 0; k < length; k++) {
    const i = reverse ? length - 1 - k : k;
    const x = tree.unflatten(
      xsTree,
      xs.map((a) => dynamicIndexInDim(a, i, 0, false)),
    );
    const [next, y] = body(carry, x) as [unknown, unknown];
    carry = asArrays(next, carry);
    ys[i] = asArrays(y);
  }
  return [carry, stackTrees(ys)] as unknown[][];
}

/** Null when JavaScript cannot decide, because the condition is traced: it differs between the lanes of a vmap, say. */
function whileLoop(
  cond: UserFunction,
  body: UserFunction,
  init: unknown,
): { readonly value: unknown } | null {
  let value = asArrays(init);
  for (;;) {
    const holds = asArray("lax.whileStepwise: cond", cond(value) as NDArray);
    if (holds instanceof Tracer) return null;
    if (!holds.dataSync()[0]) return { value };
    value = asArrays(body(value), value);
  }
}

export const STEPWISE: StepwiseLoops = { scan, while: whileLoop };
