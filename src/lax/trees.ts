/** Stacking whole trees of arrays. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { type MapTree, stackWith, unstackWith } from "../tree/index.ts";
import { asArray } from "./convert.ts";
import { concatenate, expandDims, indexInDim } from "./shape.ts";

/**
 * Trees of one structure as one tree whose leaves have a new leading axis, one entry per tree; dtypes must agree.
 * @throws WeftTypeError without trees or when structures differ, or when shapes or dtypes of a leaf differ
 * Source: `jax.tree.map(lambda *xs: jnp.stack(xs), *trees)`.
 * @example
 * stackTrees([{ w: np.zeros([2]), b: 3 }, { w: np.ones([2]), b: 4 }]) // => { w: [[0, 0], [1, 1]], b: [3, 4] }
 */
export const stackTrees = <T>(trees: readonly T[]): MapTree<T, NDArray> =>
  stackWith(
    (xs) =>
      concatenate(
        xs.map((x, i) => expandDims(asArray(`tree.stack, tree ${i}: a leaf`, x as ArrayLike), [0])),
        0,
      ),
    trees,
  );

/**
 * The inverse of {@link stackTrees}: a tree per entry of the leaves' common leading axis.
 * @throws WeftTypeError when leading axes differ or there is no leaf
 * @example unstackTrees({ w: np.array([[1, 2], [3, 4]]), b: np.array([5, 6]) })[1] // => { w: [3, 4], b: 6 }
 */
export const unstackTrees = <T>(tree: T): MapTree<T, NDArray>[] =>
  unstackWith((leaf) => {
    const x = asArray("tree.unstack: a leaf", leaf as ArrayLike);
    return Array.from({ length: x.shape[0] ?? 0 }, (_, i) => indexInDim(x, i, 0, false));
  }, tree);
