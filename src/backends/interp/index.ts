export type { HostCall, Order } from "./interpret.ts";
export { interpret } from "./interpret.ts";
export type { Binary, Unary } from "./scalar.ts";
export { BINARY, bitcast, convert, copysign, fma, UNARY, wrap } from "./scalar.ts";
export { digamma, erf, erfc, erfInv, lgamma } from "./special.ts";
