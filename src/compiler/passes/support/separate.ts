/**
 * Whether the iterations of a loop can run at the same time: no element that one of them stores to is touched by another one.
 * Independence promises this of elements that are read; here it is proved, for scratch memory too.
 *
 *     for i { for j < 8 { y[8*i + j] = x[j] } }     yes: 8·di + dj = 0 has no solution with di ≠ 0, -8 < dj < 8
 *     for i { for j < 8 { t[j] = x[8*i + j] … } }   no: all iterations share t
 */
import { coeffOf } from "../../ir/affine.ts";
import type { Affine, For, LoopVar } from "../../ir/nodes.ts";
import { gcd, multipleOf, solvable, type Unknown, unknownOf } from "../../ir/solve.ts";
import { type Access, type Summary, summaryOf } from "./conflict.ts";

export function iterationsAreSeparate(s: For): boolean {
  const inside = summaryOf(s);
  if (inside.calls) return false;
  return [...inside.writes].every((buffer) => {
    const accesses = distinct(inside.accesses.get(buffer) ?? []);
    const stores = accesses.filter((a) => a.store);
    return stores.every((a) => accesses.every((b) => neverMeet(a.index, b.index, s.v, inside)));
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
function neverMeet(a: Affine, b: Affine, v: LoopVar, inside: Summary): boolean {
  const unknowns: Unknown[] = [];
  let step = 0;
  for (const atom of new Set([...a.terms, ...b.terms].map((t) => t.atom))) {
    const [x, y] = [coeffOf(a, atom), coeffOf(b, atom)];
    const extent = inside.extents.get(atom);
    if (extent !== undefined) unknowns.push(...difference(x, y, extent, atom === v));
    // What is bound inside has any two values; what comes from outside has one value in both.
    else if (inside.declares.has(atom)) step = gcd(gcd(step, Math.abs(x)), Math.abs(y));
    else step = gcd(step, Math.abs(x - y));
  }
  if (step > 0) unknowns.push(multipleOf(step));
  return !solvable(unknowns, b.offset - a.offset);
}

/** What `x·v - y·v'` contributes, the values of a loop variable in two iterations being unknown. */
function difference(x: number, y: number, extent: number, apart: boolean): Unknown[] {
  const last = extent - 1;
  if (x === y) return [{ coeff: Math.abs(x), low: -last, high: last, apart }];
  return [x, -y].map((c) => unknownOf(c, last));
}
