/** What functions demand of sizes, axes, options, dtypes, argnums and leaves: one rule each, the same wherever they are taken. */
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { ConcretizationTypeError, WeftTypeError, WeftValueError } from "../../src/core/errors.ts";
import {
  config,
  grad,
  jacfwd,
  jacrev,
  jit,
  lax,
  nn,
  numpy as np,
  optim,
  random,
  tree,
  vjp,
  vmap,
} from "../../src/index.ts";

type A = NDArray;
// biome-ignore lint/suspicious/noExplicitAny: these programs are wrong on purpose, in ways that types would refuse
type Wrong = any;
type Kind = new (message: string) => Error;

/** The program throws an error of this class with all of the parts, short enough to be read. */
function refuses(kind: Kind, program: () => unknown, parts: readonly string[]): void {
  let error: unknown;
  try {
    program();
  } catch (e) {
    error = e;
  }
  expect(error).toBeInstanceOf(kind);
  for (const part of parts) expect((error as Error).message).toContain(part);
  expect((error as Error).message.length).toBeLessThan(1500);
}
type Case = [what: string, program: () => unknown, kind: Kind, ...parts: string[]];
const refusals = (cases: Case[]): void => {
  test.each(cases)("%s", (_, program, kind, ...parts) => refuses(kind, program, parts));
};

const X = np.array([
  [1, 2, 3],
  [4, 5, 6],
]);
const KEY = random.key(0);

/** Every function that makes an array of a given shape. */
const SHAPED: Record<string, (shape: Wrong) => unknown> = {
  "np.zeros": (s) => np.zeros(s),
  "np.ones": (s) => np.ones(s),
  "np.full": (s) => np.full(s, 1),
  "np.broadcastTo": (s) => np.broadcastTo(1, s),
  "random.bits": (s) => random.bits(KEY, s),
  "random.uniform": (s) => random.uniform(KEY, s),
  "random.normal": (s) => random.normal(KEY, s),
  "random.exponential": (s) => random.exponential(KEY, s),
  "random.laplace": (s) => random.laplace(KEY, s),
  "random.gumbel": (s) => random.gumbel(KEY, s),
  "random.truncatedNormal": (s) => random.truncatedNormal(KEY, -1, 1, s),
  "random.bernoulli": (s) => random.bernoulli(KEY, 0.5, s),
  "random.randint": (s) => random.randint(KEY, s, 0, 9),
  "random.choice": (s) => random.choice(KEY, 9, { shape: s }),
};
const SHAPES: [what: string, shape: Wrong, kind: Kind, part: string][] = [
  [
    "a fraction",
    [1.5],
    WeftTypeError,
    "Shapes must be 1D sequences of concrete values of integer type, got (1.5,).",
  ],
  ["NaN", [2, Number.NaN], WeftTypeError, "got (2, NaN)."],
  ["infinity", [Number.POSITIVE_INFINITY], WeftTypeError, "got (Infinity,)."],
  ["a string", ["3"], WeftTypeError, 'got ("3",).'],
  ["a negative size", [2, -3], WeftValueError, "Shapes must have non-negative sizes, got (2, -3)."],
  ["more axes than there are", Array(65).fill(1), WeftValueError, "at most 64"],
];
describe.each(Object.entries(SHAPED))("%s", (name, make) => {
  test.each(SHAPES)("%s", (_, shape, kind, part) => refuses(kind, () => make(shape), [name, part]));
  test("a size that is traced", () =>
    refuses(ConcretizationTypeError, () => jit((n: A) => make([n]) as A)(3), [name, "staticArgnums"]));
});
test("what was refused leaves other programs alone", () => {
  for (const make of Object.values(SHAPED)) expect(() => make([1.5])).toThrow(WeftTypeError);
  expect(X.add(1).js()).toEqual([
    [2, 3, 4],
    [5, 6, 7],
  ]);
});

