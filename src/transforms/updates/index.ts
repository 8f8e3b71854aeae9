/** Passes over updates of parts of arrays. They act on what primitives declare of themselves as updates. */
import type { Jaxpr } from "../../core/jaxpr.ts";
import { accumulate } from "./accumulate.ts";
import { mask } from "./mask.ts";

export type UpdatePass = "accumulate" | "mask";
export const UPDATE_PASSES: Readonly<Record<UpdatePass, (jaxpr: Jaxpr) => Jaxpr>> = { accumulate, mask };

/** The passes over updates except those in `off`. */
export const updatePasses = (off: readonly string[]): ((jaxpr: Jaxpr) => Jaxpr)[] =>
  Object.entries(UPDATE_PASSES).flatMap(([name, pass]) => (off.includes(name) ? [] : [pass]));
