import type { NDArray } from "../../core/array.ts";
import { Jaxpr } from "../../core/jaxpr.ts";
import { definePrimitive, type PartialEvalStage, type Primitive } from "../../core/primitive.ts";
import { dceJaxpr } from "../../transforms/dce.ts";
import { partialEvalJaxpr } from "../../transforms/partial-eval.ts";
import { all, none, pick } from "./body.ts";
import { type CallParams, callRules, transposeMixed } from "./call.ts";

/** Keeps nothing but its inputs: the backward pass, for which the whole function is staged, runs it again. */
function rematPartialEval(trace: PartialEvalStage, args: NDArray[], p: CallParams): NDArray[] {
  const unknown = args.map((x) => !trace.isKnown(x));
  const parts = partialEvalJaxpr(p.jaxpr, unknown, none(p.jaxpr.outs));
  const { unknownOut } = parts;
  const numKnown = unknownOut.filter((u) => !u).length;
  const needed = parts.known.outs.map((_, i) => i < numKnown);
  const known = dceJaxpr(parts.known, needed, all(parts.known.invars)).jaxpr;
  const knownOuts = trace.run(() =>
    rematPrimitive.bind(
      args.filter((_, i) => !unknown[i]),
      { ...p, jaxpr: known },
    ),
  );
  const later = new Jaxpr(p.jaxpr.invars, p.jaxpr.eqns, pick(p.jaxpr.outs, unknownOut));
  const staged = trace.stage(rematPrimitive, args, { ...p, jaxpr: later });
  return unknownOut.map((unk) => (unk ? staged.shift()! : knownOuts.shift()!));
}

/** `jax.checkpoint`'s primitive: a call that differentiation does not store residuals of. */
export const rematPrimitive: Primitive<CallParams> = definePrimitive<CallParams>({
  name: "remat2",
  kind: "call",
  ...callRules(() => rematPrimitive),
  transpose: (cts, inputs, p) => transposeMixed(rematPrimitive, cts, inputs, p),
  partialEval: rematPartialEval,
});
