/**
 * Whether one array may lie in the memory of another: nothing touches an element of the old one after that element of the next one
 * was stored, in whatever order independent iterations run. Calls of JavaScript count as uses of everything.
 */
import { coeffOf, isConstant, sameAffine, subAffine } from "../../ir/affine.ts";
import type { Affine, Buffer, For, LoopVar, Stmt } from "../../ir/nodes.ts";
import { type Block, blocksOf, effects } from "../../ir/visit.ts";
import { type Access, disjoint, rangeOf, type Summary, split, summaryOf } from "./conflict.ts";

/** `next` would lie in the memory of `old`. */
interface Pair {
  readonly old: Buffer;
  readonly next: Buffer;
}

export function mayReplace(block: Block, old: Buffer, next: Buffer): boolean {
  const isAlike = old.dtype === next.dtype && old.size === next.size;
  return isAlike && isSteady(block, effects(block).assigns, [old, next]) && isSafe(block, { old, next });
}

/** Atoms that are not declared between two accesses must have one value in both. */
function isSteady(block: Block, moving: ReadonlySet<unknown>, buffers: readonly Buffer[]): boolean {
  const accesses = block.flatMap((s) => buffers.flatMap((b) => summaryOf(s).accesses.get(b) ?? []));
  return accesses.every(({ index }) => index.terms.every((t) => !moving.has(t.atom)));
}

/** Whether nothing touches an element of the old array after that element of the next one was stored. */
function isSafe(block: Block, pair: Pair): boolean {
  const earlier: Stmt[] = [];
  for (const s of block) {
    if (earlier.length > 0 && summaryOf(s).calls) return false;
    if (earlier.some((e) => meet(e, s, pair)) || !isSafeWithin(s, pair)) return false;
    if (summaryOf(s).writes.has(pair.next)) earlier.push(s);
  }
  return true;
}

/** A single store loads what it needs before. */
function isSafeWithin(s: Stmt, pair: Pair): boolean {
  const { writes, calls } = summaryOf(s);
  if (!writes.has(pair.next) || s.kind === "store") return true;
  if (calls) return false;
  if (!meet(s, s, pair)) return true;
  if (s.kind === "for" && !isApart(s, pair)) return false;
  return (s.kind === "for" || s.kind === "switch") && blocksOf(s).every((block) => isSafe(block, pair));
}

const accessesOf = (s: Stmt, buffer: Buffer): readonly Access[] => summaryOf(s).accesses.get(buffer) ?? [];

/** Whether some store of `first` to the next array and some access of `second` to the old one fail a test. */
const anyPair = (
  first: Stmt,
  second: Stmt,
  pair: Pair,
  fails: (store: Affine, access: Affine) => boolean,
): boolean =>
  accessesOf(first, pair.next).some(
    (a) => a.store && accessesOf(second, pair.old).some((b) => fails(a.index, b.index)),
  );

/** Whether `first` may store to an element that `second` touches. */
const meet = (first: Stmt, second: Stmt, pair: Pair): boolean =>
  anyPair(first, second, pair, (i, j) => !disjoint(i, j, summaryOf(first), summaryOf(second)));

/** Whether no iteration touches what another one stores to. */
const isApart = (s: For, pair: Pair): boolean =>
  !anyPair(s, s, pair, (store, load) => {
    const inside = summaryOf(s);
    const same = sameAffine(store, load) && identifies(store, s.v, inside);
    return !same && !isSpaced(store, load, s.v, inside) && !disjoint(store, load, inside, inside);
  });

/** Whether the value of an index tells the value of `v`: each coefficient exceeds what the smaller ones add up to. */
function identifies(index: Affine, v: LoopVar, inside: Summary): boolean {
  if (coeffOf(index, v) === 0) return false;
  const terms = split(index, inside).inner.terms.map((t) => ({
    step: Math.abs(t.coeff),
    extent: inside.extents.get(t.atom) ?? Number.POSITIVE_INFINITY,
  }));
  let reach = 0;
  for (const { step, extent } of terms.sort((a, b) => a.step - b.step)) {
    if (step <= reach) return false;
    reach += step * (extent - 1);
  }
  return true;
}

/** Whether a step of `v` takes the store farther than all that the other variables can make up for. */
function isSpaced(store: Affine, load: Affine, v: LoopVar, inside: Summary): boolean {
  const step = Math.abs(coeffOf(store, v));
  if (coeffOf(load, v) !== coeffOf(store, v)) return false;
  const [i, j] = [splitWithout(store, v, inside), splitWithout(load, v, inside)];
  const [from, to] = [rangeOf(i.inner, inside), rangeOf(j.inner, inside)];
  const outer = subAffine(i.outer, j.outer);
  if (!from || !to || !isConstant(outer)) return false;
  return outer.offset + from.min - to.max > -step && outer.offset + from.max - to.min < step;
}

const splitWithout = (index: Affine, v: LoopVar, inside: Summary): { inner: Affine; outer: Affine } =>
  split({ ...index, terms: index.terms.filter((t) => t.atom !== v) }, inside);
