import type { NDArray } from "../../core/array.ts";
import { Jaxpr } from "../../core/jaxpr.ts";
import {
  definePrimitive,
  Linear,
  type MaybeZero,
  type PartialEvalStage,
  type Primitive,
  Zero,
} from "../../core/primitive.ts";
import { evalJaxpr, stage } from "../../core/stage.ts";
import { dceJaxpr } from "../../transforms/dce.ts";
import { partialEvalJaxpr } from "../../transforms/partial-eval.ts";
import { type TransposedJaxpr, transposeJaxpr } from "../../transforms/transpose.ts";
import { isZero } from "../../transforms/zero.ts";
import { all, none, nonzeros, pick, splitAt } from "./body.ts";
import { type CallParams, callRules } from "./call.ts";

/** Keeps nothing but its inputs: the backward pass runs the function again. */
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

/**
 * What is staged for the backward pass is the whole function, of which only a part is linear: that part is split off, the rest
 * is computed again, and the linear part runs backwards.
 */
function rematTranspose(cts: MaybeZero[], inputs: (NDArray | Linear)[], p: CallParams): (MaybeZero | null)[] {
  const linear = inputs.map((x) => x instanceof Linear);
  const nonzeroCt = cts.map((ct) => !isZero(ct));
  const { nonzero, jaxpr, consts } = backwardAgain(p.jaxpr, linear, nonzeroCt);
  const values = inputs.filter((x): x is NDArray => !(x instanceof Linear));
  const outs = rematPrimitive.bind([...consts, ...values, ...nonzeros(cts, nonzeroCt)], { ...p, jaxpr });
  const results = inputs
    .filter((x) => x instanceof Linear)
    .map((x, i): MaybeZero => (nonzero[i] ? outs.shift()! : new Zero(x.aval)));
  return linear.map((lin) => (lin ? results.shift()! : null));
}

/** (consts…, values…, cotangents…) → cotangents of the linear inputs that are not always zero */
function backwardAgain(jaxpr: Jaxpr, linear: boolean[], nonzeroCt: boolean[]): TransposedJaxpr {
  const { known, staged, numResiduals } = partialEvalJaxpr(jaxpr, linear, all(jaxpr.outs));
  const isLinear = staged.invars.map((_, i) => i >= numResiduals);
  const transposed = transposeJaxpr(staged, isLinear, nonzeroCt, none(pick(isLinear, isLinear)));
  const { consts, nonzero } = transposed;
  const cts = pick(jaxpr.outAvals, nonzeroCt);
  const again = stage(
    (args) => {
      const [own, values, ct] = splitAt(args, consts.length, known.invars.length);
      return evalJaxpr(transposed.jaxpr, [...own!, ...evalJaxpr(known, values!), ...ct!]);
    },
    [...consts.map((c) => c.aval), ...known.inAvals, ...cts],
  );
  return { jaxpr: again.jaxpr, consts, nonzero };
}

/** `jax.checkpoint`'s primitive: a call that differentiation does not store residuals of. */
export const rematPrimitive: Primitive<CallParams> = definePrimitive<CallParams>({
  name: "remat2",
  kind: "call",
  ...callRules(() => rematPrimitive),
  transpose: rematTranspose,
  partialEval: rematPartialEval,
});
