/** `slice` and `pad`: each is the other's transpose. */
import { type ArrayLike, type NDArray, scalar } from "../core/array.ts";
import { aval, type Shape, type ShapedArray } from "../core/aval.ts";
import { checkInteger, checkIntegers, checkList, checkPosition } from "../core/check.ts";
import { WeftTypeError } from "../core/errors.ts";
import type { Emitter, Index, Operand } from "../core/lowering.ts";
import { bind1, type Primitive } from "../core/primitive.ts";
import { canonicalAxis } from "../util/shape.ts";
import { show } from "../util/text.ts";
import { sub } from "./arithmetic.ts";
import { insert, range } from "./axes.ts";
import { broadcastInDim, full, reduceSum } from "./broadcast.ts";
import { allWeak, checkRank, checkSameDTypes, require, tuple } from "./check.ts";
import { asArray, operands, place } from "./convert.ts";
import { defineLinear, isLinear, moveBatchAxis, transposeFirst } from "./rules.ts";
import { select } from "./select.ts";
import { squeeze } from "./views.ts";

type SliceParams = {
  readonly start_indices: readonly number[];
  readonly limit_indices: readonly number[];
  readonly strides: readonly number[] | null;
};

const stridesOf = ({ strides, start_indices }: SliceParams): readonly number[] =>
  strides ?? start_indices.map(() => 1);

function slicedShape(shape: Shape, params: SliceParams): number[] {
  const strides = stridesOf(params);
  return shape.map((size, axis) => {
    const [start, limit, step] = [params.start_indices[axis]!, params.limit_indices[axis]!, strides[axis]!];
    require(start >= 0 && start <= limit && limit <= size, () =>
      `slice needs 0 <= start_indices <= limit_indices <= operand shape, got start_indices ${tuple(params.start_indices)}, limit_indices ${tuple(params.limit_indices)} for operand shape ${tuple(shape)}.`);
    require(step >= 1, () => `slice strides must be positive, got ${tuple(strides)}.`);
    return Math.ceil((limit - start) / step);
  });
}

export const sliceP: Primitive<SliceParams> = defineLinear<SliceParams>({
  name: "slice",
  kind: "view",
  abstractEval: ([x], params) => {
    checkRank("slice", "start_indices", params.start_indices, x!);
    checkRank("slice", "limit_indices", params.limit_indices, x!);
    checkRank("slice", "strides", stridesOf(params), x!);
    return [aval(slicedShape(x!.shape, params), x!.dtype, x!.weakType)];
  },
  transpose: transposeFirst((ct, x, params) => {
    const strides = stridesOf(params);
    const config = x.shape.map((size, axis): PadConfig => {
      const start = params.start_indices[axis]!;
      const covered = ct.shape[axis] === 0 ? 0 : 1 + (ct.shape[axis]! - 1) * strides[axis]!;
      return [start, size - start - covered, strides[axis]! - 1];
    });
    return pad(ct, scalar(0, ct.dtype), config);
  }),
  batch: ([x], [dim], { start_indices, limit_indices, strides }, n) => {
    const params = {
      start_indices: insert(start_indices, dim!, 0),
      limit_indices: insert(limit_indices, dim!, n),
      strides: strides && insert(strides, dim!, 1),
    };
    return [[bind1(sliceP, [x!], params)], [dim!]];
  },
  lower: (emit, [x], params, [out]) => {
    const strides = stridesOf(params);
    const place = (i: Index, axis: number): Index =>
      emit.ix.add(emit.ix.mul(i, strides[axis]!), params.start_indices[axis]!);
    return [emit.lazy(out!, (i) => x!.at(i.map(place)))];
  },
});

/**
 * The box from `startIndices` up to and without `limitIndices`, every `strides`-th element. Indices are static, not
 * negative and in range.
 * @throws WeftTypeError if they are not.
 * @example slice(np.array([0, 1, 2, 3, 4]), [1], [5], [2]).js() // => [1, 3]
 */
