/** Families of elementwise primitives. Operands have one shape; scalars fit everywhere (as in JAX's jaxprs). */

import type { ArrayLike, NDArray } from "../core/array.ts";
import { aval, type ShapedArray } from "../core/aval.ts";
import type { DType } from "../core/dtype.ts";
import type {
  BasicBinary,
  BasicUnary,
  BinaryExpansion,
  Operand,
  Scalar,
  ScalarBuilder,
  UnaryExpansion,
} from "../core/lowering.ts";
import {
  type BatchRule,
  bind1,
  type JvpRule,
  type MaybeZero,
  type Params,
  type Primitive,
  type TransposeRule,
  Zero,
} from "../core/primitive.ts";
import { costOf } from "../core/scalar.ts";
import { insert } from "./axes.ts";
import { broadcastInDim, fitTo, unbroadcast } from "./broadcast.ts";
import {
  allWeak,
  checkDTypes,
  checkSameDTypes,
  type DTypeClass,
  elementwiseShape,
  FLOATING,
  NUMBER,
  publicName,
} from "./check.ts";
import { asArray, operands, place } from "./convert.ts";
import { addTangents, define, isLinear, isZero, moveBatchAxis, NO_PARAMS, type NoParams } from "./rules.ts";

/** The tangent that operand i contributes: `g` is its tangent, `ans` the result. */
export type Formula = (g: NDArray, ans: NDArray, ...args: NDArray[]) => NDArray;

export interface MapSpec<P extends Params> {
  readonly name: string;
  /** What each operand may be; the last entry holds for the rest. */
  readonly accepts: readonly DTypeClass[];
  /** From this operand on, dtypes must agree (default 0; Infinity: never). */
  readonly uniformFrom?: number;
  /** Default: the type of the last operand, weak if all operands are. */
  readonly result?: (avals: readonly ShapedArray[], params: P) => { dtype: DType; weakType: boolean };
  readonly jvp: "zero" | readonly Formula[] | JvpRule<P>;
  readonly transpose?: TransposeRule<P>;
  readonly scalar: (s: ScalarBuilder, xs: Scalar[], params: P, out: ShapedArray) => Scalar;
  readonly printParams?: (params: P) => Record<string, unknown>;
  readonly accumulates?: boolean;
  readonly selects?: boolean;
  readonly cheap?: boolean;
  readonly keepsApart?: boolean;
}

/* @__NO_SIDE_EFFECTS__ */
export function defineMap<P extends Params = NoParams>(spec: MapSpec<P>): Primitive<P> {
  const { name, accepts, uniformFrom = 0, jvp, printParams } = spec;
  const resultOf = spec.result ?? ((avals) => ({ dtype: avals.at(-1)!.dtype, weakType: allWeak(avals) }));
  const primitive: Primitive<P> = define<P>({
    name,
    kind: "map",
    abstractEval: (avals, params) => {
      checkDTypes(name, avals, accepts);
      checkSameDTypes(name, avals.slice(uniformFrom));
      const { dtype, weakType } = resultOf(avals, params);
      return [aval(elementwiseShape(name, avals), dtype, weakType)];
    },
    jvp: typeof jvp === "object" ? formulaJvp(() => primitive, jvp) : (jvp as JvpRule<P> | "zero"),
    transpose: spec.transpose ?? "not linear",
    batch: (...args) => batchMap(primitive, ...args),
    lower: (emit, args, params, [out]) => [
      emit.lazy(out!, (i) => spec.scalar(emit.s, readAll(args, i), params, out!)),
    ],
    ...(printParams && { printParams }),
    ...(spec.accumulates && { accumulates: true }),
    ...(spec.selects && { selects: true }),
    ...(spec.cheap && { cheap: true }),
    ...(spec.keepsApart && { keepsApart: true }),
  });
  return primitive;
}

/** The elements of the operands at one position of the result. */
export const readAll = (args: readonly Operand[], i: Parameters<Operand["at"]>[0]): Scalar[] =>
  args.map((x) => x.at(x.aval.ndim === 0 ? [] : i));

function formulaJvp<P extends Params>(
  primitive: () => Primitive<P>,
  formulas: readonly Formula[],
): JvpRule<P> {
  return (primals, tangents, params) => {
    const ans = bind1(primitive(), primals, params);
    const terms = tangents.map(
      (t, i): MaybeZero => (isZero(t) ? t : fitTo(formulas[i]!(t, ans, ...primals), ans.shape)),
    );
    return [[ans], [terms.filter((t) => !isZero(t)).reduce(addTangents, new Zero(ans.aval))]];
  };
}

