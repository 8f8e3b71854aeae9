/** Passes over updates of parts of arrays. They act on what primitives declare of themselves as updates. */
import type { Jaxpr } from "../../core/jaxpr.ts";
import { accumulate } from "./accumulate.ts";
import { mask } from "./mask.ts";

export type UpdatePass = "accumulate" | "mask";
export const UPDATE_PASSES: Readonly<Record<UpdatePass, (jaxpr: Jaxpr) => Jaxpr>> = { accumulate, mask };
