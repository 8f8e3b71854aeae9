/** Objects of options, and choices by name: what is not understood is refused, with the name that was probably meant. */
import { WeftTypeError, WeftValueError } from "./errors.ts";
import { isCallable, show } from "./text.ts";

/** Options that are true or false in whatever function they occur. */
const FLAGS: ReadonlySet<string> = new Set([
  "approximate",
  "equalNaN",
  "hasAux",
  "includeInitial",
  "increasing",
  "independent",
  "invert",
  "isStable",
  "keepdims",
  "nesterov",
  "ordered",
  "replace",
  "reverse",
  "rowvar",
  "simple",
  "sparse",
  "tiled",
  "uniqueIndices",
]);

/**
 * The options as they are, if all of them are known, and true or false if they are {@link FLAGS}.
 * @param caller begins the error text
 * @throws WeftTypeError for anything but an object, for an option that is not in `known`, and for a flag that is no boolean
 * @example checkOptions("np.zeros", { dtpye: "int32" }, ["dtype"]) // throws: np.zeros has no option "dtpye"; did you mean "dtype"? …
 */
export function checkOptions<T extends object>(
  caller: string,
  given: T,
  known: readonly (keyof T & string)[],
): T {
  if (!isRecord(given))
    throw new WeftTypeError(`${caller}: the options must be an object ${braced(known)}, got ${show(given)}.`);
  for (const name in given) {
    if (!known.includes(name))
      throw new WeftTypeError(
        `${caller} has no option ${show(name)}${suggestion(name, known)} Its options are ${known.join(", ")}.`,
      );
    if (FLAGS.has(name) && given[name] !== undefined) checkBoolean(`${caller}: ${name}`, given[name]);
  }
  return given;
}

/** Objects that are something else by themselves are no options: `choice(key, a, [5])` is a mistake. */
function isRecord(x: unknown): x is object {
  return typeof x === "object" && x !== null && !Array.isArray(x) && !ArrayBuffer.isView(x) && !("aval" in x);
}

const braced = (known: readonly string[]): string => `{ ${known.join(", ")} }`;

/**
 * `value`, which must be one of `choices`.
 * @throws WeftValueError otherwise
 */
export function checkChoice<T>(what: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((c) => c === value);
  if (found !== undefined) return found;
  const names = choices.map((c) => show(c));
  throw new WeftValueError(
    `${what} must be ${names.slice(0, -1).join(", ")}${names.length > 1 ? " or " : ""}${names.at(-1)}, got ${show(value)}` +
      `${suggestion(
        value,
        choices.filter((c) => typeof c === "string"),
      )}`,
  );
}

/** `value`, which must be true or false. @throws WeftTypeError otherwise */
function checkBoolean(what: string, value: unknown): void {
  if (typeof value === "boolean") return;
  throw new WeftTypeError(`${what} must be true or false, got ${show(value)}.`);
}

/** `value`, which must be a string. @throws WeftTypeError otherwise */
export function checkString(what: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new WeftTypeError(`${what} must be a string, got ${show(value)}.`);
}

/** A function to call, which a class is not. @throws WeftTypeError otherwise */
export function checkCallable(what: string, f: unknown): void {
  if (!isCallable(f)) throw new WeftTypeError(`${what} must be a function, got ${show(f)}.`);
}

/** The end of a sentence: `; did you mean "dtype"?` if one of the names is near, else a full stop. */
export function suggestion(name: unknown, known: readonly string[]): string {
  if (typeof name !== "string" || name.length > 40) return ".";
  const near = known
    .map((k) => ({ k, d: distance(name.toLowerCase(), k.toLowerCase()) }))
    .filter(({ k, d }) => d <= Math.max(1, Math.floor(k.length / 3)))
    .sort((a, b) => a.d - b.d)[0];
  return near ? `; did you mean ${show(near.k)}?` : ".";
}

/** How many insertions, deletions, replacements and swaps of neighbours lead from one word to the other. */
function distance(a: string, b: string): number {
  let [before, row]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swap =
        a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? Infinity) + 1 : Infinity;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, change, swap));
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}
