/** Taking trees apart and putting them together. */

import { WeftTypeError } from "../util/errors.ts";
import { checkCallable } from "../util/options.ts";
import { show } from "../util/text.ts";
import type { PathKey } from "./path.ts";
import { keystr } from "./path.ts";
import { open } from "./registry.ts";
import type { TreeDef } from "./treedef.ts";
import { checkTreeDef, definitionAt, LEAF } from "./treedef.ts";
import type { IsLeaf, LeafOf, MapTree } from "./types.ts";

/** No sensible tree is deeper; a cyclic one is. */
const MAX_DEPTH = 1000;

/**
 * The leaves of a tree, in order (lists by index, dicts by sorted key), and its structure (JAX's `tree.flatten`).
 * @throws WeftTypeError if the tree is nested more than 1000 levels deep, as a cyclic one is.
 * @example
 * const [leaves, treedef] = flatten({ b: 2, a: [1, null] });
 * leaves; // => [1, 2]
 * String(treedef); // => PyTreeDef({'a': [*, null], 'b': *})
 */
export function flatten<T>(tree: T): [leaves: LeafOf<T>[], treedef: TreeDef<T>];
/**
 * The leaves of a tree and its structure, where what `isLeaf` accepts is a leaf although it could be opened.
 * @param isLeaf is asked about every node and every leaf
 * @throws WeftTypeError if the tree is nested more than 1000 levels deep
 * @example flatten([{ a: 1 }, null], (x) => x === null)[0] // => [1, null]
 */
export function flatten(tree: unknown, isLeaf: IsLeaf | undefined): [leaves: unknown[], treedef: TreeDef];
export function flatten(tree: unknown, isLeaf?: IsLeaf): [leaves: unknown[], treedef: TreeDef] {
  return flattenFor("tree.flatten", tree, isLeaf);
}

/** {@link flatten} for the function `caller`, of which errors speak. */
export function flattenFor(
  caller: string,
  tree: unknown,
  isLeaf?: IsLeaf,
): [leaves: unknown[], treedef: TreeDef] {
  if (isLeaf !== undefined) checkCallable(`${caller}: isLeaf`, isLeaf);
  const leaves: unknown[] = [];
  const treedef = collect(caller, tree, leaves, isLeaf, 0);
  return [leaves, treedef];
}

/** Pushes the leaves and interns the structure bottom-up: it walks the container's trie by the children's definitions. */
function collect(
  caller: string,
  value: unknown,
  leaves: unknown[],
  isLeaf: IsLeaf | undefined,
  depth: number,
): TreeDef {
  const node = isLeaf?.(value) ? null : open(value);
  if (node === null) {
    leaves.push(value);
    return LEAF;
  }
  if (depth > MAX_DEPTH) throw tooDeep(caller, value);
  const { container, children } = node;
  let at = container.definitions;
  for (let i = 0; i < children.length; i++)
    at = at.next(collect(caller, children[i], leaves, isLeaf, depth + 1));
  return at.value ?? definitionAt(container, at);
}

function tooDeep(caller: string, value: unknown): WeftTypeError {
  const cycle = pathToItself(value);
  const reason =
    cycle === null
      ? "a tree may not be that deep"
      : `it is cyclic, ${keystr(cycle)} of a node leads back to the node itself`;
  return new WeftTypeError(
    `${caller}: the tree is nested more than ${MAX_DEPTH} levels deep: ${reason}. ` +
      "Break the cycle, or make the value a leaf by wrapping it in a class that is not registered.",
  );
}

/** The keys that lead from a node back to it, or null. A cycle that was walked into is not longer than the walk. */
function pathToItself(start: unknown): PathKey[] | null {
  const seen = new Set<unknown>();
  const pending: { value: unknown; path: PathKey[] }[] = [{ value: start, path: [] }];
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const node = open(next.value);
    for (const [i, child] of node?.children.entries() ?? []) {
      const path = [...next.path, node!.container.keyAt(i)];
      if (child === start) return path;
      if (!seen.has(child) && path.length <= MAX_DEPTH) pending.push({ value: child, path });
      seen.add(child);
    }
  }
  return null;
}

/**
 * The tree of the given structure with the given leaves; the inverse of `flatten`.
 * @throws WeftTypeError if the number of leaves is not `treedef.numLeaves`.
 * @example unflatten(structure({ a: 1, b: [2, 3] }), ["x", "y", "z"]) // => { a: "x", b: ["y", "z"] }
 */
export function unflatten<T, To>(treedef: TreeDef<T>, leaves: readonly To[]): MapTree<T, To> {
  checkTreeDef("tree.unflatten", treedef);
  if (!Array.isArray(leaves))
    throw new WeftTypeError(`tree.unflatten: leaves must be a list, got ${show(leaves)}.`);
  if (leaves.length !== treedef.numLeaves) {
    throw new WeftTypeError(
      `tree.unflatten: ${treedef} has ${plural(treedef.numLeaves, "leaf", "leaves")}, ` +
        `but ${plural(leaves.length, "was", "were")} given`,
    );
  }
  return rebuild(treedef, leaves, 0) as MapTree<T, To>;
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function rebuild(treedef: TreeDef, leaves: readonly unknown[], start: number): unknown {
  if (treedef === LEAF) return leaves[start];
  const defs = treedef.children();
  const children = new Array<unknown>(defs.length);
  for (let i = 0, at = start; i < defs.length; at += defs[i++]!.numLeaves) {
    children[i] = rebuild(defs[i]!, leaves, at);
  }
  return treedef.container.build(children);
}

/**
 * The structure of a tree. Equal structures are the same object. Source: `jax.tree.structure`.
 * @example
 * String(structure({ b: [1, null], a: 0 })); // => PyTreeDef({'a': *, 'b': [*, null]})
 * structure({ a: 1, b: 2 }) === structure({ b: "x", a: "y" }) // => true
 */
export function structure<T>(tree: T): TreeDef<T>;
/**
 * The structure of a tree in which what `isLeaf` accepts is a leaf.
 * @example String(structure([[1, 2], 3], (x) => Array.isArray(x) && x[0] === 1)) // => PyTreeDef([*, *])
 */
export function structure(tree: unknown, isLeaf: IsLeaf | undefined): TreeDef;
export function structure(tree: unknown, isLeaf?: IsLeaf): TreeDef {
  return flattenFor("tree.structure", tree, isLeaf)[1];
}

/**
 * The leaves of a tree, in flattening order.
 * @example leaves({ b: 2, a: [1, null] }) // => [1, 2]
 */
export function leaves<T>(tree: T): LeafOf<T>[];
/** The leaves of a tree, among them what `isLeaf` accepts. @example leaves([1, null], (x) => !x) // => [1, null] */
export function leaves(tree: unknown, isLeaf: IsLeaf | undefined): unknown[];
export function leaves(tree: unknown, isLeaf?: IsLeaf): unknown[] {
  return flattenFor("tree.leaves", tree, isLeaf)[0];
}
