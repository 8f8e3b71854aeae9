/**
 * Every public function with bad values in place of every argument, option and result of a callback: it works, or
 * throws an error of weft that is short and says of which function and argument it speaks. Nothing of the engine's own gets out.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { primitives } from "../../src/core/primitive.ts";
import * as weft from "../../src/index.ts";
import { type AnyFunction, folder, publicFunctions, type Row, rowOf } from "../support/public.ts";

const { numpy: np } = weft;

/** What a user's own code throws passes as it is. */
const own = new Error("the user's own");
const fail = (): never => {
  throw own;
};

const cyclic: unknown[] = [1];
cyclic.push(cyclic);
const cyclicTree: Record<string, unknown> = {};
cyclicTree["a"] = { b: cyclicTree };
const deep = Array.from({ length: 20_000 }).reduce<unknown>((inner) => [inner], 1);
const gone = np.ones([2]);
gone.dispose();
const sparse: number[] = [];
sparse[3] = 1;

const BAD: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "a fraction": 1.5,
  "a negative number": -7,
  "a large number": 99,
  "2^31": 2 ** 31,
  "2^53": 2 ** 53,
  bigint: 5n,
  string: "abc",
  "an empty string": "",
  "a long string": "x".repeat(1e5),
  symbol: Symbol("s"),
  true: true,
  Map: new Map([[1, 2]]),
  Set: new Set([1]),
  Date: new Date(0),
  RegExp: /x/,
  Promise: Promise.resolve(1),
  "a function": () => undefined,
  "a class": class Some {},
  "a key __proto__": JSON.parse('{"__proto__": {"x": 1}}'),
  "an object without prototype": Object.create(null),
  "an object": { nope: 1 },
  "an empty list": [],
  "a sparse list": sparse,
  "a cyclic list": cyclic,
  "a cyclic tree": cyclicTree,
  "a deep list": deep,
  "a list of strings": ["a"],
  "a ragged list": [[1], [1, 2]],
  "a list of null": [null],
  "a list of fractions": [1.5],
  "a list of negative numbers": [-1],
  "a list of bigints": [1n],
  "a list of huge numbers": [2 ** 31, 2 ** 31],
  "a list of objects": [{}],
  "a list of functions": [() => 1],
  DataView: new DataView(new ArrayBuffer(8)),
  ArrayBuffer: new ArrayBuffer(8),
  BigInt64Array: new BigInt64Array(2),
  Float32Array: new Float32Array([1, 2]),
  "getters that throw": Object.defineProperties(
    {},
    Object.fromEntries(
      ["shape", "axis", "dtype", "length", "a"].map((name) => [name, { get: fail, enumerable: true }]),
    ),
  ),
  "a proxy that throws": new Proxy({}, { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail }),
  "a function that throws": fail,
  "what looks like an array": { aval: 1, shape: [2], dtype: "float32", ndim: 1 },
  "what looks like a type": { shape: [2], dtype: "nope" },
  "a scalar array": np.array(1),
  "an array of another shape": np.ones([7]),
  "an empty array": np.zeros([0]),
  "a bool array": np.array([true]),
  "a disposed array": gone,
};

/** The names that a text may have for a function: its own and aliases, as users and as JAX's primitives spell them. */
function namesOf(name: string, f: AnyFunction): string[] {
  const same = functions.filter(([, other]) => other === f).map(([alias]) => alias);
  return [name, ...same]
    .map((n) =>
      n
        .slice(n.lastIndexOf(".") + 1)
        .replace(/_$/, "")
        .replace(/^mod$/, "remainder"),
    )
    .flatMap((n) => [
      n,
      n.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`),
      n.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`),
    ]);
}

