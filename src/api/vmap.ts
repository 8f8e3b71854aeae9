/** Automatic batching. */
import type { NDArray } from "../core/array.ts";
import type { MappedAxis } from "../core/axes.ts";
import { checkCount } from "../core/check.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { batchFlat, moveBatchAxis } from "../transforms/batch.ts";
import * as tree from "../tree/index.ts";
import { checkOptions, checkString } from "../util/options.ts";
import {
  type AnyFunction,
  type ArrayFunction,
  arrayLeaves,
  checkCallable,
  flatten,
  type Inputs,
  type Output,
} from "./functions.ts";

/** Per argument (or for all): a number, null (not mapped), or a tree prefix of those. */
export type Axes = number | null | readonly Axes[] | { readonly [key: string]: Axes };

export interface VmapOptions {
  readonly inAxes?: Axes;
  readonly outAxes?: Axes;
  /** The size of the mapped axis; needed only when no argument is mapped. */
  readonly axisSize?: number;
  /** The name by which collectives (`lax.psum`, `lax.axisIndex`, …) find the mapped axis. */
  readonly axisName?: string;
}
const OPTIONS: readonly (keyof VmapOptions)[] = ["inAxes", "outAxes", "axisSize", "axisName"];

/**
 * Maps `f` over an axis of its arguments; the result computes all elements at once. Control flow inside is batched, too.
 *
 * @param inAxes the axis to map, for all arguments or per argument (an array), each a tree prefix; null: not mapped. Or all
 *   options in one object.
 * @param outAxes where the mapped axis goes in the results, likewise; null for what is the same for all elements
 * @throws WeftValueError when mapped sizes differ, an axis does not exist or a mapped result has null; WeftTypeError when an axis
 *   is no integer or an option is not understood
 * Source: `jax.vmap`.
 * @example
 * vmap((a, b) => np.dot(a, b), [null, 0])(np.array([1, 2]), np.array([[1, 0], [0, 1], [1, 1]])).js(); // => [1, 2, 3]
 * vmap((x) => x.div(lax.psum(x, "batch")), { axisName: "batch" })(np.array([1, 3])).js() // => [0.25, 0.75]
 */
export function vmap<F extends AnyFunction = ArrayFunction>(
  f: F,
  inAxes: Axes | VmapOptions = 0,
  outAxes: Axes = 0,
): (...args: Inputs<F>) => Output<F> {
  checkCallable(f, "vmap");
  const options: VmapOptions = isOptions(inAxes) ? checkVmapOptions(inAxes) : { inAxes, outAxes };
  const [ins, outs] = [options.inAxes, options.outAxes].map((axes) => (axes === undefined ? 0 : axes));
  return (...args) => {
    const parts = args.map((a, i) => arrayLeaves(a, `vmap: argument ${i}`));
    const defs = parts.map(([, def]) => def);
    const leaves = parts.flatMap(([l]) => l);
    const places = defs.flatMap((def, i) => def.paths().map((p) => `argument ${i}${tree.keystr(p)}`));
    const dims = inputAxes(ins!, defs).map((axis, k) => inputAxis(axis, leaves[k]!, places[k]!));
    const axis = { size: batchSize(leaves, dims, places, options.axisSize), name: options.axisName };
    const flat = flatten(f, defs, false, "vmap");
    const [results, resultDims] = batchFlat(flat, leaves, dims, axis);
    const def = flat.outTree();
    const targets = prefixLeaves(outs!, def, "outAxes");
    const moved = results.map((x, i) =>
      placeOutput(x, resultDims[i]!, targets[i]!, axis, tree.keystr(def.paths()[i]!)),
    );
    return tree.unflatten(def, moved) as Output<F>;
  };
}

/** The axes of all arguments are a number, null or a list; an object of axes stands in a list, in the place of its argument. */
const isOptions = (x: unknown): x is VmapOptions => typeof x === "object" && x !== null && !Array.isArray(x);

