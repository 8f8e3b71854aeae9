/** Passes over counted loops. Each acts on structure: who reads what, and the declared kinds of primitives. */
import type { NDArray } from "../../core/array.ts";
import { assert } from "../../core/errors.ts";
import { type Eqn, type Jaxpr, mapJaxprs, subJaxprs } from "../../core/jaxpr.ts";
import { isCountedLoop } from "../../core/loop.ts";
import { evalJaxpr, stage } from "../../core/stage.ts";
import { deferSums } from "./defer.ts";
import { hoistContractions } from "./hoist.ts";
import { interchangeLoops } from "./interchange.ts";
import { shareYs } from "./share.ts";
import { sinkContractions } from "./sink.ts";

type Rewrite = (eqn: Eqn, inputs: NDArray[]) => NDArray[];

/** Applies a rewrite to every counted loop of a program, innermost first: an outer loop sees what its inner loops became. */
function rewriteLoops(jaxpr: Jaxpr, rewrite: Rewrite): Jaxpr {
  if (!jaxpr.eqns.some((e) => subJaxprs(e.params).length)) return jaxpr;
  const apply = (eqn: Eqn, inputs: NDArray[]): NDArray[] => {
    const inner = { ...eqn, params: mapJaxprs(eqn.params, (j) => rewriteLoops(j, rewrite)) };
    return isCountedLoop(eqn) ? rewrite(inner, inputs) : eqn.primitive.bind(inputs, inner.params);
  };
  const { jaxpr: result, consts } = stage((args) => evalJaxpr(jaxpr, args, apply), jaxpr.inAvals);
  assert(consts.length === 0, "A loop pass closed over an array that is not an operand.");
  return result;
}

/**
 * The passes by name, in order of their first run. Interchange first: it wants the loops as they were written, and leaves stacks that
 * are the same. Sinking before deferring, because it
 * lifts inner contractions to where they can be deferred.
 */
export type LoopPass = "interchange" | "share" | "hoist" | "sink" | "defer";
export const LOOP_PASSES: Readonly<Record<LoopPass, Rewrite>> = {
  interchange: interchangeLoops,
  share: shareYs,
  hoist: hoistContractions,
  sink: sinkContractions,
  defer: deferSums,
};

/** Deferring stores operands of sums over time, after which more can be sunk. */
const ORDER: readonly LoopPass[] = ["interchange", "share", "hoist", "sink", "defer", "sink"];

/** The loop passes as they run, each of which goes through all loops of a program. */
export const loopPasses: readonly (readonly [LoopPass, (jaxpr: Jaxpr) => Jaxpr])[] = ORDER.map((name) => [
  name,
  (jaxpr) => rewriteLoops(jaxpr, LOOP_PASSES[name]),
]);
