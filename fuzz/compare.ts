/**
 * When do two results of one program agree? Types exactly. Numbers when they are neighbours; otherwise when rounding explains the
 * distance: the program is run again with small errors put into everything that rounds, and what moves by so much is not known any
 * better. Elements that move by more than a hundredth of themselves, or from a number to NaN, say nothing; they are counted. What
 * remains is computed once more on wider numbers: the result that is no farther from that is not the wrong one.
 */
import { hasFailed, isFloatResult, type Outcome, type Result } from "./results.ts";

export interface Difference {
  readonly kind: "error" | "type" | "value";
  readonly what: string;
  /** One of two numbers is none, or infinite. */
  readonly overflow?: boolean;
}

/** How far apart numbers may lie without a reason being asked for, in units of the last place. */
const NEIGHBOURS = 8;
/** Errors on purpose are 7 to 14 units in the last place; what they move may move twice as much. */
const SLACK = 2;
/** A relative change by more than this under such errors: nothing is known of the element. */
const UNKNOWN = 0.01;

const EPSILON: Readonly<Record<string, number>> = { float32: 2 ** -23, float64: 2 ** -52 };
const TINY: Readonly<Record<string, number>> = { float32: 2 ** -126, float64: 2 ** -1022 };

const sameNumber = (x: number, y: number): boolean => x === y || (Number.isNaN(x) && Number.isNaN(y));

function areNeighbours(x: number, y: number, dtype: string): boolean {
  if (sameNumber(x, y)) return true;
  const epsilon = EPSILON[dtype];
  if (epsilon === undefined) return false;
  // JAX flushes numbers below the normal range to zero.
  return Math.abs(x - y) <= NEIGHBOURS * (epsilon * Math.max(Math.abs(x), Math.abs(y)) + TINY[dtype]!);
}

const typeText = ({ dtype, shape, weak }: Result): string => `${weak ? "weak " : ""}${dtype}[${shape}]`;

/** The first thing in which types differ. */
export function compareTypes(
  actual: readonly Result[],
  expected: readonly Result[],
  weak: boolean,
): Difference | undefined {
  if (actual.length !== expected.length)
    return { kind: "type", what: `${actual.length} results, wanted ${expected.length}` };
  for (const [i, x] of actual.entries()) {
    const y = expected[i]!;
    // Weak bools are promoted as others are.
    const isSameWeak = !weak || x.dtype === "bool" || x.weak === y.weak;
    const same = x.dtype === y.dtype && String(x.shape) === String(y.shape) && isSameWeak;
    if (!same) return { kind: "type", what: `result ${i} is ${typeText(x)}, wanted ${typeText(y)}` };
  }
  return undefined;
}

/** Elements that are no neighbours, as [result, element]. */
export function suspects(actual: readonly Result[], expected: readonly Result[]): [number, number][] {
  return actual.flatMap((x, i) => {
    const y = expected[i]!;
    const found: [number, number][] = [];
    for (let k = 0; k < x.values.length; k++)
      if (!areNeighbours(x.values[k]!, y.values[k]!, x.dtype)) found.push([i, k]);
    return found;
  });
}

export interface Verdict {
  readonly difference: Difference | undefined;
  /** Elements of which nothing is known. */
  readonly unknown: number;
}

/**
 * Of suspects, those that no rerun with errors on purpose explains, nor the exact results, if known, take for the better ones, nor are
 * meant to differ.
 */
export function judge(
  actual: readonly Result[],
  expected: readonly Result[],
  reruns: readonly (readonly Result[])[],
  exact: readonly Result[] = [],
  isMeant: (actual: number, expected: number) => boolean = () => false,
): Verdict {
  let unknown = 0;
  for (const [i, k] of suspects(actual, expected)) {
    const [x, y] = [actual[i]!.values[k]!, expected[i]!.values[k]!];
    const moved = reruns.flatMap((run) => {
      const z = run[i]?.values[k];
      return z === undefined ? [] : [z];
    });
    const verdict = explained(x, y, moved, isFloatResult(expected[i]!));
    if (verdict === "unknown" || (verdict === "wrong" && isMeant(x, y))) unknown++;
    else if (verdict === "wrong" && !isNoFarther(x, y, exact[i]?.values[k]))
      return {
        difference: {
          kind: "value",
          what: `result ${i}, element ${k} is ${x}, wanted ${y}`,
          overflow: !Number.isFinite(x) || !Number.isFinite(y),
        },
        unknown,
      };
  }
  return { difference: undefined, unknown };
}

function explained(
  x: number,
  y: number,
  moved: readonly number[],
  float: boolean,
): "fine" | "unknown" | "wrong" {
  if (moved.some((z) => sameNumber(z, x))) return "fine";
  if (moved.some((z) => Number.isFinite(z) !== Number.isFinite(y))) return "unknown";
  if (!Number.isFinite(x) || !Number.isFinite(y)) return "wrong";
  const spread = Math.max(0, ...moved.map((z) => Math.abs(z - y)));
  if (Math.abs(x - y) <= SLACK * spread) return spread > UNKNOWN * Math.abs(y) ? "unknown" : "fine";
  return float && spread > UNKNOWN * Math.abs(y) && spread > 0 ? "unknown" : "wrong";
}

const isNoFarther = (x: number, y: number, exact = Number.NaN): boolean =>
  Math.abs(x - exact) <= SLACK * Math.abs(y - exact);

/** Both ran, or both refused. */
export function compareErrors(
  actual: Outcome,
  expected: Outcome,
  isRefusal: (o: Outcome) => boolean,
): Difference | undefined {
  if (hasFailed(actual) && !isRefusal(actual))
    return { kind: "error", what: `${actual.error}: ${actual.message.split("\n")[0]}` };
  if (hasFailed(actual) && !hasFailed(expected))
    return { kind: "error", what: `refused: ${actual.error}: ${actual.message.split("\n")[0]}` };
  if (!hasFailed(actual) && hasFailed(expected))
    return { kind: "error", what: `accepted, but ${expected.error}: ${expected.message.split("\n")[0]}` };
  return undefined;
}
