import type { NDArray } from "../core/array.ts";
import { aval, type ShapedArray } from "../core/aval.ts";
import { type MappedAxis, withAxis } from "../core/axes.ts";
import { assert } from "../core/errors.ts";
import { axisNames, type Jaxpr } from "../core/jaxpr.ts";
import { ops } from "../core/ops.ts";
import type { AnyPrimitive, Params } from "../core/primitive.ts";
import { evalJaxpr, stage } from "../core/stage.ts";
import { currentTrace, leaked, Trace, Tracer, withTrace } from "../core/trace.ts";
import { memoByJaxpr } from "./memo.ts";

/** A value with a hidden batch axis at `dim`. */
class BatchTracer extends Tracer {
  readonly trace: BatchTrace;
  readonly value: NDArray;
  readonly dim: number;
  override readonly aval: ShapedArray;
  constructor(trace: BatchTrace, value: NDArray, dim: number) {
    super();
    this.trace = trace;
    this.value = value;
    this.dim = dim;
    this.aval = aval(
      value.shape.filter((_, i) => i !== dim),
      value.dtype,
      value.weakType,
    );
    Object.preventExtensions(this);
  }
}

/** There may be several traces of one axis: rules that users wrote run in one of their own, when they are needed. */
class BatchTrace extends Trace {
  readonly parent: Trace = currentTrace();
  readonly axis: MappedAxis;
  constructor(axis: MappedAxis) {
    super();
    this.axis = axis;
  }

  wrap(value: NDArray, dim: number | null): NDArray {
    return dim === null ? value : new BatchTracer(this, value, dim);
  }
  split(x: NDArray): [NDArray, number | null] {
    if (!(x instanceof BatchTracer)) return [x, null];
    if (x.trace.axis === this.axis) return [x.value, x.dim];
    if (!x.trace.alive) throw leaked(x);
    return [x, null];
  }

  override process(primitive: AnyPrimitive, args: NDArray[], params: Params): NDArray[] {
    const pairs = args.map((x) => this.split(x));
    const values = pairs.map((p) => p[0]);
    const dims = pairs.map((p) => p[1]);
    return withTrace(this.parent, () => {
      if (dims.every((d) => d === null) && !this.#isNamedIn(primitive, params))
        return primitive.bind(values, params);
      const [outs, outDims] = primitive.batch(values, dims, params, this.axis.size, this.axis);
      return outs.map((out, i) => this.wrap(out, outDims[i]!));
    });
  }

  #isNamedIn(primitive: AnyPrimitive, params: Params): boolean {
    const { name } = this.axis;
    return name !== undefined && axisNames(primitive, params).includes(name);
  }
}

/** Runs `f` on one element of a batch, symbolically: `dims[i]` is the batch axis of argument i or null. */
export function batchFlat(
  f: (args: NDArray[]) => NDArray[],
  args: readonly NDArray[],
  dims: readonly (number | null)[],
  axis: MappedAxis,
): [outs: NDArray[], outDims: (number | null)[]] {
  const trace = new BatchTrace(axis);
  try {
    const outs = withAxis(axis, () => withTrace(trace, () => f(args.map((x, i) => trace.wrap(x, dims[i]!)))));
    const pairs = outs.map((x) => trace.split(x));
    return [pairs.map((p) => p[0]), pairs.map((p) => p[1])];
  } finally {
    trace.alive = false;
  }
}

/** x with its batch axis at `to`; unbatched values are repeated along it. */
export function moveBatchAxis(x: NDArray, from: number | null, to: number, axisSize: number): NDArray {
  if (from === null) return ops().broadcastAxis(x, axisSize, to);
  return from === to ? x : ops().moveAxis(x, from, to);
}

interface BatchedJaxpr {
  /** Batched inputs and outputs have the batch axis first. */
  readonly jaxpr: Jaxpr;
  readonly batchedOut: boolean[];
}

/** The batched form of a jaxpr; `instantiateOut[i]` makes output i batched even if it does not depend on the batch. */
export const batchJaxpr: (
  jaxpr: Jaxpr,
  axis: MappedAxis,
  batched: boolean[],
  instantiateOut: boolean[],
) => BatchedJaxpr = memoByJaxpr(
  (jaxpr: Jaxpr, axis: MappedAxis, batched: boolean[], instantiateOut: boolean[]): BatchedJaxpr => {
    const inAvals = jaxpr.inAvals.map((a, i) =>
      batched[i] ? aval([axis.size, ...a.shape], a.dtype, a.weakType) : a,
    );
    let batchedOut: boolean[] = [];
    const { jaxpr: result, consts } = stage((args) => {
      const dims = batched.map((b) => (b ? 0 : null));
      const [outs, outDims] = batchFlat((xs) => evalJaxpr(jaxpr, xs), args, dims, axis);
      batchedOut = outDims.map((d, i) => d !== null || instantiateOut[i]!);
      return outs.map((x, i) => (batchedOut[i] ? moveBatchAxis(x, outDims[i]!, 0, axis.size) : x));
    }, inAvals);
    assert(consts.length === 0, "A batching rule closed over an array that is not an operand.");
    return { jaxpr: result, batchedOut };
  },
);
