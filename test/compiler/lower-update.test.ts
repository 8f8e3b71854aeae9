/** Updates happen in place where nothing else reads the array, and nowhere else. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { forEachStmt } from "../../src/compiler/ir/visit.ts";
import type { NDArray } from "../../src/core/array.ts";
import { broadcastInDim, reduceSum } from "../../src/lax/broadcast.ts";
import { add, exp, lt, mul, neg, tanh } from "../../src/lax/elementwise.ts";
import { slice } from "../../src/lax/slice.ts";
import { reshape, rev, transpose } from "../../src/lax/views.ts";
import {
  builtThenRead,
  call,
  check,
  dynamicSlice,
  type Fn,
  H,
  int,
  lazyRotate,
  type Row,
  ramp,
  rotate,
  scan,
  switchCase,
  update,
  whileLoop,
  X,
} from "./lower-support.ts";

const sums = (x: NDArray): NDArray => broadcastInDim(reduceSum(x, [0]), [3], []);
const part = (x: NDArray): NDArray => slice(x, [0], [1]);
const updates: Row[] = [
  {
    name: "a reader of a carry whose first update did not happen in place",
    f: (x) =>
      scan(
        (c) => {
          const before = add(part(c), 1);
          const next = update(rotate(c), ramp([1], 7), int(1));
          return [next, mul(before, 2)];
        },
        [x],
        [],
        { length: 3 },
      ),
    args: [H],
  },
  ...[0, 1].map(
    (k): Row => ({
      name: `an update in branch 0, taken: ${k}, of what is read after it`,
      f: (x, i) => {
        const t = exp(x);
        const before = add(part(t), 1);
        const [y] = switchCase(i, [(a) => [sums(update(a, neg(part(a)), int(0)))], (a) => [neg(a)]], [t]);
        return [mul(before, part(y!)), neg(before)];
      },
      args: [H, ramp([], k, 1, "int32")],
    }),
  ),
  // A row that is also a result, or is read again by the way back, is not the next iteration's to change.
  ...["before", "updated", "after", "all"].flatMap((kept) =>
    [0, 1, 2].flatMap((unroll) =>
      [false, true].map(
        (reverse): Row => ({
          name: `a carry that is updated and then computed anew, kept ${kept}, unroll ${unroll}, reverse ${reverse}`,
          f: (x) =>
            scan(
              (c) => {
                const updated = update(c, neg(part(c)), int(0));
                const after = tanh(mul(updated, 1.5));
                const ys = { before: [c], updated: [updated], after: [after], all: [c, updated, after] }[
                  kept
                ];
                return [after, ...ys!];
              },
              [x],
              [],
              { length: 4, unroll, reverse },
            ).map((y) => mul(y, 2)),
          args: [H],
        }),
      ),
    ),
  ),
  {
    name: "a carry that goes from the rows of an outer loop into an inner one, which updates it",
    f: (x) =>
      scan(
        (c) => {
          const [last, ys] = scan((d) => [mul(update(d, neg(part(d)), int(1)), 0.5), d], [c], [], {
            length: 2,
          });
          return [last!, c, ys!];
        },
        [x],
        [],
        { length: 3 },
      ).map((y) => mul(y, 2)),
    args: [H],
  },
  { name: "a result that is read from what was built in its place", f: (x) => [builtThenRead(x)], args: [H] },
  {
    name: "a carry that is read from what was built in its place",
    f: (x) => scan((c) => [builtThenRead(c)], [x], [], { length: 3 }),
    args: [H],
  },
  {
    name: "a lazy carry of kind write",
    f: (x) => scan((c) => [lazyRotate(c)], [x], [], { length: 3 }),
    args: [H],
  },
  {
    name: "iterations after the loop that do not update in place",
    f: (x) => scan((c) => [rotate(c)], [x], [], { length: 3, unroll: 2 }),
    args: [H],
  },
  {
    name: "an update of a loop constant that is only read",
    f: (x) => {
      const t = exp(x);
      return scan(
        (c, i) => [add(mul(c, 0.5), sums(update(t, neg(part(c)), i))), add(i, 1)],
        [x, int(0)],
        [],
        { length: 3 },
      );
    },
    args: [H],
  },
  {
    name: "an update of an operand by itself",
    f: (x) => {
      const t = exp(x);
      return [neg(update(t, dynamicSlice(t, [int(1)], [2]), int(0))), sums(update(exp(x), exp(x), int(0)))];
    },
    args: [H],
  },
  {
    name: "an update of an operand by its own reverse",
    f: (x) => {
      const t = exp(x);
      return [neg(update(t, rev(t, [0]), int(0)))];
    },
    args: [H],
  },
  {
    name: "update of an argument",
    f: (x, i) => [update(x, ramp([1], 9), i), x],
    args: [H, ramp([], 1, 1, "int32")],
  },
  {
    name: "update of a temporary that is read later",
    f: (x) => {
      const t = exp(x);
      return [update(t, ramp([1], 9), int(0)), neg(t)];
    },
    args: [H],
  },
  {
    name: "update with a window of the same array",
    f: (x) => {
      const t = exp(x);
      return [update(t, slice(t, [1], [3]), int(0))];
    },
    args: [H],
  },
  {
    name: "a lazy reader of what is updated",
    f: (x) => {
      const t = exp(x);
      const before = add(part(t), 1);
      const after = update(t, ramp([1], 9), int(0));
      return [mul(before, part(after)), add(after, 0)];
    },
    args: [H],
  },
  {
    name: "an alias of what is updated",
    f: (x) => {
      const t = exp(x);
      const alias = reshape(t, [3, 1]);
      return [update(t, ramp([1], 9), int(0)), alias];
    },
    args: [H],
  },
  {
    name: "scan that updates",
    f: (x, xs) => scan((i, c, v) => [add(i, 1), update(c, part(v), i)], [int(0), x], [xs]),
    args: [ramp([6]), X],
  },
  {
    name: "scan that updates, unrolled",
    f: (x, xs) => scan((i, c, v) => [add(i, 1), update(c, part(v), i)], [int(0), x], [xs], { unroll: 2 }),
    args: [ramp([6]), X],
  },
  {
    name: "dynamic programming",
    f: (x) =>
      scan(
        (i, c) => {
          const last = dynamicSlice(c, [i], [1]);
          return [add(i, 1), update(c, mul(last, 2), add(i, 1)), last];
        },
        [int(0), x],
        [],
        { length: 5 },
      ),
    args: [ramp([6], 1, 0)],
  },
  {
    name: "two updates and a reader between",
    f: (x) =>
      scan(
        (i, c) => {
          const one = update(c, ramp([1], 7), i);
          const seen = dynamicSlice(one, [i], [2]);
          return [add(i, 1), update(one, neg(seen), i), rev(c, [0])];
        },
        [int(0), x],
        [],
        { length: 4 },
      ),
    args: [ramp([6])],
  },
  {
    name: "two carries from one array",
    f: (x) =>
      scan(
        (i, a, b) => [add(i, 1), update(a, part(b), i), update(b, ramp([1], 5), i)],
        [int(0), exp(x), exp(x)],
        [],
        { length: 3 },
      ),
    args: [H],
  },
  {
    name: "a carry written by an equation that is not an update",
    f: (x) => scan((c) => [rotate(c), c], [x], [], { length: 3 }),
    args: [H],
  },
  {
    name: "a carry updated inside of a call",
    f: (x) =>
      scan((i, c) => [add(i, 1), ...call((a, k) => [update(a, ramp([1], 4), k)], c, i)], [int(0), x], [], {
        length: 2,
      }),
    args: [H],
  },
  {
    name: "while that updates",
    f: (x) =>
      whileLoop(
        (i) => lt(i, int(3)),
        (i, c) => [add(i, 1), update(c, mul(dynamicSlice(c, [i], [1]), 3), i)],
        [int(0), x],
      ),
    args: [H],
  },
  {
    name: "a constant of the loop is not updated",
    f: (x) => {
      const t = exp(x);
      return scan((i) => [add(i, 1), update(t, neg(part(t)), i)], [int(0)], [], { length: 3 });
    },
    args: [H],
  },
  {
    name: "update in one branch",
    f: (x, k) => {
      const t = exp(x);
      return switchCase(k, [(a) => [update(a, neg(part(a)), int(1))], (a) => [a]], [t]);
    },
    args: [H, ramp([], 0, 1, "int32")],
  },
];

describe("updates", () => {
  test.each(updates)("$name", (row) => void check(row));

  test("a scan updates its carry in place: nothing of the carry's size is written inside of the loop", () => {
    const n = 1000;
    const p = check({
      name: "",
      f: (x, xs) =>
        scan(
          (i, c, v) => [add(i, 1), update(c, mul(dynamicSlice(c, [i], [1]), part(v)), i)],
          [int(0), x],
          [xs],
        ),
      args: [ramp([n]), X],
    });
    const loop = p.body.find((s) => s.kind === "for" && s.mode === "serial");
    const inner: number[] = [];
    if (loop?.kind === "for") forEachStmt(loop.body, (s) => s.kind === "for" && void inner.push(s.extent));
    expect(inner).toEqual([]);
    expect(p.temps.every((b) => b.size < n)).toBe(true);
  });
});

/** A step of a random program over vectors of three: it appends one value to those there are. */
interface Step {
  readonly op: number;
  readonly a: number;
  readonly b: number;
}

