import type { NDArray } from "../../core/array.ts";
import { type Eqn, Jaxpr, type Var } from "../../core/jaxpr.ts";
import { definePrimitive, Linear, type PartialEvalStage, type Primitive } from "../../core/primitive.ts";
import { evalJaxpr, stage } from "../../core/stage.ts";
import { dceJaxpr } from "../../transforms/dce.ts";
import { type PartialJaxpr, partialEvalJaxpr } from "../../transforms/partial-eval.ts";
import { drop, merged, pick, splitAt } from "../../util/zip.ts";
import { optimizationBarrier } from "../cast.ts";
import { all, none } from "./body.ts";
import { type CallParams, callRules, transposeMixed } from "./call.ts";

/** Whether what an equation makes may be kept for the backward pass, which computes everything else again. */
export type Saveable = (eqn: Eqn) => boolean;

export interface RematParams extends CallParams {
  readonly policy: Saveable;
}

/** The known results are made now, with what may be kept; staged is what makes the rest from that and the inputs. */
function rematPartialEval(trace: PartialEvalStage, args: NDArray[], p: RematParams): NDArray[] {
  const unknown = args.map((x) => !trace.isKnown(x));
  const parts = partialEvalJaxpr(p.jaxpr, unknown, none(p.jaxpr.outs));
  const [known, rest] = [drop(args, unknown), pick(args, unknown)];
  const { saved, again } = recomputation(parts, p.policy);
  const results = parts.known.outs.slice(0, parts.known.outs.length - parts.numResiduals);
  const { jaxpr } = dceJaxpr(
    new Jaxpr(parts.known.invars, parts.known.eqns, [...results, ...saved]),
    all([...results, ...saved]),
    all(known),
  );
  const outs = trace.run(() => rematPrimitive.bind(known, { ...p, jaxpr }));
  const [knownOuts, kept] = splitAt(outs, results.length);
  const staged = trace.stage(rematPrimitive, [...kept, ...known, ...rest], { ...p, jaxpr: again });
  return merged(parts.unknownOut, staged, knownOuts);
}

/** `saved` are variables of the known part; `again` is (saved…, known inputs…, unknown inputs…) → (unknown outputs…). */
function recomputation(parts: PartialJaxpr, policy: Saveable): { saved: Var[]; again: Jaxpr } {
  const { known, staged, numResiduals } = parts;
  const isSaveable = (eqn: Eqn): boolean => policy(eqn);
  const saveable = known.eqns.filter(isSaveable).flatMap((eqn) => eqn.outputs);
  const eqns = known.eqns.filter((eqn) => !isSaveable(eqn));
  const residuals = new Jaxpr(
    [...saveable, ...known.invars],
    eqns,
    known.outs.slice(known.outs.length - numResiduals),
  );
  const { jaxpr, usedIns } = dceJaxpr(residuals, all(residuals.outs), [
    ...none(saveable),
    ...all(known.invars),
  ]);
  const saved = pick(saveable, usedIns.slice(0, saveable.length));
  const again = stage(
    (args) => {
      const [values, rest] = splitAt(args, jaxpr.invars.length);
      return evalJaxpr(staged, [...evalJaxpr(jaxpr, values), ...rest]);
    },
    [...jaxpr.inAvals, ...staged.inAvals.slice(numResiduals)],
  ).jaxpr;
  return { saved, again };
}

/**
 * `jax.checkpoint`'s primitive: a call of which differentiation only stores what its policy lets it. What is computed again reads its
 * inputs through a barrier, or it would be found to be the same as what was computed before.
 */
export const rematPrimitive: Primitive<RematParams> = definePrimitive<RematParams>({
  name: "remat2",
  kind: "call",
  ...callRules(() => rematPrimitive),
  transpose: (cts, inputs, p) =>
    transposeMixed(
      rematPrimitive,
      cts,
      inputs.map((x) => (x instanceof Linear ? x : optimizationBarrier(x))),
      p,
    ),
  partialEval: rematPartialEval,
  printParams: ({ jaxpr, name }) => ({ jaxpr, name }),
});
