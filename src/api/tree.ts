/** The public `tree` namespace: pytrees, with stacking of arrays. */
import type { NDArray } from "../core/array.ts";
import type { LeafOf, MapTree, UpTo } from "../tree/index.ts";
import * as tree from "../tree/index.ts";
import type { Arrays } from "./functions.ts";

export { stackTrees as stack, unstackTrees as unstack } from "../lax/trees.ts";
export {
  all,
  broadcastPrefix,
  equalityErrors,
  flatten,
  flattenUpTo,
  type IsLeaf,
  type KeystrOptions,
  keystr,
  type LeafObject,
  type LeafOf,
  leaves,
  leavesWithPath,
  type MapTree,
  mapWithPath,
  type NodeSpec,
  type Path,
  type PathKey,
  prefixErrors,
  reduce,
  register,
  type StructureError,
  structure,
  type Tree,
  TreeDef,
  type TreeOf,
  transpose,
  type UpTo,
  unflatten,
} from "../tree/index.ts";

interface MapLeaves {
  /** Arrays to arrays: the result has the type of the tree, also where that is a type parameter. (`jit(grad(f))` gives twice `Arrays`.) */
  <T extends tree.TreeOf<T, NDArray> & (object | null | undefined)>(
    f: (leaf: NDArray, ...rest: NDArray[]) => NDArray,
    tree: T,
    ...rest: NoInfer<T | Arrays<T> | Arrays<Arrays<T>>>[]
  ): T;
  <T, Rest extends readonly unknown[], To>(
    f: (leaf: NoInfer<LeafOf<T>>, ...rest: { [K in keyof Rest]: UpTo<T, Rest[K]> }) => To,
    tree: T,
    ...rest: Rest
  ): MapTree<T, To>;
}

/**
 * Applies `f` to the leaves and keeps the structure.
 *
 * Further trees must have the structure of the first as a prefix: `f` gets what stands at the place of each leaf. What works for all
 * trees of arrays says so of its type parameter: `<P extends tree.TreeOf<P, np.Array>>(params: P): P`.
 * @throws WeftTypeError if a further tree does not match; names the path and both nodes.
 * Source: `jax.tree.map`.
 * @example tree.map((x, y) => x + y, { a: 1, b: [2, null] }, { a: 10, b: [20, null] }) // => { a: 11, b: [22, null] }
 */
export const map: MapLeaves = tree.map;
