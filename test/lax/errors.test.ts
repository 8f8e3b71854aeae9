/** What operations refuse, in which words; and the types of what they accept. */
import { describe, expect, test } from "vitest";
import type { ArrayLike, NDArray } from "../../src/core/array.ts";
import { aval, type ShapedArray } from "../../src/core/aval.ts";
import { WeftTypeError, WeftValueError } from "../../src/core/errors.ts";
import { stage } from "../../src/core/stage.ts";
import * as lax from "../../src/lax/index.ts";
import "./support.ts";

const f = (...shape: number[]): ShapedArray => aval(shape, "float32");
const i = (...shape: number[]): ShapedArray => aval(shape, "int32");
const b = (...shape: number[]): ShapedArray => aval(shape, "bool");
type Use = (x: NDArray, y: NDArray, z: NDArray) => NDArray | NDArray[];
type Case = [message: string, use: Use, ...types: ShapedArray[]];

const run = (use: Use, types: ShapedArray[]) =>
  stage((args) => [use(...(args as [NDArray, NDArray, NDArray]))].flat(), types).jaxpr;

const NUMBERS = { offsetDims: [1], collapsedSliceDims: [0], startIndexMap: [0] };
const INTO = { updateWindowDims: [1], insertedWindowDims: [0], scatterDimsToOperandDims: [0] };

