/** What loops and branches refuse: the user's names, the place in the tree, both types, and what to do. */
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../../src/core/array.ts";
import {
  ConcretizationTypeError,
  TracerBoolConversionError,
  UnexpectedTracerError,
  WeftTypeError,
  WeftValueError,
} from "../../../src/core/errors.ts";
import { grad, jit, lax, linearize, numpy as np, vmap } from "../../../src/index.ts";

type A = NDArray;
// biome-ignore lint/suspicious/noExplicitAny: these programs are wrong on purpose, in ways that types would refuse
type Wrong = any;
const { scan, whileLoop, foriLoop, cond, switch: switchCase } = lax as Wrong;

const f32 = (...shape: number[]): A => np.ones(shape);
const i32 = (...shape: number[]): A => np.ones(shape, { dtype: "int32" });

type Case = [what: string, program: () => unknown, ...parts: string[]];
type Kind = new (message: string) => Error;

/** The program throws an error of this class whose message has all of the parts. */
function refuses(kind: Kind, program: () => unknown, parts: string[]): void {
  let error: unknown;
  try {
    program();
  } catch (e) {
    error = e;
  }
  expect(error).toBeInstanceOf(kind);
  for (const part of parts) expect((error as Error).message).toContain(part);
}
const refusals = (kind: Kind, cases: Case[]): void => {
  test.each(cases)("%s", (_, program, ...parts) => refuses(kind, program, parts));
};

const CALLABLES: Case[] = [
  ["scan", () => scan(3, 0, f32(2)), "lax.scan: body argument should be a callable."],
  [
    "whileLoop",
    () => whileLoop((x: A) => x, 1, 0),
    "lax.whileLoop: body and cond arguments should be callable.",
  ],
  ["foriLoop", () => foriLoop(0, 1, "f", 0), "lax.foriLoop: body argument should be a callable."],
  ["cond", () => cond(true, 1, (x: A) => x, 0), "lax.cond: onTrue and onFalse arguments should be callable."],
  ["switch", () => switchCase(0, [1], 0), "lax.switch: branches argument should be a sequence of callables."],
  [
    "switch of no list",
    () => switchCase(0, (x: A) => x, 0),
    "lax.switch: branches argument should be a sequence of callables.",
  ],
];
describe("what is not callable", () => refusals(WeftTypeError, CALLABLES));

const keep = (c: A, x: A): [A, A] => [c, x];
const LENGTHS: Case[] = [
  [
    "nothing to scan over",
    () => scan(keep, 0, null),
    "scan got no values to scan over and `length` not provided.",
  ],
  ["a number", () => scan(keep, 0, 1), "scan got value with no leading axis to scan over: xs = 1."],
  [
    "a list of numbers",
    () => scan(keep, 0, [1, 2]),
    "no leading axis to scan over: xs[0] = 1, xs[1] = 2.",
    "wrap it in np.array",
  ],
  [
    "an array of rank 0",
    () => scan(keep, 0, { a: f32() }),
    "no leading axis to scan over: xs['a'] = float32[].",
  ],
  [
    "different lengths",
    () => scan(keep, 0, { a: f32(3), b: [f32(4, 2)] }),
    "different leading axis sizes: xs['a'] has 3, xs['b'][0] has 4.",
  ],
  [
    "length that disagrees",
    () => scan(keep, 0, f32(10), { length: 5 }),
    "scan got `length` argument of 5 which disagrees with leading axis sizes [10].",
  ],
  [
    "negative length",
    () => scan(keep, 0, null, { length: -1 }),
    "`length` argument of -1",
    "non-negative integer",
  ],
  [
    "negative unroll",
    () => scan(keep, 0, f32(3), { unroll: -1 }),
    "`unroll` must be a `bool` or a non-negative `int`.",
  ],
  [
    "fractional unroll",
    () => scan(keep, 0, f32(3), { unroll: 1.5 }),
    "`unroll` must be a `bool` or a non-negative `int`.",
  ],
];
describe("lengths", () => refusals(WeftValueError, LENGTHS));

const UNKNOWN: Case[] = [
  [
    "length",
    () => jit((n: A) => scan(keep, 0, null, { length: n }))(3),
    "The `length` argument to `scan` expects a concrete `int` value.",
    "use `whileLoop` or `foriLoop`",
  ],
  [
    "unroll",
    () => jit((n: A) => scan(keep, 0, f32(4), { unroll: n }))(2),
    "The `unroll` argument to `scan` expects a concrete `int` or `bool` value.",
  ],
];
describe("what must be known while tracing", () => refusals(ConcretizationTypeError, UNKNOWN));

const PAIRS: Case[] = [
  ["no pair", () => scan((c: A) => c, 0, f32(3)), "scan body output must be a pair, got"],
  [
    "an array",
    () => scan((c: A, x: A) => c.add(x), f32(), f32(3)),
    "scan body output must be a pair, got float32[].",
    "Return [carry, y]",
  ],
  [
    "three",
    () => scan((c: A) => [c, c, c], f32(), f32(3)),
    "must be a pair, got an array of length 3: [float32[], float32[], float32[]]",
  ],
];
describe("results of the body", () => refusals(WeftTypeError, PAIRS));

