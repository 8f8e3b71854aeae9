/** Reductions over axes, and the positions of extrema. */
import type { ArrayLike, NDArray } from "../core/array.ts";
import { aval } from "../core/aval.ts";
import { checkInteger } from "../core/check.ts";
import { checkDType, type DType, limits } from "../core/dtype.ts";
import { WeftValueError } from "../core/errors.ts";
import type { Combine, Emitter, Index, Operand, Scalar } from "../core/lowering.ts";
import { bind1, type JvpRule, type Primitive, Zero } from "../core/primitive.ts";
import { size } from "../util/shape.ts";
import { div, mul } from "./arithmetic.ts";
import { bump, complement, insert, inverse, pick } from "./axes.ts";
import { broadcastInDim, reduceSum } from "./broadcast.ts";
import { convertElementType } from "./cast.ts";
import {
  ANY,
  BITS,
  checkAxes,
  checkAxisOrder,
  checkDTypes,
  type DTypeClass,
  INTEGER,
  NUMBER,
  publicName,
} from "./check.ts";
import { eq } from "./compare.ts";
import { asArray } from "./convert.ts";
import { cumprod, exclusive } from "./cumulative.ts";
import {
  highest,
  lowerReduction,
  lowest,
  maxOf,
  minOf,
  type ReduceParams,
  reducedShape,
  reductionType,
} from "./reduction.ts";
import { define, isZero } from "./rules.ts";
import { reshape, transpose } from "./views.ts";

/** x reduced over these axes. */
export type Reduction = ((x: ArrayLike, axes: readonly number[]) => NDArray) & {
  readonly primitive: Primitive<ReduceParams>;
};

interface ReductionSpec {
  readonly accepts: DTypeClass;
  readonly fn: (dtype: DType) => Combine;
  readonly identity: (dtype: DType) => number | boolean;
  readonly jvp: "zero" | ((g: NDArray, ans: NDArray, x: NDArray, axes: readonly number[]) => NDArray);
}

/* @__NO_SIDE_EFFECTS__ */
function reduction(name: string, { accepts, fn, identity, jvp }: ReductionSpec): Reduction {
  const rule: JvpRule<ReduceParams> = ([x], [t], { axes }) => {
    const ans = reduce(x!, axes);
    return [[ans], [isZero(t!) || jvp === "zero" ? new Zero(ans.aval) : jvp(t as NDArray, ans, x!, axes)]];
  };
  const primitive: Primitive<ReduceParams> = define<ReduceParams>({
    name,
    kind: "reduce",
    abstractEval: ([x], { axes }) => [reductionType(name, accepts, x!, axes)],
    jvp: jvp === "zero" ? jvp : rule,
    transpose: "not linear",
    batch: ([x], [dim], { axes }) => {
      const shifted = bump(axes, dim!);
      return [[reduce(x!, shifted)], [dim! - shifted.filter((a) => a < dim!).length]];
    },
    lower: (emit, [x], { axes }, [out]) => lowerReduction(emit, fn(out!.dtype), identity, x!, axes, out!),
  });
  const caller = publicName(name);
  const what = `${caller}: x`;
  const reduce = (x: ArrayLike, axes: readonly number[]): NDArray =>
    bind1(primitive, [asArray(what, x)], { axes: checkAxisOrder(caller, axes) });
  return Object.assign(reduce, { primitive });
}

/** The tangent of an extremum: the average over the elements that attain it. */
function averageOfTies(g: NDArray, ans: NDArray, x: NDArray, axes: readonly number[]): NDArray {
  const whole = broadcastInDim(ans, x.shape, complement(x.ndim, axes));
  const attains = convertElementType(eq(x, whole), g.dtype);
  return div(reduceSum(mul(g, attains), axes), reduceSum(attains, axes));
}

/** Σ g · (the product of all other elements), right also where elements are zero. */
function productTangent(g: NDArray, _: NDArray, x: NDArray, axes: readonly number[]): NDArray {
  const kept = complement(x.ndim, axes);
  const order = [...kept, ...axes];
  const flat = reshape(transpose(x, order), [...pick(x.shape, kept), size(pick(x.shape, axes))]);
  const before = exclusive(cumprod, flat, kept.length, 1, {});
  const after = exclusive(cumprod, flat, kept.length, 1, { reverse: true });
  const others = transpose(reshape(mul(before, after), pick(x.shape, order)), inverse(order));
  return reduceSum(mul(g, others), axes);
}

const ones = (dtype: DType): number | boolean =>
  dtype === "bool" ? true : limits(dtype).min === 0 ? limits(dtype).max : -1;

export { reduceSum } from "./broadcast.ts";

/**
 * The product over axes, in the dtype of x; 1 for none. Numbers.
 * @throws WeftTypeError for bools.
 * @throws WeftValueError for axes that are negative, do not exist or stand there twice.
 * @example reduceProd(np.array([[1, 2], [3, 4]]), [0, 1]).item() // => 24
 */
export const reduceProd: Reduction = reduction("reduce_prod", {
  accepts: NUMBER,
  fn: () => "mul",
  identity: () => 1,
  jvp: productTangent,
});
/**
 * The maximum over axes; NaN wins; the empty maximum is the lowest value. The derivative is shared among ties.
 * @throws WeftValueError for axes that are negative, do not exist or stand there twice.
 * @example grad((x) => reduceMax(x, [0]))(np.array([1, 3, 3])).js() // => [0, 0.5, 0.5]
 */
