/**
 * The passes over the jaxpr before it is lowered, and why in this order: calls are inlined so that everything else sees one
 * program; common subexpressions go before dead code because merging makes code dead; loop passes want bodies without either,
 * and leave some of both behind.
 */
import type { Jaxpr } from "../core/jaxpr.ts";
import { cse } from "../transforms/cse.ts";
import { dceDeep } from "../transforms/dce.ts";
import { inlineCalls } from "../transforms/inline.ts";
import { type LoopPass, optimizeLoops } from "../transforms/loops/index.ts";

export interface PrepareOptions {
  /** Loop passes to leave out. */
  readonly off?: readonly LoopPass[];
}

const clean = (jaxpr: Jaxpr): Jaxpr => dceDeep(cse(jaxpr));

export const prepare = (jaxpr: Jaxpr, { off = [] }: PrepareOptions = {}): Jaxpr =>
  clean(optimizeLoops(clean(inlineCalls(jaxpr)), off));
