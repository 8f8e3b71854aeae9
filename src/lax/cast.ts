/** Changes of dtype, and the identities. */

import { type ArrayLike, type NDArray, scalar } from "../core/array.ts";
import { byteSize, checkDType, type DType, isFloat, type Promoted } from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import { bind1, type Primitive, Zero } from "../core/primitive.ts";
import { NumberTracer } from "../core/stage.ts";
import { checkString } from "../util/options.ts";
import { ANY, FLOATING } from "./check.ts";
import { asArray, numberOf } from "./convert.ts";
import { defineMap, transposeBy, type Unary, unary } from "./map.ts";
import { isLinear, NO_PARAMS, type NoParams } from "./rules.ts";

type ConvertParams = { readonly new_dtype: DType; readonly weak_type: boolean };

export const convertElementTypeP: Primitive<ConvertParams> = defineMap<ConvertParams>({
  name: "convert_element_type",
  accepts: [ANY],
  result: (_, { new_dtype, weak_type }) => ({ dtype: new_dtype, weakType: weak_type }),
  jvp: ([x], [t], params) => {
    const type = { dtype: params.new_dtype, weakType: params.weak_type };
    const out = convertTo(x!, type);
    return [[out], [isFloat(out.dtype) ? convertTo(t as NDArray, type) : new Zero(out.aval)]];
  },
  transpose: ([ct], [x]) => [isLinear(x!) ? convertElementType(ct as NDArray, x.aval.dtype) : null],
  scalar: (s, [x], { new_dtype }) => s.convert(x!, new_dtype),
});

/**
 * Converts values to another dtype: floats to integers truncate and saturate, NaN becomes 0; integers to integers wrap;
 * to bool is `!= 0`. The result is not weak. Only float to float carries a derivative.
 * @throws WeftTypeError if there is no such dtype.
 * @example convertElementType(np.array([1.7, -1.7]), "int32").js() // => [1, -1]
 */
export const convertElementType = (x: ArrayLike, newDtype: DType): NDArray =>
  convertTo(x, { dtype: checkDType("lax.convertElementType", newDtype), weakType: false });

/** Converts to a dtype and weakness at once, as promotion needs it. Plain numbers are not rounded on the way. */
export function convertTo(x: ArrayLike, { dtype, weakType }: Promoted): NDArray {
  const number = numberOf(x);
  if (number !== undefined) return scalar(number, dtype, weakType);
  const operand = asArray("lax.convertElementType: x", x);
  if (operand.dtype === dtype && operand.weakType === weakType) return operand;
  if (operand instanceof NumberTracer) return operand.as({ dtype, weakType });
  return bind1(convertElementTypeP, [operand], { new_dtype: dtype, weak_type: weakType });
}

/** x with a type of its own: what plain numbers and weak types beside it become. */
export const strong = (x: NDArray): NDArray => convertTo(x, { dtype: x.dtype, weakType: false });
/** {@link strong}, but scalars: some of JAX's functions meet something strong on their way only where they are given arrays. */
export const strongArray = (x: NDArray): NDArray => (x.ndim === 0 ? x : strong(x));

export const bitcastConvertTypeP: Primitive<{ readonly new_dtype: DType }> = defineMap<{
  readonly new_dtype: DType;
}>({
  name: "bitcast_convert_type",
  accepts: [ANY],
  result: ([x], { new_dtype }) => {
    if (byteSize(x!.dtype) !== byteSize(new_dtype) || (x!.dtype === "bool") !== (new_dtype === "bool"))
      throw new WeftTypeError(
        `bitcast_convert_type needs dtypes of the same width, got ${x!.dtype} and ${new_dtype}.`,
      );
    return { dtype: new_dtype, weakType: false };
  },
  jvp: "zero",
  scalar: (s, [x], { new_dtype }) => s.bitcast(x!, new_dtype),
});

/**
 * The same bits read as another dtype of the same width.
 * @throws WeftTypeError if the widths differ.
 * @example bitcastConvertType(1, "uint32").js() // => 1065353216
 */
export const bitcastConvertType = (x: ArrayLike, newDtype: DType): NDArray =>
  bind1(bitcastConvertTypeP, [asArray("lax.bitcastConvertType: x", x)], {
    new_dtype: checkDType("lax.bitcastConvertType", newDtype),
  });

/**
 * The identity as an operation: a value of its own, in the program, too.
 * @example copy(np.array([1, 2])).js() // => [1, 2]
 */
export const copy: Unary = unary("copy", {
  accepts: ANY,
  jvp: (g) => g,
  transpose: transposeBy((ct) => ct),
  scalar: (_, x) => x,
});

/**
 * The identity, but what reads its result is not taken for the same as what reads its operand: it is computed again.
 * Source: `jax.lax.optimization_barrier`, of one array.
 */
export const optimizationBarrier = (x: NDArray): NDArray => bind1(barrierP, [x], NO_PARAMS);

const barrierP: Primitive<NoParams> = defineMap({
  name: "optimization_barrier",
  accepts: [ANY],
  keepsApart: true,
  jvp: [(g) => g],
  transpose: transposeBy((ct) => ct),
  scalar: (_, [x]) => x!,
});

const nameP: Primitive<{ readonly name: string }> = defineMap<{ readonly name: string }>({
  name: "name",
  accepts: [ANY],
  jvp: [(g) => g],
  transpose: transposeBy((ct) => ct),
  scalar: (_, [x]) => x!,
});

/**
 * The identity; the name is what the policies of `checkpoint` go by.
 * Source: `jax.ad_checkpoint.checkpoint_name`.
 * @example checkpoint((x) => np.sin(checkpointName(np.exp(x), "e")), { policy: checkpoint.policies.saveOnlyTheseNames("e") })
 */
export const checkpointName = (x: ArrayLike, name: string): NDArray =>
  bind1(nameP, [asArray("checkpointName: x", x)], { name: checkString("checkpointName: name", name) });

/** In a linear program, too, nothing comes back through it. */
const stopGradientOp: Unary = unary("stop_gradient", {
  accepts: FLOATING,
  jvp: "zero",
  transpose: (_, [x]) => [new Zero(x!.aval)],
  scalar: (_, x) => x,
});

/**
 * The identity whose derivative is zero. Integers and bools pass as they are.
 * @example grad((x) => stopGradient(x).mul(x))(3).js() // => 3
 */
export function stopGradient(x: ArrayLike): NDArray {
  const operand = asArray("lax.stopGradient: x", x);
  return isFloat(operand.dtype) ? stopGradientOp(operand) : operand;
}
