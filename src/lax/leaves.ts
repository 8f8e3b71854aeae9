/** Trees as users give them, taken apart into arrays. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { WeftTypeError } from "../core/errors.ts";
import * as tree from "../tree/index.ts";
import { asArray, describe, isArrayLeaf } from "./convert.ts";

/** How a caller names a tree and makes arrays of its leaves. */
export interface LeafContext {
  /** Begins the error text: "lax.scan: init". */
  readonly where: string;
  /** Default {@link asArray}. */
  readonly convert?: (leaf: ArrayLike) => NDArray;
  /** What else the user may do about a leaf that is no array. */
  readonly remedy?: string;
}

/** The leaves of a tree as arrays. @throws WeftTypeError that names the place of a leaf that is no array */
export function arrayLeaves(value: unknown, context: LeafContext): [leaves: NDArray[], def: tree.TreeDef] {
  const [leaves, def] = tree.flattenFor(context.where, value);
  return [toArrays(leaves, def, context), def];
}

/** As {@link arrayLeaves}, of a tree that was taken apart already. */
export function toArrays(leaves: readonly unknown[], def: tree.TreeDef, context: LeafContext): NDArray[] {
  return mapLeaves(leaves, def, context, context.convert ?? ((leaf) => asArray(context.where, leaf)));
}

/** What `convert` makes of each leaf. @throws as {@link arrayLeaves} */
export function mapLeaves<T>(
  leaves: readonly unknown[],
  def: tree.TreeDef,
  context: LeafContext,
  convert: (leaf: ArrayLike, i: number) => T,
): T[] {
  return leaves.map((x, i) => {
    if (isArrayLeaf(x)) return convert(x, i);
    throw notALeaf(x, def.paths()[i]!, context);
  });
}

function notALeaf(x: unknown, path: tree.Path, { where, remedy }: LeafContext): WeftTypeError {
  return new WeftTypeError(
    `${where}${tree.keystr(path)} is ${describe(x)}, which is not a valid array. ` +
      `Pass numbers, booleans, typed arrays or weft arrays${remedy ? `; ${remedy}` : ""}${registration(x)}.`,
  );
}

/** Instances of a user's class may be nodes. */
function registration(x: unknown): string {
  if (typeof x !== "object" || x === null || ArrayBuffer.isView(x)) return "";
  return "; instances of a class are taken apart once tree.register knows how";
}
