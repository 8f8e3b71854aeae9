/** All elementwise operations. */
export * from "./arithmetic.ts";
export * from "./cast.ts";
export * from "./compare.ts";
export * from "./math.ts";
export * from "./select.ts";
export * from "./special.ts";
