/** What a tree node is: opening a value into its container and its children, and registering classes as nodes. */

import { WeftTypeError } from "../util/errors.ts";
import { structuralKey } from "../util/key.ts";
import { checkCallable, checkOptions } from "../util/options.ts";
import { show } from "../util/text.ts";
import type { PathKey } from "./path.ts";
import type { Container } from "./treedef.ts";
import { dictContainer, LIST_CONTAINER, NULL_CONTAINER, UNDEFINED_CONTAINER } from "./treedef.ts";
import { Trie } from "./trie.ts";

/** How instances of a class are taken apart and put together. */
export interface NodeSpec<T, Child, Aux> {
  /** The children, which are trees, and whatever else is needed to rebuild: part of the structure, compared by content. */
  readonly flatten: (value: T) => readonly [children: readonly Child[], aux: Aux];
  /** Must accept any leaves, not only those `flatten` gave. */
  readonly unflatten: (aux: Aux, children: Child[]) => T;
  /** One key per child, for paths; a string is an attribute. Without it, children are named by index. */
  readonly keys?: readonly (string | PathKey)[] | ((aux: Aux) => readonly (string | PathKey)[]);
}

interface Registration {
  readonly name: string;
  readonly spec: NodeSpec<unknown, unknown, unknown>;
  readonly containers: Map<string, Container>;
}

/** A value that is a node, seen one level deep. */
interface Opened {
  readonly container: Container;
  readonly children: readonly unknown[];
}

/** How to open instances of registered classes, by prototype. All that classes need comes with {@link register}. */
const openers = new Map<object, (value: object) => Opened>();

/**
 * Makes instances of exactly this class (not of its subclasses) tree nodes.
 * @throws WeftTypeError if the class is registered already or is one that trees handle themselves.
 * @example
 * class Point { constructor(x, y) { this.x = x; this.y = y; } }
 * tree.register(Point, {
 *   flatten: (p) => [[p.x, p.y], null],
 *   unflatten: (_, [x, y]) => new Point(x, y),
 *   keys: ["x", "y"],
 * });
 * tree.map((v) => v * 10, new Point(1, 2)).y; // => 20
 * tree.leavesWithPath({ p: new Point(1, 2) }).map(([path]) => tree.keystr(path)) // => ["['p'].x", "['p'].y"]
 */
export function register<T, Child, Aux>(
  constructor: abstract new (...args: never) => T,
  spec: NodeSpec<T, Child, Aux>,
): void {
  if (typeof constructor !== "function" || typeof constructor.prototype !== "object")
    throw new WeftTypeError(`tree.register: a class is needed, got ${show(constructor)}.`);
  const { flatten, unflatten } = checkOptions("tree.register", spec, ["flatten", "unflatten", "keys"]);
  checkCallable("tree.register: flatten", flatten);
  checkCallable("tree.register: unflatten", unflatten);
  const prototype: object = constructor.prototype;
  if (prototype === Object.prototype || prototype === Array.prototype) {
    throw new WeftTypeError(
      `tree.register: ${constructor.name} is a tree node already and cannot be registered`,
    );
  }
  if (openers.has(prototype)) {
    throw new WeftTypeError(`tree.register: the class ${constructor.name} is registered already`);
  }
  const registration: Registration = {
    name: constructor.name || "anonymous class",
    spec: spec as unknown as Registration["spec"],
    containers: new Map(),
  };
  openers.set(prototype, (value) => openCustom(registration, value));
}

const OPENED_NULL: Opened = { container: NULL_CONTAINER, children: [] };
const OPENED_UNDEFINED: Opened = { container: UNDEFINED_CONTAINER, children: [] };

/** The container and children of a node, or null for a leaf. */
export function open(value: unknown): Opened | null {
  if (typeof value !== "object") return value === undefined ? OPENED_UNDEFINED : null;
  if (value === null) return OPENED_NULL;
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) return { container: LIST_CONTAINER, children: value as unknown[] };
  if (prototype === Object.prototype || prototype === null) return openDict(value as Record<string, unknown>);
  const opener = openers.get(prototype);
  if (opener !== undefined) return opener(value);
  // Array subclasses and arrays of another realm.
  return Array.isArray(value) ? { container: LIST_CONTAINER, children: value } : null;
}

function openDict(dict: Record<string, unknown>): Opened {
  const container = dictContainer(Object.keys(dict));
  const keys = container.keys;
  const children = new Array<unknown>(keys.length);
  for (let i = 0; i < keys.length; i++) children[i] = dict[keys[i]!];
  return { container, children };
}

function openCustom(registration: Registration, value: object): Opened {
  const parts: unknown = registration.spec.flatten(value);
  if (!Array.isArray(parts) || parts.length !== 2 || !Array.isArray(parts[0])) {
    throw new WeftTypeError(
      `the flatten function registered for ${registration.name} must return [children, aux] with children an array`,
    );
  }
  const [children, aux] = parts as [unknown[], unknown];
  return { container: customContainer(registration, aux, children.length), children };
}

function customContainer(registration: Registration, aux: unknown, numChildren: number): Container {
  const key = structuralKey(aux);
  let container = registration.containers.get(key);
  if (container === undefined) {
    container = makeCustom(registration, aux, numChildren);
    registration.containers.set(key, container);
  }
  return container;
}

function makeCustom(registration: Registration, aux: unknown, numChildren: number): Container {
  const { name, spec } = registration;
  const keys = typeof spec.keys === "function" ? spec.keys(aux) : spec.keys;
  if (keys !== undefined && keys.length !== numChildren) {
    throw new WeftTypeError(
      `${name} is registered with ${keys.length} keys but flattens into ${numChildren} children`,
    );
  }
  const metadata = aux === null || aux === undefined ? "" : structuralKey(aux);
  return {
    kind: "custom",
    definitions: new Trie(),
    build: (children) => spec.unflatten(aux, children),
    keyAt: (index) => toPathKey(keys?.[index] ?? { kind: "index", index }),
    print: (children) => `CustomNode(${name}[${metadata}], [${children.join(", ")}])`,
    describe: (n) => `a ${name} with ${n} children${metadata === "" ? "" : ` and metadata ${metadata}`}`,
    keys: [],
    family: registration,
  };
}

function toPathKey(key: string | PathKey): PathKey {
  return typeof key === "string" ? { kind: "attr", name: key } : key;
}
