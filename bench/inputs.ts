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
