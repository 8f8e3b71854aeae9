/** Files of arrays. */
import { fileSystem } from "#platform";
import type { NDArray } from "../core/array.ts";
import { WeftError, WeftValueError } from "../core/errors.ts";
import type { MapTree } from "../tree/index.ts";
import { fitTree } from "./fit.ts";
import { decodeSafetensors, encodeSafetensors, type Metadata, type Tensors } from "./safetensors.ts";

function files(caller: string, instead: string): NonNullable<typeof fileSystem> {
  if (fileSystem) return fileSystem;
  throw new WeftError(`${caller} needs a file system; use ${instead} in the browser.`);
}

/**
 * Writes a tree of arrays to a safetensors file. The file appears complete or not at all: bytes go to a temporary file
 * beside it, which then takes its name.
 * @param path null writes nothing
 * @returns the bytes of the file
 * @throws as {@link encodeSafetensors}; WeftError in browsers; the system's error when the file cannot be written
 * @example io.saveSafetensors("weights.safetensors", params, { metadata: { step: "100" } })
 */
export function saveSafetensors(
  path: string | null,
  value: unknown,
  options: { readonly metadata?: Metadata } = {},
): Uint8Array {
  const target = path === null ? undefined : files("saveSafetensors", "encodeSafetensors");
  const bytes = encodeSafetensors(value, options);
  target?.writeAtomic(path!, bytes);
  return bytes;
}

/**
 * Reads a safetensors file.
 * @param like a tree of arrays: the result gets its structure, and shapes and dtypes must agree. Without it the result is
 *   `{ tensors, metadata }`, arrays by name.
 * @throws WeftValueError when the file is not valid; WeftTypeError when it does not fit `like`, naming every leaf that
 *   differs and both types; WeftError in browsers; the system's error when the file cannot be read
 * @example const params = io.loadSafetensors("weights.safetensors", cell.init(random.key(0)))
 */
export function loadSafetensors(path: string): Tensors;
export function loadSafetensors<T>(path: string, like: T): MapTree<T, NDArray>;
export function loadSafetensors(path: string, like?: unknown): unknown {
  const bytes = files("loadSafetensors", "decodeSafetensors").read(path);
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
