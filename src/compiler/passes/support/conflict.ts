/**
 * Which statements may change places, and which accesses can meet in one element: the facts that every pass which moves
 * or merges code asks for.
 */
import { affineRange, strided, subAffine } from "../../ir/affine.ts";
import type { Affine, Buffer, ContractOperand, Expr, IndexAtom, LoopVar, Stmt } from "../../ir/nodes.ts";
import { gcd, multipleOf, solvable, type Unknown, unknownOf } from "../../ir/solve.ts";
import {
  type Block,
  type Effects,
  effects,
  exprsOf,
  forEachExpr,
  forEachStmt,
  newLoopVar,
  visitParts,
} from "../../ir/visit.ts";

/** One element that a statement touches, as often as its loops run. */
export interface Access {
  readonly index: Affine;
  readonly store: boolean;
  /** By a contraction or a call, which read their operands when they like, whatever iteration an epilogue is in. */
  readonly whole?: boolean;
}

/** What a statement does, with the accesses of each buffer and the extents of the loops inside of it. */
export interface Summary extends Effects {
  readonly accesses: ReadonlyMap<Buffer, readonly Access[]>;
  readonly extents: ReadonlyMap<IndexAtom, number>;
}

const summaries = new WeakMap<Stmt, Summary>();

/** The summary of one statement; statements never change, so it is computed once. */
export function summaryOf(s: Stmt): Summary {
  let known = summaries.get(s);
  if (!known) summaries.set(s, (known = summarize([s])));
  return known;
}

export function summarize(block: Block): Summary {
  const e = effects(block);
  const accesses = new Map<Buffer, Access[]>();
  const add = (buffer: Buffer, access: Access): void => {
    const list = accesses.get(buffer);
    if (list) list.push(access);
    else accesses.set(buffer, [access]);
  };
  for (const load of e.loads) add(load.buffer, { index: load.index, store: false });
  for (const store of e.stores) add(store.buffer, { index: store.index, store: true });
  const extents = new Map<IndexAtom, number>();
  forEachStmt(block, (s) => {
    visitParts(s, { loopVar: (v, extent) => extents.set(v, extent) });
    for (const { buffer, index } of wholeReads(s, extents)) add(buffer, { index, store: false, whole: true });
  });
  return { ...e, accesses, extents, declares: new Set([...e.declares, ...extents.keys()]) };
}

/**
 * What a contraction or a host call reads, each read as one access: a made-up loop variable walks along every axis that has
 * none.
 */
function wholeReads(s: Stmt, extents: Map<IndexAtom, number>): { buffer: Buffer; index: Affine }[] {
  const axis = (extent: number): LoopVar => {
    const v = newLoopVar("k");
    extents.set(v, extent);
    return v;
  };
  if (s.kind === "host") {
    return s.args.map((a) => ({ buffer: a.buffer, index: strided(a.index, [1], [axis(a.aval.size)]) }));
  }
  if (s.kind !== "contract") return [];
  const k = s.kExtents.map(axis);
  const [m, n] = [s.batchExtents.length, s.batchExtents.length + s.mExtents.length];
  const read = (x: ContractOperand, free: readonly LoopVar[]): { buffer: Buffer; index: Affine } => {
    const [strides, vars] = [
      [...x.batch, ...x.free, ...x.reduced],
      [...s.vars.slice(0, m), ...free, ...k],
    ];
    return { buffer: x.buffer, index: strided(x.base, strides, vars) };
  };
  return [read(s.lhs, s.vars.slice(m, n)), read(s.rhs, s.vars.slice(n))];
}

/** Buffers that the statement's own expressions load from, those of nested blocks left out. */
export function loadedBy(s: Stmt): Set<Buffer> {
  const found = new Set<Buffer>();
  const node = (e: Expr): void => {
    if (e.op === "load") found.add(e.buffer);
  };
  for (const root of exprsOf(s)) forEachExpr(root, node);
  return found;
}