export const reduceMax: Reduction = reduction("reduce_max", {
  accepts: ANY,
  fn: maxOf,
  identity: lowest,
  jvp: averageOfTies,
});
/**
 * The minimum over axes; NaN wins; the empty minimum is the highest value. The derivative is shared among ties.
 * @throws WeftValueError for axes that are negative, do not exist or stand there twice.
 * @example reduceMin(np.array([[3, 1], [NaN, 2]]), [1]).js() // => [1, NaN]
 */
export const reduceMin: Reduction = reduction("reduce_min", {
  accepts: ANY,
  fn: minOf,
  identity: highest,
  jvp: averageOfTies,
});
/**
 * Whether all hold (bool), or the bitwise and (integers), over axes.
 * @throws WeftTypeError for floats.
 * @throws WeftValueError for axes that are negative, do not exist or stand there twice.
 * @example reduceAnd([[true, false], [true, true]], [1]).js() // => [false, true]
 */
export const reduceAnd: Reduction = reduction("reduce_and", {
  accepts: BITS,
  fn: () => "and",
  identity: ones,
  jvp: "zero",
});
/**
 * Whether any holds (bool), or the bitwise or (integers), over axes.
 * @throws WeftTypeError for floats.
 * @throws WeftValueError for axes that are negative, do not exist or stand there twice.
 * @example reduceOr(np.array([1, 4, 5], { dtype: "int32" }), [0]).item() // => 5
 */
export const reduceOr: Reduction = reduction("reduce_or", {
  accepts: BITS,
  fn: () => "or",
  identity: (dtype) => (dtype === "bool" ? false : 0),
  jvp: "zero",
});

type ArgParams = { readonly axes: readonly number[]; readonly index_dtype: DType };
export type ArgReduction = ((x: ArrayLike, axis: number, indexDtype?: DType) => NDArray) & {
  readonly primitive: Primitive<ArgParams>;
};

/* @__NO_SIDE_EFFECTS__ */
function argReduction(name: "argmax" | "argmin"): ArgReduction {
  const primitive: Primitive<ArgParams> = define<ArgParams>({
    name,
    kind: "reduce",
    abstractEval: ([x], { axes, index_dtype }) => {
      checkDTypes(name, [x!, aval([], index_dtype)], [ANY, INTEGER]);
      checkAxes(name, axes, x!.ndim);
      if (axes.length !== 1 || x!.shape[axes[0]!] === 0)
        throw new WeftValueError(
          `lax.${name}: attempt to get ${name} of an empty sequence: operand ${x!}, axes ${axes}.`,
        );
      return [aval(reducedShape(x!.shape, axes), index_dtype)];
    },
    jvp: "zero",
    transpose: "not linear",
    batch: ([x], [dim], { axes, index_dtype }) => {
      const shifted = bump(axes, dim!);
      return [
        [bind1(primitive, [x!], { axes: shifted, index_dtype })],
        [dim! - (shifted[0]! < dim! ? 1 : 0)],
      ];
    },
    lower: (emit, [x], { axes }, [out]) => {
      const values = emit.materialize(x!);
      const result = emit.build(out!, (target) =>
        emit.loop(out!.shape, (i) =>
          target.store(i, emit.s.convert(firstExtremum(emit, name, values, i, axes[0]!), out!.dtype)),
        ),
      );
      return [result];
    },
  });
  const search = (x: ArrayLike, axis: number, indexDtype: DType = "int32"): NDArray =>
    bind1(primitive, [asArray(`lax.${name}: x`, x)], {
      axes: [checkInteger(`lax.${name}: axis`, axis)],
      index_dtype: checkDType(`lax.${name}`, indexDtype),
    });
  return Object.assign(search, { primitive });
}

/** The smallest index whose element equals the extremum; a NaN is the extremum wherever there is one. */
function firstExtremum(
  emit: Emitter,
  name: "argmax" | "argmin",
  x: Operand,
  lane: readonly Index[],
  axis: number,
): Scalar {
  const { s } = emit;
  const { dtype, shape } = x.aval;
  const n = shape[axis]!;
  const [fn, worst] = name === "argmax" ? [maxOf, lowest] : [minOf, highest];
  const at = (k: Index): Scalar => x.at(insert(lane, axis, k));
  const best = emit.reduce(fn(dtype), s.const(worst(dtype), dtype), [n], ([k]) => at(k!));
  return emit.reduce("min", s.const(n - 1, "int32"), [n], ([k]) => {
    const found = s.binary("or", s.binary("eq", at(k!), best), s.binary("ne", at(k!), at(k!)));
    return s.select(found, s.fromIndex(k!, "int32"), s.const(n - 1, "int32"));
  });
}

/**
 * The index of the first maximum along an axis (not negative), where NaN counts as the largest. The default dtype is
 * int32.
 * @throws WeftValueError if the axis is empty, negative or does not exist.
 * @throws WeftTypeError if `indexDtype` is no integer dtype.
 * @example argmax(np.array([[1, 5], [7, 7]]), 1).js() // => [1, 0]
 */
export const argmax: ArgReduction = argReduction("argmax");
/**
 * The index of the first minimum along an axis (not negative), where NaN counts as the smallest. See {@link argmax}.
 * @throws WeftValueError if the axis is empty, negative or does not exist.
 * @example argmin(np.array([3, NaN, NaN, 1]), 0).item() // => 1
 */
export const argmin: ArgReduction = argReduction("argmin");
