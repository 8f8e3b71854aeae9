import type { NDArray } from "../../core/array.ts";
import type { MappedAxis } from "../../core/axes.ts";
import type { Eqn, Jaxpr } from "../../core/jaxpr.ts";
import {
  definePrimitive,
  Linear,
  type MaybeZero,
  type PartialEvalStage,
  type Primitive,
  type PrimitiveRecord,
  Zero,
} from "../../core/primitive.ts";
import { evalJaxpr, stage } from "../../core/stage.ts";
import { batchJaxpr, moveBatchAxis } from "../../transforms/batch.ts";
import { dceJaxpr } from "../../transforms/dce.ts";
import { jvpJaxpr } from "../../transforms/jvp.ts";
import { partialEvalJaxpr } from "../../transforms/partial-eval.ts";
import { type TransposedJaxpr, transposeJaxpr } from "../../transforms/transpose.ts";
import { isZero } from "../../transforms/zero.ts";
import { drop, filled, merged, pick, splitAt } from "../../util/zip.ts";
import { all, none, nonzeros } from "./body.ts";

/** A jitted function called inside a traced one. The compiler inlines it. */
export interface CallParams extends Record<string, unknown> {
  readonly jaxpr: Jaxpr;
  readonly name: string;
}

/** The rules that every primitive which calls one jaxpr has in common; `own()` is that primitive. */
export function callRules<P extends CallParams>(
  own: () => Primitive<P>,
): Pick<PrimitiveRecord<P>, "abstractEval" | "jvp" | "transpose" | "batch" | "dce" | "lower"> {
  return {
    abstractEval: (_, p) => p.jaxpr.outAvals,
    jvp: (primals, tangents, p) => callJvp(own(), primals, tangents, p),
    transpose: (cts, inputs, p) => callTranspose(own(), cts, inputs, p),
    batch: (args, dims, p, _, axis) => callBatch(own(), args, dims, p, axis),
    dce: callDce,
    lower: (emit, args, p) => emit.call(p.jaxpr, args),
  };
}

function callJvp<P extends CallParams>(
  call: Primitive<P>,
  primals: NDArray[],
  tangents: MaybeZero[],
  p: P,
): [NDArray[], MaybeZero[]] {
  const nonzero = tangents.map((t) => !isZero(t));
  const { jaxpr, consts, nonzeroOut } = jvpJaxpr(p.jaxpr, nonzero, none(p.jaxpr.outs));
  const outs = call.bind([...consts, ...primals, ...nonzeros(tangents, nonzero)], { ...p, jaxpr });
  const [values, outT] = splitAt(outs, nonzeroOut.length);
  return [values!, filled(nonzeroOut, outT!, (i) => new Zero(values![i]!.aval))];
}

/** What is known runs now, the rest later with the residuals of the former. */
function callPartialEval(trace: PartialEvalStage, args: NDArray[], p: CallParams): NDArray[] {
  const unknown = args.map((x) => !trace.isKnown(x));
  const parts = partialEvalJaxpr(p.jaxpr, unknown, none(p.jaxpr.outs));
  const outs = trace.run(() => callPrimitive.bind(drop(args, unknown), { ...p, jaxpr: parts.known }));
  const [knownOuts, residuals] = splitAt(outs, outs.length - parts.numResiduals);
  const rest = pick(args, unknown);
  const staged = trace.stage(callPrimitive, [...residuals!, ...rest], { ...p, jaxpr: parts.staged });
  return merged(parts.unknownOut, staged, knownOuts!);
}

