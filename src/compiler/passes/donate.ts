/**
 * Donate: which outputs may lie in the memory of an argument that the caller gives away.
 *
 *     for i < 8 { p'[i] = f32.sub(p[i], g[i]) }     p' in p: each element is read before it is replaced
 *     for i < 8 { q[i] = p[7 - i] }                 q not in p: q[0] would replace what q[7] needs
 *
 * An argument may become an output of its dtype and size when no element of it is read after that element of the output was
 * stored, in whatever order independent iterations run. Calls of JavaScript count as reads of all arguments: a call may throw, and
 * then nothing has been given away.
 *
 * Requires: the final form of the program, from which code is generated. Ensures: no argument serves two outputs. Cost: for each
 * pair of equal type, the statements that touch both.
 */
import { note } from "../../core/journal.ts";
import { isOn } from "../../core/switches.ts";
import { coeffOf, isConstant, sameAffine, subAffine } from "../ir/affine.ts";
import type { Affine, Buffer, For, LoopVar, Program, Stmt } from "../ir/nodes.ts";
import { type Block, blocksOf, effects } from "../ir/visit.ts";
import { disjoint, rangeOf, type Summary, split, summaryOf } from "./support/conflict.ts";

/** An output that would lie in the memory of an argument. */
interface Pair {
  readonly argument: Buffer;
  readonly output: Buffer;
}

/** For each output (by index) that reuses memory, the index of the argument; `donated[i]` offers argument i. */
export function donations(program: Program, donated: readonly boolean[]): Map<number, number> {
  const offered = program.args.flatMap((_, i) => (donated[i] ? [i] : []));
  if (offered.length === 0 || !isOn("donate")) return new Map();
  const moving = effects(program.body).assigns;
  const fits = (output: Buffer, argument: Buffer): boolean =>
    output.dtype === argument.dtype &&
    output.size === argument.size &&
    isSteady(program.body, moving, [output, argument]) &&
    isSafe(program.body, { argument, output });
  const candidates = program.outputs.map((output) => offered.filter((i) => fits(output, program.args[i]!)));
  const found = matching(candidates);
  for (const [i, j] of found)
    note("inPlace", () => `${program.outputs[i]!.name} in the memory of ${program.args[j]!.name}`);
  return found;
}

// ------------------------------------------------------------------------------------------------ proof

/** Atoms that are not declared between two accesses must have one value in both. */
function isSteady(block: Block, moving: ReadonlySet<unknown>, buffers: readonly Buffer[]): boolean {
  const accesses = block.flatMap((s) => buffers.flatMap((b) => summaryOf(s).accesses.get(b) ?? []));
  return accesses.every(({ index }) => index.terms.every((t) => !moving.has(t.atom)));
}

/** Whether no load of the argument can come after the store to that element of the output. */
function isSafe(block: Block, pair: Pair): boolean {
  const earlier: Stmt[] = [];
  for (const s of block) {
    if (earlier.length > 0 && summaryOf(s).calls) return false;
    if (earlier.some((e) => meet(e, s, pair)) || !isSafeWithin(s, pair)) return false;
    if (summaryOf(s).writes.has(pair.output)) earlier.push(s);
  }
  return true;
}

/** A statement loads what it needs before it stores. */
function isSafeWithin(s: Stmt, pair: Pair): boolean {
  const { reads, writes, calls } = summaryOf(s);
  if (!writes.has(pair.output) || s.kind === "store") return true;
  if (calls) return false;
  if (!reads.has(pair.argument) || !meet(s, s, pair)) return true;
  if (s.kind === "for" && !isApart(s, pair)) return false;
  return (s.kind === "for" || s.kind === "switch") && blocksOf(s).every((block) => isSafe(block, pair));
}

function indices(s: Stmt, buffer: Buffer, store: boolean): Affine[] {
  const accesses = summaryOf(s).accesses.get(buffer) ?? [];
  return accesses.filter((a) => a.store === store).map((a) => a.index);
}

/** Whether some store of `first` and some load of `second` fail a test. */
const anyPair = (
  first: Stmt,
  second: Stmt,
  pair: Pair,
  fails: (store: Affine, load: Affine) => boolean,
): boolean =>
  indices(first, pair.output, true).some((store) =>
    indices(second, pair.argument, false).some((load) => fails(store, load)),
  );

/** Whether `first` may store to an element that `second` loads. */
const meet = (first: Stmt, second: Stmt, pair: Pair): boolean =>
  anyPair(first, second, pair, (i, j) => !disjoint(i, j, summaryOf(first), summaryOf(second)));

/** Whether no iteration loads what another one stores to. */
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

// ------------------------------------------------------------------------------------------------ choice

/** As many outputs as possible get one of their candidates, none twice (augmenting paths). */
function matching(candidates: readonly (readonly number[])[]): Map<number, number> {
  const owners = new Map<number, number>();
  const assign = (output: number, seen: Set<number>): boolean =>
    candidates[output]!.some((argument) => {
      if (seen.has(argument)) return false;
      seen.add(argument);
      const owner = owners.get(argument);
      if (owner !== undefined && !assign(owner, seen)) return false;
      owners.set(argument, output);
      return true;
    });
  for (const output of candidates.keys()) assign(output, new Set());
  return new Map([...owners].map(([argument, output]) => [output, argument]));
}
