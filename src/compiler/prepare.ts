/**
 * The passes over the jaxpr before it is lowered, and why in this order: calls are inlined so that everything else sees one
 * program; barriers go from loops, where they part nothing that could be merged; common subexpressions go before dead code because
 * merging makes code dead; the other passes want programs without either, and leave some of both behind. Updates first: what is added
 * in place is no sum that a loop could defer.
 */

import { verifier } from "#verifier";
import type { Jaxpr } from "../core/jaxpr.ts";
import { switchedOff } from "../core/switches.ts";
import { dropInnerBarriers } from "../transforms/barriers.ts";
import { cse } from "../transforms/cse.ts";
import { dceDeep } from "../transforms/dce.ts";
import { inlineCalls } from "../transforms/inline.ts";
import { type LoopPass, loopPasses } from "../transforms/loops/index.ts";
import { UPDATE_PASSES, type UpdatePass } from "../transforms/updates/index.ts";
import { type ObserveOptions, observer } from "./observe.ts";

export type JaxprPass = "inline" | "barriers" | "cse" | "dce" | UpdatePass | LoopPass;
type Step = readonly [JaxprPass, (jaxpr: Jaxpr) => Jaxpr];

const CLEAN: readonly Step[] = [
  ["cse", cse],
  ["dce", dceDeep],
];
const STEPS: readonly Step[] = [
  ["inline", inlineCalls],
  ["barriers", dropInnerBarriers],
  ...CLEAN,
  ...[...(Object.entries(UPDATE_PASSES) as Step[]), ...loopPasses].flatMap((step) => [step, ...CLEAN]),
];
export const JAXPR_PASSES: readonly JaxprPass[] = [...new Set(STEPS.map(([name]) => name))];

export interface PrepareOptions extends ObserveOptions {
  /** Passes over updates and loops, `cse` and `dce`: what to leave out. Default: what is switched off. */
  readonly off?: readonly string[];
}

/**
 * Runs all passes that are not switched off.
 * @throws InternalError naming the pass that broke the jaxpr, when debugging.
 */
export function prepare(jaxpr: Jaxpr, options: PrepareOptions = {}): Jaxpr {
  const observe = verifier ? observer(verifier.JAXPRS, options) : () => {};
  const off = options.off ?? switchedOff();
  const run = (before: Jaxpr, [name, pass]: Step): Jaxpr => {
    const made = pass(before);
    observe(made, before, name);
    return made;
  };
  return STEPS.filter(([name]) => !off.includes(name)).reduce(run, jaxpr);
}
