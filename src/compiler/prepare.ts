/**
 * The passes over the jaxpr before it is lowered, and why in this order: calls are inlined so that everything else sees one
 * program; barriers go from loops, where they part nothing that could be merged; common subexpressions go before dead code because
 * merging makes code dead; the other passes want programs without
 * either, and leave some of both behind. Updates first: what is added in place is no sum that a loop could defer.
 */
import type { Jaxpr } from "../core/jaxpr.ts";
import { switchedOff } from "../core/switches.ts";
import { dropInnerBarriers } from "../transforms/barriers.ts";
import { cse } from "../transforms/cse.ts";
import { dceDeep } from "../transforms/dce.ts";
import { inlineCalls } from "../transforms/inline.ts";
import { loopPasses } from "../transforms/loops/index.ts";
import { updatePasses } from "../transforms/updates/index.ts";

export interface PrepareOptions {
  /** Passes over updates and loops, `cse` and `dce`: what to leave out. Default: what is switched off. */
  readonly off?: readonly string[];
}

export function prepare(jaxpr: Jaxpr, { off = switchedOff() }: PrepareOptions = {}): Jaxpr {
  const unless = (name: string, pass: (j: Jaxpr) => Jaxpr) => (off.includes(name) ? (j: Jaxpr) => j : pass);
  const [merged, pruned] = [unless("cse", cse), unless("dce", dceDeep)];
  const clean = (j: Jaxpr): Jaxpr => pruned(merged(j));
  const passes = [...updatePasses(off), ...loopPasses(off)];
  return passes.reduce((j, pass) => clean(pass(j)), clean(dropInnerBarriers(inlineCalls(jaxpr))));
}
