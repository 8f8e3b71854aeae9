/**
 * One row per operation: how to call it, on what, with respect to which arguments it is differentiable. The harness derives
 * value, jit, vmap, jvp, vjp and second-order tests from each row.
 */
import type { NDArray } from "../../src/core/array.ts";
import type { DType } from "../../src/core/dtype.ts";
import * as lax from "../../src/lax/index.ts";

/** An argument drawn from a range. "float" runs as float32 for values and as float64 for derivatives. */
export interface ArgSpec {
  readonly shape: readonly number[];
  readonly dtype: DType | "float";
  readonly low: number;
  readonly high: number;
  /** All elements differ clearly: no ties, no kinks within a finite difference. */
  readonly distinct?: boolean;
}

export interface OpRow {
  readonly name: string;
  readonly fn: (...args: NDArray[]) => NDArray | NDArray[];
  readonly args: readonly ArgSpec[];
  /** Arguments with a derivative. */
  readonly diff: readonly number[];
  /** Element by element in JavaScript, for maps. */
  readonly ref?: (...xs: number[]) => number;
  /** Relative tolerance of float32 values (default 1e-6) and of derivatives (default 1e-5). */
  readonly tol?: number;
  readonly gradTol?: number;
}

const f = (shape: readonly number[], low = -2, high = 2): ArgSpec => ({ shape, dtype: "float", low, high });
const distinct = (shape: readonly number[], low = -2, high = 2): ArgSpec => ({
  ...f(shape, low, high),
  distinct: true,
});
const int = (shape: readonly number[], low = -5, high = 5, dtype: DType = "int32"): ArgSpec => ({
  shape,
  dtype,
  low,
  high,
});
const bool = (shape: readonly number[]): ArgSpec => ({ shape, dtype: "bool", low: 0, high: 1 });

type Fn1 = (x: NDArray) => NDArray;
type Fn2 = (x: NDArray, y: NDArray) => NDArray;
type More = Partial<Omit<OpRow, "name" | "fn" | "args" | "ref">>;

const map1 = (name: string, fn: Fn1, arg: ArgSpec, ref: (x: number) => number, more: More = {}): OpRow => ({
  name,
  fn,
  args: [arg],
  diff: arg.dtype === "float" ? [0] : [],
  ref,
  ...more,
});
const map2 = (
  name: string,
  fn: Fn2,
  x: ArgSpec,
  y: ArgSpec,
  ref: (x: number, y: number) => number,
  more: More = {},
): OpRow => ({
  name,
  fn,
  args: [x, y],
  diff: x.dtype === "float" ? [0, 1] : [],
  ref,
  ...more,
});
const op = (
  name: string,
  fn: OpRow["fn"],
  args: readonly ArgSpec[],
  diff: readonly number[],
  more: More = {},
): OpRow => ({
  name,
  fn,
  args,
  diff,
  ...more,
});

const S = [3, 4] as const;
const NONE: More = { diff: [] };