describe("integers", () =>
  refusals([
    [
      "np.roll: shift",
      () => np.roll(X, 1.5, 0),
      WeftTypeError,
      "np.roll: shift must be an integer, got 1.5.",
    ],
    ["lax.slice: strides", () => lax.slice(X, [0, 0], [2, 3], [1.5, 1]), WeftTypeError, "lax.slice: strides"],
    [
      "lax.topK: k",
      () => lax.topK(X, 1.5),
      WeftTypeError,
      "lax.topK: k must be a non-negative integer, got 1.5.",
    ],
    ["np.eye", () => np.eye(-3), WeftValueError, "np.eye", "non-negative sizes"],
    ["np.diff: n", () => np.diff(X, -1), WeftValueError, "np.diff: n (the order)", "got -1"],
    ["nn.oneHot", () => nn.oneHot([0], 1.5), WeftTypeError, "nn.oneHot", "got 1.5"],
    ["beyond 2^53", () => np.roll(X, 2 ** 60), WeftValueError, "below 2^53"],
    [
      "lax.broadcastInDim",
      () => lax.broadcastInDim(X, [2, 3], [0, 9]),
      WeftTypeError,
      "broadcast_dimensions must be a subset of output dimensions",
    ],
    [
      "a traced start of a slice",
      () =>
        lax.scan(
          (c: A, i: A) => [c.add((X as Wrong).slice([i, i.add(1)]).sum()), null] as const,
          np.array(0),
          np.arange(2),
        ),
      WeftTypeError,
      "lax.dynamicSlice",
    ],
  ]));

describe("axes", () =>
  refusals([
    ["twice the same", () => np.sum(X, [0, 0]), WeftTypeError, "duplicate value in axis"],
    ["the same from either end", () => np.sum(X, [1, -1]), WeftTypeError, "duplicate value in axis"],
    [
      "beyond the last",
      () => np.sum(X, 2),
      WeftValueError,
      "axis 2 is out of bounds for an array of dimension 2",
    ],
    ["a fraction", () => np.concatenate([X], 0.5), WeftValueError, "axis 0.5 is out of bounds"],
    ["a string", () => nn.glu(X, "1" as Wrong), WeftTypeError, 'axis must be an integer, got "1"'],
    ["vmap outAxes", () => vmap((x: A) => x, 0, 7)(X), WeftValueError, "vmap outAxes: axis 7"],
  ]));

const DTYPED: Record<string, (dtype: Wrong) => unknown> = {
  "np.array": (dtype) => np.array([1, 2], { dtype }),
  "np.zeros": (dtype) => np.zeros([2], { dtype }),
  "np.arange": (dtype) => np.arange(3, undefined, undefined, { dtype }),
  "np.linspace": (dtype) => np.linspace(0, 1, 3, true, { dtype }),
  astype: (dtype) => X.astype(dtype),
  convertElementType: (dtype) => lax.convertElementType(X, dtype),
  "random.uniform": (dtype) => random.uniform(KEY, [2], { dtype }),
  "random.randint": (dtype) => random.randint(KEY, [2], 0, 9, { dtype }),
};
describe.each(Object.entries(DTYPED))("the dtype of %s", (name, make) => {
  test.each(["int64", "bfloat16", "float16", "complex64", "toString", 3])("%s", (dtype) =>
    refuses(WeftTypeError, () => make(dtype), [name, JSON.stringify(dtype), "float32"]),
  );
});