const OPS: ((x: NDArray, y: NDArray, k: NDArray) => NDArray)[] = [
  (x, y) => tanh(add(x, y)),
  (x) => rev(x, [0]),
  (x) => reshape(transpose(reshape(x, [1, 3]), [1, 0]), [3]),
  (x) => rotate(x),
  (x) => builtThenRead(x),
  (x) => lazyRotate(x),
  (x, y, k) => update(x, part(y), k),
  (x, y, k) => update(x, slice(y, [1], [3]), k),
  (x, y, k) => update(x, dynamicSlice(y, [k], [1]), int(1)),
  (x, y, k) => call((a, b, i) => [update(a, part(b), i)], x, y, k)[0]!,
  (x, y, k) =>
    switchCase(k, [(a, b) => [update(a, part(b), int(0))], (a) => [a], (_, b) => [neg(b)]], [x, y])[0]!,
  (x, y) => mul(broadcastInDim(reduceSum(x, [0]), [3], []), y),
  (x, y) => scan((i, c) => [add(i, 1), update(c, part(y), i)], [int(0), x], [], { length: 2 })[1]!,
  (x, y) => scan((c, d) => [add(d, x), c], [y, x], [], { length: 3 })[0]!,
  (x, y) =>
    whileLoop(
      (i) => lt(i, int(2)),
      (i, c) => [add(i, 1), update(c, part(add(c, y)), i)],
      [int(0), x],
    )[1]!,
  // What lives in the place of an operand goes through branches and loops, and through several updates.
  (x, y, k) =>
    switchCase(
      k,
      [(a, b) => [update(a, part(b), int(0))], (a) => [a], (a) => [update(a, neg(part(a)), int(1))]],
      [x, y],
    )[0]!,
  (x, y, k) => {
    const [a, b] = switchCase(
      k,
      [
        (a, b) => [update(a, part(b), int(0)), update(b, neg(part(a)), int(1))],
        (a, b) => [a, b],
        (a, b) => [b, a],
      ],
      [x, y],
    );
    return add(a!, neg(b!));
  },
  (x, y, k) =>
    switchCase(k, [(a) => [a, a], (a) => [update(a, neg(part(a)), int(2)), a]], [x, y]).reduce((a, b) =>
      add(a, neg(b)),
    ),
  (x, y, k) => update(update(x, part(y), k), dynamicSlice(x, [k], [1]), int(2)),
  (x, y) =>
    scan(
      (i, c) => [
        add(i, 1),
        ...switchCase(
          i,
          [(a) => [a], (a, b) => [update(update(a, part(b), int(1)), part(a), int(2))]],
          [c, y],
        ),
      ],
      [int(0), x],
      [],
      { length: 2 },
    )[1]!,
  (x, y) =>
    scan(
      (i, c) => [
        add(i, 1),
        scan((j, d) => [add(j, 1), update(d, part(add(c, y)), j)], [int(0), c], [], { length: 2 })[1]!,
        c,
      ],
      [int(0), x],
      [],
      { length: 2 },
    )[1]!,
  (x, y) =>
    scan(
      (i, c) => [
        add(i, 1),
        whileLoop(
          (j) => lt(j, int(2)),
          (j, d) => [add(j, 1), update(d, neg(part(y)), j)],
          [i, c],
        )[1]!,
      ],
      [int(0), x],
      [],
      { length: 2 },
    )[1]!,
];