const UNARY: readonly OpRow[] = [
  map1("neg", lax.neg, f(S), (x) => -x),
  map1("abs", lax.abs, distinct(S), Math.abs),
  map1("sign", lax.sign, f(S), Math.sign, NONE),
  map1("floor", lax.floor, f(S), Math.floor, NONE),
  map1("ceil", lax.ceil, f(S), Math.ceil, NONE),
  map1(
    "round",
    (x) => lax.round(x),
    f(S, -5, 5),
    (x) => Math.sign(x) * Math.round(Math.abs(x)),
    NONE,
  ),
  map1("isFinite", lax.isFinite, f(S), () => 1, NONE),
  map1("exp", lax.exp, f(S), Math.exp),
  map1("exp2", lax.exp2, f(S), (x) => 2 ** x),
  map1("expm1", lax.expm1, f(S), Math.expm1),
  map1("log", lax.log, f(S, 0.1, 5), Math.log),
  map1("log1p", lax.log1p, f(S, -0.5, 5), Math.log1p),
  map1("sqrt", lax.sqrt, f(S, 0.1, 5), Math.sqrt),
  map1("rsqrt", lax.rsqrt, f(S, 0.1, 5), (x) => 1 / Math.sqrt(x)),
  map1("cbrt", lax.cbrt, f(S, 0.1, 5), Math.cbrt),
  map1("square", lax.square, f(S), (x) => x * x),
  map1("reciprocal", lax.reciprocal, f(S, 0.5, 3), (x) => 1 / x),
  map1("logistic", lax.logistic, f(S), (x) => 1 / (1 + Math.exp(-x))),
  map1("tanh", lax.tanh, f(S), Math.tanh),
  map1("sin", lax.sin, f(S), Math.sin),
  map1("cos", lax.cos, f(S), Math.cos),
  map1("tan", lax.tan, f(S, -1, 1), Math.tan),
  map1("asin", lax.asin, f(S, -0.8, 0.8), Math.asin),
  map1("acos", lax.acos, f(S, -0.8, 0.8), Math.acos),
  map1("atan", lax.atan, f(S), Math.atan),
  map1("sinh", lax.sinh, f(S), Math.sinh),
  map1("cosh", lax.cosh, f(S), Math.cosh),
  map1("asinh", lax.asinh, f(S), Math.asinh),
  map1("acosh", lax.acosh, f(S, 1.5, 4), Math.acosh),
  map1("atanh", lax.atanh, f(S, -0.8, 0.8), Math.atanh),
  map1(
    "integerPow 3",
    (x) => lax.integerPow(x, 3),
    f(S),
    (x) => x ** 3,
  ),
  map1(
    "integerPow 7",
    (x) => lax.integerPow(x, 7),
    f(S, -1, 1),
    (x) => x ** 7,
  ),
  map1(
    "integerPow -2",
    (x) => lax.integerPow(x, -2),
    f(S, 0.5, 2),
    (x) => x ** -2,
  ),
  op("erf", lax.erf as Fn1, [f(S)], [0], { tol: 4e-6 }),
  op("erfc", lax.erfc as Fn1, [f(S)], [0], { tol: 4e-6 }),
  op("erfInv", lax.erfInv as Fn1, [f(S, -0.8, 0.8)], [0], { tol: 4e-6 }),
  op("lgamma", lax.lgamma as Fn1, [f(S, 0.5, 4)], [0], { tol: 4e-6, gradTol: 1e-4 }),
  op("digamma", lax.digamma as Fn1, [f(S, 0.5, 4)], [0], { tol: 4e-6, gradTol: 1e-4 }),
  op("trigamma", (x) => lax.trigamma(x), [f(S, 0.6, 4)], [0], { tol: 1e-5, gradTol: 1e-4 }),
  map1("bitwiseNot", lax.bitwiseNot, int(S), (x) => ~x),
  map1(
    "populationCount",
    lax.populationCount,
    int(S, 0, 255, "uint8"),
    (x) => [...x.toString(2)].filter((c) => c === "1").length,
  ),
  map1("clz", lax.clz, int(S), Math.clz32),
  map1("convert f→i", (x) => lax.convertElementType(x, "int32"), f(S, -5, 5), Math.trunc, NONE),
  map1(
    "convert i→f",
    (x) => lax.convertElementType(x, "float32"),
    int(S),
    (x) => x,
  ),
  map1(
    "convert to bool",
    (x) => lax.convertElementType(x, "bool"),
    int(S, -1, 1),
    (x) => Number(x !== 0),
  ),
  op("convert f→f", (x) => lax.convertElementType(x, "float64"), [f(S)], [0]),
  map1("copy", lax.copy, f(S), (x) => x),
  map1("stopGradient", lax.stopGradient, f(S), (x) => x, NONE),
];

