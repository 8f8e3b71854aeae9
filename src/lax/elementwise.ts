/** All elementwise operations. */
export * from "./arithmetic.ts";
export * from "./cast.ts";
export * from "./compare.ts";
export * from "./elementary.ts";
export * from "./select.ts";
export * from "./special.ts";