function checkVmapOptions(options: VmapOptions): VmapOptions {
  const { axisSize, axisName } = checkOptions("vmap", options, OPTIONS);
  if (axisSize !== undefined) checkCount("vmap axisSize", axisSize);
  if (axisName !== undefined) checkString("vmap axisName", axisName);
  return options;
}

/** One axis per leaf of the arguments. */
function inputAxes(inAxes: Axes, defs: readonly tree.TreeDef[]): (number | null)[] {
  if (Array.isArray(inAxes) && inAxes.length !== defs.length)
    throw new WeftValueError(
      `vmap inAxes must have an entry per argument: it has ${inAxes.length} but the function was called with ${defs.length}.`,
    );
  return defs.flatMap((def, i) =>
    prefixLeaves(Array.isArray(inAxes) ? (inAxes[i] as Axes) : inAxes, def, `inAxes[${i}]`),
  );
}

function inputAxis(axis: number | null, { ndim, aval }: NDArray, place: string): number | null {
  const dim = axis !== null && axis < 0 ? axis + ndim : axis;
  if (dim === null || (dim >= 0 && dim < ndim)) return dim;
  throw new WeftValueError(
    `vmap was requested to map ${place} of type ${aval} along axis ${axis}, which it does not have. Use null for what is not mapped.`,
  );
}

/** One axis per leaf of a tree that has these axes as a prefix. */
function prefixLeaves(prefix: Axes, def: tree.TreeDef, what: string): (number | null)[] {
  const isAxis = (x: unknown): boolean => x === null || typeof x === "number";
  const actual = tree.structure(prefix, isAxis);
  const [mismatch] = tree.prefixErrors(actual, def);
  if (mismatch)
    throw new WeftValueError(
      `vmap ${what} must be a tree prefix of the corresponding value: ${tree.describeMismatch(mismatch)}. ` +
        `It is ${actual} for ${def}.`,
    );
  const axes = tree.broadcastPrefix(prefix, def, isAxis) as (number | null)[];
  const bad = axes.find((a) => a !== null && !Number.isInteger(a));
  if (bad === undefined) return axes;
  throw new WeftTypeError(`vmap ${what} must consist of integers and null, got ${String(bad)}.`);
}

function batchSize(
  leaves: readonly NDArray[],
  dims: readonly (number | null)[],
  where: readonly string[],
  given: number | undefined,
): number {
  const mapped = leaves.flatMap((x, i) => (dims[i] === null ? [] : [{ i, size: x.shape[dims[i]!]! }]));
  const sizes = new Set(mapped.map((m) => m.size));
  if (given !== undefined) sizes.add(given);
  if (sizes.size === 1) return [...sizes][0]!;
  if (sizes.size === 0)
    throw new WeftValueError("vmap must have at least one non-null value in inAxes, or an axisSize.");
  const lines = mapped.map(
    (m) => `  * size ${m.size}: axis ${dims[m.i]} of ${where[m.i]} of type ${leaves[m.i]!.aval}`,
  );
  if (given !== undefined) lines.push(`  * size ${given}: axisSize`);
  throw new WeftValueError(`vmap got inconsistent sizes for array axes to be mapped:\n${lines.join(";\n")}`);
}

function placeOutput(
  x: NDArray,
  dim: number | null,
  target: number | null,
  { size }: MappedAxis,
  place: string,
): NDArray {
  const ndim = x.ndim + (dim === null ? 1 : 0);
  if (target === null) {
    if (dim === null) return x;
    throw new WeftValueError(
      `vmap outAxes is null for the output${place}, which differs between the elements (it has type ${x.aval} with the mapped axis): ` +
        "give it an axis.",
    );
  }
  const at = target < 0 ? target + ndim : target;
  if (at >= 0 && at < ndim) return moveBatchAxis(x, dim, at, size);
  throw new WeftValueError(
    `vmap outAxes: axis ${target} is out of bounds for the output${place}, which has ${ndim} dimension(s) with the mapped axis.`,
  );
}