export function slice(
  operand: ArrayLike,
  startIndices: readonly number[],
  limitIndices: readonly number[],
  strides: readonly number[] | null = null,
): NDArray {
  const x = asArray("lax.slice: operand", operand);
  const starts = checkIntegers("lax.slice: startIndices", startIndices);
  const limits = checkIntegers("lax.slice: limitIndices", limitIndices);
  const given = strides === null ? null : checkIntegers("lax.slice: strides", strides);
  const steps = given?.every((s) => s === 1) ? null : given;
  const whole = !steps && starts.every((s) => s === 0) && x.shape.every((d, i) => d === limits[i]);
  if (whole && starts.length === x.ndim) return x;
  return bind1(sliceP, [x], { start_indices: starts, limit_indices: limits, strides: steps });
}

/**
 * {@link slice} along one axis. Negative indices count from the end; `limitIndex` null is the end.
 * @throws WeftTypeError as {@link slice}.
 * @throws WeftValueError if the axis does not exist.
 * @example sliceInDim(np.array([0, 1, 2, 3, 4]), 1, -1, 2).js() // => [1, 3]
 */
export function sliceInDim(
  operand: ArrayLike,
  startIndex: number | null,
  limitIndex: number | null,
  stride = 1,
  axis = 0,
): NDArray {
  const x = asArray("lax.sliceInDim: operand", operand);
  const at = canonicalAxis("lax.sliceInDim: axis", axis, x.ndim);
  const size = x.shape[at]!;
  const fromEnd = (what: string, i: number): number => {
    const at = checkInteger(`lax.sliceInDim: ${what}`, i);
    return at < 0 ? at + size : at;
  };
  return slice(
    x,
    x.shape.map((_, i) => (i === at ? fromEnd("startIndex", startIndex ?? 0) : 0)),
    x.shape.map((d, i) => (i === at ? fromEnd("limitIndex", limitIndex ?? size) : d)),
    x.shape.map((_, i) => (i === at ? stride : 1)),
  );
}

/**
 * One element along an axis at a static index (negative: from the end); the axis stays with size 1 if `keepdims`.
 * @throws WeftValueError if the index is out of range or the axis does not exist.
 * @example indexInDim(np.array([[1, 2], [3, 4]]), -1, 1).js() // => [[2], [4]]
 */
export function indexInDim(operand: ArrayLike, index: number, axis = 0, keepdims = true): NDArray {
  const x = asArray("lax.indexInDim: operand", operand);
  const at = canonicalAxis("lax.indexInDim: axis", axis, x.ndim);
  const start = checkPosition("lax.indexInDim: index", index, x.shape[at]!);
  const picked = sliceInDim(x, start, start + 1, 1, at);
  return keepdims ? picked : squeeze(picked, [at]);
}

/** Elements added before, after and between neighbours; negative numbers before and after cut instead. */
export type PadConfig = readonly [low: number, high: number, interior: number];
type PadParams = { readonly padding_config: readonly PadConfig[] };

const dilated = (size: number, interior: number): number => (size === 0 ? 0 : size + (size - 1) * interior);

export const padP: Primitive<PadParams> = defineLinear<PadParams>(
  {
    name: "pad",
    kind: "write",
    abstractEval: ([x, value], { padding_config: config }) => {
      checkSameDTypes("pad", [x!, value!]);
      checkRank("pad", "padding_config", config, x!);
      require(value!.ndim === 0, () => `pad padding_value must be a scalar, got ${value!}.`);
      require(config.every(([, , interior]) => interior >= 0), () =>
        `interior padding in pad must be nonnegative, got ${config.map(tuple).join(", ")}.`);
      const shape = x!.shape.map((d, axis) => {
        const [low, high, interior] = config[axis]!;
        return dilated(d, interior) + low + high;
      });
      require(shape.every((d) => d >= 0), () =>
        `Dimension size after padding is not at least 0, got result shape ${tuple(shape)}, for padding_config ${config.map(tuple).join(", ")} and operand shape ${tuple(x!.shape)}.`);
      return [aval(shape, x!.dtype, allWeak([x!, value!]))];
    },
    transpose: ([ct], [x, value], { padding_config: config }) => {
      const inside = cut(ct as NDArray, config);
      const total = (t: NDArray): NDArray => reduceSum(t, range(t.ndim));
      return [
        isLinear(x!) ? inside : null,
        isLinear(value!) ? sub(total(ct as NDArray), total(inside)) : null,
      ];
    },
    batch: ([x, value], [dim, valueDim], { padding_config: config }, n) => {
      const at = dim ?? 0;
      const batched = moveBatchAxis(x!, dim!, at, n);
      const params = { padding_config: insert(config, at, [0, 0, 0] as const) };
      if (valueDim === null) return [[bind1(padP, [batched, value!], params)], [at]];
      return [[padEach(batched, value!, at, params)], [at]];
    },
    lower: (emit, [x, value], { padding_config }, [out]) => {
      if (padding_config.every(isCut)) return [lowerCut(emit, x!, padding_config, out!)];
      const target = emit.build(out!, (t) => {
        emit.loop(out!.shape, (i) => t.store(i, value!.at([])));
        const inside = placement(emit, x!, padding_config, out!.shape);
        emit.loop(inside.extents, (i) => t.store(inside.to(i), x!.at(inside.from(i))));
      });
      return [target];
    },
  },
  2,
);

