/** Functions with derivatives of their own. */

import type { NDArray } from "../../core/array.ts";
import { aval, type ShapedArray } from "../../core/aval.ts";
import type { MappedAxis } from "../../core/axes.ts";
import { WeftTypeError } from "../../core/errors.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import { definePrimitive, Linear, type MaybeZero, type Primitive, Zero } from "../../core/primitive.ts";
import { batchFlat, batchJaxpr, moveBatchAxis } from "../../transforms/batch.ts";
import { instantiate, isZero } from "../../transforms/zero.ts";
import { filled, splitAt } from "../../util/zip.ts";
import { reduceSum } from "../broadcast.ts";
import { all } from "./body.ts";
import { callPrimitive, transposeMixed } from "./call.ts";

/** A user's rule on flat lists of arrays; tangents and cotangents among its results may be symbolic zeros. */
export type Flat = (args: NDArray[]) => MaybeZero[];
type Dims = readonly (number | null)[];

const batchedAval = (a: ShapedArray, size: number): ShapedArray =>
  aval([size, ...a.shape], a.dtype, a.weakType);

/** A rule on batches; every result has the batch axis first. It may close over values that the same axis maps. */
const batched =
  (f: Flat, dims: Dims, axis: MappedAxis): Flat =>
  (args) => {
    let results: MaybeZero[] = [];
    const arrays = (xs: NDArray[]): NDArray[] => {
      results = f(xs);
      return results.filter((x): x is NDArray => !isZero(x));
    };
    const [outs, outDims] = batchFlat(arrays, args, dims, axis);
    const fronted = outs.map((x, i) => moveBatchAxis(x, outDims[i]!, 0, axis.size));
    const given = results.map((x) => !isZero(x));
    return filled(given, fronted, (i) => new Zero(batchedAval(results[i]!.aval, axis.size)));
  };

const toFront = (args: NDArray[], dims: Dims, size: number): NDArray[] =>
  args.map((x, i) => (dims[i] === null ? x : moveBatchAxis(x, dims[i]!, 0, size)));
const atFront = (dims: Dims): (number | null)[] => dims.map((d) => (d === null ? null : 0));

/** The batched body of a call, all of whose outputs are batched. */
const batchedBody = (jaxpr: Jaxpr, dims: Dims, axis: MappedAxis): Jaxpr =>
  batchJaxpr(
    jaxpr,
    axis,
    dims.map((d) => d !== null),
    all(jaxpr.outs),
  ).jaxpr;

/** Cotangents of batched inputs as they are, those of inputs that all lanes share added up. */
const sumShared =
  (bwd: Flat, dims: Dims): Flat =>
  (args) =>
    bwd(args).map((ct, i) => (dims[i] === null ? sumLanes(ct) : ct));

const sumLanes = (ct: MaybeZero): MaybeZero =>
  isZero(ct) ? new Zero(aval(ct.aval.shape.slice(1), ct.aval.dtype, ct.aval.weakType)) : reduceSum(ct, [0]);

interface CustomParams extends Record<string, unknown> {
  /** What runs where no derivative is taken. Throws for functions that look at values, of which only the rule can be used. */
  readonly jaxpr: Jaxpr;
  readonly name: string;
  /** How many leading operands are values that the function closed over. */
  readonly numConsts: number;
}

const CLOSED_OVER =
  "Detected differentiation of a function with a derivative rule of its own (customJvp, customVjp) with respect to a value that " +
  "it closes over. The rule only says how to differentiate with respect to the function's arguments. Pass the value to the " +
  "function as an argument and adapt the rule, or close over stopGradient of it.";

/** A call that has its own derivative and, in a batch, the batch of that: `rules` makes the user's functions work on batches. */
const customCall = <P extends CustomParams>(
  name: string,
  jvp: (primals: NDArray[], tangents: NDArray[], p: P) => [NDArray[], MaybeZero[]],
  rules: (p: P, front: Dims, axis: MappedAxis) => Partial<P>,
): Primitive<P> => {
  const primitive: Primitive<P> = definePrimitive<P>({
    name,
    kind: "call",
    abstractEval: (_, p) => p.jaxpr.outAvals,
    jvp: (primals, tangents, p) => {
      const [ofConsts, ofArgs] = splitAt(tangents, p.numConsts);
      if (!ofConsts.every(isZero)) throw new WeftTypeError(CLOSED_OVER);
      return jvp(primals.slice(p.numConsts), ofArgs.map(instantiate), p);
    },
    // A rule may apply such a function to tangents, where it is linear.
    transpose: (cts, inputs, { jaxpr, name }) => transposeMixed(callPrimitive, cts, inputs, { jaxpr, name }),
    batch: (args, dims, p, size, axis) => {
      const front = atFront(dims);
      const body = { ...p, jaxpr: batchedBody(p.jaxpr, dims, axis) };
      const next = { ...body, ...rules(p, front.slice(p.numConsts), axis) };
      return [primitive.bind(toFront(args, dims, size), next), p.jaxpr.outs.map(() => 0)];
    },
    partialEval: "default",
    dce: "default",
    lower: (emit, args, p) => emit.call(p.jaxpr, args),
    printParams: (p) => ({ name: p.name }),
  });
  return primitive;
};