function interpretSteps(steps: readonly Step[], start: readonly NDArray[], k: NDArray): NDArray[] {
  const values = [...start];
  for (const { op, a, b } of steps)
    values.push(OPS[op % OPS.length]!(values[a % values.length]!, values[b % values.length]!, k));
  return values;
}

test("random programs in a loop: whole and one equation at a time agree", () => {
  const step = fc.record({ op: fc.nat(OPS.length - 1), a: fc.nat(30), b: fc.nat(30) });
  const steps = fc.array(step, { minLength: 1, maxLength: 7 });
  const options = fc.record({ reverse: fc.boolean(), unroll: fc.constantFrom(1, 1, 2, 0) });
  const property = fc.property(
    steps,
    steps,
    fc.array(fc.nat(30), { minLength: 3, maxLength: 3 }),
    options,
    (before, inside, picked, how) => {
      const f: Fn = (xs, h) => {
        const outer = interpretSteps(before, [h, neg(h)], int(1)).slice(-3);
        const results = scan(
          (i, c, d, x) => {
            const values = interpretSteps(inside, [c, d, x, ...outer], i);
            const [p, q, y] = picked.map((at) => values.at(-1 - (at % values.length))!);
            return [add(i, 1), p!, q!, y!];
          },
          [int(0), outer.at(-1)!, outer.at(-2)!],
          [xs],
          how,
        );
        return [...results, ...outer];
      };
      check({ name: "", f, args: [X, H] });
    },
  );
  fc.assert(property, { numRuns: 60 });
});
