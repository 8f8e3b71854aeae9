/** What a jitted function was compiled to, for reading. */
import { WeftValueError } from "../core/errors.ts";
import type { Jaxpr } from "../core/jaxpr.ts";
import { inspectProgram } from "../runtime/index.ts";

export interface Lowered {
  readonly jaxpr: Jaxpr;
  /** The program as text: the jaxpr, the loop IR after all passes, or a summary of the WebAssembly module. */
  asText(form?: "jaxpr" | "loops" | "wasm"): string;
  /** Sizes: bytes of the module, of the arena for temporaries, and milliseconds spent compiling. */
  cost(): { moduleBytes: number; arenaBytes: number; compileMs: number };
}

export function lowered(jaxpr: Jaxpr): Lowered {
  return {
    jaxpr,
    asText(form = "jaxpr") {
      if (form === "jaxpr") return String(jaxpr);
      if (form === "loops") return inspectProgram(jaxpr).loops;
      if (form === "wasm") return inspectProgram(jaxpr).wasm;
      throw new WeftValueError(`asText: unknown form "${String(form)}"; use "jaxpr", "loops" or "wasm".`);
    },
    cost: () => inspectProgram(jaxpr).cost,
  };
}
