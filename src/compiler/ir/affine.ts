/**
 * Arithmetic of {@link Affine} indices. Every function returns the normal form: terms sorted by atom id, no zero coefficient.
 */
import type { Affine, IndexAtom } from "./nodes.ts";

type Term = Affine["terms"][number];

/** The index that is always `offset`. */
export const constant = (offset: number): Affine => ({ offset, terms: [] });
/** `coeff · atom`. */
export const scaledAtom = (atom: IndexAtom, coeff = 1): Affine => affine(0, [{ atom, coeff }]);

/** The normal form of `offset + Σ coeff · atom`; an atom may occur in several terms. */
export function affine(offset: number, terms: readonly Term[]): Affine {
  const coeffs = new Map<IndexAtom, number>();
  for (const { atom, coeff } of terms) coeffs.set(atom, (coeffs.get(atom) ?? 0) + coeff);
  const kept = [...coeffs].filter(([, coeff]) => coeff !== 0).map(([atom, coeff]) => ({ atom, coeff }));
  return { offset: offset + 0, terms: kept.sort((a, b) => a.atom.id - b.atom.id) };
}

export const addAffine = (a: Affine, b: Affine): Affine =>
  affine(a.offset + b.offset, [...a.terms, ...b.terms]);
export const subAffine = (a: Affine, b: Affine): Affine => addAffine(a, scaleAffine(b, -1));
export const scaleAffine = (a: Affine, k: number): Affine =>
  affine(
    a.offset * k,
    a.terms.map((t) => ({ atom: t.atom, coeff: t.coeff * k })),
  );
/** `base + Σ strides[i] · vars[i]`. */
export const strided = (base: Affine, strides: readonly number[], vars: readonly IndexAtom[]): Affine =>
  affine(base.offset, [...base.terms, ...vars.map((atom, i) => ({ atom, coeff: strides[i] ?? 0 }))]);

/** The coefficient of `atom`, 0 when it does not occur. */
export const coeffOf = (a: Affine, atom: IndexAtom): number =>
  a.terms.find((t) => t.atom === atom)?.coeff ?? 0;
export const isConstant = (a: Affine): boolean => a.terms.length === 0;
export const sameAffine = (a: Affine, b: Affine): boolean =>
  a.offset === b.offset &&
  a.terms.length === b.terms.length &&
  a.terms.every((t, i) => t.atom === b.terms[i]!.atom && t.coeff === b.terms[i]!.coeff);

/** `a` with every atom that `replace` knows replaced by an affine index. */
export function substituteAtoms(a: Affine, replace: (atom: IndexAtom) => Affine | undefined): Affine {
  if (!a.terms.some((t) => replace(t.atom))) return a;
  const parts = a.terms.map((t) => scaleAffine(replace(t.atom) ?? scaledAtom(t.atom), t.coeff));
  return parts.reduce(addAffine, constant(a.offset));
}

/** Smallest and largest value when each atom lies in [0, extentOf(atom)); undefined when an extent is unknown. */
export function affineRange(
  a: Affine,
  extentOf: (atom: IndexAtom) => number | undefined,
): { min: number; max: number } | undefined {
  let { offset: min, offset: max } = a;
  for (const { atom, coeff } of a.terms) {
    const extent = extentOf(atom);
    if (extent === undefined) return undefined;
    const reach = coeff * (extent - 1);
    min += Math.min(0, reach);
    max += Math.max(0, reach);
  }
  return { min, max };
}
