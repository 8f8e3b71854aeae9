/** What debugging proves between passes, and how it prints what they make; pages do not load it (`#verifier`). */
import { checkJaxpr } from "../core/check-jaxpr.ts";
import type { Jaxpr } from "../core/jaxpr.ts";
import { printJaxpr } from "../core/print.ts";
import { verifyDefined } from "./ir/defined.ts";
import type { Program } from "./ir/nodes.ts";
import { verifyOrder } from "./ir/order.ts";
import { printProgram } from "./ir/print.ts";
import { verify } from "./ir/verify.ts";
import type { Proofs } from "./observe.ts";

export { verifyDefined, verifyOrder };

export const JAXPRS: Proofs<Jaxpr> = { print: printJaxpr, verify: checkJaxpr };

export const PROGRAMS: Proofs<Program> = {
  print: printProgram,
  verify(program, pass) {
    verify(program, pass);
    verifyDefined(program, pass);
    verifyOrder(program, pass);
  },
};
