/** As `#verifier`: what debugging proves between passes. Undefined where nobody can ask for it. */
import * as proofs from "./verifier.ts";

export const verifier: typeof proofs | undefined = proofs;
