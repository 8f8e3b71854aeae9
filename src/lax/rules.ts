/** Parts that the records of primitives share; they know no operation. */
import type { NDArray } from "../core/array.ts";
import type { ShapedArray } from "../core/aval.ts";
import {
  definePrimitive,
  type JvpRule,
  Linear,
  type Params,
  type Primitive,
  type PrimitiveRecord,
  type TransposeRule,
  Zero,
} from "../core/primitive.ts";
import { instantiate, isZero } from "../transforms/zero.ts";
import { range } from "./axes.ts";

export type NoParams = Readonly<Record<string, never>>;
export const NO_PARAMS: NoParams = {};

/** A record without the entries that most primitives do not change. */
export type Spec<P extends Params> = Omit<PrimitiveRecord<P>, "partialEval" | "dce">;

/* @__NO_SIDE_EFFECTS__ */
export const define = <P extends Params>(spec: Spec<P>): Primitive<P> =>
  definePrimitive<P>({ ...spec, partialEval: "default", dce: "default" });

/**
 * Defines a primitive that is linear in its first `count` operands together, and not differentiable in the others
 * (indices): its derivative is itself.
 */
/* @__NO_SIDE_EFFECTS__ */
export function defineLinear<P extends Params>(spec: Omit<Spec<P>, "jvp">, count = 1): Primitive<P> {
  const jvp: JvpRule<P> = (primals, tangents, params) => {
    const outs = primitive.bind(primals, params);
    if (tangents.slice(0, count).every(isZero)) return [outs, outs.map((out) => new Zero(out.aval))];
    const moved = primals.map((x, i) => (i < count ? instantiate(tangents[i]!) : x));
    return [outs, primitive.bind(moved, params)];
  };
  const primitive: Primitive<P> = define<P>({ ...spec, jvp, linear: count });
  return primitive;
}

/** The transpose of an operation with one result that is linear in its first operand alone. */
export const transposeFirst =
  <P extends Params>(
    rule: (ct: NDArray, x: ShapedArray, params: P, rest: NDArray[]) => NDArray,
  ): TransposeRule<P> =>
  ([ct], [x, ...rest], params) => [
    rule(ct as NDArray, x!.aval, params, rest as NDArray[]),
    ...rest.map(() => null),
  ];

export const isLinear = (x: NDArray | Linear): x is Linear => x instanceof Linear;

/** x with its axis `from` moved to `to`, described as a permutation. */
export function movePermutation(ndim: number, from: number, to: number): number[] {
  const rest = range(ndim).filter((axis) => axis !== from);
  return [...rest.slice(0, to), from, ...rest.slice(to)];
}

export { moveBatchAxis } from "../transforms/batch.ts";
export { addTangents, instantiate, isZero } from "../transforms/zero.ts";