describe("options", () =>
  refusals([
    [
      "a typo",
      () => np.zeros([1], { dtpye: "int32" } as Wrong),
      WeftTypeError,
      'np.zeros has no option "dtpye"; did you mean "dtype"?',
    ],
    [
      "a setting",
      () => ((config as Wrong).teir = "wasm"),
      WeftTypeError,
      'config has no setting "teir"; did you mean "tier"?',
      "memoryBudget",
    ],
    ["a setting that is read", () => (config as Wrong).thread, WeftTypeError, 'did you mean "threads"?'],
    ["vmap", () => vmap((x: A) => x, { axisNme: "i" } as Wrong), WeftTypeError, 'did you mean "axisName"?'],
    ["at().get", () => X.at(0).get({ mod: "clip" } as Wrong), WeftTypeError, 'did you mean "mode"?'],
    [
      "a collective",
      () => vmap((x: A) => lax.allGather(x, "i", { tilde: true } as Wrong), { axisName: "i" })(X),
      WeftTypeError,
      'lax.allGather has no option "tilde"',
    ],
    [
      "a positional value",
      () => random.choice(KEY, 9, [5] as Wrong),
      WeftTypeError,
      "random.choice: the options must be an object",
      "[5]",
    ],
    [
      "an unknown one",
      () => lax.scan((c: A) => [c, c], 0, X, { size: 3 } as Wrong),
      WeftTypeError,
      'lax.scan has no option "size"',
    ],
    [
      "jit",
      () => jit((x: A) => x, { staticArgNums: 1 } as Wrong),
      WeftTypeError,
      'did you mean "staticArgnums"?',
    ],
    ["grad", () => grad((x: A) => x.sum(), { argnum: 0 } as Wrong), WeftTypeError, 'did you mean "argnums"?'],
    [
      "a choice",
      () => np.take(X, 0, 0, { mode: "clamp" as Wrong }),
      WeftValueError,
      '"fill", "clip" or "wrap", got "clamp"',
    ],
    [
      "an algorithm",
      () => nn.standardize(X, -1, { algorithm: "slow" as Wrong }),
      WeftValueError,
      '"fast" or "stable", got "slow"',
    ],
    [
      "a mode",
      () => random.gumbel(KEY, [2], { mode: "hihg" as Wrong }),
      WeftValueError,
      'did you mean "high"?',
    ],
  ]));

describe("argnums", () => {
  refusals([
    [
      "staticArgnums beyond the last",
      () => jit((x: A) => x, { staticArgnums: 9 })(X),
      WeftValueError,
      "staticArgnums names argument 9",
      "called with 1 argument(s)",
    ],
    [
      "donateArgnums beyond the last",
      () => jit((x: A) => x, { donateArgnums: -2 })(X),
      WeftValueError,
      "donateArgnums names argument -2",
    ],
    [
      "argnums beyond the last",
      () => grad((x: A) => x.sum(), { argnums: 1 } as Wrong)(X),
      WeftValueError,
      "grad: argnums names argument 1",
    ],
    [
      "a fraction",
      () => jit((x: A) => x, { staticArgnums: 0.5 }),
      WeftTypeError,
      "jit: staticArgnums must be an integer, got 0.5.",
    ],
  ]);
  test("negative ones count from the end", () => {
    const f = jit((x: A, n: number) => np.zeros([n]).add(x) as A, { staticArgnums: -1 }) as Wrong;
    expect(f(1, 3).js()).toEqual([1, 1, 1]);
    expect(f(1, 2).js()).toEqual([1, 1]);
  });
  test("arguments that may be left out need not be given", () => {
    const f: Wrong = jit((x: A, n?: number): A => x.mul(n ?? 2), { staticArgnums: 1 });
    expect([f(3).item(), f(3, 4).item()]).toEqual([6, 12]);
  });
});

