import type { NDArray } from "../../core/array.ts";
import { typeMatch } from "../../core/aval.ts";
import { WeftTypeError, WeftValueError } from "../../core/errors.ts";
import * as tree from "../../tree/index.ts";
import { checkOptions } from "../../util/options.ts";
import { canonicalAxis } from "../../util/shape.ts";
import { strong } from "../cast.ts";
import { arrayLeaves } from "../leaves.ts";
import { prefixes } from "../prefixes.ts";
import { checkCallables } from "./body.ts";
import type { AnyTree, Arrays, Fits } from "./types.ts";

export interface AssociativeScanOptions {
  /** From the last element to the first. */
  readonly reverse?: boolean;
  /** The axis to scan along; default the first. */
  readonly axis?: number;
}

/**
 * All prefixes of a sequence under an associative operation, in a logarithmic number of combinations over whole arrays.
 *
 * @param f `(a, b) => c` on trees like `elems`, elementwise along the scanned axis (which stays)
 * @param elems a tree of arrays with one common size along `axis`
 * @returns a tree like `elems`: element i is the combination of elements 0 … i
 * @throws WeftTypeError when f is not callable or does not keep trees, shapes and dtypes; WeftValueError when the
 *   sizes along the axis differ
 * Source: `jax.lax.associative_scan`; Blelloch 1990. Rounding differs from a sequential scan.
 * @example
 * lax.associativeScan(lax.add, np.array([1, 2, 3])).js(); // => [1, 3, 6]
 * lax.associativeScan(lax.max, np.array([[1, 5, 2], [4, 3, 6]]), { axis: 1 }).js() // => [[1, 5, 5], [4, 4, 6]]
 */
export function associativeScan<T extends AnyTree, R extends AnyTree>(
  f: (a: NoInfer<Arrays<T>>, b: NoInfer<Arrays<T>>) => R & Fits<R, T>,
  elems: T,
  options: AssociativeScanOptions = {},
): NoInfer<Arrays<T>> {
  const { reverse = false, axis = 0 } = checkOptions("lax.associativeScan", options, ["reverse", "axis"]);
  checkCallables("lax.associativeScan: fn argument should be a callable.", f);
  const [leaves, def] = arrayLeaves(elems, { where: "lax.associativeScan: elems" });
  const at = leaves.length ? canonicalAxis("lax.associativeScan: axis", axis, leaves[0]!.ndim) : 0;
  checkSizes(leaves, at);
  const combine = (a: NDArray[], b: NDArray[]): NDArray[] =>
    elementsLike(a, def, f(tree.unflatten(def, a) as Arrays<T>, tree.unflatten(def, b) as Arrays<T>));
  const all = prefixes(combine, leaves, at, reverse);
  return tree.unflatten(def, combines(leaves, at) ? all.map(strong) : all) as Arrays<T>;
}

/** JAX joins the elements at even and odd places by pads of a strong zero: what was combined at all is no longer weak. */
const combines = ([first]: readonly NDArray[], axis: number): boolean => (first?.shape[axis] ?? 0) > 1;

/** What the operation returned, as leaves: a tree, shapes and dtypes like those it got. */
function elementsLike(given: readonly NDArray[], def: tree.TreeDef, result: unknown): NDArray[] {
  const [arrays, actual] = arrayLeaves(result, { where: "lax.associativeScan: the result of fn" });
  if (actual !== def)
    throw new WeftTypeError(
      "lax.associativeScan: fn must return a tree like each of its arguments, but " +
        `${tree.equalityErrors(def, actual).map(tree.describeMismatch).join("; ")}. It returned ${actual} for ${def}.`,
    );
  const i = arrays.findIndex((x, k) => !typeMatch(x.aval, given[k]!.aval));
  if (i < 0) return arrays;
  const place = tree.keystr(def.paths()[i]!);
  throw new WeftTypeError(
    `lax.associativeScan: fn must keep shapes and dtypes (the scanned axis stays, also where it is shorter), but it returned ${arrays[i]!.aval} ` +
      `for elements${place} of type ${given[i]!.aval}.`,
  );
}

function checkSizes(leaves: readonly NDArray[], axis: number): void {
  if (new Set(leaves.map((x) => x.shape[axis])).size <= 1) return;
  const shapes = leaves.map((x) => `(${x.shape.join(", ")})`).join(", ");
  throw new WeftValueError(
    `Array inputs to associativeScan must have the same size along axis ${axis}. (saw: [${shapes}])`,
  );
}