/**
 * Batches an elementwise primitive in place: the batch axis stays where the first full-rank operand has it. Unmapped
 * scalars stay scalars, mapped ones are repeated to the full shape.
 */
export function batchMap<P extends Params>(
  primitive: Primitive<P>,
  ...[args, dims, params, size]: Parameters<BatchRule<P>>
): ReturnType<BatchRule<P>> {
  const ranks = args.map((x, i) => x.ndim - (dims[i] === null ? 0 : 1));
  const rank = Math.max(...ranks);
  const at = dims.find((d, i) => d !== null && ranks[i] === rank) ?? 0;
  const leader = ranks.indexOf(rank);
  const example = args[leader]!.shape.filter((_, axis) => axis !== dims[leader]);
  const aligned = args.map((x, i) => {
    if (ranks[i] === rank && (rank > 0 || dims[i] !== null)) return moveBatchAxis(x, dims[i]!, at, size);
    return dims[i] === null ? x : broadcastInDim(x, insert(example, at, size), [at]);
  });
  const outs = primitive.bind(aligned, params);
  return [outs, outs.map(() => at)];
}

type Cotangent = (ct: NDArray, ...inputs: NDArray[]) => NDArray;

/** A transpose rule from one formula per operand; null for operands in which the map is not linear. */
export const transposeBy =
  <P extends Params>(...formulas: (Cotangent | null)[]): TransposeRule<P> =>
  ([ct], inputs) =>
    inputs.map((x, i) =>
      isLinear(x) ? unbroadcast(formulas[i]!(ct as NDArray, ...(inputs as NDArray[])), x.aval) : null,
    );

/** A public function of one array with the primitive it applies. */
export type Unary = ((x: ArrayLike) => NDArray) & { readonly primitive: Primitive<NoParams> };
export type Binary = ((x: ArrayLike, y: ArrayLike) => NDArray) & { readonly primitive: Primitive<NoParams> };

type FamilySpec<Fn> = {
  readonly accepts?: DTypeClass;
  readonly bool?: boolean;
  readonly transpose?: TransposeRule<NoParams>;
  /** One function of the target, or an expression of several. */
  readonly scalar: Fn;
};

export type UnarySpec = FamilySpec<
  BasicUnary | UnaryExpansion | ((s: ScalarBuilder, x: Scalar) => Scalar)
> & {
  readonly jvp: "zero" | ((g: NDArray, ans: NDArray, x: NDArray) => NDArray);
};

const isCheap = (scalar: unknown): boolean => typeof scalar === "string" && costOf(scalar) === "cheap";

/** `accepts` defaults to floating dtypes; `bool`: the result is a bool. */
/* @__NO_SIDE_EFFECTS__ */
export function unary(name: string, { accepts = FLOATING, bool, jvp, transpose, scalar }: UnarySpec): Unary {
  const primitive = defineMap({
    name,
    accepts: [accepts],
    cheap: isCheap(scalar),
    jvp: jvp === "zero" ? jvp : [jvp as Formula],
    ...(transpose && { transpose }),
    ...(bool && { result: () => BOOL }),
    scalar: (s, [x]) => (typeof scalar === "function" ? scalar(s, x!) : s.unary(scalar, x!)),
  });
  const what = `${publicName(name)}: x`;
  return Object.assign((x: ArrayLike) => bind1(primitive, [asArray(what, x)], NO_PARAMS), { primitive });
}

export type BinarySpec = FamilySpec<
  BasicBinary | BinaryExpansion | ((s: ScalarBuilder, x: Scalar, y: Scalar) => Scalar)
> & {
  /** It adds: see PrimitiveRecord. */
  readonly accumulates?: boolean;
  readonly jvp: "zero" | readonly [Formula, Formula];
};

/** `accepts` defaults to numbers; `bool`: the result is a bool. */
/* @__NO_SIDE_EFFECTS__ */
export function binary(
  name: string,
  { accepts = NUMBER, bool, jvp, transpose, scalar, accumulates }: BinarySpec,
): Binary {
  const primitive = defineMap({
    name,
    accepts: [accepts],
    jvp,
    cheap: isCheap(scalar),
    ...(accumulates && { accumulates }),
    ...(transpose && { transpose }),
    ...(bool && { result: () => BOOL }),
    scalar: (s, [x, y]) => (typeof scalar === "function" ? scalar(s, x!, y!) : s.binary(scalar, x!, y!)),
  });
  const at = place(publicName(name), "x", "y");
  return Object.assign((x: ArrayLike, y: ArrayLike) => bind1(primitive, operands(at, x, y), NO_PARAMS), {
    primitive,
  });
}

const BOOL: { dtype: DType; weakType: boolean } = { dtype: "bool", weakType: false };
