/** What a jitted function was compiled to, for reading. */
import type { Jaxpr } from "../core/jaxpr.ts";
import { inspectProgram, nativeText } from "../runtime/index.ts";
import { checkChoice } from "../util/options.ts";

export interface Lowered {
  readonly jaxpr: Jaxpr;
  /**
   * The program as text: the jaxpr, the loop IR after all passes for WebAssembly, a summary of that module, or the C of the
   * native tier, for which no compiler is needed.
   */
  asText(form?: "jaxpr" | "loops" | "wasm" | "c"): string;
  /** Sizes: bytes of the module, of the arena for temporaries, and milliseconds spent compiling. */
  cost(): { moduleBytes: number; arenaBytes: number; compileMs: number };
}

const FORMS = {
  jaxpr: String,
  loops: (jaxpr: Jaxpr) => inspectProgram(jaxpr).loops,
  wasm: (jaxpr: Jaxpr) => inspectProgram(jaxpr).wasm,
  c: nativeText,
} as const;
const FORM_NAMES = Object.keys(FORMS) as (keyof typeof FORMS)[];

export function lowered(jaxpr: Jaxpr): Lowered {
  return {
    jaxpr,
    asText(form = "jaxpr") {
      return FORMS[checkChoice("asText: the form", form, FORM_NAMES)](jaxpr);
    },
    cost: () => inspectProgram(jaxpr).cost,
  };
}