const TYPE_ERRORS: Case[] = [
  [
    "lax.add requires arguments to have the same dtypes, got int32, float32. (Tip: np.add is a similar function that does automatic type promotion on inputs).",
    lax.add,
    i(3),
    f(3),
  ],
  [
    "lax.mul requires arguments to have the same dtypes, got int32, float32. (Tip: np.multiply",
    (x) => lax.mul(x, 1.5),
    i(3),
  ],
  ["add got incompatible shapes for broadcasting: (3,), (4,).", lax.add, f(3), f(4)],
  ["add: arrays must have same number of dimensions, got (3,), (1, 3).", lax.add, f(3), f(1, 3)],
  ["sin does not accept dtype int32. Accepted dtypes are subtypes of floating.", lax.sin, i(3)],
  [
    "add does not accept dtype bool at position 0. Accepted dtypes at position 0 are subtypes of number.",
    lax.add,
    b(3),
    b(3),
  ],
  [
    "and does not accept dtype float32 at position 0. Accepted dtypes at position 0 are subtypes of bool, integer.",
    lax.bitwiseAnd,
    f(3),
    f(3),
  ],
  ["neg does not accept dtype bool.", lax.neg, b()],
  ["nextafter does not accept dtype int32", lax.nextafter, i(), i()],
  ["select: pred must be bool, but got int32[3].", lax.select, i(3), f(3), f(3)],
  ["select: which must be bool or int32, but got float32.", lax.selectN, f(3), f(3), f(3)],
  [
    "select with a boolean which takes at most two cases, got 3.",
    (x, y) => lax.selectN(x, y, y, y),
    b(3),
    f(3),
  ],
  [
    "bitcast_convert_type needs dtypes of the same width, got float32 and uint8.",
    (x) => lax.bitcastConvertType(x, "uint8"),
    f(3),
  ],
  ["cannot reshape array of shape (6,) (size 6) into shape (4,) (size 4)", (x) => lax.reshape(x, [4]), f(6)],
  ["cannot reshape array of shape (6,) (size 6) into shape (4, -1).", (x) => lax.reshape(x, [4, -1]), f(6)],
  [
    "transpose permutation isn't a permutation of operand dimensions, got permutation (0, 0) for operand shape (2, 3).",
    (x) => lax.transpose(x, [0, 0]),
    f(2, 3),
  ],
  [
    "broadcast_in_dim operand dimension sizes must either be 1, or be equal",
    (x) => lax.broadcastInDim(x, [2, 4], [1]),
    f(3),
  ],
  [
    "broadcast_in_dim broadcast_dimensions must have length equal to operand ndim",
    (x) => lax.broadcastInDim(x, [2, 4], []),
    f(3),
  ],
  [
    "broadcast_in_dim broadcast_dimensions must be strictly increasing",
    (x) => lax.broadcastInDim(x, [2, 3, 4], [1, 0]),
    f(3, 2),
  ],
  [
    "cannot select an axis to squeeze out which has size not equal to one, got shape=(2, 1) and dimensions=(0,)",
    (x) => lax.squeeze(x, [0]),
    f(2, 1),
  ],
  ["slice needs 0 <= start_indices <= limit_indices <= operand shape", (x) => lax.slice(x, [1], [4]), f(3)],
  ["slice start_indices must have one entry per axis of the operand", (x) => lax.slice(x, [1], [2]), f(3, 3)],
  [
    "Dimension size after padding is not at least 0, got result shape (-1,)",
    (x) => lax.pad(x, 0, [[-4, 0, 0]]),
    f(3),
  ],
  ["interior padding in pad must be nonnegative", (x) => lax.pad(x, 0, [[0, 0, -1]]), f(3)],
  [
    "Cannot concatenate arrays with shapes that differ in dimensions other than the one being concatenated: concatenating along dimension 0 for shapes (2, 3), (2, 4).",
    (x, y) => lax.concatenate([x, y], 0),
    f(2, 3),
    f(2, 4),
  ],
  [
    "Sum of sizes (1, 1) must be equal to dimension 0 of the operand shape (3,).",
    (x) => lax.split(x, [1, 1]),
    f(3),
  ],
  [
    "dot_general requires contracting dimensions to have the same shape, got (3,) and (4,).",
    (x, y) => lax.dot(x, y),
    f(3),
    f(4),
  ],
  [
    "dot_general requires equal numbers of lhs and rhs batch dimensions",
    (x, y) =>
      lax.dotGeneral(x, y, [
        [[0], [0]],
        [[1], []],
      ]),
    f(3, 3),
    f(3),
  ],
  [
    "dot_general requires contracting and batch dimensions to be disjoint",
    (x, y) =>
      lax.dotGeneral(x, y, [
        [[0], [0]],
        [[0], [0]],
      ]),
    f(3),
    f(3),
  ],
  [
    "dot needs operands of rank 1 or 2, got float32[] and float32[3]. Use np.matmul or dotGeneral.",
    (x, y) => lax.dot(x, y),
    f(),
    f(3),
  ],
  [
    "dynamic_slice slice_sizes must be less than or equal to operand shape, got slice_sizes (4,) for operand shape (3,).",
    (x) => lax.dynamicSlice(x, [0], [4]),
    f(3),
  ],
  [
    "dynamic_slice start_indices must have one entry per axis of the operand",
    (x) => lax.dynamicSlice(x, [0, 0], [1]),
    f(3),
  ],
  [
    "dynamic_slice start_indices does not accept dtype float32.",
    (x, y) => lax.dynamicSlice(x, [y], [1]),
    f(3),
    f(),
  ],
  [
    "dynamic_update_slice slice_sizes must be less than or equal to operand shape",
    (x, y) => lax.dynamicUpdateSlice(x, y, [0]),
    f(3),
    f(4),
  ],
  [
    "gather op: slice sizes must lie within the operand's shape (3, 4), got (1, 5).",
    (x, y) => lax.gather(x, y, NUMBERS, [1, 5]),
    f(3, 4),
    i(2, 1),
  ],
  [
    "gather op: collapsed and batching dimensions must have slice size 1",
    (x, y) => lax.gather(x, y, NUMBERS, [2, 4]),
    f(3, 4),
    i(2, 1),
  ],
  [
    "gather op: one operand dimension per index component is needed",
    (x, y) => lax.gather(x, y, NUMBERS, [1, 4]),
    f(3, 4),
    i(2, 2),
  ],
  [
    "gather indices does not accept dtype float32",
    (x, y) => lax.gather(x, y, NUMBERS, [1, 4]),
    f(3, 4),
    f(2, 1),
  ],
  [
    "scatter-add op: updates must have shape (2, *) (* where a window runs), got float32[3,4]",
    (x, y, z) => lax.scatterAdd(x, y, z, INTO),
    f(3, 4),
    i(2, 1),
    f(3, 4),
  ],
  [
    "scatter op: windows must fit into the operand",
    (x, y, z) => lax.scatter(x, y, z, INTO),
    f(3, 4),
    i(2, 1),
    f(2, 5),
  ],
  ["Arguments to sort must have equal shapes, got: (3,), (4,)", (x, y) => lax.sort([x, y]), f(3), f(4)],
  [
    "Arguments to threefry2x32 must have uint32 type, got int32[], int32[], int32[3], int32[3].",
    (x, y, z) => lax.threefry2x32(x, y, z, z),
    i(),
    i(),
    i(3),
  ],
  ["cumsum does not accept dtype bool. Accepted dtypes are subtypes of number.", (x) => lax.cumsum(x), b(3)],
  ["cumlogsumexp does not accept dtype int32.", (x) => lax.cumlogsumexp(x), i(3)],
  [
    "linear_recurrence needs operands of one shape, got (3,) and (4,).",
    (x, y) => lax.linearRecurrence(x, y),
    f(3),
    f(4),
  ],
];

