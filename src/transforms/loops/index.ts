/** Passes over counted loops. Each acts on structure: who reads what, and the declared kinds of primitives. */
import type { NDArray } from "../../core/array.ts";
import { assert } from "../../core/errors.ts";
import { type Eqn, type Jaxpr, mapJaxprs, subJaxprs } from "../../core/jaxpr.ts";
import { isCountedLoop } from "../../core/loop.ts";
import { evalJaxpr, stage } from "../../core/stage.ts";
import { deferSums } from "./defer.ts";
import { sinkContractions } from "./sink.ts";

type Rewrite = (eqn: Eqn, inputs: NDArray[]) => NDArray[];

/** Applies a rewrite to every counted loop of a program, innermost first: an outer loop sees what its inner loops became. */
export function rewriteLoops(jaxpr: Jaxpr, rewrite: Rewrite): Jaxpr {
  if (!jaxpr.eqns.some((e) => subJaxprs(e.params).length)) return jaxpr;
  const apply = (eqn: Eqn, inputs: NDArray[]): NDArray[] => {
    const inner = { ...eqn, params: mapJaxprs(eqn.params, (j) => rewriteLoops(j, rewrite)) };
    return isCountedLoop(eqn) ? rewrite(inner, inputs) : eqn.primitive.bind(inputs, inner.params);
  };
  const { jaxpr: result, consts } = stage((args) => evalJaxpr(jaxpr, args, apply), jaxpr.inAvals);
  assert(consts.length === 0, "A loop pass closed over an array that is not an operand.");
  return result;
}

/** The passes by name, in order: sinking first, because it lifts inner contractions to where they can be deferred. */
export type LoopPass = "sink" | "defer";
export const LOOP_PASSES: Readonly<Record<LoopPass, Rewrite>> = { sink: sinkContractions, defer: deferSums };

/** Runs the loop passes except those in `off`. Bottom-up: each loop goes through all of them before the loop around it. */
export function optimizeLoops(jaxpr: Jaxpr, off: readonly LoopPass[] = []): Jaxpr {
  const on = (Object.keys(LOOP_PASSES) as LoopPass[]).filter((name) => !off.includes(name));
  return on.reduce((j, name) => rewriteLoops(j, LOOP_PASSES[name]), jaxpr);
}
