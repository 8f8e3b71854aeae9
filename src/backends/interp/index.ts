export type { HostCall, Order } from "./interpret.ts";
export { interpret } from "./interpret.ts";
export { type Binary, bitcast, fma, functionOf, type Unary } from "./scalar.ts";
