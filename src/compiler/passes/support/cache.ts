/** What caches hold: lines of so many bytes, which lie in the same set again after a period. */
import { gcd } from "../../ir/solve.ts";

/** A loop that reads: how often, and how many bytes apart. */
export interface Stride {
  readonly extent: number;
  readonly bytes: number;
}

/** Bytes of a cache that are taken when these loops read `run` bytes in each of `steps` steps. Large strides leave most sets empty. */
export function bytesTaken(
  steps: number,
  run: number,
  strides: readonly Stride[],
  period: number,
  line: number,
): number {
  const places = strides.reduce((n, s) => n * Math.min(s.extent, period / gcd(s.bytes, period)), 1);
  return steps * Math.max(line, run, period / places);
}
