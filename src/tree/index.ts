/**
 * Pytrees. Arrays are lists, plain objects are dicts with sorted keys, `null` and `undefined` are empty nodes, instances
 * of registered classes are nodes; everything else is a leaf.
 */

export { describeMismatch, equalityErrors, prefixErrors, type StructureError } from "./errors.ts";
export { flatten, flattenFor, leaves, structure, unflatten } from "./flatten.ts";
export {
  all,
  broadcastPrefix,
  flattenUpTo,
  leavesWithPath,
  map,
  mapWithPath,
  reduce,
  transpose,
} from "./map.ts";
export { describePath, type KeystrOptions, keystr, type Path, type PathKey } from "./path.ts";
export { type NodeSpec, register } from "./registry.ts";
export { stackWith, unstackWith } from "./stack.ts";
export { TreeDef } from "./treedef.ts";
export type {
  HasLeaf,
  IsLeaf,
  LeafObject,
  LeafOf,
  MapTree,
  NestedListsIn,
  Primitive,
  Tree,
  TreeOf,
  UpTo,
} from "./types.ts";
