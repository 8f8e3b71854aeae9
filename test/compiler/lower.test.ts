import { describe, expect, test } from "vitest";
import type { Program, Stmt } from "../../src/compiler/ir/nodes.ts";
import { printProgram } from "../../src/compiler/ir/print.ts";
import { forEachStmt } from "../../src/compiler/ir/visit.ts";
import { type DeviceArray, fromTyped, type NDArray, scalar } from "../../src/core/array.ts";
import { broadcastInDim, reduceSum } from "../../src/lax/broadcast.ts";
import { dot, dotGeneral } from "../../src/lax/dot.ts";
import { add, convertElementType, exp, lt, mul, neg, sub, tanh } from "../../src/lax/elementwise.ts";
import { concatenate } from "../../src/lax/join.ts";
import { slice } from "../../src/lax/slice.ts";
import { broadcastedIota, reshape, rev, transpose } from "../../src/lax/views.ts";
import {
  call,
  check,
  dynamicSlice,
  type Fn,
  H,
  host,
  int,
  lazySums,
  lowered,
  type Row,
  ramp,
  rotate,
  scan,
  sort,
  switchCase,
  W,
  whileLoop,
  X,
} from "./lower-support.ts";

const count = (program: Program, kind: Stmt["kind"]): number => {
  let n = 0;
  forEachStmt(program.body, (s) => {
    if (s.kind === kind) n++;
  });
  return n;
};

const straight: Row[] = [
  { name: "maps", f: (x, y) => [tanh(add(mul(x, y), 1)), sub(x, y)], args: [X, ramp([5, 3])] },
  { name: "a value used twice", f: (x) => [mul(exp(x), add(exp(x), x))], args: [X] },
  {
    name: "a result that is an argument, a constant, and one value twice",
    f: (x) => [x, scalar(3, "float32"), neg(x), neg(x)],
    args: [X],
  },
  {
    name: "softmax",
    f: (x) => {
      const e = exp(x);
      return [mul(e, broadcastInDim(exp(neg(reduceSum(e, [1]))), [5, 3], [0]))];
    },
    args: [X],
  },
  { name: "views of views", f: (x) => [rev(transpose(slice(x, [1, 0], [4, 3]), [1, 0]), [0, 1])], args: [X] },
  {
    name: "reshape of a buffer and of a computed value",
    f: (x) => [reshape(x, [3, 5]), reshape(neg(x), [15]), reshape(reshape(exp(x), [15, 1]), [3, 1, 5])],
    args: [X],
  },
  {
    name: "reshape of a transposed value",
    f: (x) => [reshape(transpose(x, [1, 0]), [5, 3]), reshape(transpose(exp(x), [1, 0]), [15])],
    args: [X],
  },
  {
    name: "reshape of an iota",
    f: () => [
      reshape(broadcastedIota("int32", [2, 3, 4], 1), [6, 4]),
      reshape(broadcastedIota("int32", [4, 3], 0), [2, 6]),
    ],
    args: [],
  },
  {
    name: "scalars",
    f: (x, c) => [add(mul(x, tanh(c)), mul(tanh(c), c)), mul(c, 2)],
    args: [X, ramp([], 0.7)],
  },
  { name: "dot", f: (x, w) => [tanh(dot(x, w)), dot(x, transpose(w, [1, 0])), dot(exp(x), w)], args: [X, W] },
  {
    name: "batched, outer and full contractions",
    f: (x, y) => [
      dotGeneral(x, y, [
        [[2], [1]],
        [[0], [0]],
      ]),
      dotGeneral(slice(x, [0, 0, 0], [1, 1, 4]), slice(y, [0, 0, 0], [1, 4, 2]), [
        [[], []],
        [[0], [0]],
      ]),
      dotGeneral(reshape(x, [24]), reshape(x, [24]), [
        [[0], [0]],
        [[], []],
      ]),
    ],
    args: [ramp([2, 3, 4], 0, 0.1), ramp([2, 4, 2], 1, -0.1)],
  },
  { name: "contraction over nothing", f: (x, y) => [dot(x, y)], args: [ramp([2, 0]), ramp([0, 3])] },
  {
    name: "empty arrays",
    f: (x, y) => [
      neg(x),
      reduceSum(x, [1]),
      reduceSum(x, [0]),
      concatenate([x, y], 0),
      reshape(exp(x), [3, 0]),
    ],
    args: [ramp([0, 3]), ramp([2, 3])],
  },
  {
    name: "call",
    f: (x, w) => {
      const [y] = call((a, b) => [tanh(dot(a, b))], x, w);
      return [...call((a) => [add(a, 1), a], exp(x)), y!];
    },
    args: [X, W],
  },
  {
    name: "dynamic slices",
    f: (x, i) => [dynamicSlice(x, [i, int(1)], [2, 2]), neg(dynamicSlice(exp(x), [i, i], [1, 3]))],
    args: [X, ramp([], 3, 1, "int32")],
  },
];