export interface CustomJvpParams extends CustomParams {
  /** (args…, their tangents…) → (outs…, out tangents…) */
  readonly rule: Flat;
}

/** `jax.custom_jvp_call`: a call whose derivative is the user's rule. */
export const customJvpPrimitive: Primitive<CustomJvpParams> = customCall<CustomJvpParams>(
  "custom_jvp_call",
  (primals, tangents, p) => {
    const results = p.rule([...primals, ...tangents]);
    const [outs, outTangents] = splitAt(results, results.length / 2);
    return [outs as NDArray[], outTangents];
  },
  (p, front, axis) => ({ rule: batched(p.rule, [...front, ...front], axis) }),
);

export interface CustomVjpParams extends CustomParams {
  /** (args…) → (outs…, residuals…) */
  readonly fwd: Flat;
  /** Asked after fwd has run. */
  readonly numOuts: () => number;
  /** (residuals…, cotangents of the outs…) → one cotangent per argument */
  readonly bwd: Flat;
}

/** `jax.custom_vjp_call`: a call whose reverse mode is the user's pair of functions. */
export const customVjpPrimitive: Primitive<CustomVjpParams> = customCall<CustomVjpParams>(
  "custom_vjp_call",
  (primals, tangents, p) => {
    const results = p.fwd(primals) as NDArray[];
    const [outs, residuals] = splitAt(results, p.numOuts());
    const params = { bwd: p.bwd, numResiduals: residuals.length, outs: outs.map((x) => x.aval) };
    return [outs, customLinPrimitive.bind([...residuals, ...tangents], params)];
  },
  (p, front, axis) => {
    // Residuals and cotangents are all batched: the batched fwd makes them so.
    const bwd: Flat = (xs) => batched(p.bwd, atFront(xs.map(() => 0)), axis)(xs);
    return { fwd: batched(p.fwd, front, axis), bwd: sumShared(bwd, front) };
  },
);

interface CustomLinParams extends Record<string, unknown> {
  readonly bwd: Flat;
  readonly numResiduals: number;
  readonly outs: readonly ShapedArray[];
}

const NO_FORWARD_MODE =
  "Forward-mode differentiation (jvp, jacfwd, linearize evaluated forwards) does not work for a function with customVjp: " +
  "it only knows how to pull cotangents back. Use customJvp, or reverse mode.";

/** The tangent map of a customVjp function: nobody knows it, but its transpose is the user's bwd. */
const customLinPrimitive: Primitive<CustomLinParams> = definePrimitive<CustomLinParams>({
  name: "custom_lin",
  kind: "write",
  abstractEval: (_, p) => [...p.outs],
  jvp: () => {
    throw new WeftTypeError(NO_FORWARD_MODE);
  },
  transpose: (cts, inputs, p) => {
    const residuals = inputs.slice(0, p.numResiduals) as NDArray[];
    const results = p.bwd([...residuals, ...cts.map(instantiate)]);
    return inputs.map((x, i) => (x instanceof Linear ? results[i - p.numResiduals]! : null));
  },
  batch: (args, dims, p, size, axis) => {
    const front = atFront(dims);
    const [resDims, tangentDims] = splitAt(front, p.numResiduals);
    const bwd = batched(p.bwd, [...resDims, ...p.outs.map(() => 0)], axis);
    const next = { ...p, bwd: sumShared(bwd, tangentDims), outs: p.outs.map((a) => batchedAval(a, size)) };
    return [customLinPrimitive.bind(toFront(args, dims, size), next), p.outs.map(() => 0)];
  },
  partialEval: "default",
  dce: "default",
  lower: () => {
    throw new WeftTypeError(NO_FORWARD_MODE);
  },
});