/** Runs a transposed body, and hands out the cotangents it gives. */
function callTransposed<P extends CallParams>(
  call: Primitive<P>,
  cts: MaybeZero[],
  inputs: (NDArray | Linear)[],
  p: P,
  { jaxpr, consts, nonzero }: TransposedJaxpr,
): (MaybeZero | null)[] {
  const values = inputs.filter((x): x is NDArray => !(x instanceof Linear));
  const given = cts.filter((ct): ct is NDArray => !isZero(ct));
  const outs = call.bind([...consts, ...values, ...given], { ...p, jaxpr });
  const types = inputs.filter((x) => x instanceof Linear).map((x) => x.aval);
  const results: MaybeZero[] = filled(nonzero, outs, (i) => new Zero(types[i]!));
  return filled(
    inputs.map((x) => x instanceof Linear),
    results,
    () => null,
  );
}

function callTranspose<P extends CallParams>(
  call: Primitive<P>,
  cts: MaybeZero[],
  inputs: (NDArray | Linear)[],
  p: P,
): (MaybeZero | null)[] {
  const linear = inputs.map((x) => x instanceof Linear);
  const nonzeroCt = cts.map((ct) => !isZero(ct));
  const transposed = transposeJaxpr(p.jaxpr, linear, nonzeroCt, none(pick(linear, linear)));
  return callTransposed(call, cts, inputs, p, transposed);
}

/** The transpose of a call of a function of which only a part is linear: the rest is split off and computed again. */
export function transposeMixed<P extends CallParams>(
  call: Primitive<P>,
  cts: MaybeZero[],
  inputs: (NDArray | Linear)[],
  p: P,
): (MaybeZero | null)[] {
  const linear = inputs.map((x) => x instanceof Linear);
  const nonzeroCt = cts.map((ct) => !isZero(ct));
  return callTransposed(call, cts, inputs, p, backwardAgain(p.jaxpr, linear, nonzeroCt));
}

function backwardAgain(jaxpr: Jaxpr, linear: boolean[], nonzeroCt: boolean[]): TransposedJaxpr {
  const { known, staged, numResiduals } = partialEvalJaxpr(jaxpr, linear, all(jaxpr.outs));
  const isLinear = staged.invars.map((_, i) => i >= numResiduals);
  const transposed = transposeJaxpr(staged, isLinear, nonzeroCt, none(pick(isLinear, isLinear)));
  const { consts, nonzero } = transposed;
  const again = stage(
    (args) => {
      const [own, values, ct] = splitAt(args, consts.length, known.invars.length);
      return evalJaxpr(transposed.jaxpr, [...own, ...evalJaxpr(known, values), ...ct]);
    },
    [...consts.map((c) => c.aval), ...known.inAvals, ...pick(jaxpr.outAvals, nonzeroCt)],
  );
  return { jaxpr: again.jaxpr, consts, nonzero };
}

function callBatch<P extends CallParams>(
  call: Primitive<P>,
  args: NDArray[],
  dims: (number | null)[],
  p: P,
  axis: MappedAxis,
): [NDArray[], (number | null)[]] {
  const batched = dims.map((d) => d !== null);
  const { jaxpr, batchedOut } = batchJaxpr(p.jaxpr, axis, batched, none(p.jaxpr.outs));
  const operands = args.map((x, i) => (batched[i] ? moveBatchAxis(x, dims[i]!, 0, axis.size) : x));
  return [call.bind(operands, { ...p, jaxpr }), batchedOut.map((b) => (b ? 0 : null))];
}

function callDce(usedOuts: boolean[], eqn: Eqn): [boolean[], Eqn | null] {
  const p = eqn.params as CallParams;
  const { jaxpr, usedIns } = dceJaxpr(p.jaxpr, usedOuts);
  const [inputs, outputs] = [pick(eqn.inputs, usedIns), pick(eqn.outputs, usedOuts)];
  return [usedIns, { ...eqn, inputs, outputs, params: { ...p, jaxpr } }];
}

/** `jit` inside of a trace (`pjit_p` in JAX, printed as `jit`). */
export const callPrimitive: Primitive<CallParams> = definePrimitive<CallParams>({
  name: "jit",
  kind: "call",
  ...callRules(() => callPrimitive),
  partialEval: callPartialEval,
});
