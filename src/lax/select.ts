/** Choosing per element: select_n, clamp, max, min, abs. */
import { type ArrayLike, type NDArray, scalar } from "../core/array.ts";
import type { ShapedArray } from "../core/aval.ts";
import { WeftTypeError } from "../core/errors.ts";
import type { BasicBinary, Scalar } from "../core/lowering.ts";
import { bind1, type Primitive, Zero } from "../core/primitive.ts";
import { div, mul, neg } from "./arithmetic.ts";
import { fitTo, unbroadcast } from "./broadcast.ts";
import { ANY, allWeak, SIGNED } from "./check.ts";
import { bitwiseAnd, eq, ge, gt, lt } from "./compare.ts";
import { asArray, operands, place } from "./convert.ts";
import { type Binary, binary, defineMap, type Formula, type Unary, unary } from "./map.ts";
import { isLinear, isZero, NO_PARAMS, type NoParams } from "./rules.ts";

function checkSelect(which: ShapedArray, cases: readonly ShapedArray[]): void {
  if (which.dtype !== "bool" && which.dtype !== "int32")
    throw new WeftTypeError(`select: which must be bool or int32, but got ${which.dtype}.`);
  if (cases.length === 0) throw new WeftTypeError("selectN must have at least one case.");
  if (which.dtype === "bool" && cases.length > 2)
    throw new WeftTypeError(`select with a boolean which takes at most two cases, got ${cases.length}.`);
}

export const selectNP: Primitive<NoParams> = defineMap({
  name: "select_n",
  accepts: [ANY],
  selects: true,
  uniformFrom: 1,
  result: ([which, ...cases]) => {
    checkSelect(which!, cases);
    return { dtype: cases[0]!.dtype, weakType: allWeak(cases) };
  },
  jvp: ([which, ...cases], [, ...tangents]) => {
    const out = selectN(which!, ...cases);
    if (!tangents.some((t) => !isZero(t))) return [[out], [new Zero(out.aval)]];
    const cts = tangents.map((t) => (isZero(t) ? scalar(0, t.aval.dtype) : t));
    return [[out], [fitTo(selectN(which!, ...cts), out.shape)]];
  },
  transpose: ([ct], [which, ...cases]) => {
    const zero = scalar(0, ct!.aval.dtype);
    const part = (k: number): NDArray =>
      selectN(which as NDArray, ...cases.map((_, j) => (j === k ? (ct as NDArray) : zero)));
    return [null, ...cases.map((x, k) => (isLinear(x) ? unbroadcast(part(k), x.aval) : null))];
  },
  scalar: (s, [which, ...cases]) => {
    if (which!.dtype === "bool")
      return cases.length === 1 ? cases[0]! : s.select(which!, cases[1]!, cases[0]!);
    const from = (k: number) => s.binary("le", which!, s.const(k, "int32"));
    return cases.reduceRight((rest, value, k) => (rest === value ? value : s.select(from(k), value, rest)));
  },
});

/**
 * Element i of `cases[which[i]]`. `which` is int32, or bool with two cases (false picks the first); a scalar `which` picks
 * whole cases. All cases have one shape and dtype; out-of-range indices are clamped.
 * @throws WeftTypeError if dtypes or shapes differ.
 * @example selectN([false, true], np.array([1, 2]), np.array([10, 20])).js() // => [1, 20]
 */
export const selectN = (which: ArrayLike, ...cases: ArrayLike[]): NDArray =>
  bind1(
    selectNP,
    [asArray("lax.selectN: which", which), ...operands((i) => `lax.selectN: cases[${i}]`, ...cases)],
    NO_PARAMS,
  );

/**
 * `onTrue` where `pred` holds, else `onFalse`. `pred` is bool, of the same shape or a scalar.
 * @throws WeftTypeError if dtypes or shapes differ: `np.where` promotes and broadcasts.
 * @example select([true, false], np.array([1, 2]), np.array([10, 20])).js() // => [1, 20]
 */
export const select = (pred: ArrayLike, onTrue: ArrayLike, onFalse: ArrayLike): NDArray => {
  const which = asArray("lax.select: pred", pred);
  if (which.dtype !== "bool") throw new WeftTypeError(`select: pred must be bool, but got ${which.aval}.`);
  const [no, yes] = operands(place("lax.select", "onFalse", "onTrue"), onFalse, onTrue);
  return bind1(selectNP, [which, no!, yes!], NO_PARAMS);
};

/** 1 where x wins, 0 where y wins, one half where both are the result. */
const share = (x: NDArray, ans: NDArray, y: NDArray): NDArray =>
  div(select(eq(x, ans), scalar(1, ans.dtype), 0), select(eq(y, ans), scalar(2, ans.dtype), 1));

const BALANCED: readonly [Formula, Formula] = [
  (g, ans, x, y) => mul(g, share(x!, ans, y!)),
  (g, ans, x, y) => mul(g, share(y!, ans, x!)),
];

const extremum = (fn: "max" | "min"): Binary =>
  binary(fn, {
    accepts: ANY,
    jvp: BALANCED,
    scalar: (s, x, y) => s.binary(pickFn(fn, x), x, y),
  });
const pickFn = (fn: "max" | "min", { dtype }: Scalar): BasicBinary =>
  dtype !== "bool" ? fn : fn === "max" ? "or" : "and";

/**
 * The larger of x and y; NaN wins. Ties share the derivative equally.
 * @throws WeftTypeError if dtypes or shapes differ: `np.maximum` promotes and broadcasts.
 * @example max(np.array([1, 5, NaN]), 3).js() // => [3, 5, NaN]
 */
export const max: Binary = extremum("max");
/**
 * The smaller of x and y; NaN wins. Ties share the derivative equally.
 * @throws WeftTypeError if dtypes or shapes differ: `np.minimum` promotes and broadcasts.
 * @example grad((x) => min(x, 2))(2).item() // => 0.5
 */
export const min: Binary = extremum("min");

/**
 * `|x|`. Signed numbers; the lowest integer stays as it is. The derivative at 0 is 1, as in JAX.
 * @throws WeftTypeError for bools and unsigned integers.
 * @example abs(np.array([-5, -128], { dtype: "int8" })).js() // => [5, -128]
 */
export const abs: Unary = unary("abs", {
  accepts: SIGNED,
  jvp: (g, _, x) => select(ge(x, 0), g, neg(g)),
  scalar: "abs",
});

const within = (g: NDArray, mask: NDArray): NDArray => select(mask, g, 0);

export const clampP: Primitive<NoParams> = defineMap({
  name: "clamp",
  accepts: [ANY],
  jvp: [
    (g, _, lo, x, hi) => within(g, bitwiseAnd(gt(lo!, x!), lt(lo!, hi!))),
    (g, _, lo, x, hi) => within(g, bitwiseAnd(gt(x!, lo!), lt(x!, hi!))),
    (g, _, __, x, hi) => within(g, lt(hi!, x!)),
  ],
  scalar: (s, [lo, x, hi]) => s.binary(pickFn("min", x!), s.binary(pickFn("max", x!), x!, lo!), hi!),
});

/**
 * x limited to `[lower, upper]`; the bounds are scalars or have x's shape.
 * @throws WeftTypeError if dtypes differ.
 * @example clamp(0, np.array([-1, 0.5, 2]), 1).js() // => [0, 0.5, 1]
 */
export const clamp = (lower: ArrayLike, x: ArrayLike, upper: ArrayLike): NDArray =>
  bind1(clampP, operands(place("lax.clamp", "lower", "x", "upper"), lower, x, upper), NO_PARAMS);