const BINARY: readonly OpRow[] = [
  map2("add", lax.add, f(S), f(S), (x, y) => x + y),
  map2("add scalar", lax.add, f(S), f([]), (x, y) => x + y),
  map2("sub", lax.sub, f(S), f(S), (x, y) => x - y),
  map2("sub scalar", lax.sub, f([]), f(S), (x, y) => x - y),
  map2("mul", lax.mul, f(S), f(S), (x, y) => x * y),
  map2("mul scalar", lax.mul, f(S), f([]), (x, y) => x * y),
  map2("div", lax.div, f(S), f(S, 0.5, 3), (x, y) => x / y),
  map2("div scalar", lax.div, f(S), f([], 0.5, 3), (x, y) => x / y),
  map2("div int", lax.div, int(S), int(S, 1, 4), (x, y) => Math.trunc(x / y)),
  map2("rem", lax.rem, f(S, 0.1, 5), f(S, 6, 8), (x, y) => x % y),
  map2("rem int", lax.rem, int(S), int(S, 1, 4), (x, y) => x % y),
  map2("max", lax.max, distinct(S), distinct(S, -1, 1), Math.max),
  map2("min", lax.min, distinct(S), distinct(S, -1, 1), Math.min),
  map2("pow", lax.pow, f(S, 0.5, 2), f(S), (x, y) => x ** y, { gradTol: 1e-4 }),
  map2("pow int", lax.pow, f(S, 0.5, 2), int(S, -3, 3), (x, y) => x ** y, { diff: [0], gradTol: 1e-4 }),
  map2("atan2", lax.atan2, f(S, 0.2, 2), f(S, 0.2, 2), Math.atan2),
  map2("eq", lax.eq, int(S, -2, 2), int(S, -2, 2), (x, y) => Number(x === y)),
  map2("ne", lax.ne, int(S, -2, 2), int(S, -2, 2), (x, y) => Number(x !== y)),
  map2("lt", lax.lt, int(S, -2, 2), int(S, -2, 2), (x, y) => Number(x < y)),
  map2("le", lax.le, f(S), f(S), (x, y) => Number(x <= y), NONE),
  map2("gt", lax.gt, f(S), f([]), (x, y) => Number(x > y), NONE),
  map2("ge", lax.ge, bool(S), bool(S), (x, y) => Number(x >= y)),
  map2("bitwiseAnd", lax.bitwiseAnd, int(S), int(S), (x, y) => x & y),
  map2("bitwiseOr", lax.bitwiseOr, int(S), int(S), (x, y) => x | y),
  map2("bitwiseXor", lax.bitwiseXor, int(S), int(S), (x, y) => x ^ y),
  map2("shiftLeft", lax.shiftLeft, int(S), int(S, 0, 9), (x, y) => x << y),
  map2("shiftRightLogical", lax.shiftRightLogical, int(S, 0, 90), int(S, 0, 4), (x, y) => x >>> y),
  map2("shiftRightArithmetic", lax.shiftRightArithmetic, int(S), int(S, 0, 4), (x, y) => x >> y),
];

const SELECTION: readonly OpRow[] = [
  op("select", lax.select, [bool(S), f(S), f(S)], [1, 2]),
  op("select by scalar", lax.select, [bool([]), f(S), f(S)], [1, 2]),
  op("select a scalar", lax.select, [bool(S), f([]), f(S)], [1, 2]),
  op("selectN", lax.selectN, [int(S, 0, 2), f(S), f(S), f(S)], [1, 2, 3]),
  op("clamp", lax.clamp, [f(S, -1, -0.5), distinct(S), f(S, 0.5, 1)], [0, 1, 2]),
  op("clamp scalar", lax.clamp, [f([], -1, -0.5), distinct(S), f([], 0.5, 1)], [0, 1, 2]),
];

const SHAPES: readonly OpRow[] = [
  op("broadcastInDim", (x) => lax.broadcastInDim(x, [2, 3, 5], [1, 2]), [f([3, 1])], [0]),
  op("broadcast", (x) => lax.broadcast(x, [2, 2]), [f([3])], [0]),
  op("reshape", (x) => lax.reshape(x, [2, 6]), [f(S)], [0]),
  op("transpose", (x) => lax.transpose(x, [2, 0, 1]), [f([2, 3, 4])], [0]),
  op("squeeze", (x) => lax.squeeze(x, [0, 2]), [f([1, 3, 1])], [0]),
  op("expandDims", (x) => lax.expandDims(x, [0, 2]), [f([3])], [0]),
  op("rev", (x) => lax.rev(x, [1]), [f(S)], [0]),
  op("slice", (x) => lax.slice(x, [0, 1], [3, 4], [2, 1]), [f(S)], [0]),
  op("slice strided", (x) => lax.slice(x, [1], [8], [3]), [f([9])], [0]),
  op("indexInDim", (x) => lax.indexInDim(x, -2, 1), [f(S)], [0]),
  op("sliceInDim", (x) => lax.sliceInDim(x, 1, -1, 1, 1), [f(S)], [0]),
  op(
    "pad",
    (x, v) =>
      lax.pad(x, v, [
        [1, 2, 0],
        [0, 1, 1],
      ]),
    [f(S), f([])],
    [0, 1],
  ),
  op(
    "pad negative",
    (x, v) =>
      lax.pad(x, v, [
        [-1, 2, 0],
        [1, -2, 1],
      ]),
    [f(S), f([])],
    [0, 1],
  ),
  op(
    "pad cut",
    (x, v) =>
      lax.pad(x, v, [
        [-1, 0, 0],
        [0, -1, 0],
      ]),
    [f(S), f([])],
    [0],
  ),
  op("concatenate", (x, y) => lax.concatenate([x, y], 1), [f([2, 3]), f([2, 1])], [0, 1]),
  op("split", (x) => lax.split(x, [1, 3], 1), [f(S)], [0]),
];