const CARRIES: Case[] = [
  [
    "dtype of the whole carry",
    () => scan((state: A) => [state.mul(1.5), null], i32(), null, { length: 2 }),
    "scan body function carry input and carry output must have equal types, but they differ:",
    "The input carry state has type int32[] but the corresponding output carry component has type float32[], so the dtypes do not match.",
    "Revise the function so that all output types match the corresponding input types.",
  ],
  [
    "shape of a component",
    () =>
      scan(
        (s: { h: A[] }) => [{ h: [s.h[0], np.concatenate([s.h[1]!, s.h[1]!])] }, null],
        { h: [f32(2), f32(3)] },
        null,
        { length: 2 },
      ),
    "The input carry component s['h'][1] has type float32[3] but the corresponding output carry component has type float32[6], so the shapes do not match.",
  ],
  [
    "both, in several components",
    () =>
      scan(
        (s: { a: A; b: A; c: A }) => [{ a: i32(2), b: i32(3), c: s.c }, null],
        { a: f32(2), b: f32(), c: f32() },
        null,
        { length: 2 },
      ),
    "  * the input carry component s['a'] has type float32[2] but the corresponding output carry component has type int32[2], so the dtypes do not match;",
    "  * the input carry component s['b'] has type float32[] but the corresponding output carry component has type int32[3], so the dtypes do not match, and the shapes do not match.",
  ],
  [
    "a destructured carry is named by its path",
    () => scan(([a, b]: A[]) => [[a, b!.sum()], null], [f32(), f32(2)], null, { length: 2 }),
    "at path [1] has type float32[2]",
    "float32[], so the shapes do not match",
  ],
  [
    "length of a tuple",
    () => scan((c: A[]) => [[c[0]], null], [f32(), f32()], null, { length: 2 }),
    "must have the same pytree structure, but they differ:",
    "The input carry c is an array of length 2 but the corresponding component of the carry output is an array of length 1, so the lengths do not match.",
    "Revise the function so that the carry output has the same pytree structure as the carry input.",
  ],
  [
    "a nested component",
    () =>
      scan((c: { x: A[]; y: A }) => [{ x: c.x, y: [c.y] }, null], { x: [f32()], y: f32() }, null, {
        length: 2,
      }),
    "The input carry component c['y'] is",
    "but the corresponding component of the carry output is",
  ],
  [
    "keys",
    () =>
      scan((c: { a: A; b: A }) => [{ a: c.a, c: c.b }, null], { a: f32(), b: f32() }, null, { length: 2 }),
    "input carry c is",
    "b",
    "c",
  ],
  [
    "a whole loop body, by the user's second parameter",
    () => foriLoop(0, 3, (_i: A, total: A) => total.mul(0.5), i32()),
    "fori_loop body function carry input and carry output must have equal types",
    "The input carry total has type int32[] but the corresponding output carry component has type float32[]",
  ],
  [
    "a component of a fori loop",
    () => foriLoop(0, i32(), (_i: A, s: { t: A }) => ({ T: s.t }), { t: f32() }),
    "fori_loop body function carry input and carry output must have the same pytree structure",
    "The input carry s",
  ],
  [
    "a while body",
    () =>
      whileLoop(
        (v: A) => v.less(3),
        (v: A) => v.add(0.5),
        i32(),
      ),
    "while_loop body function carry input and carry output must have equal types",
    "The input carry v has type int32[] but the corresponding output carry component has type float32[]",
  ],
];
describe("carries", () => refusals(WeftTypeError, CARRIES));

const CONDITIONS: Case[] = [
  [
    "a tree",
    () =>
      whileLoop(
        (v: A) => [v.less(1)],
        (v: A) => v,
        f32(),
      ),
    "cond_fun must return a boolean scalar, but got pytree",
  ],
  [
    "a number",
    () =>
      whileLoop(
        (v: A) => v,
        (v: A) => v,
        f32(),
      ),
    "cond_fun must return a boolean scalar, but got output type(s) [float32[]].",
  ],
  [
    "an array of bools",
    () =>
      whileLoop(
        (v: A) => v.less(1),
        (v: A) => v,
        f32(3),
      ),
    "got output type(s) [bool[3]].",
    "np.all or np.any",
  ],
];
describe("conditions", () => refusals(WeftTypeError, CONDITIONS));

test("bounds of unequal types", () => {
  const bound = (dtype: "int16" | "int32"): A => np.array(1, { dtype });
  refuses(WeftTypeError, () => foriLoop(bound("int16"), bound("int32"), (_: A, v: A) => v, 0), [
    "lower and upper arguments to foriLoop must have equal types, got int16 and int32",
  ]);
});

test("unroll needs known bounds", () => {
  const f = jit((n: A) => foriLoop(0, n, (_: A, v: A) => v, 0, { unroll: 2 }));
  refuses(WeftValueError, () => f(i32()), [
    "Can only use `unroll` in `foriLoop` if the loop bounds are statically known.",
  ]);
});