export function intersects<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  for (const x of small) if (large.has(x)) return true;
  return false;
}

/** Buffers that both touch and at least one of them stores to. */
export function contended(a: Effects, b: Effects): Buffer[] {
  const found = new Set<Buffer>();
  for (const x of a.writes) if (b.reads.has(x) || b.writes.has(x)) found.add(x);
  for (const x of b.writes) if (a.reads.has(x)) found.add(x);
  return [...found];
}

const conflicts = new WeakMap<Stmt, WeakMap<Stmt, boolean>>();

/** Whether `first` followed by `second` may mean something else than the other way round. Remembered: passes ask often. */
export function conflict(first: Stmt, second: Stmt): boolean {
  let known = conflicts.get(first);
  if (!known) conflicts.set(first, (known = new WeakMap()));
  let answer = known.get(second);
  if (answer === undefined) known.set(second, (answer = mayConflict(summaryOf(first), summaryOf(second))));
  return answer;
}

const mayConflict = (a: Summary, b: Summary): boolean =>
  (a.calls && b.calls) ||
  intersects(a.declares, b.uses) ||
  intersects(a.declares, b.assigns) ||
  intersects(a.assigns, b.uses) ||
  intersects(a.assigns, b.assigns) ||
  intersects(b.assigns, a.uses) ||
  contended(a, b).some((x) => meet(x, a, b));

/** Whether accesses of one buffer, at least one of them a store, can touch the same element. */
function meet(x: Buffer, a: Summary, b: Summary): boolean {
  return pairsOf(x, a, b).some(([i, j]) => !disjoint(i.index, j.index, a, b));
}

/** Pairs of accesses of `x`, one from either side, of which at least one stores. */
export function pairsOf(x: Buffer, a: Summary, b: Summary): (readonly [Access, Access])[] {
  const [mine, theirs] = [a.accesses.get(x) ?? [], b.accesses.get(x) ?? []];
  return mine.flatMap((i) => theirs.filter((j) => i.store || j.store).map((j) => [i, j] as const));
}

/**
 * Whether two accesses never touch one element, whatever iterations of the loops inside of `a` and `b` they belong to.
 * Atoms from outside have one value in both, so only their difference counts: row p and row 1 - p of a two-row buffer
 * differ by an odd number of rows.
 */
export function disjoint(i: Affine, j: Affine, a: Summary, b: Summary): boolean {
  const [mine, theirs] = [split(i, a), split(j, b)];
  const unknowns = [...unknownsIn(mine.inner, a, 1), ...unknownsIn(theirs.inner, b, -1)];
  if (unknowns.some((u) => u.high - u.low === Infinity)) return false;
  const outer = subAffine(mine.outer, theirs.outer);
  const step = outer.terms.reduce((g, t) => gcd(g, Math.abs(t.coeff)), 0);
  if (step > 0) unknowns.push(multipleOf(step));
  return !solvable(unknowns, -outer.offset);
}

/** What loops inside of a statement add to an index, times `sign`; without bounds when a computed value does. */
const unknownsIn = (inner: Affine, s: Summary, sign: 1 | -1): Unknown[] =>
  inner.terms.map(({ atom, coeff }) => unknownOf(sign * coeff, (s.extents.get(atom) ?? Infinity) - 1));

/** The part of an index made of atoms declared inside of a statement, and the rest. */
export function split(index: Affine, s: Summary): { inner: Affine; outer: Affine } {
  const isInner = (t: Affine["terms"][number]): boolean => s.declares.has(t.atom);
  return {
    inner: { offset: 0, terms: index.terms.filter(isInner) },
    outer: { offset: index.offset, terms: index.terms.filter((t) => !isInner(t)) },
  };
}
/** Smallest and largest value over the loops inside of a statement; undefined when it uses computed values. */
export const rangeOf = (index: Affine, s: Summary): { min: number; max: number } | undefined =>
  affineRange(index, (atom) => s.extents.get(atom));