const REDUCTIONS: readonly OpRow[] = [
  op("reduceSum", (x) => lax.reduceSum(x, [0, 2]), [f([2, 3, 4])], [0]),
  op("reduceProd", (x) => lax.reduceProd(x, [0, 2]), [f([2, 3, 2])], [0]),
  op("reduceMax", (x) => lax.reduceMax(x, [1]), [distinct(S)], [0]),
  op("reduceMin", (x) => lax.reduceMin(x, [0, 1]), [distinct(S)], [0]),
  op("reduceAnd", (x) => lax.reduceAnd(x, [0]), [bool(S)], []),
  op("reduceOr", (x) => lax.reduceOr(x, [1]), [bool(S)], []),
  op("argmax", (x) => lax.argmax(x, 1), [int(S, -2, 2)], []),
  op("argmin", (x) => lax.argmin(x, 0), [distinct(S)], []),
  op("cumsum", (x) => lax.cumsum(x, 1), [f(S)], [0]),
  op("cumsum rows", (x) => lax.cumsum(x, 0, { reverse: true }), [f(S)], [0]),
  op("cumprod", (x) => lax.cumprod(x, 1), [f(S)], [0]),
  op("cumprod reverse", (x) => lax.cumprod(x, 0, { reverse: true }), [f(S)], [0]),
  op("cummax", (x) => lax.cummax(x, 1), [distinct(S)], [0]),
  op("cummin", (x) => lax.cummin(x, 0), [distinct(S)], [0]),
  op("cumlogsumexp", (x) => lax.cumlogsumexp(x, 1), [f(S)], [0]),
  op("cumlogsumexp reverse", (x) => lax.cumlogsumexp(x, 1, { reverse: true }), [f(S)], [0]),
  op("linearRecurrence", (a, b) => lax.linearRecurrence(a, b, 0), [f(S), f(S)], [0, 1]),
  op(
    "linearRecurrence reverse",
    (a, b) => lax.linearRecurrence(a, b, 1, { reverse: true }),
    [f(S), f(S)],
    [0, 1],
  ),
];

const DOTS: readonly OpRow[] = [
  op("dot vector", (x, y) => lax.dot(x, y), [f([4]), f([4])], [0, 1]),
  op("dot matrix", (x, y) => lax.dot(x, y), [f([2, 3]), f([3, 4])], [0, 1]),
  op("dot matrix vector", (x, y) => lax.dot(x, y), [f([2, 3]), f([3])], [0, 1]),
  op(
    "dotGeneral batch",
    (x, y) =>
      lax.dotGeneral(x, y, [
        [[2], [1]],
        [[0], [0]],
      ]),
    [f([2, 3, 4]), f([2, 4, 5])],
    [0, 1],
  ),
  op(
    "dotGeneral two axes",
    (x, y) =>
      lax.dotGeneral(x, y, [
        [
          [0, 2],
          [2, 0],
        ],
        [[], []],
      ]),
    [f([2, 3, 4]), f([4, 5, 2])],
    [0, 1],
  ),
  op(
    "dotGeneral batch last",
    (x, y) =>
      lax.dotGeneral(x, y, [
        [[0], [1]],
        [[2], [0]],
      ]),
    [f([4, 3, 2]), f([2, 4])],
    [0, 1],
  ),
  op("dotGeneral outer", (x, y) => lax.dot(x, y, {}), [f([2]), f([3])], [0, 1]),
];

const ROWS_OF = { offsetDims: [1], collapsedSliceDims: [0], startIndexMap: [0] };
const INTO_ROWS = { updateWindowDims: [1], insertedWindowDims: [0], scatterDimsToOperandDims: [0] };
const BOXES = { offsetDims: [1, 2], collapsedSliceDims: [], startIndexMap: [0, 1] };
const rows = int([4, 1], 0, 2);

