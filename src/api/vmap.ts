/** Automatic batching. */
import type { NDArray } from "../core/array.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { batchFlat, moveBatchAxis } from "../transforms/batch.ts";
import * as tree from "../tree/index.ts";
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
  /** Needed only when no argument is mapped. */
  readonly axisSize?: number;
  readonly axisName?: string;
}

/**
 * Maps `f` over an axis of its arguments; the result computes all elements at once. Control flow inside is batched, too.
 *
 * @param inAxes the axis to map, for all arguments or per argument (an array), each a tree prefix; null: not mapped
 * @param outAxes where the mapped axis goes in the results, likewise
 * @throws WeftValueError when mapped sizes differ or an axis does not exist
 * Source: `jax.vmap`.
 * @example vmap((w, x) => np.dot(w, x), [null, 0])(w, xs)
 */
export function vmap<F extends AnyFunction = ArrayFunction>(
  f: F,
  inAxes: Axes | VmapOptions = 0,
  outAxes: Axes = 0,
): (...args: Inputs<F>) => Output<F> {
  checkCallable(f, "vmap");
  const options = isOptions(inAxes) ? inAxes : { inAxes, outAxes };
  return (...args) => {
    const parts = args.map((a, i) => arrayLeaves(a, `vmap: argument ${i}`));
    const dims = parts.flatMap(([leaves, def], i) => argumentAxes(options.inAxes ?? 0, args, i, leaves, def));
    const leaves = parts.flatMap(([l]) => l);
    const where = parts.flatMap(([l, def], i) =>
      l.map((_, k) => `argument ${i}${tree.keystr(def.paths()[k]!)}`),
    );
    const axisSize = batchSize(leaves, dims, where, options.axisSize);
    const flat = flatten(
      f,
      parts.map(([, def]) => def),
      false,
      "vmap",
    );
    const [outs, outDims] = batchFlat(flat, leaves, dims, axisSize);
    const targets = prefixLeaves(
      options.outAxes === undefined ? 0 : options.outAxes,
      flat.outTree(),
      "outAxes",
    );
    const moved = outs.map((x, i) => placeOutput(x, outDims[i]!, targets[i]!, axisSize));
    return tree.unflatten(flat.outTree(), moved) as Output<F>;
  };
}

const isOptions = (x: unknown): x is VmapOptions =>
  typeof x === "object" &&
  x !== null &&
  !Array.isArray(x) &&
  ["inAxes", "outAxes", "axisSize", "axisName"].some((k) => Object.hasOwn(x, k));

function argumentAxes(
  inAxes: Axes,
  args: readonly unknown[],
  i: number,
  leaves: readonly NDArray[],
  def: tree.TreeDef,
): (number | null)[] {
  if (Array.isArray(inAxes) && inAxes.length !== args.length)
    throw new WeftValueError(
      `vmap inAxes must have an entry per argument: it has ${inAxes.length} but the function was called with ${args.length}.`,
    );
  const prefix = Array.isArray(inAxes) ? (inAxes[i] as Axes) : inAxes;
  return prefixLeaves(prefix, def, `inAxes[${i}]`).map((axis, k) => {
    if (axis === null) return null;
    const { ndim, aval } = leaves[k]!;
    const dim = axis < 0 ? axis + ndim : axis;
    if (Number.isInteger(dim) && dim >= 0 && dim < ndim) return dim;
    throw new WeftValueError(
      `vmap was requested to map argument ${i}${tree.keystr(def.paths()[k]!)} of type ${aval} along axis ${axis}, ` +
        `which it does not have. Use null for what is not mapped.`,
    );
  });
}

function prefixLeaves(prefix: Axes, def: tree.TreeDef, what: string): (number | null)[] {
  const isAxis = (x: unknown): boolean => x === null || typeof x === "number";
  const axes = tree.broadcastPrefix(prefix, def, isAxis) as unknown[];
  if (axes.every(isAxis)) return axes as (number | null)[];
  throw new WeftTypeError(
    `vmap ${what} must consist of numbers and null, got ${String(axes.find((a) => !isAxis(a)))}.`,
  );
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

function placeOutput(x: NDArray, dim: number | null, target: number | null, axisSize: number): NDArray {
  if (target !== null)
    return moveBatchAxis(x, dim, target < 0 ? target + x.ndim + (dim === null ? 1 : 0) : target, axisSize);
  if (dim === null) return x;
  throw new WeftValueError(
    `vmap has a mapped output of type ${x.aval} but outAxes is null for it: give it an axis.`,
  );
}
