/** As `#tiers`: what programs run by besides WebAssembly, and who is asked for garbage. `tiers-browser.ts` exports the same names. */
import { interpret as interpretIr } from "../../backends/interp/index.ts";
import { findCollector } from "./node/collector.ts";

export { nativeHost } from "./native/node.ts";

/** Undefined where programs only run compiled. */
export const interpret: typeof interpretIr | undefined = interpretIr;

/** Undefined where nobody can ask for collections. */
export const garbageCollector: typeof findCollector | undefined = findCollector;