const REVERSE = ["Reverse-mode differentiation does not work for lax.whileLoop", "Try using lax.scan"];
const loop = (x: A): A =>
  whileLoop(
    (v: A) => v.less(9),
    (v: A) => v.mul(2),
    x,
  );
test.each<[string, (x: A) => A]>([
  ["by itself", loop],
  ["under jit", jit(loop)],
  ["in a branch", (x) => cond(x.greater(0), loop, (v: A) => v, x)],
  ["in a scan", (x) => scan((c: A) => [loop(c), null], x, null, { length: 2 })[0]],
  ["with dynamic bounds", (x) => foriLoop(0, jit((n: A) => n.add(1))(i32()), (_: A, v: A) => v.mul(x), x)],
])("a while loop has no derivative backwards: %s", (_, f) => {
  expect(() => grad(f)(1)).toThrow(Error);
  for (const part of REVERSE) expect(() => grad(f)(1)).toThrow(part);
  expect(() => linearize(f, [1])).not.toThrow();
});

const PREDICATES: Case[] = [
  [
    "null",
    () =>
      cond(
        null,
        (x: A) => x,
        (x: A) => x,
        0,
      ),
    "lax.cond: predicate is null",
  ],
  [
    "a string",
    () =>
      cond(
        "yes",
        (x: A) => x,
        (x: A) => x,
        0,
      ),
    'Pred must be a scalar, got "yes" of type string.',
  ],
  [
    "a list",
    () =>
      cond(
        [true],
        (x: A) => x,
        (x: A) => x,
        0,
      ),
    "Pred must be a scalar, got",
  ],
  [
    "an array",
    () =>
      cond(
        f32(2),
        (x: A) => x,
        (x: A) => x,
        0,
      ),
    "Pred must be a scalar, got float32[2] of shape (2",
  ],
  [
    "a fractional index",
    () => switchCase(1.5, [(x: A) => x, (x: A) => x], 0),
    "Index type must be an integer, got float32[]",
  ],
  [
    "an index with an axis",
    () => switchCase(i32(2), [(x: A) => x, (x: A) => x], 0),
    "Branch index must be scalar, got int32[2]",
  ],
];
describe("predicates and indices", () => refusals(WeftTypeError, PREDICATES));

test("no branches", () => refuses(WeftValueError, () => switchCase(0, [], 0), ["Empty branch sequence"]));

const BRANCHES: Case[] = [
  [
    "shapes",
    () =>
      cond(
        true,
        () => f32(2),
        () => f32(3),
      ),
    "cond branches must have equal output types but they differ.",
    "The output of onTrue has type float32[2] but the corresponding output of onFalse has type float32[3], so the shapes do not match.",
  ],
  [
    "dtypes of a component",
    () =>
      cond(
        true,
        () => ({ a: [f32(2)] }),
        () => ({ a: [i32(2)] }),
      ),
    "The output of onTrue at path ['a'][0] has type float32[2] but the corresponding output of onFalse has type int32[2], so the dtypes do not match.",
    "Revise onTrue and/or onFalse",
  ],
  [
    "trees",
    () =>
      cond(
        true,
        () => ({ a: f32() }),
        () => ({ a: [f32()] }),
      ),
    "cond branch outputs must have the same pytree structure, but they differ:",
    "onTrue output at path ['a'] is",
    "but onFalse output at path ['a'] is",
    "Revise onTrue and/or onFalse",
  ],
  [
    "switch says which",
    () => switchCase(0, [() => f32(), () => f32(), () => f32(2)]),
    "switch branches must have equal output types",
    "The output of branch 0 has type float32[] but the corresponding output of branch 2 has type float32[2]",
  ],
];
describe("branches that differ", () => refusals(WeftTypeError, BRANCHES));

describe("JavaScript's own control flow in a body", () => {
  test("a truth value", () => {
    const body = (c: A): [A, null] => [(c.greater(0).item() ? c : c.neg()) as A, null];
    refuses(ConcretizationTypeError, () => scan(body, f32(), null, { length: 2 }), [
      "concrete value",
      "lax.cond",
    ]);
    expect(new TracerBoolConversionError("x")).toBeInstanceOf(ConcretizationTypeError);
  });
  test("a value that leaks out of the body", () => {
    let leak: A | undefined;
    scan((c: A) => [(leak = c.add(1)), null], f32(), null, { length: 2 });
    refuses(UnexpectedTracerError, () => leak!.mul(2), [
      "unexpected tracer",
      "float32[]",
      "Return the value",
    ]);
    refuses(UnexpectedTracerError, () => jit((x: A) => x.add(leak!))(1), ["unexpected tracer"]);
  });
  test("a carry that is no array names its place", () => {
    expect(() => scan((c: Wrong) => [c, null], { name: "x" }, null, { length: 2 })).toThrow(/"x"|string/);
  });
});

describe("vmap", () => {
  test("sizes", () => {
    const f = vmap((a: A, b: A) => a.add(b));
    refuses(WeftValueError, () => f(f32(3), f32(4)), [
      "vmap got inconsistent sizes for array axes to be mapped:",
      "size 3: axis 0 of argument 0 of type float32[3]",
      "size 4: axis 0 of argument 1 of type float32[4]",
    ]);
  });
});
