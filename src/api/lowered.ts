/** What a jitted function was compiled to, for reading. */
import { WeftValueError } from "../core/errors.ts";
import type { Jaxpr } from "../core/jaxpr.ts";
import { inspectProgram } from "../devices/index.ts";

type Form = "jaxpr" | "loops" | "wasm" | "c";

export interface Lowered {
  readonly jaxpr: Jaxpr;
  /**
   * The program as text: the jaxpr, the loop IR after all passes for WebAssembly, a summary of that module, or the C of the
   * native tier, for which no compiler is needed. A bundle has these texts when it has {@link makeJaxpr}.
   */
  asText(form?: Form): string;
  /** Sizes: bytes of the module, of the arena for temporaries, and milliseconds spent compiling. */
  cost(): { moduleBytes: number; arenaBytes: number; compileMs: number };
}

let asText = (_jaxpr: Jaxpr, _form: Form): string => {
  throw new WeftValueError(
    'asText: this bundle has nothing that prints programs. import { makeJaxpr } from "weftjs" and use it, or load dist/weft.js.',
  );
};
/** {@link makeJaxpr} installs what writes them. */
export const installTexts = (write: (jaxpr: Jaxpr, form: Form) => string): void => {
  asText = write;
};

export const lowered = (jaxpr: Jaxpr): Lowered => ({
  jaxpr,
  asText: (form = "jaxpr") => asText(jaxpr, form),
  cost: () => inspectProgram(jaxpr).cost,
});