const VALUE_ERRORS: Case[] = [
  [
    "reduce_sum: axis 2 is out of bounds for an array of dimension 2, got axes (2,).",
    (x) => lax.reduceSum(x, [2]),
    f(2, 3),
  ],
  ["reduce_max does not allow negative axes, got (-1,).", (x) => lax.reduceMax(x, [-1]), f(2, 3)],
  ["reduce_sum: duplicate value in axes (0, 0).", (x) => lax.reduceSum(x, [0, 0]), f(2, 3)],
  ["attempt to get argmax of an empty sequence", (x) => lax.argmax(x, 0), f(0)],
  ["axis 3 is out of bounds for array of shape (2, 3)", (x) => lax.cumsum(x, 3), f(2, 3)],
  ["cumulative operations do not allow negative axes, got axis -1.", (x) => lax.cumsum(x, -1), f(2, 3)],
  ["concatenate requires a non-empty sequence of arrays.", () => lax.concatenate([], 0)],
  ["k argument to top_k must be between 0 and the size of the axis 3, got 4.", (x) => lax.topK(x, 4), f(3)],
];

const contains = (message: string): RegExp => new RegExp(message.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));

test.each(TYPE_ERRORS)("WeftTypeError: %s", (message, use, ...types) => {
  expect(() => run(use, types)).toThrow(WeftTypeError);
  expect(() => run(use, types)).toThrow(contains(message));
});

test.each(VALUE_ERRORS)("WeftValueError: %s", (message, use, ...types) => {
  expect(() => run(use, types)).toThrow(WeftValueError);
  expect(() => run(use, types)).toThrow(contains(message));
});

describe("types of results", () => {
  const weak = aval([], "float32", true);
  test.each<[string, Use, ShapedArray, ...ShapedArray[]]>([
    ["a number takes the other operand's dtype", (x) => lax.add(x, 1), i(3), i(3)],
    ["on either side", (x) => lax.sub(1, x), f(3), f(3)],
    ["a boolean does, too", (x) => lax.mul(x, true), f(3), f(3)],
    ["weak and strong make strong", (x) => lax.add(x, x), f(3), f(3)],
    ["weak and a number stay weak", (x) => lax.add(x, 1), weak, weak],
    ["unary operations keep weakness", (x) => lax.sin(x), weak, weak],
    ["comparisons are bool", (x) => lax.lt(x, 0), b(3), f(3)],
    ["a conversion is strong", (x) => lax.convertElementType(x, "float32"), f(), weak],
    ["two numbers are weak float32", () => lax.add(1, 2), weak],
    ["scalars fit everywhere", (x, y) => lax.mul(y, x), f(2, 3), f(2, 3), f()],
    ["pow takes integer exponents", lax.pow, f(3), f(3), i(3)],
    ["argmax is int32", (x) => lax.argmax(x, 0), i(2), f(3, 2)],
    ["dot", (x, y) => lax.dot(x, y), f(2, 4), f(2, 3), f(3, 4)],
  ])("%s", (_, use, expected, ...types) => {
    expect(run(use, types).outAvals).toEqual([expected]);
  });
});

