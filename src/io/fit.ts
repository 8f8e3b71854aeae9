/** From named arrays back to a tree. */
import { NDArray } from "../core/array.ts";
import { WeftTypeError } from "../core/errors.ts";
import { arrayLeaves } from "../lax/leaves.ts";
import * as tree from "../tree/index.ts";
import { show } from "../util/text.ts";
import { nameOf } from "./safetensors.ts";

/**
 * Named arrays as a tree of the structure of `like`.
 * @param tensors as `decodeSafetensors` returns them
 * @param like a tree of arrays whose structure, shapes and dtypes are expected
 * @param source begins the error text: what the arrays came from
 * @throws WeftTypeError that lists every array that is missing, left over or of another shape or dtype
 * @example
 * const bytes = io.encodeSafetensors({ layers: [np.array([1, 2])] });
 * io.fitTree(io.decodeSafetensors(bytes).tensors, { layers: [np.zeros([2])] }) // => { layers: [[1, 2]] }
 */
export function fitTree<T>(
  tensors: Readonly<Record<string, NDArray>>,
  like: T,
  source = "The safetensors data",
): tree.MapTree<T, NDArray> {
  const found = new Map(Object.entries(checkTensors(tensors)));
  const [leaves, def] = arrayLeaves(like, { where: "io.fitTree: like" });
  const names = def.paths().map(nameOf);
  const faults = leaves.flatMap((leaf, i) => mismatch(names[i]!, found.get(names[i]!), leaf));
  const expected = new Set(names);
  for (const [name, array] of found)
    if (!expected.has(name)) faults.push(`${name} is not expected, but present with type ${array.aval}`);
  if (faults.length > 0) throw new WeftTypeError(`${source} does not fit: ${faults.join("; ")}.`);
  return tree.unflatten(
    def,
    names.map((name) => found.get(name)!),
  ) as tree.MapTree<T, NDArray>;
}

function checkTensors(tensors: Readonly<Record<string, NDArray>>): Readonly<Record<string, NDArray>> {
  const isRecord = typeof tensors === "object" && tensors !== null && !(tensors instanceof NDArray);
  if (isRecord && Object.values(tensors).every((x) => x instanceof NDArray)) return tensors;
  throw new WeftTypeError(`io.fitTree: tensors must be an object of arrays, got ${show(tensors)}.`);
}

function mismatch(name: string, found: NDArray | undefined, like: NDArray): string[] {
  const expected = like.aval.strong();
  if (!found) return [`${name} of type ${expected} is missing`];
  return found.aval === expected ? [] : [`${name} has type ${found.aval}, but ${expected} is expected`];
}
