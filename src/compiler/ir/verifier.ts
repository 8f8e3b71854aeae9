/** What debugging proves of programs, and how it prints them; pages do not load it (`#platform`). */
export { verifyDefined } from "./defined.ts";
export { verifyOrder } from "./order.ts";
export { printProgram } from "./print.ts";
export { verify } from "./verify.ts";