describe("what does nothing records nothing", () => {
  test.each<[string, Use, ShapedArray]>([
    ["reshape", (x) => lax.reshape(x, [2, 3]), f(2, 3)],
    ["transpose", (x) => lax.transpose(x, [0, 1]), f(2, 3)],
    ["broadcastInDim", (x) => lax.broadcastInDim(x, [2, 3], [0, 1]), f(2, 3)],
    ["slice", (x) => lax.slice(x, [0, 0], [2, 3], [1, 1]), f(2, 3)],
    [
      "pad",
      (x) =>
        lax.pad(x, 0, [
          [0, 0, 0],
          [0, 0, 0],
        ]),
      f(2, 3),
    ],
    ["convertElementType", (x) => lax.convertElementType(x, "float32"), f(2, 3)],
    ["reduceSum", (x) => lax.reduceSum(x, []), f(2, 3)],
    ["concatenate", (x) => lax.concatenate([x], 0), f(2, 3)],
    ["integerPow", (x) => lax.integerPow(x, 1), f(2, 3)],
    ["stopGradient", (x) => lax.stopGradient(x), i(2)],
  ])("%s", (_, use, type) => {
    expect(run(use, [type]).eqns).toEqual([]);
  });
});

describe("asArray", () => {
  test.each<[string, ArrayLike, ShapedArray]>([
    ["a number", 1, aval([], "float32", true)],
    ["a boolean", true, b()],
    [
      "nested numbers",
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      f(2, 3),
    ],
    ["nested booleans", [true, false], b(2)],
    ["booleans among numbers", [true, 2], f(2)],
    ["nothing", [], f(0)],
    ["rows of nothing", [[], []], f(2, 0)],
    ["a typed array", new Int16Array(3), aval([3], "int16")],
    ["a clamped typed array", new Uint8ClampedArray(2), aval([2], "uint8")],
  ])("%s", (_, x, type) => {
    expect(lax.asArray(x).aval).toBe(type);
  });

  test("stacks arrays, traced ones too, and promotes them", () => {
    expect(run((x) => lax.asArray([x, 2, lax.asArray(3)]), [i()]).outAvals).toEqual([i(3)]);
    expect(run((x) => lax.asArray([x, 2.5, lax.asArray(3)]), [i()]).outAvals).toEqual([f(3)]);
    expect(
      run(
        (x) =>
          lax.asArray([
            [x, x],
            [x, x],
          ]),
        [i(4)],
      ).outAvals,
    ).toEqual([i(2, 2, 4)]);
    expect(Array.from(lax.asArray([lax.asArray([1, 2]), new Float32Array([3, 4])]).dataSync())).toEqual([
      1, 2, 3, 4,
    ]);
  });

  test("refuses ragged nesting and foreign values", () => {
    expect(() => lax.asArray([[1, 2], [3]])).toThrow(WeftValueError);
    expect(() => lax.asArray([[1, 2], [3]])).toThrow("element 0 has shape [2] but element 1 has shape [1]");
    expect(() => lax.asArray([lax.asArray([1]), 2])).toThrow(WeftValueError);
    expect(() => lax.asArray("x" as never)).toThrow(
      'lax.asArray: x is the string "x", which is not a valid array.',
    );
    expect(() => lax.asArray([{}] as never)).toThrow(WeftTypeError);
  });
});
