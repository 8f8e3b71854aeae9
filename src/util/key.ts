/**
 * Structural keys: strings that are equal exactly when two values are interchangeable as parameters of an operation.
 *
 * Data is keyed by content, everything with an identity (functions, class instances, symbols) by a number given on first
 * sight. The encoding is injective: every case starts with its own mark, and strings are quoted or length-prefixed.
 */

import { WeftTypeError } from "./errors.ts";

const ids = new WeakMap<WeakKey, number>();
let lastId = 0;

/** A number that stays with the object for its whole life and is never reused. */
export function identityOf(object: WeakKey): number {
  let id = ids.get(object);
  if (id === undefined) ids.set(object, (id = ++lastId));
  return id;
}

/**
 * The key of a value. Distinguishes `0` from `-0`, `1` from `1n`, `"1"` and `true`, and `null` from `undefined`; `NaN`
 * equals itself. Plain objects are keyed with sorted keys, typed arrays by type and bytes.
 * @example structuralKey({ b: [1, -0], a: null }) === structuralKey({ a: null, b: [1, -0] }) // => true
 */
export function structuralKey(value: unknown, depth = 0): string {
  switch (typeof value) {
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${value}n`;
    case "string":
      return JSON.stringify(value);
    case "boolean":
    case "undefined":
      return String(value);
    case "symbol":
      return symbolKey(value);
    default:
      return value === null ? "null" : objectKey(value as object, depth);
  }
}

function symbolKey(value: symbol): string {
  const shared = Symbol.keyFor(value);
  return shared === undefined ? `#${identityOf(value)}` : `@${JSON.stringify(shared)}`;
}

/** Nothing sensible is deeper; what contains itself is. */
const DEEPEST = 1000;

function objectKey(value: object, depth: number): string {
  if (depth > DEEPEST)
    throw new WeftTypeError(
      `A value that is compared by its content (a static argument, an option, or aux of a registered class) is nested more than ${DEEPEST} levels deep, or contains itself.`,
    );
  if (Array.isArray(value)) return `[${Array.from(value, (x) => structuralKey(x, depth + 1)).join(",")}]`;
  if (ArrayBuffer.isView(value)) return viewKey(value);
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null
    ? recordKey(value as Record<string, unknown>, depth)
    : `#${identityOf(value)}`;
}

function recordKey(record: Record<string, unknown>, depth: number): string {
  const entries = Object.keys(record).sort();
  return `{${entries.map((name) => `${JSON.stringify(name)}:${structuralKey(record[name], depth + 1)}`).join(",")}}`;
}

/** Bytes become the characters of the same code, so the key is as short as the data. */
function viewKey(view: ArrayBufferView): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  let chars = "";
  for (const byte of bytes) chars += String.fromCharCode(byte);
  return `${view.constructor.name}<${bytes.length}>${chars}`;
}