const isCut = ([low, high, interior]: PadConfig): boolean => low <= 0 && high <= 0 && interior === 0;

const lowerCut = (emit: Emitter, x: Operand, config: readonly PadConfig[], out: ShapedArray): Operand =>
  emit.lazy(out, (i) => x.at(i.map((k, axis) => emit.ix.sub(k, config[axis]![0]))));

/** Which elements of x land inside the result, and where. */
function placement(emit: Emitter, x: Operand, config: readonly PadConfig[], out: Shape) {
  const boxes = config.map(([low, , interior], axis) => {
    const step = interior + 1;
    const first = Math.max(0, Math.ceil(-low / step));
    const end = Math.min(x.aval.shape[axis]!, Math.ceil((out[axis]! - low) / step));
    return { step, first, extent: Math.max(0, end - first), start: first * step + low };
  });
  return {
    extents: boxes.map((b) => b.extent),
    from: (i: readonly Index[]): Index[] => i.map((k, axis) => emit.ix.add(k, boxes[axis]!.first)),
    to: (i: readonly Index[]): Index[] =>
      i.map((k, axis) => emit.ix.add(emit.ix.mul(k, boxes[axis]!.step), boxes[axis]!.start)),
  };
}

/** What `pad` put in, taken out again: zeros where padding had cut. */
function cut(ct: NDArray, config: readonly PadConfig[]): NDArray {
  const trimmed = pad(
    ct,
    scalar(0, ct.dtype),
    config.map(([low, high]): PadConfig => [-low, -high, 0]),
  );
  return slice(
    trimmed,
    trimmed.shape.map(() => 0),
    trimmed.shape,
    config.map(([, , interior]) => interior + 1),
  );
}

/** Pads example k of x with `values[k]`. */
function padEach(x: NDArray, values: NDArray, at: number, params: PadParams): NDArray {
  const padded = bind1(padP, [x, scalar(0, x.dtype)], params);
  const inside = bind1(padP, [full(x.shape, true, "bool"), scalar(false, "bool")], params);
  return select(inside, padded, broadcastInDim(values, padded.shape, [at]));
}

function checkPadding(entry: PadConfig): PadConfig {
  const [low, high, interior, ...more] = checkIntegers("lax.pad: an entry of paddingConfig", entry);
  if (interior !== undefined && more.length === 0) return [low!, high!, interior];
  throw new WeftTypeError(`lax.pad: an entry of paddingConfig is [low, high, interior], got ${show(entry)}.`);
}

/**
 * Surrounds and interleaves x with `paddingValue`, a scalar of its dtype. Negative padding cuts.
 * @throws WeftTypeError if dtypes differ or a size would be negative.
 * @example pad(np.array([1, 2]), 0, [[1, 0, 1]]).js() // => [0, 1, 0, 2]
 */
export function pad(
  operand: ArrayLike,
  paddingValue: ArrayLike,
  paddingConfig: readonly PadConfig[],
): NDArray {
  const [x, value] = operands(place("lax.pad", "operand", "paddingValue"), operand, paddingValue);
  const config = checkList("lax.pad: paddingConfig", paddingConfig).map(checkPadding);
  const nothing =
    (value!.weakType || !x!.weakType) &&
    config.length === x!.ndim &&
    config.every((c) => c.every((n) => n === 0));
  return nothing ? x! : bind1(padP, [x!, value!], { padding_config: config });
}
