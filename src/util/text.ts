/** Values as error messages write them: short, whatever they are. */

/** A text of at most `length` characters; what is cut out of the middle is counted. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const mark = ` … (${text.length - length} more characters) … `;
  const kept = Math.max(0, length - mark.length);
  const tail = Math.floor(kept / 3);
  return text.slice(0, kept - tail) + mark + text.slice(text.length - tail);
}

const LONGEST_STRING = 60;
const MOST_ITEMS = 6;
const DEEPEST = 2;

/**
 * A value in an error message. Never throws, never runs code of the value's own beyond what a proxy makes of questions.
 * @example show([1, "a", { b: 2 }]) // => '[1, "a", {b}]'
 */
export function show(value: unknown, depth = 0): string {
  try {
    return describe(value, depth);
  } catch {
    return "an object that cannot be looked at";
  }
}

function describe(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(cut(value, LONGEST_STRING));
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${cut(String(value), LONGEST_STRING)}n`;
    case "function":
      return describeFunction(value);
    case "object":
      return value === null ? "null" : describeObject(value, depth);
    default:
      return String(value);
  }
}

function describeFunction(value: Function): string {
  const kind = isClass(value) ? "class" : "function";
  return value.name ? `the ${kind} ${cut(value.name, LONGEST_STRING)}` : `a ${kind}`;
}

/** The prototype of a class cannot be replaced, as that of few functions besides; its text decides. */
const isClass = (f: Function): boolean =>
  Object.getOwnPropertyDescriptor(f, "prototype")?.writable === false &&
  Function.prototype.toString.call(f).startsWith("class");

/** A function to call, which a class is not. */
export const isCallable = (f: unknown): f is Function => typeof f === "function" && !isClass(f);

function describeObject(value: object, depth: number): string {
  if (Array.isArray(value)) return depth < DEEPEST ? `[${items(value, depth)}]` : "[…]";
  if (hasType(value)) return "trace" in value ? `Traced<${value.aval}>` : String(value.aval);
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  if (ArrayBuffer.isView(value) && "length" in value) return `${String(name)}(${String(value.length)})`;
  if (typeof name === "string" && name !== "Object") return `an instance of ${cut(name, LONGEST_STRING)}`;
  const keys = Object.keys(value);
  return `{${keys.slice(0, MOST_ITEMS).join(", ")}${keys.length > MOST_ITEMS ? ", …" : ""}}`;
}

/** Arrays of weft, traced or not, say their type. */
const hasType = (value: object): value is { readonly aval: unknown } => "aval" in value;

function items(list: readonly unknown[], depth = 0): string {
  const shown = Array.from(list.slice(0, MOST_ITEMS), (x) => show(x, depth + 1)).join(", ");
  return list.length > MOST_ITEMS ? `${shown}, … ${list.length - MOST_ITEMS} more` : shown;
}

/** `(3,)`, `(2, 3)`, `()`: a shape as messages write it. */
export const tuple = (list: readonly unknown[]): string =>
  list.length === 1 ? `(${items(list)},)` : `(${items(list)})`;
