/** Files of arrays. */
import { type FileSystem, fileSystem } from "#platform";
import type { NDArray } from "../core/array.ts";
import { WeftError, WeftTypeError, WeftValueError } from "../core/errors.ts";
import type { MapTree } from "../tree/index.ts";
import { reasonOf } from "../util/reason.ts";
import { fitTree } from "./fit.ts";
import { decodeSafetensors, encode, type Metadata, type Tensors } from "./safetensors.ts";

/** Lets `act` use the file system. What the system refuses becomes an error of ours, with the system's as its cause. */
function onDisk<T>(caller: string, instead: string, path: unknown, act: (system: FileSystem) => T): T {
  if (!fileSystem) throw new WeftError(`${caller} needs a file system; use ${instead} in the browser.`);
  if (typeof path !== "string")
    throw new WeftTypeError(`${caller} expects the path of a file, a string, got ${describe(path)}.`);
  try {
    return act(fileSystem);
  } catch (cause) {
    throw new WeftError(`${caller}(${JSON.stringify(path)}): ${reasonOf(cause)}.`, { cause });
  }
}

const describe = (value: unknown): string => (value === null ? "null" : typeof value);

/**
 * Writes a tree of arrays to a safetensors file. The file appears complete or not at all, also when several threads or
 * processes write it: bytes go to a temporary file of a random name beside it, which then takes its name. An old file's
 * permissions stay; a symbolic link is replaced by the file; a device or a pipe is written to as it is.
 * @param path null writes nothing
 * @returns the bytes of the file
 * @throws as {@link encodeSafetensors}; WeftError in browsers, and when the file cannot be written (`cause` is the system's error)
 * @example io.saveSafetensors("weights.safetensors", { w: np.ones([2]) }, { metadata: { step: "100" } })
 */
export function saveSafetensors(
  path: string | null,
  value: unknown,
  options: { readonly metadata?: Metadata } = {},
): Uint8Array {
  const bytes = encode("io.saveSafetensors", value, options);
  if (path !== null)
    onDisk("io.saveSafetensors", "io.encodeSafetensors", path, (system) => system.writeAtomic(path, bytes));
  return bytes;
}

/**
 * Reads a safetensors file. With a tree as second argument the result gets its structure.
 * @returns `{ tensors, metadata }`, arrays by name
 * @throws WeftValueError when the file is not valid; WeftError in browsers, and when the file cannot be
 *   read (`cause` is the system's error)
 * @example
 * io.saveSafetensors("weights.safetensors", { layers: [{ w: np.ones([2]) }] });
 * io.loadSafetensors("weights.safetensors").tensors["layers.0.w"].js() // => [1, 1]
 */
export function loadSafetensors(path: string): Tensors;
/**
 * Reads a safetensors file into a tree.
 * @param like a tree of arrays: the result gets its structure, and shapes and dtypes must agree
 * @throws WeftValueError when the file is not valid; WeftTypeError when it does not fit `like`, naming every leaf that
 *   differs and both types; WeftError in browsers, and when the file cannot be read (`cause` is the system's error)
 * @example
 * const params = { w: np.ones([2]) };
 * io.saveSafetensors("weights.safetensors", params);
 * io.loadSafetensors("weights.safetensors", params) // => { w: [1, 1] }
 */
export function loadSafetensors<T>(path: string, like: T): MapTree<T, NDArray>;
export function loadSafetensors(path: string, like?: unknown): unknown {
  const bytes = onDisk("io.loadSafetensors", "io.decodeSafetensors", path, (system) => system.read(path));
  const found = decodeFile(path, bytes);
  return like === undefined ? found : fitTree(found.tensors, like, path);
}

function decodeFile(path: string, bytes: Uint8Array): Tensors {
  try {
    return decodeSafetensors(bytes);
  } catch (error) {
    throw error instanceof WeftValueError ? new WeftValueError(`${path}: ${error.message}`) : error;
  }
}
