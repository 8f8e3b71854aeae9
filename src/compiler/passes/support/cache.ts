/** What caches hold: lines of so many bytes, which lie in the same set again after a period. */
import { gcd } from "../../ir/solve.ts";

export const LINE = 64;
/** Bytes after which lines lie in the same set again, in the first- and in the second-level cache. */
export const L1_PERIOD = 4096;
export const L2_PERIOD = 65536;

/** A loop that reads: how often, and how many bytes apart. */
export interface Stride {
  readonly extent: number;
  readonly bytes: number;
}

/** Bytes of a cache that are taken when these loops read `run` bytes in each of `steps` steps. Large strides leave most sets empty. */
export function bytesTaken(steps: number, run: number, strides: readonly Stride[], period: number): number {
  const places = strides.reduce((n, s) => n * Math.min(s.extent, period / gcd(s.bytes, period)), 1);
  return steps * Math.max(LINE, run, period / places);
}
