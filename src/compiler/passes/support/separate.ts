/**
 * Whether the iterations of a loop can run at the same time: no element that one of them stores to is touched by another one.
 * Independence promises this of elements that are read; here it is proved, for scratch memory too.
 *
 *     for i { for j < 8 { y[8*i + j] = x[j] } }     yes: 8·di + dj = 0 has no solution with di ≠ 0, -8 < dj < 8
 *     for i { for j < 8 { t[j] = x[8*i + j] … } }   no: all iterations share t
 */
import { coeffOf } from "../../ir/affine.ts";
import type { Affine, For, IndexAtom } from "../../ir/nodes.ts";
import { type Access, type Summary, summaryOf } from "./conflict.ts";

/** An unknown integer times `coeff`. */
interface Unknown {
  readonly coeff: number;
  readonly low: number;
  readonly high: number;
  /** The difference of the two iterations. */
  readonly apart: boolean;
}

/** A search that takes more steps than this gives up. */
const MAX_STEPS = 4096;

export function iterationsAreSeparate(s: For): boolean {
  const inside = summaryOf(s);
  if (inside.calls) return false;
  return [...inside.writes].every((buffer) => {
    const accesses = distinct(inside.accesses.get(buffer) ?? []);
    const stores = accesses.filter((a) => a.store);
    return stores.every((a) => accesses.every((b) => neverMeet(a.index, b.index, s, inside)));
  });
}

/** Accesses at equal indices are alike, stores standing for loads. */
function distinct(accesses: readonly Access[]): Access[] {
  const found = new Map<string, Access>();
  for (const a of accesses) {
    const key = `${a.index.offset}${a.index.terms.map((t) => ` ${t.coeff}*${t.atom.id}`).join("")}`;
    if (a.store || !found.has(key)) found.set(key, a);
  }
  return [...found.values()];
}

/** Whether index a in one iteration and index b in another one are never the same. */
function neverMeet(a: Affine, b: Affine, { v, extent }: For, inside: Summary): boolean {
  if (coeffOf(a, v) !== coeffOf(b, v)) return false;
  const unknowns: Unknown[] = [];
  for (const atom of new Set([...a.terms, ...b.terms].map((t) => t.atom))) {
    const added = difference(atom, coeffOf(a, atom), coeffOf(b, atom), atom === v, inside);
    if (!added) return false;
    unknowns.push(...added);
  }
  if (!unknowns.some((u) => u.apart)) return extent < 2;
  return !new Search(unknowns).solvable(a.offset - b.offset);
}

/** What `x·atom - y·atom'` contributes, the atom's values in two iterations being unknown. */
function difference(
  atom: IndexAtom,
  x: number,
  y: number,
  apart: boolean,
  inside: Summary,
): Unknown[] | undefined {
  const last = (inside.extents.get(atom) ?? 0) - 1;
  // From outside of the loop: one value in both.
  if (!inside.declares.has(atom)) {
    const everywhere = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
    return x === y ? [] : [{ coeff: Math.abs(x - y), ...everywhere, apart: false }];
  }
  if (last < 0) return undefined;
  if (x === y) return [{ coeff: Math.abs(x), low: -last, high: last, apart }];
  return [x, -y].map((c) => ({
    coeff: Math.abs(c),
    low: c < 0 ? -last : 0,
    high: c < 0 ? 0 : last,
    apart: false,
  }));
}

/** Looks for integers with Σ coeff·value = total where the iterations differ. */
class Search {
  readonly #unknowns: readonly Unknown[];
  /** How far the unknowns from i on reach below and above 0. */
  readonly #low: number[] = [];
  readonly #high: number[] = [];
  #steps = 0;

  constructor(unknowns: readonly Unknown[]) {
    this.#unknowns = unknowns.filter((u) => u.coeff !== 0).sort((a, b) => b.coeff - a.coeff);
    let [low, high] = [0, 0];
    for (const u of this.#unknowns.toReversed()) {
      this.#low.unshift((low += u.coeff * u.low));
      this.#high.unshift((high += u.coeff * u.high));
    }
    this.#low.push(0);
    this.#high.push(0);
  }

  /** True also when the search gives up. */
  solvable(offset: number): boolean {
    return this.#from(0, -offset, false);
  }

  #from(i: number, total: number, differs: boolean): boolean {
    const u = this.#unknowns[i];
    if (!u) return total === 0 && differs;
    if (++this.#steps > MAX_STEPS) return true;
    const rest = i + 1;
    const first = Math.max(u.low, Math.ceil((total - this.#high[rest]!) / u.coeff));
    const last = Math.min(u.high, Math.floor((total - this.#low[rest]!) / u.coeff));
    if (!Number.isFinite(first) || !Number.isFinite(last)) return true;
    for (let value = first; value <= last; value++) {
      if (u.apart && value === 0) continue;
      if (this.#from(rest, total - value * u.coeff, differs || u.apart)) return true;
    }
    return false;
  }
}
