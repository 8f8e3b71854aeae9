/** Where and how two structures differ, in pieces from which the caller makes a sentence. */

import { flattenFor } from "./flatten.ts";
import type { Path } from "./path.ts";
import { describePath } from "./path.ts";
import { TreeDef } from "./treedef.ts";

/** The pieces of "… at `path` is `whatA` but … is `whatB`, so `explanation`". */
export interface StructureError {
  readonly path: Path;
  readonly whatA: string;
  readonly whatB: string;
  readonly explanation: string;
}

/**
 * All places where two trees (or tree definitions) differ in structure, outermost first; empty if they are equal.
 * @example
 * equalityErrors({ c: [1, 2] }, { c: [1, 2, 3] })
 * // => [{ path: [{ kind: "key", key: "c" }], whatA: "an array of length 2", whatB: "an array of length 3",
 * //  explanation: "the lengths do not match" }]
 */
export function equalityErrors(treeA: unknown, treeB: unknown): StructureError[] {
  return compare(toTreeDef("tree.equalityErrors", treeA), toTreeDef("tree.equalityErrors", treeB), false);
}

/**
 * All places where `full` does not continue `prefix`, whose leaves stand for any subtree. Trees or tree definitions.
 * Source: `jax.tree_util.prefix_errors`.
 * @example
 * prefixErrors([0, 0], [{ a: 1 }, 2]); // => []
 * prefixErrors([0, [0]], [{ a: 1 }, 2]).map((e) => e.explanation) // => ["their types differ"]
 */
export function prefixErrors(prefix: unknown, full: unknown): StructureError[] {
  return compare(toTreeDef("tree.prefixErrors", prefix), toTreeDef("tree.prefixErrors", full), true);
}

/** A tree definition stands for itself wherever a function takes a tree only for its structure. */
export function toTreeDef(caller: string, tree: unknown): TreeDef {
  return tree instanceof TreeDef ? tree : flattenFor(caller, tree)[1];
}

/** The first difference as the end of an error text. */
export function describeMismatch({ path, whatA, whatB, explanation }: StructureError): string {
  return `at ${describePath(path)}, ${whatA} is expected but ${whatB} is given, so ${explanation}`;
}

function compare(a: TreeDef, b: TreeDef, prefix: boolean): StructureError[] {
  if (a === b || (prefix && a.isLeaf)) return [];
  const explanation = difference(a, b);
  if (explanation !== null) return [{ path: [], whatA: describe(a), whatB: describe(b), explanation }];
  return a.children().flatMap((child, i) => {
    const key = a.container.keyAt(i);
    const errors = compare(child, b.children()[i]!, prefix);
    return errors.map((error) => ({ ...error, path: [key, ...error.path] }));
  });
}

function describe(treedef: TreeDef): string {
  return treedef.container.describe(treedef.children().length);
}

/** Why the outermost nodes differ; null if they are of one kind and the difference is further inside. */
function difference(a: TreeDef, b: TreeDef): string | null {
  const sameCount = a.children().length === b.children().length;
  if (a.container.family !== b.container.family) return "their types differ";
  if (a.container.kind === "list") return sameCount ? null : "the lengths do not match";
  if (a.container === b.container && sameCount) return null;
  if (a.container.kind === "dict") return `${countsOrKeys(sameCount)}${keyDifference(a, b)}`;
  return sameCount ? "the metadata of the nodes do not match" : "the numbers of children do not match";
}

function countsOrKeys(sameCount: boolean): string {
  return sameCount ? "the keys do not match" : "the numbers of children do not match";
}

function keyDifference(a: TreeDef, b: TreeDef): string {
  const [inA, inB] = [a.container.keys, b.container.keys];
  const only = [...inA.filter((key) => !inB.includes(key)), ...inB.filter((key) => !inA.includes(key))];
  return `, with the symmetric difference of key sets: {${only.join(", ")}}`;
}
