/** The inputs of all workloads: the same pseudo-random numbers in every language (peers/inputs.py is the twin of this file). */

/** A 32-bit mixer: every bit of the counter reaches every bit of the result. */
function mix(i: number): number {
  let h = i >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const start = (seed: number): number => Math.imul(seed, 0x9e3779b1);

/** `count` numbers, uniform in [-scale, scale). */
export const uniform = (count: number, seed: number, scale: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => (mix(start(seed) + i) / 2 ** 31 - 1) * scale);

/** `count` integers in [0, limit). */
export const integers = (count: number, seed: number, limit: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => mix(start(seed) + i) % limit);

/** An input of an operation: numbers in [-1, 1), in [0.5, 2.5), or integers below a limit. */
export interface Input {
  readonly shape: readonly number[];
  readonly over?: "signed" | "positive" | number;
}

/** Its values in row-major order. */
export function values({ shape, over = "signed" }: Input, seed: number): Float32Array | Int32Array {
  const count = shape.reduce((a, b) => a * b, 1);
  if (typeof over === "number") return integers(count, seed, over);
  const signed = uniform(count, seed, 1);
  return over === "signed" ? signed : signed.map((x) => x + 1.5);
}
