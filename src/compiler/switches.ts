/** The names of everything that can be switched off. Results change by rounding at most. */

import { LOOP_PASSES, type LoopPass } from "../transforms/loops/index.ts";
import { UPDATE_PASSES, type UpdatePass } from "../transforms/updates/index.ts";
import { OPTIONAL_PASSES, type OptionalPass } from "./pipeline.ts";

/**
 * Decisions outside of the tables of passes:
 * - `recompute`: cheap residuals of a scan are computed again instead of stored (transforms/recompute.ts, while tracing);
 * - `cse`, `dce`: equal computations are merged, dead ones removed (prepare.ts);
 * - `history`: a carry whose values are results is stored once (lower/scan.ts);
 * - `inPlace`: arrays that nobody else reads are changed where they lie, also as carries (lower/memory.ts, lower/slots.ts);
 * - `donate`: results take the memory of donated arguments (passes/donate.ts).
 */
const DECISIONS = ["recompute", "cse", "dce", "history", "inPlace", "donate"] as const;

/** What `config.disable` may list: passes over updates and loops, decisions of the lowering, passes over the loop IR. */
export type PassName = UpdatePass | LoopPass | OptionalPass | (typeof DECISIONS)[number];

export const PASS_NAMES: readonly PassName[] = [
  ...(Object.keys(UPDATE_PASSES) as UpdatePass[]),
  ...(Object.keys(LOOP_PASSES) as LoopPass[]),
  ...DECISIONS,
  ...OPTIONAL_PASSES,
];
