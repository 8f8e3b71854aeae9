/** What the names in ops.json mean. */
import type { NDArray } from "../../src/core/array.ts";
import type { DType } from "../../src/core/dtype.ts";
import * as lax from "../../src/lax/index.ts";

type Fn = (...args: NDArray[]) => NDArray | NDArray[];

const merge = (tables: readonly Record<string, Fn>[]): Record<string, Fn> => Object.assign({}, ...tables);

const table = <K extends string | number>(
  keys: readonly K[],
  name: (k: K) => string,
  fn: (k: K) => Fn,
): Record<string, Fn> => Object.fromEntries(keys.map((k) => [name(k), fn(k)]));

/** Operations whose name says it all. */
const PLAIN = {
  ...{ neg: lax.neg, abs: lax.abs, sign: lax.sign, floor: lax.floor, ceil: lax.ceil, isFinite: lax.isFinite },
  ...{
    exp: lax.exp,
    exp2: lax.exp2,
    expm1: lax.expm1,
    log: lax.log,
    log1p: lax.log1p,
    sqrt: lax.sqrt,
    rsqrt: lax.rsqrt,
  },
  ...{
    cbrt: lax.cbrt,
    square: lax.square,
    reciprocal: lax.reciprocal,
    logistic: lax.logistic,
    tanh: lax.tanh,
  },
  ...{
    sin: lax.sin,
    cos: lax.cos,
    tan: lax.tan,
    asin: lax.asin,
    acos: lax.acos,
    atan: lax.atan,
    sinh: lax.sinh,
  },
  ...{ cosh: lax.cosh, asinh: lax.asinh, acosh: lax.acosh, atanh: lax.atanh, erf: lax.erf, erfc: lax.erfc },
  ...{
    erfInv: lax.erfInv,
    lgamma: lax.lgamma,
    digamma: lax.digamma,
    bitwiseNot: lax.bitwiseNot,
    clz: lax.clz,
  },
  ...{
    populationCount: lax.populationCount,
    add: lax.add,
    sub: lax.sub,
    mul: lax.mul,
    div: lax.div,
    rem: lax.rem,
  },
  ...{
    max: lax.max,
    min: lax.min,
    pow: lax.pow,
    atan2: lax.atan2,
    nextafter: lax.nextafter,
    eq: lax.eq,
    ne: lax.ne,
  },
  ...{ lt: lax.lt, le: lax.le, gt: lax.gt, ge: lax.ge, bitwiseAnd: lax.bitwiseAnd, bitwiseOr: lax.bitwiseOr },
  ...{ bitwiseXor: lax.bitwiseXor, shiftLeft: lax.shiftLeft, shiftRightLogical: lax.shiftRightLogical },
  ...{
    shiftRightArithmetic: lax.shiftRightArithmetic,
    clamp: lax.clamp,
    select: lax.select,
    selectN: lax.selectN,
  },
  ...{ threefry2x32: lax.threefry2x32, argsort: (x: NDArray) => lax.argsort(x), copy: lax.copy },
} as Record<string, Fn>;

const DTYPES: DType[] = ["float32", "float64", "int32", "uint32", "int16", "uint16", "int8", "uint8", "bool"];

const CONVERSIONS: Record<string, Fn> = {
  round: (x) => lax.round(x!),
  "round even": (x) => lax.round(x!, lax.RoundingMethod.TO_NEAREST_EVEN),
  ...table(
    [0, 1, 2, 3, 7, -1, -2],
    (k) => `integerPow ${k}`,
    (k) => (x) => lax.integerPow(x!, k),
  ),
  ...table(
    DTYPES,
    (t) => `convert ${t}`,
    (t) => (x) => lax.convertElementType(x!, t),
  ),
  ...table(
    ["int32", "float32"] as const,
    (t) => `bitcast ${t}`,
    (t) => (x) => lax.bitcastConvertType(x!, t),
  ),
};

const VIEWS: Record<string, Fn> = {
  broadcastInDim: (x) => lax.broadcastInDim(x!, [2, 3, 4], [1, 2]),
  broadcast: (x) => lax.broadcast(x!, [2]),
  reshape: (x) => lax.reshape(x!, [4, 6]),
  transpose: (x) => lax.transpose(x!, [2, 0, 1]),
  squeeze: (x) => lax.squeeze(x!, [0, 2]),
  expandDims: (x) => lax.expandDims(x!, [0, 2]),
  rev: (x) => lax.rev(x!, [0, 2]),
  slice: (x) => lax.slice(x!, [0, 1], [3, 4], [2, 2]),
  sliceInDim: (x) => lax.sliceInDim(x!, 1, -1, 1, 1),
  indexInDim: (x) => lax.indexInDim(x!, -1, 1, false),
  pad: (x, v) =>
    lax.pad(x!, v!, [
      [1, 2, 1],
      [-1, 1, 0],
    ]),
  "pad cut": (x, v) =>
    lax.pad(x!, v!, [
      [-1, -1, 1],
      [0, -2, 0],
    ]),
  concatenate: (x, y) => lax.concatenate([x!, y!], 1),
  split: (x) => lax.split(x!, [1, 3], 1),
  iota: () => lax.broadcastedIota("int32", [2, 3], 1),
  full: () => lax.full([2, 2], 7, "int8"),
  stopGradient: (x) => lax.mul(lax.stopGradient(x!), x!),
};

const reductions = (
  name: string,
  fn: (x: NDArray, axes: number[]) => NDArray,
  axes: string[],
): Record<string, Fn> =>
  table(
    axes,
    (k) => `${name} ${k}`,
    (k) => (x) => fn(x!, k.split(",").map(Number)),
  );

