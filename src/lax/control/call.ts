import type { NDArray } from "../../core/array.ts";
import type { Eqn, Jaxpr } from "../../core/jaxpr.ts";
import {
  definePrimitive,
  Linear,
  type MaybeZero,
  type PartialEvalStage,
  type Primitive,
  Zero,
} from "../../core/primitive.ts";
import { batchJaxpr, moveBatchAxis } from "../../transforms/batch.ts";
import { dceJaxpr } from "../../transforms/dce.ts";
import { jvpJaxpr } from "../../transforms/jvp.ts";
import { partialEvalJaxpr } from "../../transforms/partial-eval.ts";
import { transposeJaxpr } from "../../transforms/transpose.ts";
import { isZero } from "../../transforms/zero.ts";
import { splitAt } from "./body.ts";

/** A jitted function called inside a traced one. The compiler inlines it. */
export interface CallParams extends Record<string, unknown> {
  readonly jaxpr: Jaxpr;
  readonly name: string;
}

function callJvp(primals: NDArray[], tangents: MaybeZero[], p: CallParams): [NDArray[], MaybeZero[]] {
  const nonzero = tangents.map((t) => !isZero(t));
  const none = p.jaxpr.outs.map(() => false);
  const { jaxpr, nonzeroOut } = jvpJaxpr(p.jaxpr, nonzero, none);
  const outs = callPrimitive.bind([...primals, ...tangents.filter((t): t is NDArray => !isZero(t))], {
    ...p,
    jaxpr,
  });
  const [values, outT] = splitAt(outs, nonzeroOut.length);
  return [values!, nonzeroOut.map((nz, i) => (nz ? outT!.shift()! : new Zero(values![i]!.aval)))];
}

function callPartialEval(trace: PartialEvalStage, args: NDArray[], p: CallParams): NDArray[] {
  const unknown = args.map((x) => !trace.isKnown(x));
  const none = p.jaxpr.outs.map(() => false);
  const parts = partialEvalJaxpr(p.jaxpr, unknown, none);
  const knownArgs = args.filter((_, i) => !unknown[i]);
  const outs = trace.run(() => callPrimitive.bind(knownArgs, { ...p, jaxpr: parts.known }));
  const [knownOuts, residuals] = splitAt(outs, outs.length - parts.numResiduals);
  const rest = args.filter((_, i) => unknown[i]);
  const staged = trace.stage(callPrimitive, [...residuals!, ...rest], { ...p, jaxpr: parts.staged });
  return parts.unknownOut.map((unk) => (unk ? staged.shift()! : knownOuts!.shift()!));
}

function callTranspose(cts: MaybeZero[], inputs: (NDArray | Linear)[], p: CallParams): (MaybeZero | null)[] {
  const linear = inputs.map((x) => x instanceof Linear);
  const nonzeroCt = cts.map((ct) => !isZero(ct));
  const noneOut = linear.filter(Boolean).map(() => false);
  const { jaxpr, nonzero } = transposeJaxpr(p.jaxpr, linear, nonzeroCt, noneOut);
  const values = inputs.filter((x): x is NDArray => !(x instanceof Linear));
  const outs = callPrimitive.bind([...values, ...cts.filter((ct): ct is NDArray => !isZero(ct))], {
    ...p,
    jaxpr,
  });
  const nz = [...nonzero];
  return inputs.map((x) => (x instanceof Linear ? (nz.shift() ? outs.shift()! : new Zero(x.aval)) : null));
}

function callBatch(
  args: NDArray[],
  dims: (number | null)[],
  p: CallParams,
  size: number,
): [NDArray[], (number | null)[]] {
  const batched = dims.map((d) => d !== null);
  const none = p.jaxpr.outs.map(() => false);
  const { jaxpr, batchedOut } = batchJaxpr(p.jaxpr, size, batched, none);
  const operands = args.map((x, i) => (batched[i] ? moveBatchAxis(x, dims[i]!, 0, size) : x));
  return [callPrimitive.bind(operands, { ...p, jaxpr }), batchedOut.map((b) => (b ? 0 : null))];
}

function callDce(usedOuts: boolean[], eqn: Eqn): [boolean[], Eqn | null] {
  const p = eqn.params as CallParams;
  const { jaxpr, usedIns } = dceJaxpr(p.jaxpr, usedOuts);
  const inputs = eqn.inputs.filter((_, i) => usedIns[i]);
  const outputs = eqn.outputs.filter((_, i) => usedOuts[i]);
  return [usedIns, { ...eqn, inputs, outputs, params: { ...p, jaxpr } }];
}

/** `jit` inside of a trace (`pjit_p` in JAX, printed as `jit`). */
export const callPrimitive: Primitive<CallParams> = definePrimitive<CallParams>({
  name: "jit",
  kind: "call",
  abstractEval: (_, p) => p.jaxpr.outAvals,
  jvp: callJvp,
  transpose: callTranspose,
  batch: callBatch,
  partialEval: callPartialEval,
  dce: callDce,
  lower: (emit, args, p) => emit.call(p.jaxpr, args),
});
