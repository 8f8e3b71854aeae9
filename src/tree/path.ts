/** Paths: where in a tree a leaf is. */

import { WeftTypeError } from "../util/errors.ts";
import { checkOptions } from "../util/options.ts";
import { show } from "../util/text.ts";

export type PathKey =
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "attr"; readonly name: string };

export type Path = readonly PathKey[];

export interface KeystrOptions {
  /** Bare names, without brackets, quotes and dots. */
  readonly simple?: boolean;
  /** Put between the keys. */
  readonly separator?: string;
}

/**
 * Prints a path as JAX's `keystr` does; the root prints as the empty string.
 * @throws WeftTypeError for what is no path, and for a separator that is no string
 * @example
 * keystr([{ kind: "index", index: 0 }, { kind: "key", key: "cin" }]); // => "[0]['cin']"
 * keystr([{ kind: "index", index: 0 }, { kind: "key", key: "cin" }], { simple: true, separator: "/" }) // => "0/cin"
 */
export function keystr(path: Path, options: KeystrOptions = {}): string {
  const { simple = false, separator = "" } = checkOptions("tree.keystr", options, ["simple", "separator"]);
  if (typeof separator !== "string")
    throw new WeftTypeError(`tree.keystr: separator must be a string, got ${show(separator)}.`);
  if (!Array.isArray(path) || !path.every(isPathKey))
    throw new WeftTypeError(`tree.keystr: path must be a list of keys, got ${show(path)}.`);
  return path.map(simple ? bareName : accessor).join(separator);
}

const isPathKey = (key: unknown): key is PathKey =>
  typeof key === "object" &&
  key !== null &&
  "kind" in key &&
  ["index", "key", "attr"].includes(key.kind as string);

/** A path for the middle of a sentence. */
export function describePath(path: Path): string {
  return path.length === 0 ? "the root" : keystr(path);
}

/** A string in single quotes, as Python's `repr` writes it. */
export function quote(key: string): string {
  return `'${JSON.stringify(key).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

function bareName(key: PathKey): string {
  return key.kind === "index" ? String(key.index) : key.kind === "key" ? key.key : key.name;
}

function accessor(key: PathKey): string {
  return key.kind === "index"
    ? `[${key.index}]`
    : key.kind === "key"
      ? `[${quote(key.key)}]`
      : `.${key.name}`;
}
