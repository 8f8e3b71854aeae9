/**
 * Stacking trees leaf by leaf. What it means to stack arrays is passed in: this layer knows trees, not arrays.
 */

import { WeftTypeError } from "../util/errors.ts";
import { show } from "../util/text.ts";
import { flattenFor, unflatten } from "./flatten.ts";
import { flattenUpTo } from "./map.ts";
import { describePath } from "./path.ts";
import type { TreeDef } from "./treedef.ts";
import type { LeafOf, MapTree } from "./types.ts";

/**
 * One tree whose leaves are `stackLeaves` of the corresponding leaves of `trees`.
 * @throws WeftTypeError if there is no tree, or if one differs in structure from the first.
 * @example stackWith((xs) => xs, [{ a: 1 }, { a: 2 }]) // => { a: [1, 2] }
 */
export function stackWith<T, To>(
  stackLeaves: (leaves: LeafOf<T>[]) => To,
  trees: readonly T[],
): MapTree<T, To> {
  if (!Array.isArray(trees)) throw new WeftTypeError(`tree.stack needs a list of trees, got ${show(trees)}.`);
  if (trees.length === 0) throw new WeftTypeError("tree.stack needs at least one tree, got none");
  const [first, treedef] = flattenFor("tree.stack", trees[0]) as [LeafOf<T>[], TreeDef<T>];
  const rows = trees.map((tree, i) => flattenUpTo(treedef, tree, `tree.stack, tree ${i + 1}`) as LeafOf<T>[]);
  return unflatten(
    treedef,
    first.map((_, leaf) => stackLeaves(rows.map((row) => row[leaf]!))),
  );
}

/**
 * The inverse of `stackWith`: one tree for each part that `unstackLeaf` makes of a leaf.
 * @throws WeftTypeError if the leaves fall into different numbers of parts (names two of them), or if there is no leaf.
 * @example unstackWith((xs) => [...xs], { a: "xy" }) // => [{ a: "x" }, { a: "y" }]
 */
export function unstackWith<T, Part>(
  unstackLeaf: (leaf: LeafOf<T>) => readonly Part[],
  tree: T,
): MapTree<T, Part>[] {
  const [found, treedef] = flattenFor("tree.unstack", tree) as [LeafOf<T>[], TreeDef<T>];
  const parts = found.map((leaf) => unstackLeaf(leaf));
  const count = parts[0]?.length;
  if (count === undefined) throw new WeftTypeError(`tree.unstack needs at least one leaf, got ${treedef}`);
  const odd = parts.findIndex((part) => part.length !== count);
  if (odd >= 0) {
    const [first, other] = [treedef.paths()[0]!, treedef.paths()[odd]!].map(describePath);
    throw new WeftTypeError(
      `tree.unstack: the leaf at ${first} has ${count} parts, but the leaf at ${other} has ${parts[odd]!.length}`,
    );
  }
  return Array.from({ length: count }, (_, i) =>
    unflatten(
      treedef,
      parts.map((part) => part[i]!),
    ),
  );
}
