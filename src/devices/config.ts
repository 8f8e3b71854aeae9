import { canShareMemory, cores, env, hasEnvironment } from "#platform";
import { MAX_THREADS } from "../backends/common/handover.ts";
import { PASS_NAMES, type PassName } from "../compiler/switches.ts";
import { WeftTypeError, WeftValueError } from "../core/errors.ts";
import { suggestion } from "../util/options.ts";
import { show } from "../util/text.ts";

/**
 * How programs run:
 * - `wasm`: as WebAssembly;
 * - `native`: as C that the system's compiler makes a shared library of (Node with the package koffi, GCC or Clang). A program
 *   that does not compile runs as WebAssembly after a warning, one that calls JavaScript (`debug.print`) without one;
 * - `auto`: natively what computes so much that compiling it pays, if everything for it is there; the rest as WebAssembly;
 * - `interp`: through the interpreter of the loop IR (slow; to check the compiler; not in pages).
 */
export type Tier = "wasm" | "native" | "auto" | "interp";

export type { PassName } from "../compiler/switches.ts";

/**
 * Settings of the library. Assigning a value that is not possible throws a {@link WeftValueError}; a name that there is not, a
 * {@link WeftTypeError}.
 */
export interface Config {
  /** How programs that are compiled from now on run. Default "wasm"; environment: `WEFT_TIER`. */
  tier: Tier;
  /**
   * Bytes of arrays that may stay in WebAssembly memory before those that nobody holds are looked for, and the least recently used
   * ones move to ordinary JavaScript memory; where that happens often it rises by itself. Default 64 MiB; environment:
   * `WEFT_MEMORY_BUDGET`.
   */
  memoryBudget: number;
  /**
   * Threads that a compiled program may use for its large loops, the calling one included; results do not depend on it. They start
   * at `await init()`, or at the first call that could use them, which does not wait for them.
   * Default: the number of cores up to 8, and 1 in a page that may not share memory; environment: `WEFT_THREADS`.
   */
  threads: number;
  /**
   * Folder for compiled native code. Only its owner may be able to write to it. Default "": the user's own cache folder
   * (`~/.cache/weft` or what the system has in its place); environment: `WEFT_CACHE_DIR`.
   */
  cacheDir: string;
  /**
   * Optimisations to leave out, to measure what each buys: results differ by rounding at most. It counts for programs that
   * are compiled (`recompute`: functions that are traced) from now on; what was compiled under another setting is kept for
   * when that comes back. Default none; environment: `WEFT_DISABLE`, names separated by commas.
   */
  disable: readonly PassName[];
}

const defaults = (): Config => ({
  tier: "wasm",
  memoryBudget: 64 * 2 ** 20,
  threads: canShareMemory() ? Math.min(8, cores()) : 1,
  cacheDir: "",
  disable: [],
});

interface Option<T> {
  readonly expected: string;
  /** The value that was meant, or undefined. Environment variables arrive as strings. */
  parse(value: unknown): T | undefined;
}

const OPTIONS: { readonly [K in keyof Config]: Option<Config[K]> } = {
  tier: oneOf("wasm", "native", "auto", "interp"),
  memoryBudget: {
    expected: "a finite number of bytes, at least 0",
    parse: parseBytes,
  },
  threads: {
    expected: `a whole number from 1 to ${MAX_THREADS}`,
    parse: parseThreads,
  },
  cacheDir: {
    expected: "the path of a folder",
    parse: (value) => (typeof value === "string" ? value : undefined),
  },
  disable: {
    get expected() {
      return `names out of ${PASS_NAMES.join(", ")}`;
    },
    parse: parseNames,
  },
};

const numberFrom = (value: unknown): unknown =>
  typeof value === "string" && value.trim() !== "" ? Number(value) : value;

function parseBytes(value: unknown): number | undefined {
  const bytes = numberFrom(value);
  return typeof bytes === "number" && bytes >= 0 && Number.isFinite(bytes) ? bytes : undefined;
}

function parseThreads(value: unknown): number | undefined {
  const n = numberFrom(value);
  return typeof n === "number" && Number.isInteger(n) && n >= 1 && n <= MAX_THREADS ? n : undefined;
}

/** In the order of the table, so that equal sets are equal lists. */
function parseNames(value: unknown): readonly PassName[] | undefined {
  const names = typeof value === "string" ? value.split(",").map((name) => name.trim()) : value;
  if (!Array.isArray(names)) return undefined;
  const wanted = new Set<unknown>(names.filter((name) => name !== ""));
  const known = PASS_NAMES.filter((name) => wanted.delete(name));
  return wanted.size === 0 ? Object.freeze(known) : undefined;
}

/* @__NO_SIDE_EFFECTS__ */
function oneOf<T extends string>(...choices: readonly [T, ...T[]]): Option<T> {
  return {
    expected: choices.map((c) => JSON.stringify(c)).join(" or "),
    parse: (value) => choices.find((c) => c === value),
  };
}

/** `memoryBudget` → `WEFT_MEMORY_BUDGET`. */
const variableOf = (name: string): string => `WEFT_${name.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`;

function parse<T>(option: Option<T>, value: unknown, where: string): T {
  const parsed = option.parse(value);
  if (parsed === undefined)
    throw new WeftValueError(`${where}: expected ${option.expected}, got ${show(value)}.`);
  return parsed;
}

/** The defaults, as `read` (the environment) overrides them. */
export function settingsFrom(read: (variable: string) => string | undefined): Config {
  const given: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(OPTIONS) as [string, Option<unknown>][]) {
    const value = read(variableOf(name));
    if (value !== undefined) given[name] = parse(option, value, `Environment ${variableOf(name)}`);
  }
  return { ...defaults(), ...given };
}

/** The settings for users to write: what is not possible is refused. */
/* @__NO_SIDE_EFFECTS__ */
export function guarded(settings: Config): Config {
  const values = settings as unknown as Record<string, unknown>;
  const config: object = Object.create(new Proxy(Object.prototype, UNKNOWN));
  for (const [name, option] of Object.entries(OPTIONS) as [string, Option<unknown>][])
    Object.defineProperty(config, name, {
      enumerable: true,
      get: () => values[name],
      set: (next: unknown) => {
        values[name] = parse(option, next, `config.${name}`);
      },
    });
  return Object.seal(config) as Config;
}

/** What is looked up and not found. Only a slip of the pen is a mistake: consoles and tests look for anything in any object. */
const UNKNOWN: ProxyHandler<object> = {
  get: (object, name) => {
    if (typeof name === "string" && !(name in object) && suggestion(name, Object.keys(OPTIONS)) !== ".")
      throw noSetting(name);
    return Reflect.get(object, name);
  },
  set: (_, name) => {
    throw noSetting(name);
  },
};

function noSetting(name: string | symbol): WeftTypeError {
  const known = Object.keys(OPTIONS);
  return new WeftTypeError(
    `config has no setting ${show(name)}${suggestion(name, known)} Its settings are ${known.join(", ")}.`,
  );
}

/** As they are at the moment. A page without an environment loads nothing that checks values, unless it imports {@link config}. */
export const settings: Config = hasEnvironment ? settingsFrom(env) : defaults();

/**
 * The settings of the library.
 * @example config.memoryBudget = 256 * 2 ** 20;
 */
export const config: Config = guarded(settings);
