/** Functions of one and two arrays, element by element, with NumPy's promotion and broadcasting. */
export * from "./arithmetic.ts";
export * from "./elementary.ts";
export * from "./logic.ts";