const INDEXING: readonly OpRow[] = [
  op("gather rows", (x, i) => lax.gather(x, i, ROWS_OF, [1, 4]), [f(S), rows], [0]),
  op("gather boxes", (x, i) => lax.gather(x, i, BOXES, [2, 2]), [f(S), int([3, 2], -2, 4)], [0]),
  op(
    "gather fill",
    (x, i) => lax.gather(x, i, ROWS_OF, [1, 4], { mode: "fill", fillValue: 7 }),
    [f(S), int([4, 1], -1, 4)],
    [0],
  ),
  op("scatter", (x, i, u) => lax.scatter(x, i, u, INTO_ROWS), [f(S), int([4, 1], -1, 3), f([4, 4])], [0, 2]),
  op(
    "scatterAdd",
    (x, i, u) => lax.scatterAdd(x, i, u, INTO_ROWS),
    [f(S), int([4, 1], -1, 3), f([4, 4])],
    [0, 2],
  ),
  op("scatterMul", (x, i, u) => lax.scatterMul(x, i, u, INTO_ROWS), [f(S), rows, f([4, 4])], [0]),
  op(
    "scatterMul unique",
    (x, i, u) => lax.scatterMul(x, lax.add(lax.mul(i, 0), 1), u, INTO_ROWS, { uniqueIndices: true }),
    [f(S), int([1, 1]), f([1, 4])],
    [0, 2],
  ),
  op(
    "scatterMax",
    (x, i, u) => lax.scatterMax(x, i, u, INTO_ROWS),
    [distinct(S), rows, distinct([4, 4], -3, 3)],
    [0, 2],
  ),
  op(
    "scatterMin",
    (x, i, u) => lax.scatterMin(x, i, u, INTO_ROWS),
    [distinct(S), rows, distinct([4, 4], -3, 3)],
    [0, 2],
  ),
  op(
    "dynamicSlice",
    (x, i, j) => lax.dynamicSlice(x, [i, j], [2, 2]),
    [f(S), int([], -4, 4), int([], 0, 4, "uint8")],
    [0],
  ),
  op("dynamicIndexInDim", (x, i) => lax.dynamicIndexInDim(x, i, 1, false), [f(S), int([], -4, 3)], [0]),
  op("dynamicSliceInDim", (x, i) => lax.dynamicSliceInDim(x, i, 2, 1), [f(S), int([], -4, 4)], [0]),
  op(
    "dynamicUpdateSliceInDim",
    (x, u, i) => lax.dynamicUpdateSliceInDim(x, u, i, 1),
    [f(S), f([3, 2]), int([], -4, 4)],
    [0, 1],
  ),
  op(
    "dynamicUpdateSlice",
    (x, u, i) => lax.dynamicUpdateSlice(x, u, [i, 1]),
    [f(S), f([2, 2]), int([], -4, 4)],
    [0, 1],
  ),
  op(
    "dynamicUpdateIndexInDim",
    (x, u, i) => lax.dynamicUpdateIndexInDim(x, u, i, 1),
    [f(S), f([3]), int([], 0, 3)],
    [0, 1],
  ),
];

const SORTING: readonly OpRow[] = [
  op("sort", (x) => lax.sort(x), [distinct([3, 5])], [0]),
  op("sort axis 0", (x) => lax.sort(x, 0), [distinct([5, 3])], [0]),
  op("sort with values", (x, y) => lax.sort([x, y], 1), [distinct(S), f(S)], [0, 1]),
  op("sort two keys", (x, y) => lax.sort([x, y], 1, { numKeys: 2 }), [int(S, 0, 1), distinct(S)], [1]),
  op("argsort", (x) => lax.argsort(x), [distinct([2, 7])], []),
  op("topK", (x) => lax.topK(x, 2), [distinct(S)], [0]),
  op("topK axis 0", (x) => lax.topK(x, 2, 0), [distinct(S)], [0]),
];

const BITS: readonly OpRow[] = [
  op(
    "threefry2x32",
    (k0, k1, x) => lax.threefry2x32(k0, k1, x, x),
    [int([], 0, 1e9, "uint32"), int([], 0, 1e9, "uint32"), int(S, 0, 1e9, "uint32")],
    [],
  ),
  op("bitcast", (x) => lax.bitcastConvertType(x, "uint32"), [int(S)], []),
];

export const OPS: readonly OpRow[] = [
  ...UNARY,
  ...BINARY,
  ...SELECTION,
  ...SHAPES,
  ...REDUCTIONS,
  ...DOTS,
  ...INDEXING,
  ...SORTING,
  ...BITS,
];
