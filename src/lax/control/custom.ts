/** Functions with derivatives of their own. */
import type { NDArray } from "../../core/array.ts";
import { aval, type ShapedArray } from "../../core/aval.ts";
import { WeftTypeError } from "../../core/errors.ts";
import type { Jaxpr } from "../../core/jaxpr.ts";
import { definePrimitive, Linear, type Primitive, type PrimitiveRecord } from "../../core/primitive.ts";
import { batchFlat, batchJaxpr, moveBatchAxis } from "../../transforms/batch.ts";
import { instantiate } from "../../transforms/zero.ts";
import { reduceSum } from "../broadcast.ts";
import { splitAt } from "./body.ts";

/** A function on flat lists of arrays. */
export type Flat = (args: NDArray[]) => NDArray[];
type Dims = readonly (number | null)[];

/** A flat function on batches; every result has the batch axis first. */
const batched =
  (f: Flat, dims: Dims, size: number): Flat =>
  (args) => {
    const [outs, outDims] = batchFlat(f, args, dims, size);
    return outs.map((x, i) => moveBatchAxis(x, outDims[i]!, 0, size));
  };

const toFront = (args: NDArray[], dims: Dims, size: number): NDArray[] =>
  args.map((x, i) => (dims[i] === null ? x : moveBatchAxis(x, dims[i]!, 0, size)));
const atFront = (dims: Dims): (number | null)[] => dims.map((d) => (d === null ? null : 0));

/** The batched body of a call, all of whose outputs are batched. */
const batchedBody = (jaxpr: Jaxpr, dims: Dims, size: number): Jaxpr =>
  batchJaxpr(
    jaxpr,
    size,
    dims.map((d) => d !== null),
    jaxpr.outs.map(() => true),
  ).jaxpr;

/** Cotangents of batched inputs as they are, those of inputs that all lanes share added up. */
const sumShared =
  (bwd: Flat, dims: Dims): Flat =>
  (args) =>
    bwd(args).map((ct, i) => (dims[i] === null ? reduceSum(ct, [0]) : ct));

interface CustomParams extends Record<string, unknown> {
  readonly jaxpr: Jaxpr;
  readonly name: string;
}

/** A call that has its own derivative and, in a batch, the batch of that: `rules` makes the user's functions work on batches. */
const customCall = <P extends CustomParams>(
  name: string,
  jvp: PrimitiveRecord<P>["jvp"],
  rules: (p: P, front: Dims, size: number) => Partial<P>,
): Primitive<P> => {
  const primitive: Primitive<P> = definePrimitive<P>({
    name,
    kind: "call",
    abstractEval: (_, p) => p.jaxpr.outAvals,
    jvp,
    transpose: "not linear",
    batch: (args, dims, p, size) => {
      const next = { ...p, jaxpr: batchedBody(p.jaxpr, dims, size), ...rules(p, atFront(dims), size) };
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
  /** (primals…, tangents…) → (outs…, out tangents…) */
  readonly rule: Flat;
}

/** `jax.custom_jvp_call`: a call whose derivative is the user's rule. */
export const customJvpPrimitive: Primitive<CustomJvpParams> = customCall<CustomJvpParams>(
  "custom_jvp_call",
  (primals, tangents, p) => splitAt(p.rule([...primals, ...tangents.map(instantiate)]), p.jaxpr.outs.length),
  (p, front, size) => ({ rule: batched(p.rule, [...front, ...front], size) }),
);

export interface CustomVjpParams extends CustomParams {
  /** (args…) → (outs…, residuals…) */
  readonly fwd: Flat;
  /** (residuals…, cotangents of the outs…) → one cotangent per argument */
  readonly bwd: Flat;
}

/** `jax.custom_vjp_call`: a call whose reverse mode is the user's pair of functions. */
export const customVjpPrimitive: Primitive<CustomVjpParams> = customCall<CustomVjpParams>(
  "custom_vjp_call",
  (primals, tangents, p) => {
    const [outs, residuals] = splitAt(p.fwd(primals), p.jaxpr.outs.length);
    const params = { bwd: p.bwd, numResiduals: residuals.length, outs: outs.map((x) => x.aval) };
    return [outs, customLinPrimitive.bind([...residuals, ...tangents.map(instantiate)], params)];
  },
  (p, front, size) => {
    // Residuals and cotangents are all batched: the batched fwd makes them so.
    const bwd: Flat = (xs) => batched(p.bwd, atFront(xs.map(() => 0)), size)(xs);
    return { fwd: batched(p.fwd, front, size), bwd: sumShared(bwd, front) };
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
  batch: (args, dims, p, size) => {
    const front = atFront(dims);
    const [resDims, tangentDims] = splitAt(front, p.numResiduals);
    const bwd = batched(p.bwd, [...resDims!, ...p.outs.map(() => 0)], size);
    const outs = p.outs.map((a) => aval([size, ...a.shape], a.dtype, a.weakType));
    const next = { ...p, bwd: sumShared(bwd, tangentDims!), outs };
    return [customLinPrimitive.bind(toFront(args, dims, size), next), p.outs.map(() => 0)];
  },
  partialEval: "default",
  dce: "default",
  lower: () => {
    throw new WeftTypeError(NO_FORWARD_MODE);
  },
});