describe("straight code", () => {
  test.each(straight)("$name", (row) => void check(row));
});

test("statements of rules: a sort in place", () => {
  const values = [3, 1, 2, 5, 4, 0].map((v) => v * 1.5);
  const x = ramp([6]);
  const { run } = lowered((i) => [sort(reshape(add(i, 0), [6]))], [x.aval]);
  const { program, run: both } = lowered((v) => [sort(v), v], [x.aval]);
  const data = fromTyped(new Float32Array(values), [6], "float32");
  expect(both([data]).forward, printProgram(program)).toEqual([values.toSorted((a, b) => a - b), values]);
  expect(run([data]).backward).toEqual([values.toSorted((a, b) => a - b)]);
});

describe("what is stored", () => {
  const program = (f: Fn, ...args: DeviceArray[]): Program => check({ name: "", f, args });

  test("a chain of maps and views is one nest without temporaries", () => {
    const p = program((x, y) => [tanh(transpose(add(exp(x), y), [1, 0]))], X, ramp([5, 3]));
    expect([p.temps.length, count(p, "store")]).toEqual([0, 1]);
  });
  test("what is used twice and is not cheap is stored once", () => {
    const p = program((x) => [transpose(exp(x), [1, 0]), neg(exp(x))].map((y) => y) && [mul(tanh(x), 2)], X);
    expect(p.temps.length).toBe(0);
    const q = program((x) => {
      const e = exp(x);
      return [transpose(e, [1, 0]), neg(e)];
    }, X);
    expect([q.temps.length, count(q, "store")]).toEqual([1, 3]);
  });
  test("a cheap value is computed again", () => {
    const p = program((x) => {
      const y = add(x, 1);
      return [transpose(y, [1, 0]), neg(y)];
    }, X);
    expect(p.temps.length).toBe(0);
  });
  test("reading both operands of a product at one place stores nothing", () => {
    expect(
      program((x) => {
        const y = tanh(add(exp(x), x));
        return [mul(y, y)];
      }, X).temps.length,
    ).toBe(0);
  });
  test("a reduction that is read twice at one place is computed once", () => {
    const p = program((x) => {
      const y = lazySums(x);
      return [mul(y, y)];
    }, X);
    expect([p.temps.length, count(p, "reduce")]).toEqual([0, 1]);
  });
  test("a contraction reads views in place and its result is built where it is wanted", () => {
    const p = program((x, w) => [dot(slice(x, [1, 0], [4, 3]), transpose(w, [1, 0]))], X, W);
    expect([p.temps.length, count(p, "contract")]).toEqual([0, 1]);
  });
  test("equations without use or effect vanish", () => {
    expect(
      count(
        program((x) => [exp(x), x].slice(1), X),
        "store",
      ),
    ).toBe(1);
  });
  test("a result that is wanted twice is computed once and copied", () => {
    const p = program((x) => {
      const y = exp(x);
      return [y, y];
    }, X);
    expect([p.temps.length, printProgram(p).match(/exp/g)?.length]).toEqual([0, 1]);
  });
});

const rnn =
  (options: Parameters<typeof scan>[3]): Fn =>
  (w, h, xs) =>
    scan(
      (c, x) => {
        const next = tanh(add(dot(c, w), x));
        return [next, mul(next, 2)];
      },
      [h],
      [xs],
      options,
    );

const swap: Fn = (a, b) => scan((x, y) => [y, x, add(x, y)], [a, b], [], { length: 5 });

