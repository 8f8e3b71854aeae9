/** What operations give, where JavaScript or a formula does not say: examples and edge cases. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NDArray } from "../../src/core/array.ts";
import { type DType, isFloat } from "../../src/core/dtype.ts";
import * as lax from "../../src/lax/index.ts";
import { trigamma } from "../../src/lax/special.ts";
import { array, distance, values } from "./support.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const i32 = (...xs: number[]): NDArray => array(xs, [xs.length], "int32");
const f32 = (...xs: number[]): NDArray => array(xs, [xs.length], "float32");
const of = (dtype: DType, ...xs: number[]): NDArray => array(xs, [xs.length], dtype);
const matrix = (rows: number, columns: number): NDArray =>
  lax.reshape(lax.iota("float32", rows * columns), [rows, columns]);
const index = (...xs: number[]): NDArray => array(xs, [xs.length, 1], "int32");

const ROWS = { offsetDims: [1], collapsedSliceDims: [0], startIndexMap: [0] };
const INTO = { updateWindowDims: [], insertedWindowDims: [0], scatterDimsToOperandDims: [0] };

type Case = [name: string, got: () => NDArray, expected: number[], shape?: number[]];

const INTEGERS: Case[] = [
  ["div truncates, by zero gives -1", () => lax.div(i32(7, -7, 5), i32(-3, 3, 0)), [-2, -2, -1]],
  [
    "rem has the sign of the dividend, by zero gives it",
    () => lax.rem(i32(7, -7, 5), i32(-3, 3, 0)),
    [1, -1, 5],
  ],
  ["the lowest int divided by -1", () => lax.div(i32(-(2 ** 31)), i32(-1)), [-(2 ** 31)]],
  ["shifts by the width or more", () => lax.shiftLeft(i32(1, 1, 1), i32(31, 32, 33)), [-(2 ** 31), 0, 0]],
  [
    "arithmetic shift keeps the sign",
    () => lax.shiftRightArithmetic(i32(-8, -8, 8), i32(1, 40, 40)),
    [-4, -1, 0],
  ],
  ["logical shift", () => lax.shiftRightLogical(i32(-1, -1), i32(28, 32)), [15, 0]],
  ["uint8 wraps", () => lax.add(of("uint8", 200, 0), of("uint8", 100, 255)), [44, 255]],
  ["neg of unsigned", () => lax.neg(of("uint8", 1, 0)), [255, 0]],
  ["sign of unsigned", () => lax.sign(of("uint8", 0, 9)), [0, 1]],
  [
    "float to int saturates",
    () => lax.convertElementType(f32(3e9, -3e9, nan, -1.9), "int32"),
    [2 ** 31 - 1, -(2 ** 31), 0, -1],
  ],
  ["float to uint8 saturates", () => lax.convertElementType(f32(300, -5, 7.9), "uint8"), [255, 0, 7]],
  ["int to int wraps", () => lax.convertElementType(i32(300, -1), "uint8"), [44, 255]],
  ["not of bool", () => lax.bitwiseNot(of("bool", 0, 1)), [1, 0]],
  [
    "max and min of bool",
    () =>
      lax.concatenate(
        [lax.max(of("bool", 0, 1), of("bool", 0, 0)), lax.min(of("bool", 1, 1), of("bool", 1, 0))],
        0,
      ),
    [0, 1, 1, 0],
  ],
  ["integerPow of ints", () => lax.integerPow(i32(-3, 2), 5), [-243, 32]],
];

const FLOATS: Case[] = [
  ["round goes away from zero at halves", () => lax.round(f32(0.5, 1.5, -2.5, 0.49999997)), [1, 2, -3, 0]],
  ["round to even", () => lax.round(f32(0.5, 1.5, -2.5), lax.RoundingMethod.TO_NEAREST_EVEN), [0, 2, -2]],
  ["round keeps what is not finite", () => lax.round(f32(inf, -inf, nan)), [inf, -inf, nan]],
  ["NaN wins max", () => lax.max(f32(nan, 1), f32(1, nan)), [nan, nan]],
  ["sign of NaN and of zeros", () => lax.sign(f32(nan, -0, 0, -3)), [nan, -0, 0, -1]],
  ["isFinite", () => lax.isFinite(f32(1, inf, -inf, nan)), [1, 0, 0, 0]],
  [
    "comparisons with NaN",
    () =>
      lax.concatenate([lax.eq(f32(nan), f32(nan)), lax.ne(f32(nan), f32(nan)), lax.ge(f32(nan), f32(0))], 0),
    [0, 1, 0],
  ],
  ["clamp", () => lax.clamp(0, f32(-1, 0.5, 2), 1), [0, 0.5, 1]],
  [
    "nextafter",
    () => lax.nextafter(f32(1, 1, 0, 0, -1, 2, nan), f32(2, 0, 1, -1, 0, 2, 0)),
    [1 + 2 ** -23, 1 - 2 ** -24, 2 ** -149, -(2 ** -149), -1 + 2 ** -24, 2, nan],
  ],
  [
    "selectN with indices",
    () =>
      lax.selectN(
        i32(2, 0, 1, 9, -9),
        i32(1, 2, 3, 4, 5),
        i32(10, 20, 30, 40, 50),
        i32(100, 200, 300, 400, 500),
      ),
    [100, 2, 30, 400, 5],
  ],
  ["select of numbers", () => lax.select(of("bool", 1, 0), 1, 0), [1, 0]],
  ["bitcast", () => lax.bitcastConvertType(1, "uint32"), [1065353216], []],
];

const SHAPES: Case[] = [
  ["broadcastInDim", () => lax.broadcastInDim(f32(1, 2), [2, 3], [0]), [1, 1, 1, 2, 2, 2], [2, 3]],
  ["transpose", () => lax.transpose(matrix(2, 3)), [0, 3, 1, 4, 2, 5], [3, 2]],
  [
    "transpose of three axes",
    () => lax.transpose(lax.reshape(lax.iota("int32", 6), [1, 2, 3]), [2, 0, 1]),
    [0, 3, 1, 4, 2, 5],
    [3, 1, 2],
  ],
  ["reshape infers", () => lax.reshape(matrix(2, 3), [3, -1]), [0, 1, 2, 3, 4, 5], [3, 2]],
  ["rev", () => lax.rev(matrix(2, 3), [0]), [3, 4, 5, 0, 1, 2], [2, 3]],
  ["expandDims from the end", () => lax.expandDims(f32(1, 2), [-1]), [1, 2], [2, 1]],
  ["slice", () => lax.slice(matrix(3, 4), [1, 0], [3, 4], [1, 3]), [4, 7, 8, 11], [2, 2]],
  ["slice of nothing", () => lax.slice(f32(1, 2), [1], [1]), [], [0]],
  ["sliceInDim from the end", () => lax.sliceInDim(f32(0, 1, 2, 3), -3, -1), [1, 2]],
  ["indexInDim", () => lax.indexInDim(matrix(2, 3), -1, 1, false), [2, 5]],
  ["pad all around and between", () => lax.pad(i32(1, 2), 9, [[1, 2, 1]]), [9, 1, 9, 2, 9, 9]],
  ["pad cuts", () => lax.pad(i32(1, 2, 3, 4), 9, [[-1, -2, 0]]), [2]],
  ["pad cuts between", () => lax.pad(i32(1, 2, 3), 9, [[-1, -1, 1]]), [9, 2, 9]],
  ["concatenate", () => lax.concatenate([matrix(2, 1), matrix(2, 2)], 1), [0, 0, 1, 1, 2, 3], [2, 3]],
  ["split", () => lax.split(i32(1, 2, 3), [1, 2])[1]!, [2, 3]],
  ["iota along an axis", () => lax.broadcastedIota("int32", [2, 2], 0), [0, 0, 1, 1], [2, 2]],
  ["full and its like", () => lax.fullLike(matrix(1, 2), 7), [7, 7], [1, 2]],
];

const REDUCTIONS: Case[] = [
  ["sums over an axis", () => lax.reduceSum(matrix(2, 3), [1]), [3, 12]],
  ["the sum of nothing", () => lax.reduceSum(lax.full([2, 0], 1, "float32"), [1]), [0, 0]],
  ["the maximum of nothing", () => lax.reduceMax(lax.full([0], 1, "int8"), [0]), [-128], []],
  ["the maximum with NaN", () => lax.reduceMax(f32(1, nan, 2), [0]), [nan], []],
  [
    "all and any",
    () =>
      lax.concatenate(
        [
          lax.reduceAnd(array([1, 0, 1, 1], [2, 2], "bool"), [1]),
          lax.reduceOr(array([1, 0, 0, 0], [2, 2], "bool"), [1]),
        ],
        0,
      ),
    [0, 1, 1, 0],
  ],
  ["argmax takes the first", () => lax.argmax(f32(1, 3, 3, 2), 0), [1], []],
  ["argmax takes NaN", () => lax.argmax(f32(1, nan, inf, nan), 0), [1], []],
  ["argmin of all infinities", () => lax.argmin(f32(inf, inf), 0), [0], []],
  ["argmax in another index dtype", () => lax.argmax(matrix(2, 3), 0, "uint8"), [1, 1, 1]],
  ["cumsum of int8 wraps", () => lax.cumsum(of("int8", 100, 100)), [100, -56]],
  ["cumsum from the end", () => lax.cumsum(matrix(2, 2), 0, { reverse: true }), [2, 4, 2, 3], [2, 2]],
  ["cumprod", () => lax.cumprod(i32(1, 2, 3, 4)), [1, 2, 6, 24]],
  ["cummax with NaN", () => lax.cummax(f32(1, 0, nan, 5)), [1, 1, nan, nan]],
  ["cummin from the end", () => lax.cummin(i32(3, 1, 2), 0, { reverse: true }), [1, 1, 2]],
  [
    "cumlogsumexp without overflow",
    () => lax.cumlogsumexp(f32(-inf, 1000, 1000)),
    [-inf, 1000, 1000 + Math.log(2)],
  ],
  ["cumulative of nothing", () => lax.cumsum(lax.full([0, 2], 1, "float32"), 0), [], [0, 2]],
  ["linearRecurrence", () => lax.linearRecurrence(f32(9, 0.5, 2), f32(1, 1, 1)), [1, 1.5, 4]],
];

const INDEXING: Case[] = [
  ["dot of vectors", () => lax.dot(i32(1, 2), i32(3, 4)), [11], []],
  [
    "dotGeneral accumulates in another dtype",
    () =>
      lax.dotGeneral(
        of("int8", 100, 100),
        of("int8", 100, 100),
        [
          [[0], [0]],
          [[], []],
        ],
        { preferredElementType: "int32" },
      ),
    [20000],
    [],
  ],
  [
    "dot with dims",
    () => lax.dot(matrix(2, 3), matrix(2, 3), { lhsContractingDims: [-1], rhsContractingDims: [-1] }),
    [5, 14, 14, 50],
    [2, 2],
  ],
  [
    "gather clamps",
    () => lax.gather(matrix(3, 2), index(-5, 1, 9), ROWS, [1, 2]),
    [0, 1, 2, 3, 4, 5],
    [3, 2],
  ],
  [
    "gather fills floats with NaN",
    () =>
      lax.gather(
        f32(1, 2),
        index(1, 2, -1),
        { offsetDims: [], collapsedSliceDims: [0], startIndexMap: [0] },
        [1],
        { mode: "fill" },
      ),
    [2, nan, nan],
  ],
  [
    "gather fills ints with the lowest",
    () =>
      lax.gather(
        of("int8", 1),
        index(0, 1),
        { offsetDims: [], collapsedSliceDims: [0], startIndexMap: [0] },
        [1],
        { mode: "fill" },
      ),
    [1, -128],
  ],
  [
    "gather by unsigned indices beyond int32",
    () =>
      lax.gather(
        f32(1, 2),
        array([4e9], [1, 1], "uint32"),
        { offsetDims: [], collapsedSliceDims: [0], startIndexMap: [0] },
        [1],
      ),
    [2],
  ],
  [
    "scatter drops what is outside, last wins",
    () => lax.scatter(i32(0, 0, 0), index(1, 5, 1, -1), i32(1, 2, 3, 4), INTO),
    [0, 3, 0],
  ],
  ["scatter clamps", () => lax.scatter(i32(0, 0, 0), index(5), i32(2), INTO, { mode: "clip" }), [0, 0, 2]],
  [
    "scatterAdd accumulates",
    () => lax.scatterAdd(i32(0, 0, 7), index(1, 1, 1), i32(1, 2, 3), INTO),
    [0, 6, 7],
  ],
  [
    "scatterMax and scatterMin",
    () => lax.scatterMin(lax.scatterMax(i32(0, 5), index(0, 1), i32(3, 3), INTO), index(1), i32(4), INTO),
    [3, 4],
  ],
  ["dynamicSlice clamps", () => lax.dynamicSlice(f32(0, 1, 2, 3), [9], [2]), [2, 3]],
  ["dynamicSlice counts from the end", () => lax.dynamicSlice(f32(0, 1, 2, 3), i32(-3), [2]), [1, 2]],
  ["dynamicIndexInDim counts from the end", () => lax.dynamicIndexInDim(i32(5, 6, 7), -1, 0, false), [7], []],
  ["dynamicUpdateSlice clamps", () => lax.dynamicUpdateSlice(f32(0, 1, 2, 3), f32(8, 9), [7]), [0, 1, 8, 9]],
  [
    "dynamicUpdateIndexInDim without the axis",
    () => lax.dynamicUpdateIndexInDim(matrix(2, 2), f32(8, 9), 1, 1),
    [0, 8, 2, 9],
    [2, 2],
  ],
];

const SORTING: Case[] = [
  [
    "sort puts NaN last and takes -0 for 0",
    () => lax.sort(f32(nan, 0, -0, -inf, inf, -1)),
    [-inf, -1, 0, -0, inf, nan],
  ],
  ["sort of bools", () => lax.sort(of("bool", 1, 0, 1, 0)), [0, 0, 1, 1]],
  ["sort of one", () => lax.sort(f32(3)), [3]],
  ["sort of none", () => lax.sort(lax.full([2, 0], 0, "float32")), [], [2, 0]],
  ["argsort is stable", () => lax.argsort(i32(1, 0, 1, 0, 1)), [1, 3, 0, 2, 4]],
  ["topK", () => lax.topK(f32(1, 3, 2, 3), 3)[1], [1, 3, 2]],
  ["topK of nothing", () => lax.topK(f32(1, 3), 0)[0], [], [0]],
  ["topK along an axis", () => lax.topK(matrix(3, 2), 1, 0)[0], [4, 5], [1, 2]],
];

describe.each([
  ["integers", INTEGERS],
  ["floats", FLOATS],
  ["shapes", SHAPES],
  ["reductions", REDUCTIONS],
  ["indexing", INDEXING],
  ["sorting", SORTING],
])("%s", (_, cases) => {
  test.each(cases)("%s", (_name, got, expected, shape = [expected.length]) => {
    const out = got();
    expect(out.shape).toEqual(shape);
    expect(values(out)).toEqual(expected.map((v) => (isFloat(out.dtype) ? Math.fround(v) : v)));
  });
});

/** Random123's known answers for threefry2x32 with 20 rounds. */
test.each([
  [
    [0, 0],
    [0, 0],
    [0x6b200159, 0x99ba4efe],
  ],
  [
    [0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x1cb996fc, 0xbb002be7],
  ],
  [
    [0x13198a2e, 0x03707344],
    [0x243f6a88, 0x85a308d3],
    [0xc4923a9c, 0x483df7a0],
  ],
])("threefry2x32 with key %j of counter %j", (key, counter, expected) => {
  const [k0, k1, x0, x1] = [...key, ...counter].map((v) => array([v], [], "uint32"));
  const [a, b] = lax.threefry2x32(k0!, k1!, x0!, x1!);
  expect([...values(a), ...values(b)]).toEqual(expected);
});

