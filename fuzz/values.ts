/** The numbers that programs are run on. */
import { type ArrayType, fromNumber, isFloat, type Num, sizeOf } from "./program.ts";
import type { Rng } from "./rng.ts";

/** Ordinary numbers; few numbers that are short in binary, so that there are ties; the ends of the range. */
export type Style = "ordinary" | "short" | "edge";
export const styleOf = (rng: Rng): Style =>
  rng.weighted(["ordinary", "short", "edge"] as const, (s) => ({ ordinary: 6, short: 3, edge: 1.5 })[s]);

const EDGES = [
  0,
  -0,
  1,
  -1,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
  1e30,
  -1e30,
  1e-30,
  0.5,
  2,
];

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int8: [-128, 127],
  uint32: [0, 2 ** 32 - 1],
  uint16: [0, 2 ** 16 - 1],
  uint8: [0, 255],
};

function drawFloat(rng: Rng, style: Style): number {
  if (style === "short") return rng.int(-4, 4) / 2;
  if (style === "edge" && rng.chance(0.5)) return rng.pick(EDGES);
  const x = (rng.next() * 2 - 1) * 2;
  return Number(x.toPrecision(7));
}

function drawInt(rng: Rng, dtype: string, style: Style): number {
  const [lo, hi] = RANGES[dtype]!;
  if (style === "edge" && rng.chance(0.4)) return rng.pick([lo, hi, 0, 1, hi - 1]);
  return lo < 0 ? rng.int(-4, 4) : rng.int(0, 6);
}

export function drawValues(rng: Rng, { shape, dtype }: ArrayType, style: Style): Num[] {
  const draw = (): number =>
    isFloat(dtype) ? drawFloat(rng, style) : dtype === "bool" ? rng.int(0, 1) : drawInt(rng, dtype, style);
  return Array.from({ length: sizeOf(shape) }, () => fromNumber(draw()));
}
