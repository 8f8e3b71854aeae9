/** What derivative rules, vmap and collectives refuse: the place, both types, and what to do. */
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import * as errors from "../../src/core/errors.ts";
import { UnexpectedTracerError, WeftTypeError, WeftValueError } from "../../src/core/errors.ts";
import {
  checkpoint,
  customJvp,
  customVjp,
  grad,
  jit,
  jvp,
  lax,
  linearize,
  numpy as np,
  vmap,
} from "../../src/index.ts";

type A = NDArray;
// biome-ignore lint/suspicious/noExplicitAny: these programs are wrong on purpose, in ways that types would refuse
type Wrong = any;
type Case = [what: string, program: () => unknown, ...parts: string[]];

const refusals = (kind: new (message: string) => Error, cases: Case[]): void => {
  test.each(cases)("%s", (_, program, ...parts) => {
    let error: unknown;
    try {
      program();
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(kind);
    for (const part of parts) expect((error as Error).message).toContain(part);
  });
};

const X = np.array([1, 2, 3]);
const M = np.ones([3, 2]);

/** What a function is differentiated in. */
const PLACES: Record<string, (f: (x: A) => A) => (x: A) => A> = {
  plain: (f) => f,
  jit: (f) => jit(f) as (x: A) => A,
  scan: (f) => (x) => lax.scan((c: A) => [f(c), null] as const, x, null, { length: 2 })[0],
  cond: (f) => (x) => lax.cond(x.sum().greater(0), f, (y: A) => y, x),
  checkpoint: (f) => checkpoint(f) as (x: A) => A,
  vmap: (f) => (x) => vmap(f as Wrong)(np.stack([x, x])).sum(0),
};

const withBwd = (bwd: (g: A) => unknown): ((x: A) => A) =>
  customVjp(
    function twice(x: A) {
      return x.mul(2);
    },
    (x) => [x.mul(2), null],
    (_, g) => bwd(g as A) as Wrong,
  ) as Wrong;
const withFwd = (fwd: (x: A) => unknown): ((x: A) => A) =>
  customVjp(
    function twice(x: A) {
      return x.mul(2);
    },
    fwd as Wrong,
    (_, g) => [g],
  ) as Wrong;
const withRule = (rule: (x: A, t: A) => unknown): ((x: A) => A) =>
  customJvp(
    function twice(x: A) {
      return x.mul(2);
    },
    ([x], [t]) => rule(x as A, t as A) as Wrong,
  ) as Wrong;

const SHAPES = "float32[3], so the shapes do not match";
const FAULTS: [what: string, f: (x: A) => A, kind: new (m: string) => Error, ...parts: string[]][] = [
  [
    "bwd: a shape",
    withBwd(() => [np.ones([2])]),
    WeftValueError,
    "customVjp(twice)",
    "at output[0]",
    "float32[2] corresponding to an input of type",
    SHAPES,
  ],
  ["bwd: a scalar", withBwd((g) => [g.sum()]), WeftValueError, "at output[0]", "type float32[]", SHAPES],
  [
    "bwd: a dtype",
    withBwd((g) => [g.astype("int32")]),
    WeftValueError,
    "type int32[3]",
    "the dtypes do not match",
  ],
  ["bwd: no list", withBwd((g) => g), WeftTypeError, "one cotangent per argument, null for zero", "returned"],
  ["bwd: too many", withBwd((g) => [g, g]), WeftTypeError, "It returned PyTreeDef([*, *])"],
  ["bwd: nothing", withBwd(() => []), WeftTypeError, "It returned PyTreeDef([])"],
  ["bwd: a tree", withBwd((g) => [{ g }]), WeftTypeError, "It returned PyTreeDef([{'g': *}])"],
  ["fwd: no pair", withFwd((x) => x), WeftTypeError, "fwd must return a pair [output, residuals]"],
  [
    "fwd: another shape",
    withFwd((x) => [x.sum(), x]),
    WeftTypeError,
    "has type float32[] while the output of the primal function has type float32[3]",
  ],
  [
    "fwd: another tree",
    withFwd((x) => [{ y: x, z: [x] }, x]),
    WeftTypeError,
    "type { y: float32[3], z: [float32[3]] } while",
  ],
  [
    "fwd: another dtype",
    withFwd((x) => [x.astype("int32"), x]),
    WeftTypeError,
    "type int32[3] while the output of the primal function has type float32[3]",
  ],
  ["rule: no pair", withRule((x) => x), WeftTypeError, "the rule must return a pair [output, tangent"],
  ["rule: three", withRule((x, t) => [x, t, t]), WeftTypeError, "got an array of 3"],
  [
    "rule: another output",
    withRule((x, t) => [x.sum(), t]),
    WeftTypeError,
    "has type float32[] while the output of the primal function has type float32[3]",
  ],
  [
    "rule: a tangent's shape",
    withRule((x, t) => [x, t.sum()]),
    WeftTypeError,
    "Expected float32[3] (the type of output) but got float32[], so the shapes do not match",
  ],
  [
    "rule: a tangent's dtype",
    withRule((x, t) => [x, t.astype("int32")]),
    WeftTypeError,
    "but got int32[3], so the dtypes do not match",
  ],
  [
    "rule: a tangent's tree",
    withRule((x, t) => [x, [t]]),
    WeftTypeError,
    "equal pytree structures, but got PyTreeDef(*) and PyTreeDef([*]) respectively",
  ],
];
describe.each(Object.entries(PLACES))("rules in %s", (_, place) => {
  test.each(FAULTS)("%s", (_what, f, kind, ...parts) => {
    const program = (): unknown => grad((x: A) => place(f)(x).sum())(X);
    expect(program).toThrow(kind);
    for (const part of parts) expect(program).toThrow(part);
  });
});

describe("what rules close over", () => {
  const times = (w: A): ((x: A) => A) =>
    customJvp(
      (x: A) => x.mul(w),
      ([x], [t]) => [x!.mul(w), t!.mul(w)],
    ) as Wrong;
  const timesBack = (w: A): ((x: A) => A) =>
    customVjp(
      (x: A) => x.mul(w),
      (x) => [x.mul(w), w],
      (r: A, g) => [(g as A).mul(r)],
    ) as Wrong;
  const bothWays = Object.entries({ times, timesBack });
  describe.each(Object.entries(PLACES))("in %s", (_, place) => {
    test.each(bothWays)("%s: a value that is differentiated has no derivative", (_name, rule) => {
      expect(() => grad((w: A) => place(rule(w))(X).sum())(X)).toThrow(
        "Detected differentiation of a function with a derivative rule of its own",
      );
    });
    test.each(bothWays)("%s: a value that an outer program traces", (_name, rule) => {
      const of = jit((w: A) => grad((x: A) => place(rule(w))(x).sum())(X));
      const lanes = vmap((w: A) => grad((x: A) => place(rule(w))(x).sum())(X));
      const expected = (w: A): A => grad((x: A) => place((y) => y.mul(lax.stopGradient(w)))(x).sum())(X) as A;
      expect((of(X) as A).js()).toEqual(expected(X).js());
      expect((lanes(np.stack([X, X.mul(2)])) as A).js()).toEqual([expected(X).js(), expected(X.mul(2)).js()]);
    });
  });
  refusals(UnexpectedTracerError, [
    [
      "a value of a loop's body, which is gone when the rule is used",
      () =>
        grad((x: A) =>
          lax.scan((c: A, t: A) => [timesBack(t)(c), null] as const, x, M.mul(X.slice([0, 2])))[0].sum(),
        )(X.slice([0, 2])),
      "a derivative rule that closes over it",
    ],
  ]);
});

describe("reverse mode of loops whose length is not known", () => {
  const doubled = (x: A): A =>
    lax.whileLoop(
      (c: A) => c.sum().less(100),
      (c: A) => c.mul(2),
      x,
    );
  const counted = (x: A): A => lax.foriLoop(0, x.sum().astype("int32"), (_: A, c: A) => c.mul(2), x);
  describe.each(Object.entries(PLACES))("in %s", (_, place) => {
    test.each(Object.entries({ doubled, counted }))("%s", (_name, f) => {
      expect(() => grad((x: A) => place(f)(x).sum())(X)).toThrow(
        "Reverse-mode differentiation does not work for lax.whileLoop or lax.foriLoop with dynamic start/stop values. " +
          "Try using lax.scan, or using foriLoop with static start/stop.",
      );
      const f2 = place(f);
      expect((linearize(f2, [X])[1](X) as A).js()).toEqual((jvp(f2, [X], [X])[1] as A).js());
    });
  });
});

describe("vmap", () => {
  const same = (x: A): A => x;
  const pair = (x: A): [A, A] => [x, x];
  const mapped = (f: Wrong, ...options: Wrong[]) => vmap(f, ...(options as []));
  refusals(WeftValueError, [
    ["outAxes beyond", () => mapped(same, 0, 7)(M), "axis 7 is out of bounds for the output", "2 dimension"],
    ["outAxes before", () => mapped(same, 0, -3)(M), "axis -3 is out of bounds for the output"],
    ["outAxes in a tree", () => mapped(pair, 0, [0, 4])(M), "axis 4 is out of bounds for the output[1]"],
    ["outAxes null", () => mapped(same, 0, null)(M), "outAxes is null for the output", "give it an axis"],
    [
      "outAxes of another tree",
      () => mapped(pair, 0, [0, 0, 0])(M),
      "vmap outAxes must be a tree prefix of the corresponding value",
    ],
    ["inAxes of another tree", () => mapped(same, [[0, 0]])(M), "vmap inAxes[0] must be a tree prefix"],
    ["inAxes beyond", () => mapped(same, -3)(M), "map argument 0 of type float32[3,2] along axis -3"],
    [
      "inAxes beyond in a tree",
      () => mapped((d: { a: A }) => d.a, [{ a: 2 }])({ a: M }),
      "argument 0['a'] of type float32[3,2] along axis 2",
    ],
    ["nothing mapped", () => mapped(same, null)(M), "at least one non-null value in inAxes, or an axisSize"],
    [
      "another size",
      () => mapped(same, { axisSize: 2 })(M),
      "size 3: axis 0 of argument 0",
      "size 2: axisSize",
    ],
    ["a negative size", () => mapped(same, { axisSize: -1 })(M), "axisSize must be a non-negative integer"],
    ["too few axes", () => mapped(same, [])(M), "inAxes must have an entry per argument"],
  ]);
  refusals(WeftTypeError, [
    [
      "outAxes NaN",
      () => mapped(same, 0, Number.NaN)(M),
      "vmap outAxes must consist of integers and null, got NaN",
    ],
    ["inAxes 0.5", () => mapped(same, 0.5)(M), "vmap inAxes[0] must consist of integers and null, got 0.5"],
    ["an option", () => mapped(same, { axisSize: 3, size: 3 })(M), 'vmap has no option "size"'],
    ["a name", () => mapped(same, { axisName: 3 })(M), "axisName must be a string, got 3"],
  ]);
});

describe("collectives", () => {
  const lanes = (f: (x: A) => unknown, x: A = M): unknown => vmap(f as Wrong, { axisName: "i" })(x);
  const names = "the names bound here are";
  refusals(WeftValueError, [
    ["outside", () => lax.psum(X, "i"), "Found an unbound axis name: i. lax.psum", `${names} none`],
    ["in jit", () => jit((x: A) => lax.axisIndex("i").add(x))(X), "unbound axis name: i. lax.axisIndex"],
    [
      "of another name",
      () => lanes((x) => lax.pmean(x, "j")),
      "unbound axis name: j. lax.pmean",
      `${names} i`,
    ],
    ["the size", () => lax.axisSize("i"), "unbound axis name: i. lax.axisSize"],
    [
      "afterwards",
      () => {
        let push: Wrong;
        lanes((x) => {
          push = linearize((y: A) => lax.psum(y, "i"), [np.ones([2])])[1];
          return x;
        });
        return push(np.ones([2]));
      },
      "unbound axis name: i",
    ],
    [
      "ppermute to one twice",
      () =>
        lanes((x) =>
          lax.ppermute(x, "i", [
            [0, 1],
            [1, 1],
          ]),
        ),
      "the destinations must be different indices of the axis i of size 3, got 1 in [[0, 1], [1, 1]]",
    ],
    [
      "ppermute from outside",
      () => lanes((x) => lax.ppermute(x, "i", [[3, 1]])),
      "the sources must be",
      "got 3",
    ],
    [
      "allToAll",
      () => lanes((x) => lax.allToAll(x, "i", 0, 0)),
      "axis 0 of the operand float32[2]",
      "3 and 2",
    ],
    [
      "allToAll tiled",
      () => lanes((x) => lax.allToAll(x, "i", 0, 0, { tiled: true })),
      "divisible by the size 3",
    ],
    [
      "psumScatter",
      () => lanes((x) => lax.psumScatter(x, "i")),
      "axis 0 of the operand float32[2]",
      "3 and 2",
    ],
  ]);
  test("who is sent nothing gets zeros; a jitted function knows the size of each batch", () => {
    expect((lanes((x) => lax.ppermute(x, "i", [[0, 2]]), X) as A).js()).toEqual([0, 0, 1]);
    const size = jit((x: A) => x.mul(lax.axisSize("i")));
    expect((lanes(size, X) as A).js()).toEqual([3, 6, 9]);
    expect((lanes(size, np.ones([2])) as A).js()).toEqual([2, 2]);
  });
});

// Bundlers rename classes: a class by another name stands for a renamed one.
test.each(Object.entries(errors).filter(([name]) => name.endsWith("Error")))(
  "%s has its name by any other",
  (name, E) => {
    const Renamed = { it: class extends (E as typeof WeftTypeError) {} }.it;
    expect(new Renamed("?").name).toBe(name);
  },
);