test("trigamma at known points", () => {
  const xs = array([1, 0.5, 2, 10, -0.5, -1e6 - 0.5], [6], "float64");
  const expected = [
    Math.PI ** 2 / 6,
    Math.PI ** 2 / 2,
    Math.PI ** 2 / 6 - 1,
    0.10516633568168575,
    Math.PI ** 2 / 2 + 4,
    Math.PI ** 2 - 1 / 1_000_001,
  ];
  expect(distance(values(trigamma(xs)), expected)).toBeLessThan(1e-14);
});

describe("properties of sort", () => {
  const anyFloat = fc.float({ noNaN: false });
  const order = (a: number, b: number): number =>
    Number.isNaN(a) || Number.isNaN(b) ? Number(Number.isNaN(a)) - Number(Number.isNaN(b)) : a - b;

  test("sorts as a comparison sort does", () => {
    fc.assert(
      fc.property(fc.array(anyFloat, { minLength: 1, maxLength: 40 }), (xs) => {
        expect(values(lax.sort(f32(...xs)))).toEqual([...xs].sort(order));
      }),
      { numRuns: 40 },
    );
  });

  test("is stable, whatever the number of lanes", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 30 }), (xs) => {
        const lanes = array([...xs, ...[...xs].reverse()], [2, xs.length], "int32");
        const rank = (lane: number[]): number[] =>
          lane.map((_, i) => i).sort((a, b) => lane[a]! - lane[b]! || a - b);
        expect(values(lax.argsort(lanes))).toEqual([...rank(xs), ...rank([...xs].reverse())]);
      }),
      { numRuns: 40 },
    );
  });
});