const loops: Row[] = [
  ...[1, 2, 3, 0, 5, 8].flatMap((unroll) =>
    [false, true].map(
      (reverse): Row => ({
        name: `rnn unroll ${unroll} reverse ${reverse}`,
        f: rnn({ unroll, reverse }),
        args: [W, H, X],
      }),
    ),
  ),
  ...[0, 1, 2].map((n): Row => ({ name: `scan of length ${n}`, f: rnn({}), args: [W, H, ramp([n, 3])] })),
  { name: "swapping carries", f: swap, args: [H, ramp([3], 5)] },
  { name: "swapping scalars", f: swap, args: [ramp([], 1), ramp([], 2)] },
  {
    name: "swapping while unrolled",
    f: (a, b) => scan((x, y) => [y, add(x, y)], [a, b], [], { length: 7, unroll: 3 }),
    args: [H, H],
  },
  {
    name: "a carry that stays, a carry that is also y, a constant y",
    f: (h, xs) =>
      scan(
        (k, c, x) => {
          const n = add(mul(c, k), x);
          return [k, n, n, x, scalar(1, "float32"), k];
        },
        [h, h],
        [xs],
      ),
    args: [H, X],
  },
  {
    name: "scalar carry and counter",
    f: (xs) =>
      scan(
        (i, s, x) => [add(i, 1), add(s, reduceSum(x, [0])), mul(convertElementType(i, "float32"), s)],
        [int(0), ramp([], 0)],
        [xs],
      ),
    args: [X],
  },
  {
    name: "xs computed before, consts computed before",
    f: (w, xs) => {
      const ws = exp(w);
      return scan((c, x) => [add(dot(c, ws), x)], [H], [tanh(xs)]);
    },
    args: [W, X],
  },
  {
    name: "nested scans",
    f: (ws, h, xs) =>
      scan(
        (hs, x) => {
          const [y, next] = scan(
            (inp, h0, w) => {
              const out = tanh(add(dot(inp, w), h0));
              return [out, out];
            },
            [x],
            [hs, ws].map((v) => v),
          ) as never as NDArray[];
          return [next!, y!];
        },
        [h],
        [xs],
      ),
    args: [ramp([2, 3, 3], -0.5, 0.06), ramp([2, 3], 0, 0.1), X],
  },
  { name: "scan without equations", f: (xs) => scan((x) => [neg(x)], [], [xs], {}), args: [X] },
  {
    name: "while",
    f: (x, n) =>
      whileLoop(
        (i) => lt(i, n),
        (i, v, k) => [add(i, 1), tanh(add(v, k)), k],
        [int(0), x, H],
      ),
    args: [H, ramp([], 4, 1, "int32")],
  },
  {
    name: "while that swaps",
    f: (a, b) =>
      whileLoop(
        (i) => lt(i, int(3)),
        (i, x, y) => [add(i, 1), y, add(x, y)],
        [int(0), a, b],
      ),
    args: [H, ramp([3], 2)],
  },
  {
    name: "while whose scalar reads the array",
    f: (a) =>
      whileLoop(
        (s) => lt(s, 9),
        (s, v) => [add(s, reduceSum(v, [0])), rotate(add(v, 1))],
        [ramp([], 0), a],
      ),
    args: [H],
  },
  ...[-1, 0, 1, 7].map(
    (i): Row => ({
      name: `switch ${i}`,
      f: (k, x, c) =>
        switchCase(
          k,
          [(a, b) => [neg(a), b], (a) => [exp(a), reduceSum(a, [0, 1])], (a, b) => [a, mul(b, 2)]],
          [tanh(x), c],
        ),
      args: [ramp([], i, 1, "int32"), X, ramp([], 2)],
    }),
  ),
  {
    name: "switch inside of scan",
    f: (xs) =>
      scan(
        (i, c, x) => {
          const [n] = switchCase(i, [(a, b) => [add(a, b)], (a, b) => [mul(a, b)]], [c, x]);
          return [sub(int(1), i), n!, n!];
        },
        [int(0), H],
        [xs],
      ),
    args: [X],
  },
];

describe("loops and branches", () => {
  test.each(loops)("$name", (row) => void check(row));

  test("the size of the program does not depend on the length", () => {
    const text = (n: number): string =>
      printProgram(lowered(rnn({ unroll: 2 }), [W.aval, H.aval, ramp([n, 3]).aval]).program);
    expect(text(101).replace(/\d+/g, "n")).toBe(text(1001).replace(/\d+/g, "n"));
  });
  test("xs and ys are not copied", () => {
    const p = check({ name: "", f: rnn({}), args: [W, H, X] });
    expect(p.temps.map((b) => b.name)).toEqual(["carry0", "t0"]);
  });
  test("a carry that is stored anyway is stored once, also when its last value is a result", () => {
    const running = (xs: NDArray): NDArray[] => {
      const [last, before] = scan((c, x) => [add(c, x), c], [H], [xs]);
      return [last!, neg(before!)];
    };
    const p = check({ name: "", f: running, args: [X] });
    expect(p.temps.map((b) => [b.name, b.size])).toEqual([["carry0", (X.shape[0]! + 1) * H.size]]);
  });
  test("effects keep their order and run every time", () => {
    const seen: number[][] = [];
    const log = (x: NDArray): void => host(([v]) => void seen.push(Array.from(v!.data, Math.round)), x);
    const { run } = lowered(
      (xs) => {
        log(reduceSum(xs, [0, 1]));
        return scan(
          (c, x) => {
            log(add(c, x));
            return [add(c, x)];
          },
          [H],
          [xs],
        );
      },
      [X.aval],
    );
    run([X]);
    expect(seen.length).toBe(12);
    expect(seen[0]).toEqual([6]);
    expect(seen.slice(0, 6)).toEqual(seen.slice(6));
  });
});