const CUMULATIVE = {
  cumsum: lax.cumsum,
  cumprod: lax.cumprod,
  cummax: lax.cummax,
  cummin: lax.cummin,
  cumlogsumexp: lax.cumlogsumexp,
};

const REDUCTIONS: Record<string, Fn> = {
  ...merge(
    Object.entries({
      reduceSum: lax.reduceSum,
      reduceProd: lax.reduceProd,
      reduceMax: lax.reduceMax,
      reduceMin: lax.reduceMin,
    }).map(([name, fn]) => reductions(name, fn, ["0,2", "0", "1"])),
  ),
  "reduceAnd 1": (x) => lax.reduceAnd(x!, [1]),
  "reduceOr 1": (x) => lax.reduceOr(x!, [1]),
  ...table(
    [0, 1],
    (k) => `argmax ${k}`,
    (k) => (x) => lax.argmax(x!, k, "int32"),
  ),
  ...table(
    [0, 1],
    (k) => `argmin ${k}`,
    (k) => (x) => lax.argmin(x!, k, "int32"),
  ),
  ...merge(
    Object.entries(CUMULATIVE).flatMap(([name, fn]) =>
      [false, true].map((reverse) =>
        table(
          [0, 1],
          (k) => `${name} ${k}${reverse ? " reverse" : ""}`,
          (k) => (x) => fn(x!, k, { reverse }),
        ),
      ),
    ),
  ),
};

const DOTS: Record<string, Fn> = {
  "dot vector": (x, y) => lax.dot(x!, y!),
  "dot matrix": (x, y) => lax.dot(x!, y!),
  "dot matrix vector": (x, y) => lax.dot(x!, y!),
  "dotGeneral batch": (x, y) =>
    lax.dotGeneral(x!, y!, [
      [[2], [1]],
      [[0], [0]],
    ]),
  "dotGeneral two": (x, y) =>
    lax.dotGeneral(x!, y!, [
      [
        [0, 2],
        [2, 0],
      ],
      [[], []],
    ]),
  "dotGeneral last": (x, y) =>
    lax.dotGeneral(x!, y!, [
      [[1], [0]],
      [[2], [1]],
    ]),
  "dotGeneral outer": (x, y) =>
    lax.dotGeneral(x!, y!, [
      [[], []],
      [[], []],
    ]),
};

const ROWS = { offsetDims: [1], collapsedSliceDims: [0], startIndexMap: [0] };
const BOXES = { offsetDims: [1, 2], collapsedSliceDims: [], startIndexMap: [0, 1] };
const INTO = { updateWindowDims: [1], insertedWindowDims: [0], scatterDimsToOperandDims: [0] };

type ScatterMode = "clip" | "drop" | "promise_in_bounds";
const scatters = (name: string, fn: typeof lax.scatter, modes: readonly ScatterMode[]): Record<string, Fn> =>
  table(
    modes,
    (m) => `${name} ${m}`,
    (m) => (x, i, u) => fn(x!, i!, u!, INTO, { mode: m === "drop" ? "fill" : m }),
  );

const INDEXING: Record<string, Fn> = {
  ...table(
    ["clip", "fill", "promise_in_bounds"] as const,
    (m) => `gather rows ${m}`,
    (m) => (x, i) => lax.gather(x!, i!, ROWS, [1, 3], { mode: m }),
  ),
  ...table(
    ["clip", "fill"] as const,
    (m) => `gather boxes ${m}`,
    (m) => (x, i) => lax.gather(x!, i!, BOXES, [2, 2], { mode: m }),
  ),
  "gather rows fill -7": (x, i) => lax.gather(x!, i!, ROWS, [1, 3], { mode: "fill", fillValue: -7 }),
  ...merge(
    Object.entries({
      scatterAdd: lax.scatterAdd,
      scatterMul: lax.scatterMul,
      scatterMin: lax.scatterMin,
      scatterMax: lax.scatterMax,
    }).map(([name, fn]) => scatters(name, fn, ["clip", "drop", "promise_in_bounds"])),
  ),
  // Rows that are clipped into one have no order in JAX.
  ...scatters("scatter", lax.scatter, ["drop", "promise_in_bounds"]),
  dynamicSlice: (x, i) => lax.dynamicSlice(x!, [i!, 1], [2, 2]),
  dynamicUpdateSlice: (x, u, i) => lax.dynamicUpdateSlice(x!, u!, [i!, 0]),
  dynamicIndexInDim: (x, i) => lax.dynamicIndexInDim(x!, i!, 0, false),
  dynamicUpdateIndexInDim: (x, u, i) => lax.dynamicUpdateIndexInDim(x!, u!, i!, 0),
};

const SORTING: Record<string, Fn> = {
  ...table(
    [0, 1],
    (k) => `sort ${k}`,
    (k) => (x) => lax.sort(x!, k),
  ),
  "sort values": (k, v) => lax.sort([k!, v!], 1, { numKeys: 1 }),
  "sort two keys": (k, v) => lax.sort([k!, v!], 1, { numKeys: 2 }),
  ...table(
    [1, 3],
    (k) => `topK ${k}`,
    (k) => (x) => lax.topK(x!, k),
  ),
};

export const LAX: Record<string, Fn> = {
  ...PLAIN,
  ...CONVERSIONS,
  ...VIEWS,
  ...REDUCTIONS,
  ...DOTS,
  ...INDEXING,
  ...SORTING,
};