class State {
  readonly h = X;
}
/** Every function that takes a tree of arrays, and what it calls that tree. */
const TREES: [what: string, take: (t: Wrong) => unknown, place: string][] = [
  ["the carry of scan", (t) => lax.scan((c: Wrong) => [c, null] as const, t, X), "lax.scan: init"],
  ["xs of scan", (t) => lax.scan((c: A) => [c, null] as const, 0 as Wrong, t), "lax.scan: xs"],
  [
    "an operand of cond",
    (t) =>
      lax.cond(
        true,
        (x: Wrong) => x,
        (x: Wrong) => x,
        t,
      ),
    "lax.cond: operand 0",
  ],
  [
    "elements of associativeScan",
    (t) => lax.associativeScan((a: Wrong) => a, t),
    "lax.associativeScan: elems",
  ],
  ["an argument of jit", (t) => jit((x: Wrong) => x)(t), "argument 0"],
  ["an argument of vmap", (t) => vmap((x: Wrong) => x)(t), "vmap: argument 0"],
  ["a primal of vjp", (t) => vjp((x: Wrong) => x.w, [t]), "vjp"],
];
describe.each(TREES)("%s", (_, take, place) => {
  test.each<[string, unknown, ...string[]]>([
    ["a function", { w: X, act: Math.sin }, "['act']", "the function sin"],
    ["a string", { w: X, label: "lstm" }, "['label']", 'the string "lstm"'],
    ["an instance of a class", { w: X, s: new State() }, "['s']", "an instance of State", "tree.register"],
    ["a Map", { w: X, m: new Map() }, "['m']", "an instance of Map", "tree.register"],
  ])("%s", (_what, value, ...parts) => refuses(WeftTypeError, () => take(value), [place, ...parts]));
});

describe("arrays", () => {
  const cyclic: unknown[] = [1];
  cyclic.push(cyclic);
  refusals([
    [
      "a list that contains itself",
      () => np.add(cyclic as Wrong, 1),
      WeftValueError,
      "at most 64 levels deep",
      "contain themselves",
    ],
    [
      "no list of arrays",
      () => np.stack(3 as Wrong),
      WeftTypeError,
      "np.stack: xs must be an array (a list), got 3.",
    ],
    [
      "an empty list",
      () => np.hstack([]),
      WeftValueError,
      "np.hstack: Need at least one array to concatenate.",
    ],
    [
      "no tree definition",
      () => tree.unflatten({} as Wrong, []),
      WeftTypeError,
      "tree.unflatten needs a tree definition",
    ],
  ]);
  test("an array is the list of its rows", () =>
    expect(np.concatenate(X as Wrong).js()).toEqual([1, 2, 3, 4, 5, 6]));
  test("subclasses of typed arrays are typed arrays", () => {
    class Bytes extends Uint8Array {}
    const x = np.array(new Bytes([1, 2]));
    expect([x.dtype, x.js()]).toEqual(["uint8", [1, 2]]);
  });
});

test("the C text of a program, where there is a native tier", () => {
  const lowered = jit((x: A) => x.add(1)).lower(X);
  expect(lowered.asText("c")).toContain("void");
});

describe("jacobians", () => {
  const whole = np.array([1, 2], { dtype: "int32" });
  refusals([
    [
      "jacfwd of integers",
      () => jacfwd((x: A) => x.mul(1.5))(whole),
      WeftTypeError,
      "jacfwd requires float inputs",
      "int32[2]",
    ],
    [
      "jacrev of integers",
      () => jacrev((x: A) => x.mul(1.5))(whole),
      WeftTypeError,
      "jacrev requires float inputs",
      "int32[2]",
    ],
    [
      "jacrev to integers",
      () => jacrev((x: A) => x.astype("int32"))(X),
      WeftTypeError,
      "jacrev requires float outputs",
    ],
  ]);
});

describe("samplers and optimizers", () => {
  const key = random.key(0);
  refusals([
    [
      "bounds of uniform",
      () => random.uniform(key, [2], { minval: [1, 2, 3] }),
      WeftValueError,
      "random.uniform: minval of type float32[3]",
    ],
    [
      "p of bernoulli",
      () => random.bernoulli(key, [0.1, 0.2], [3]),
      WeftValueError,
      "random.bernoulli: p of type float32[2]",
    ],
    [
      "bounds of randint",
      () => random.randint(key, [2], [1, 2, 3] as Wrong, 9),
      WeftValueError,
      "random.randint: minval",
    ],
    [
      "a momentum",
      () => optim.sgd(0.1, { momentum: "x" as Wrong }),
      WeftTypeError,
      "optim.sgd: momentum must be a number",
    ],
  ]);
});
