/** What is proved of programs when debugging; pages do not load it (`#platform`). */
export { verifyDefined } from "./defined.ts";
export { verifyOrder } from "./order.ts";
export { verify } from "./verify.ts";
