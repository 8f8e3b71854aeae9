/** Everything that computes: elementwise functions, reductions and products. */
export * from "./elementwise.ts";
export * from "./products.ts";
export * from "./reductions.ts";
