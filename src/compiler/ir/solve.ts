/** Whether two indices can be equal: a linear equation in bounded integers. */

/** An unknown integer from `low` to `high` times `coeff`. */
export interface Unknown {
  readonly coeff: number;
  readonly low: number;
  readonly high: number;
  /** Not 0. */
  readonly apart?: boolean;
}

/** `c` times a loop variable that is at most `last`. */
export const unknownOf = (c: number, last: number): Unknown => ({
  coeff: Math.abs(c),
  low: c < 0 ? -last : 0,
  high: c < 0 ? 0 : last,
});

/** Any multiple of `step`. */
export const multipleOf = (step: number): Unknown => ({
  coeff: step,
  low: Number.NEGATIVE_INFINITY,
  high: Number.POSITIVE_INFINITY,
});

export const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** A search that takes more steps than this gives up. */
const MAX_STEPS = 4096;

/** Whether there are integers with Σ coeff·value = total; true also when the search gives up. */
export const solvable = (unknowns: readonly Unknown[], total: number): boolean =>
  new Search(unknowns).solvable(total);

class Search {
  readonly #unknowns: readonly Unknown[];
  /** How far the unknowns from i on reach below and above 0. */
  readonly #low: number[] = [0];
  readonly #high: number[] = [0];
  #steps = 0;

  constructor(unknowns: readonly Unknown[]) {
    this.#unknowns = summed(unknowns).sort((a, b) => b.coeff - a.coeff);
    for (const u of this.#unknowns.toReversed()) {
      this.#low.unshift(this.#low[0]! + u.coeff * u.low);
      this.#high.unshift(this.#high[0]! + u.coeff * u.high);
    }
  }

  solvable(total: number, i = 0): boolean {
    const u = this.#unknowns[i];
    if (!u) return total === 0;
    if (++this.#steps > MAX_STEPS) return true;
    const first = Math.max(u.low, Math.ceil((total - this.#high[i + 1]!) / u.coeff));
    const last = Math.min(u.high, Math.floor((total - this.#low[i + 1]!) / u.coeff));
    for (let value = first; value <= last; value++) {
      if (u.apart && value === 0) continue;
      if (this.solvable(total - value * u.coeff, i + 1)) return true;
    }
    return false;
  }
}

/** Unknowns with one coefficient are as good as their sum, and multiples of an unknown without bounds as that one. */
function summed(unknowns: readonly Unknown[]): Unknown[] {
  const sums = new Map<number, Unknown>();
  const free = unknowns.find((u) => u.low === -Infinity && u.high === Infinity);
  for (const u of unknowns) {
    if (u.apart || (free && u !== free && u.coeff % free.coeff === 0)) continue;
    const { low, high } = sums.get(u.coeff) ?? { low: 0, high: 0 };
    sums.set(u.coeff, { coeff: u.coeff, low: low + u.low, high: high + u.high });
  }
  sums.delete(0);
  return [...sums.values(), ...unknowns.filter((u) => u.apart && u.coeff !== 0)];
}
