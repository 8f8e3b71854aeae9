/** Functions over the leaves of trees. */

import { WeftTypeError } from "../util/errors.ts";
import { checkCallable } from "../util/options.ts";
import { describeMismatch, equalityErrors, prefixErrors, toTreeDef } from "./errors.ts";
import { flattenFor, structure, unflatten } from "./flatten.ts";
import type { Path } from "./path.ts";
import { open } from "./registry.ts";
import type { TreeDef } from "./treedef.ts";
import { checkTreeDef, LEAF } from "./treedef.ts";
import type { IsLeaf, LeafOf, MapTree, UpTo } from "./types.ts";

/**
 * The subtrees of `tree` that stand at the leaves of `treedef`.
 * @param caller begins the error text.
 * @throws WeftTypeError if `treedef` is not a prefix of the tree's structure; names the path and both nodes.
 * @example flattenUpTo(structure([0, { a: 0 }]), [[1, 2], { a: 3 }]) // => [[1, 2], 3]
 */
export function flattenUpTo(treedef: TreeDef, tree: unknown, caller = "tree.flattenUpTo"): unknown[] {
  checkTreeDef(caller, treedef);
  const subtrees: unknown[] = [];
  if (!descend(treedef, tree, subtrees)) throw notAPrefix(caller, treedef, toTreeDef(caller, tree));
  return subtrees;
}

function descend(treedef: TreeDef, tree: unknown, subtrees: unknown[]): boolean {
  if (treedef === LEAF) {
    subtrees.push(tree);
    return true;
  }
  const node = open(tree);
  const defs = treedef.children();
  if (node?.container !== treedef.container || node.children.length !== defs.length) return false;
  return defs.every((def, i) => descend(def, node.children[i], subtrees));
}

function notAPrefix(caller: string, prefix: TreeDef, full: TreeDef): WeftTypeError {
  const where = prefixErrors(prefix, full).map(describeMismatch).join("; ");
  return new WeftTypeError(`${caller}: the trees do not match: ${where}. Expected ${prefix}, got ${full}.`);
}

/**
 * One entry for each leaf of `full`: the leaf of `prefix` that covers it (JAX's `broadcast_prefix`).
 * @param full a tree, or its definition.
 * @throws WeftTypeError if `prefix` is not a tree prefix of `full`; names the path and both nodes.
 * @example broadcastPrefix([0, 1], [{ a: "x", b: "y" }, "z"]) // => [0, 0, 1]
 */
export function broadcastPrefix<T>(prefix: T, full: unknown): LeafOf<T>[];
/**
 * One entry for each leaf of `full`: the leaf of `prefix` that covers it.
 * @param isLeaf applied to `prefix`, for example to let `null` be a leaf.
 * @throws WeftTypeError if `prefix` is not a tree prefix of `full`; names the path and both nodes.
 * @example broadcastPrefix([0, null], [{ a: 1, b: 2 }, 3], (x) => x === null) // => [0, 0, null]
 */
export function broadcastPrefix(prefix: unknown, full: unknown, isLeaf: IsLeaf | undefined): unknown[];
export function broadcastPrefix(prefix: unknown, full: unknown, isLeaf?: IsLeaf): unknown[] {
  const [prefixLeaves, prefixDef] = flattenFor("tree.broadcastPrefix", prefix, isLeaf);
  const fullDef = toTreeDef("tree.broadcastPrefix", full);
  if (prefixErrors(prefixDef, fullDef).length > 0)
    throw notAPrefix("tree.broadcastPrefix", prefixDef, fullDef);
  return coverage(prefixDef, fullDef).flatMap((count, i) => new Array<unknown>(count).fill(prefixLeaves[i]));
}

/** How many leaves of `full` lie below each leaf of `prefix`. */
function coverage(prefix: TreeDef, full: TreeDef): number[] {
  if (prefix === LEAF) return [full.numLeaves];
  return prefix.children().flatMap((child, i) => coverage(child, full.children()[i]!));
}

/**
 * Applies `f` to the leaves and keeps the structure.
 *
 * Further trees must have the structure of the first as a prefix: `f` gets what stands at the place of each leaf.
 * @throws WeftTypeError if a further tree does not match; names the path and both nodes.
 * @example map((x, y) => x + y, { a: 1, b: [2, null] }, { a: 10, b: [20, null] }) // => { a: 11, b: [22, null] }
 */
export function map<T, Rest extends readonly unknown[], To>(
  f: (leaf: NoInfer<LeafOf<T>>, ...rest: { [K in keyof Rest]: UpTo<T, Rest[K]> }) => To,
  tree: T,
  ...rest: Rest
): MapTree<T, To> {
  checkCallable("tree.map: f", f);
  const [first, treedef] = flattenFor("tree.map", tree) as [LeafOf<T>[], TreeDef<T>];
  const columns = upToAll("tree.map", treedef, rest);
  const apply = f as (leaf: LeafOf<T>, ...rest: unknown[]) => To;
  return unflatten(
    treedef,
    first.map((leaf, i) => apply(leaf, ...columns.map((column) => column[i]))),
  );
}

