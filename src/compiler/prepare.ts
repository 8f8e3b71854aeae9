/**
 * The passes over the jaxpr before it is lowered, and why in this order: calls are inlined so that everything else sees one
 * program; common subexpressions go before dead code because merging makes code dead.
 */
import type { Jaxpr } from "../core/jaxpr.ts";
import { cse } from "../transforms/cse.ts";
import { dceDeep } from "../transforms/dce.ts";
import { inlineCalls } from "../transforms/inline.ts";

export const prepare = (jaxpr: Jaxpr): Jaxpr => dceDeep(cse(inlineCalls(jaxpr)));
