/**
 * Tree definitions: the structure of a tree without its leaves.
 *
 * A definition is a container (what kind of node) and the definitions of its children. Containers and definitions are
 * interned, so equal structures are the same object and are compared with `===`. They live as long as the program: there
 * are as many as there are distinct structures.
 */

import { WeftTypeError } from "../util/errors.ts";
import { show } from "../util/text.ts";
import type { Path, PathKey } from "./path.ts";
import { quote } from "./path.ts";
import { Trie } from "./trie.ts";

/** One kind of tree node. Each instance is unique for what it stands for: one per set of keys, one per class and aux. */
export interface Container {
  readonly kind: "leaf" | "empty" | "list" | "dict" | "custom";
  /** The definitions with this container, by their children. */
  readonly definitions: Trie<TreeDef, TreeDef>;
  /** The value with these children. */
  readonly build: (children: unknown[]) => unknown;
  /** How the i-th child is reached. */
  readonly keyAt: (i: number) => PathKey;
  /** Prints the node around its printed children. */
  readonly print: (children: readonly string[]) => string;
  /** Names the node in an error text, with its article. */
  readonly describe: (numChildren: number) => string;
  /** The sorted keys of a dict; none otherwise. */
  readonly keys: readonly string[];
  /** Two containers of the same family differ in detail only; across families, the types of the nodes differ. */
  readonly family: unknown;
}

const fresh = (): Trie<TreeDef, TreeDef> => new Trie();

/** A node without children: it is its own printed form and its own description. */
function childless(kind: "leaf" | "empty", name: string, printed: string, value?: null): Container {
  return {
    kind,
    definitions: fresh(),
    build: () => value,
    keyAt: (index) => ({ kind: "index", index }),
    print: () => printed,
    describe: () => name,
    keys: [],
    family: name,
  };
}

const LEAF_CONTAINER: Container = childless("leaf", "a leaf", "*");
export const NULL_CONTAINER: Container = childless("empty", "null", "null", null);
export const UNDEFINED_CONTAINER: Container = childless("empty", "undefined", "undefined");

export const LIST_CONTAINER: Container = {
  kind: "list",
  definitions: fresh(),
  build: (children) => children,
  keyAt: (index) => ({ kind: "index", index }),
  print: (children) => `[${children.join(", ")}]`,
  describe: (n) => `an array of length ${n}`,
  keys: [],
  family: "list",
};

/** Dicts by their keys, in whatever order the keys were inserted; all orders share one container. */
const dicts = new Trie<string, Container>();

/** The container of the plain objects with these keys, in any order. */
export function dictContainer(keys: readonly string[]): Container {
  let node = dicts;
  for (let i = 0; i < keys.length; i++) node = node.next(keys[i]!);
  return (node.value ??= sortedDict(keys));
}

function sortedDict(keys: readonly string[]): Container {
  const sorted = [...keys].sort();
  const inOrder = sorted.every((key, i) => key === keys[i]);
  return inOrder ? makeDict(sorted) : dictContainer(sorted);
}

function makeDict(keys: readonly string[]): Container {
  return {
    kind: "dict",
    definitions: fresh(),
    build: (children) => buildDict(keys, children),
    keyAt: (i) => ({ kind: "key", key: keys[i]! }),
    print: (children) => `{${children.map((child, i) => `${quote(keys[i]!)}: ${child}`).join(", ")}}`,
    describe: () =>
      keys.length === 0 ? "an object without keys" : `an object with keys {${keys.join(", ")}}`,
    keys,
    family: "dict",
  };
}

function buildDict(keys: readonly string[], children: readonly unknown[]): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (key === "__proto__") defineOwn(out, key, children[i]);
    else out[key] = children[i];
  }
  return out;
}

/** Assigning to `__proto__` would change the prototype instead of adding a key. */
function defineOwn(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

let lastId = 0;

/**
 * The structure of a tree of type `T`, interned: equal structures are the same object.
 * @example String(structure({ b: [1, 2], a: 0 })) // => "PyTreeDef({'a': *, 'b': [*, *]})"
 */
export class TreeDef<out T = unknown> {
  /** Carries the type of the tree; there is no such field at run time. */
  declare readonly treeType?: T;
  /** A small number, unique to the structure. */
  readonly id: number;
  readonly numLeaves: number;
  readonly container: Container;
  readonly #children: readonly TreeDef[];
  #paths: readonly Path[] | null = null;

  /** Use `defineTree`: a definition made directly would not be interned. */
  constructor(container: Container, children: readonly TreeDef[]) {
    this.id = lastId++;
    this.container = container;
    this.#children = Object.freeze(children);
    this.numLeaves =
      container.kind === "leaf" ? 1 : children.reduce((total, child) => total + child.numLeaves, 0);
    Object.freeze(this);
  }

  get isLeaf(): boolean {
    return this.container.kind === "leaf";
  }

  /** The definitions of the children, in flattening order. */
  children(): readonly TreeDef[] {
    return this.#children;
  }

  /** The path of each leaf, in flattening order. */
  paths(): readonly Path[] {
    this.#paths ??= this.isLeaf
      ? [[]]
      : this.#children.flatMap((child, i) => child.paths().map((path) => [this.container.keyAt(i), ...path]));
    return this.#paths;
  }

  /** The structure in which every leaf of this one is replaced by `inner`. */
  compose(inner: TreeDef): TreeDef {
    if (this.isLeaf) return inner;
    return defineTree(
      this.container,
      this.#children.map((child) => child.compose(inner)),
    );
  }

  toString(): string {
    return `PyTreeDef(${this.#print()})`;
  }

  #print(): string {
    return this.container.print(this.#children.map((child) => child.#print()));
  }
}

/** @throws WeftTypeError for what is no tree definition */
export function checkTreeDef(caller: string, x: unknown): void {
  if (!(x instanceof TreeDef))
    throw new WeftTypeError(
      `${caller} needs a tree definition as tree.structure returns it, got ${show(x)}.`,
    );
}

/** The definition with this container and these children. */
function defineTree(container: Container, children: readonly TreeDef[]): TreeDef {
  let node = container.definitions;
  for (let i = 0; i < children.length; i++) node = node.next(children[i]!);
  return definitionAt(container, node);
}

/** The definition at the end of a walk through `container.definitions`. */
export function definitionAt(container: Container, node: Trie<TreeDef, TreeDef>): TreeDef {
  return (node.value ??= new TreeDef(container, node.path()));
}

/** The definition of a single leaf. */
export const LEAF: TreeDef = defineTree(LEAF_CONTAINER, []);