/** What is wrong with the text of an error, if anything. */
function faultOfText(names: readonly string[], text: string): string | undefined {
  if (text.length > 1500) return `a message of ${text.length} characters`;
  if (names.some((n) => text.includes(n)) || OTHERS.test(text)) return undefined;
  // What a function does not look at itself, one that it is made of refuses by its own name, as in JAX.
  if (!OPERAND.test(text) && SPEAKERS.has(/^[\w.-]+/.exec(text)?.[0] ?? "")) return undefined;
  return `no function is named: ${text}`;
}
/** Of a disposed array, of memory, of callbacks' results and of the operations in callbacks, which meet bad values. */
const OTHERS =
  /^(?:This array was disposed|(?:Out of memory|An array of shape|A list of)\b|(?:np\.(?:sum|less|add)|lax\.add|x\.sum)\b|[\w.]+: the function's result|[\w ]+ does not fit|\.item\(\))/;
/** Every function says itself which of its operands is no array. */
const OPERAND = /which is not a valid array|nested arrays (?:are|must have equal lengths)/;

/** What is wrong with the way in which `call` ends, if anything. */
function faultOf(names: readonly string[], call: () => unknown): string | undefined {
  try {
    const result = call();
    if (result instanceof Promise) result.catch(() => {});
    return undefined;
  } catch (error) {
    if (error === own) return undefined;
    if (!(error instanceof weft.WeftError) || error instanceof weft.InternalError) return String(error);
    return faultOfText(names, error.message);
  }
}

type Attempt = readonly [what: string, call: () => unknown];

const calling =
  (f: AnyFunction, args: readonly unknown[], then: readonly unknown[] | undefined): (() => unknown) =>
  () => {
    const result = f(...args);
    return then && typeof result === "function" ? result(...then) : result;
  };

const bad = Object.entries(BAD);
/** Of the bad values every third, beginning elsewhere at every place: functions of a kind together get all of them. */
let place = 0;
const some = (): [string, unknown][] => {
  place++;
  return bad.filter((_, i) => (i + place) % 3 === 0);
};

const replaced = (
  list: readonly unknown[],
  make: (args: unknown[]) => () => unknown,
  steps = -1,
): Attempt[] =>
  list.flatMap((_, i) =>
    some()
      .filter(([name]) => i !== steps || !name.startsWith("2^"))
      .map(([name, value]): Attempt => [`argument ${i} is ${name}`, make(list.with(i, value))]),
  );

function attempts(f: AnyFunction, { args, then, steps }: Row): Attempt[] {
  const callbacks = args.flatMap((a, i) =>
    typeof a === "function"
      ? Object.entries(BAD).map(
          ([name, bad]): Attempt => [
            `callback ${i} returns ${name}`,
            calling(
              f,
              args.with(i, () => bad),
              then,
            ),
          ],
        )
      : [],
  );
  return [
    ...replaced(args, (changed) => calling(f, changed, then), steps),
    ...(then ? replaced(then, (changed) => calling(f, args, changed)) : []),
    ...args.map((_, i): Attempt => [`${i} arguments`, calling(f, args.slice(0, i), then)]),
    ...callbacks,
    ...optionAttempts(f, args, then),
  ];
}

/** The names of options are those that the error for an unknown one lists. */
function optionAttempts(f: AnyFunction, args: readonly unknown[], then: Row["then"]): Attempt[] {
  const at = optionsAt(args);
  if (at < 0) return [];
  return optionNames(f, args, at).flatMap((option) =>
    some().map(
      ([name, value]): Attempt => [
        `${option} is ${name}`,
        calling(f, args.with(at, { [option]: value }), then),
      ],
    ),
  );
}

/** Rows end with an empty object where a function takes options. */
const optionsAt = (args: readonly unknown[]): number =>
  args.findLastIndex((a, i) => i === args.length - 1 && isEmptyObject(a));
const isEmptyObject = (x: unknown): boolean =>
  typeof x === "object" &&
  x !== null &&
  Object.getPrototypeOf(x) === Object.prototype &&
  Object.keys(x).length === 0;

function refusal(f: AnyFunction, args: readonly unknown[], at: number): string {
  try {
    f(...args.with(at, { dtpye: 1 }));
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}
const optionNames = (f: AnyFunction, args: readonly unknown[], at: number): string[] =>
  /options are ([\w, ]+)/.exec(refusal(f, args, at))?.[1]?.split(", ") ?? [];

/** Options that the sources declare to be booleans. */
const FLAGS: ReadonlySet<string> = new Set(
  ["api", "lax", "nn", "numpy", "optim", "random", "tree"].flatMap((name) => {
    const url = new URL(`../../src/${name}`, import.meta.url);
    const files = readdirSync(url, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));
    return files.flatMap((file) =>
      [...readFileSync(`${fileURLToPath(url)}/${file}`, "utf8").matchAll(/\b(\w+)\?: (?:boolean|HA)\b/g)].map(
        ([, option]) => option!,
      ),
    );
  }),
);

/** In an order that no module loader changes. */
const functions = [...publicFunctions()].sort(([a], [b]) => (a < b ? -1 : 1));

/** Whom errors may speak of: public functions as users write them, and primitives. */
const SPEAKERS: ReadonlySet<string> = new Set([
  ...functions.map(([name]) => name.replace(/^numpy\./, "np.").replace(/_$/, "")),
  ...functions.map(([name]) => name.slice(name.lastIndexOf(".") + 1)),
  ...[...primitives.keys()].flatMap((name) => [name, `lax.${name}`]),
]);

beforeAll(() => {
  vi.spyOn(console, "log").mockImplementation(() => {});
});
afterAll(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

describe("bad values", () => {
  test("there are many functions", () => expect(functions.length).toBeGreaterThan(400));

  test.each(functions)("%s accepts its row", (name, f) => {
    const { args, then } = rowOf(name, f);
    calling(f, args, then)();
  });

  test.each(functions)("%s", (name, f) => {
    // The same values whichever tests run.
    place = functions.findIndex(([other]) => other === name);
    const names = namesOf(name, f);
    const faults = attempts(f, rowOf(name, f)).flatMap(([what, call]) => {
      const fault = faultOf(names, call);
      return fault === undefined ? [] : [`${what}: ${fault.slice(0, 160)}`];
    });
    expect(faults).toEqual([]);
  });

  const taking = functions.filter(([name, f]) => optionsAt(rowOf(name, f).args) >= 0);
  const flags = taking.flatMap(([name, f]) => {
    const { args } = rowOf(name, f);
    const options = optionNames(f, args, optionsAt(args));
    return options.filter((o) => FLAGS.has(o)).map((o): [string, string, AnyFunction] => [name, o, f]);
  });
  test("there are flags", () => expect(flags.length).toBeGreaterThan(40));
  test.each(flags)("%s refuses anything but true and false as %s", (name, option, f) => {
    const { args, then } = rowOf(name, f);
    const call = calling(f, args.with(optionsAt(args), { [option]: 1 }), then);
    expect(call).toThrow(`: ${option} must be true or false, got 1.`);
  });

  test.each(taking)("%s refuses an option that there is not", (name, f) => {
    const { args } = rowOf(name, f);
    expect(refusal(f, args, optionsAt(args))).toMatch(
      /no option "dtpye"(?:; did you mean "dtype"\?|\.) Its options are \w/,
    );
  });
});