function upToAll(caller: string, treedef: TreeDef, trees: readonly unknown[]): unknown[][] {
  return trees.map((tree, i) => flattenUpTo(treedef, tree, `${caller}, tree ${i + 2}`));
}

/**
 * `map` with the path of the leaf as the first argument of `f`.
 * @example mapWithPath((path, x) => `${keystr(path)}=${x}`, { a: [1] }) // => { a: ["['a'][0]=1"] }
 */
export function mapWithPath<T, Rest extends readonly unknown[], To>(
  f: (path: Path, leaf: NoInfer<LeafOf<T>>, ...rest: { [K in keyof Rest]: UpTo<T, Rest[K]> }) => To,
  tree: T,
  ...rest: Rest
): MapTree<T, To> {
  checkCallable("tree.mapWithPath: f", f);
  const [first, treedef] = flattenFor("tree.mapWithPath", tree) as [LeafOf<T>[], TreeDef<T>];
  const columns = upToAll("tree.mapWithPath", treedef, rest);
  const apply = f as (path: Path, leaf: LeafOf<T>, ...rest: unknown[]) => To;
  return unflatten(
    treedef,
    treedef.paths().map((path, i) => apply(path, first[i]!, ...columns.map((column) => column[i]))),
  );
}

/**
 * The leaves with their paths, in flattening order.
 * @example leavesWithPath({ a: [7] }).map(([path, x]) => [keystr(path), x]) // => [["['a'][0]", 7]]
 */
export function leavesWithPath<T>(tree: T): [path: Path, leaf: LeafOf<T>][];
/**
 * The leaves with their paths, among them what `isLeaf` accepts.
 * @example leavesWithPath({ a: [1] }, Array.isArray).map(([path, x]) => [keystr(path), x]) // => [["['a']", [1]]]
 */
export function leavesWithPath(tree: unknown, isLeaf: IsLeaf | undefined): [path: Path, leaf: unknown][];
export function leavesWithPath(tree: unknown, isLeaf?: IsLeaf): [path: Path, leaf: unknown][] {
  const [found, treedef] = flattenFor("tree.leavesWithPath", tree, isLeaf);
  return treedef.paths().map((path, i) => [path, found[i]]);
}

/**
 * Folds the leaves from the first to the last.
 * @example reduce((total, x) => total + x, { a: 1, b: [2, 3] }, 0) // => 6
 */
export function reduce<T, Result>(
  f: (result: Result, leaf: NoInfer<LeafOf<T>>) => Result,
  tree: T,
  init: Result,
): Result {
  checkCallable("tree.reduce: f", f);
  return (flattenFor("tree.reduce", tree)[0] as LeafOf<T>[]).reduce((result, leaf) => f(result, leaf), init);
}

/**
 * Whether every leaf is true; true for a tree without leaves. A leaf with an `item` method (a scalar array) is asked
 * for its value.
 * Source: `jax.tree.all`.
 * @example [all({ a: true, b: [1, null] }), all([true, np.array(0)]), all([])] // => [true, false, true]
 */
export function all(tree: unknown): boolean {
  return flattenFor("tree.all", tree)[0].every((leaf) => Boolean(hasItem(leaf) ? leaf.item() : leaf));
}

function hasItem(leaf: unknown): leaf is { item(): unknown } {
  return typeof leaf === "object" && leaf !== null && "item" in leaf && typeof leaf.item === "function";
}

/**
 * Turns a tree of trees inside out: from `outer` structures of `inner` structures to `inner` of `outer`.
 * @param inner null takes the structure found at the first leaf of `outer`.
 * @throws WeftTypeError if the tree is not `outer` with `inner` at every leaf.
 * @example transpose(structure([0, 0]), structure({ a: 0 }), [{ a: 1 }, { a: 2 }]) // => { a: [1, 2] }
 */
export function transpose<Outer, Inner, T>(
  outer: TreeDef<Outer>,
  inner: TreeDef<Inner> | null,
  tree: T,
): MapTree<Inner, MapTree<Outer, LeafOf<T>>> {
  checkTreeDef("tree.transpose: outer", outer);
  if (inner !== null) checkTreeDef("tree.transpose: inner", inner);
  const innerDef = inner ?? structure(flattenUpTo(outer, tree, "tree.transpose")[0]);
  const [found, treedef] = flattenFor("tree.transpose", tree);
  const expected = outer.compose(innerDef);
  if (treedef !== expected) {
    const where = equalityErrors(expected, treedef).map(describeMismatch).join("; ");
    throw new WeftTypeError(`tree.transpose: the tree is not ${outer} of ${innerDef}: ${where}.`);
  }
  const width = innerDef.numLeaves;
  const columns = Array.from({ length: width }, (_, j) => found.filter((_, i) => i % width === j));
  const result: unknown = unflatten(
    innerDef,
    columns.map((column) => unflatten(outer, column)),
  );
  return result as MapTree<Inner, MapTree<Outer, LeafOf<T>>>;
}
