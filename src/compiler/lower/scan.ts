/**
 * scan as one serial loop. xs are read where they lie, ys are stored at their index straight into the stacked result, and
 * the carry lives in slots; the size of the program does not depend on the length.
 */
import { aval, type ShapedArray } from "../../core/aval.ts";
import type { Atom, Jaxpr, Var } from "../../core/jaxpr.ts";
import { note } from "../../core/journal.ts";
import { isCountedLoop, type LoopParams } from "../../core/loop.ts";
import type { ScanSpec } from "../../core/lowering.ts";
import { isOn } from "../../core/switches.ts";
import { isConstant } from "../ir/affine.ts";
import {
  addAffine,
  binaryExpr,
  constant,
  constExpr,
  indexExpr,
  scaleAffine,
  subAffine,
} from "../ir/build.ts";
import type { Affine, Buffer } from "../ir/nodes.ts";
import { lowerBody } from "./body.ts";
import { type Context, type Home, type Homes, home, type Keeping, Residents } from "./context.ts";
import { copied, place, stable } from "./memory.ts";
import { element, elementView, rowsView, type Value, type View, withShape } from "./operands.ts";
import {
  fixedSlot,
  historyRows,
  historySlot,
  type InnerRead,
  registerSlot,
  ringSlot,
  type Slot,
  type SlotKind,
  slotKind,
  updateSlot,
} from "./slots.ts";

const values = (operands: readonly unknown[]): readonly Value[] => operands as readonly Value[];

/** What every copy of the body shares. */
interface Loop {
  readonly spec: ScanSpec;
  readonly consts: readonly Value[];
  readonly xs: readonly Value[];
  /** Where each y is stored; undefined for those that a carry's history holds. */
  readonly ys: readonly (View | undefined)[];
  /** Memory of what is read after the loop: a carry that lies there, as a row of a history or as a y, stays as it is. */
  readonly lasting: readonly Buffer[];
  /** What is promised of it until the loop ends. */
  readonly kept: Keeping[];
}

export function lowerScan(ctx: Context, spec: ScanSpec): Value[] {
  const { length } = spec;
  const init = values(spec.init);
  const unroll = spec.unroll === 0 ? length : spec.unroll;
  const trips = unroll < length ? Math.floor(length / unroll) : 0;
  const [carryHomes, yHomes, types] = results(ctx, spec);
  const kept = trips === length && isOn("history") ? historiesOf(spec, yHomes) : [];
  const fixed = (xs: readonly unknown[]): Value[] => values(xs).map((x) => stable(ctx, x));
  for (const { slot } of kept)
    note(
      "history",
      () => `carry ${init[slot]!.aval.short()} of a loop of ${length} is stored once, as its results`,
    );
  const rows = kept.map(
    (h) => h.rows ?? historyRows(ctx, init[h.slot]!.aval, length, `carry${h.slot}`, h.inner),
  );
  const stacks = new Map(kept.flatMap((h, k) => stacksOf(h, rows[k]!, spec)));
  const ys = types.map((type, i) => stacks.get(i) ?? place(ctx, type, yHomes[i], `ys${i}`));
  const inHistory = new Set(kept.flatMap((h) => [...h.read, ...h.made]));
  const stored = ys.map((y, i) => (inHistory.has(i) ? undefined : y));
  const lasting = [...rows, ...ys].map((view) => view.buffer);
  const loop: Loop = { spec, consts: fixed(spec.consts), xs: fixed(spec.xs), ys: stored, lasting, kept: [] };
  const histories = new Map(kept.map((h, k) => [h.slot, rows[k]!]));
  let { carry, homes } = runTrips(ctx, loop, init, carryHomes, trips, unroll, histories);
  for (let step = trips * unroll; step < length; step++) {
    carry = iterate(ctx, loop, constant(step), carry, step === length - 1 ? homes : []);
  }
  for (const promise of loop.kept) promise.until = ctx.code.now;
  return [...carry, ...ys.map((y) => y.since(ctx.code.now))];
}

/** A carry whose values are ys as well: those that iterations read, and those that they make. */
interface Kept {
  readonly slot: number;
  readonly read: readonly number[];
  readonly made: readonly number[];
  /** Memory for its rows, if the ys have homes. */
  readonly rows: View | undefined;
  /** A y that is one row of the carry's own loop behind it. */
  readonly inner: InnerRead | undefined;
}

/** Carries that can live in a history: ys without another place to be in are the carry itself, before or after the step. */
function historiesOf({ jaxpr, consts, init, reverse }: ScanSpec, yHomes: Homes): Kept[] {
  const ys = jaxpr.outs.slice(init.length);
  const same = (atom: unknown): number[] => ys.flatMap((y, i) => (y === atom ? [i] : []));
  return init.flatMap((_, slot): Kept[] => {
    const [before, after] = [jaxpr.invars[consts.length + slot]!, jaxpr.outs[slot]!];
    if (!["general", "replace"].includes(slotKind(jaxpr, before, after))) return [];
    const [read, made] = [same(before), jaxpr.outs.indexOf(after) === slot ? same(after) : []];
    const rows =
      read.length === 1 && made.length === 1
        ? overlapping(yHomes[read[0]!], yHomes[made[0]!], reverse)
        : undefined;
    if (rows) return [{ slot, read, made, rows, inner: undefined }];
    const free = (list: readonly number[]): number[] => list.filter((i) => !yHomes[i]);
    const own = { slot, read: free(read), made: free(made), rows };
    return own.read.length + own.made.length
      ? [{ ...own, inner: innerRead(jaxpr, init.length, after, yHomes) }]
      : [];
  });
}

/** The memory of all rows, when what iterations read is wanted in the rows before those that they make. */
function overlapping(read: Home | undefined, made: Home | undefined, reverse: boolean): View | undefined {
  if (!read || !made || read.inPlace || made.inPlace || read.view.buffer !== made.view.buffer)
    return undefined;
  const [first, later] = reverse ? [made.view, read.view] : [read.view, made.view];
  const row = first.strides[0]!;
  const apart = subAffine(later.offset, first.offset);
  if (!isConstant(apart) || apart.offset !== row) return undefined;
  const type = withShape(first.aval, [first.aval.shape[0]! + 1, ...first.aval.shape.slice(1)]);
  return first.part(type, first.offset);
}

/** The y that an inner loop reads while it makes `carry`, both being stacks of one carry of its own. */
function innerRead(jaxpr: Jaxpr, numCarry: number, carry: Atom, yHomes: Homes): InnerRead | undefined {
  const eqn = jaxpr.eqns.find((e) => e.outputs.includes(carry as Var));
  if (!eqn || !isCountedLoop(eqn)) return undefined;
  const p = eqn.params as LoopParams;
  const stack = eqn.outputs.indexOf(carry as Var);
  const slot = p.jaxpr.outs.indexOf(p.jaxpr.outs[stack]!);
  if (stack < p.numCarry || slot >= p.numCarry || p.unroll !== 1) return undefined;
  const at = p.jaxpr.outs.indexOf(p.jaxpr.invars[p.numConsts + slot]!, p.numCarry);
  const y = at < 0 ? -1 : jaxpr.outs.indexOf(eqn.outputs[at]!, numCarry) - numCarry;
  return y < 0 || yHomes[y] ? undefined : { y, reverse: p.reverse };
}

/** The ys that the rows of a history hold. */
function stacksOf(
  { read, made, inner }: Kept,
  rows: View,
  { length, reverse }: ScanSpec,
): [y: number, View][] {
  const [before, after] = [rowsView(rows, reverse ? 1 : 0, length), rowsView(rows, reverse ? 0 : 1, length)];
  const behind = (step: number): View => after.part(after.aval, addAffine(after.offset, constant(step)));
  return [
    ...read.map((i): [number, View] => [i, before]),
    ...made.map((i): [number, View] => [i, after]),
    ...(inner ? [[inner.y, behind((inner.reverse ? 1 : -1) * rows.strides[1]!)] as [number, View]] : []),
  ];
}

/** Homes of the final carry and of the stacked results, and the types of the latter. */
function results(ctx: Context, { jaxpr, length, init }: ScanSpec): [Homes, Homes, ShapedArray[]] {
  const stacked = jaxpr.outAvals
    .slice(init.length)
    .map((y) => aval([length, ...y.shape], y.dtype, y.weakType));
  const types: ShapedArray[] = [...jaxpr.outAvals.slice(0, init.length), ...stacked];
  const homes = ctx.claim(types);
  return [homes.slice(0, init.length), homes.slice(init.length), stacked];
}

interface Trips {
  readonly carry: readonly Value[];
  /** Homes for what the carry becomes in the end: a carry that was updated in place stays where it is. */
  readonly homes: Homes;
}

/** The loop itself: `trips` times `unroll` copies of the body. `histories`: the rows of the carries that have one. */
function runTrips(
  ctx: Context,
  loop: Loop,
  init: readonly Value[],
  homes: Homes,
  trips: number,
  unroll: number,
  histories: ReadonlyMap<number, View>,
): Trips {
  if (trips === 0) return { carry: init.map((x) => stable(ctx, x)), homes };
  const { spec } = loop;
  const now = { step: constant(0), parity: constant(0) };
  const slots = init.map((x, i): Slot => {
    const rows = histories.get(i);
    return rows
      ? historySlot(ctx, x, rows, spec.reverse, () => now.step)
      : scanSlot(ctx, spec, i, x, homes[i], trips, () => now.parity);
  });
  const kinds = init.map((_, i) => kindOfCarry(spec, i));
  const takeTurns = kinds.some((kind, i) => kind === "general" && !histories.has(i));
  const trip = ([t]: readonly Affine[]): void => {
    now.step = t!;
    if (takeTurns) now.parity = modulo2(ctx, t!);
    runTrip(ctx, loop, slots, scaleAffine(t!, unroll), unroll);
  };
  ctx.code.nest([trips], "serial", trip, "step");
  const last = homes.map((wanted, i) =>
    ["update", "replace"].includes(kinds[i]!) ? slots[i]!.home : wanted,
  );
  return { carry: slots.map((slot) => slot.final()), homes: last };
}

function modulo2({ code }: Context, t: Affine): Affine {
  if (isConstant(t)) return constant(t.offset % 2);
  return code.asIndex(binaryExpr("rem", indexExpr(t), constExpr(2, "int32")), 2);
}

const kindOfCarry = ({ jaxpr, consts }: ScanSpec, i: number): SlotKind =>
  slotKind(jaxpr, jaxpr.invars[consts.length + i]!, jaxpr.outs[i]!);

function scanSlot(
  ctx: Context,
  spec: ScanSpec,
  i: number,
  init: Value,
  wanted: Home | undefined,
  trips: number,
  parity: () => Affine,
): Slot {
  switch (kindOfCarry(spec, i)) {
    case "fixed":
      return fixedSlot(ctx, init);
    case "register":
      return registerSlot(ctx, init, `c${i}`);
    case "update":
    case "replace":
      note("inPlace", () => `carry ${init.aval.short()} of a loop of ${trips}`);
      return updateSlot(ctx, init, wanted, `carry${i}`);
    case "general":
      return ringSlot(ctx, init, trips, parity, `carry${i}`);
  }
}

function runTrip(ctx: Context, loop: Loop, slots: readonly Slot[], first: Affine, unroll: number): void {
  let carry: readonly Value[] = slots.map((slot) => slot.enter());
  for (let copy = 0; copy < unroll; copy++) {
    const homes = copy === unroll - 1 ? slots.map((slot) => slot.home) : [];
    carry = iterate(ctx, loop, addAffine(first, constant(copy)), carry, homes);
  }
  for (const [i, slot] of slots.entries()) slot.leave(carry[i]!);
}

/** One iteration: the new carry, in `homes` where it has one. */
function iterate(
  ctx: Context,
  loop: Loop,
  step: Affine,
  carry: readonly Value[],
  homes: Homes = [],
): Value[] {
  const { spec, consts, xs, ys, lasting } = loop;
  const isOwned = (c: Value | undefined): boolean => c !== undefined && !lasting.some((b) => c.reads(b));
  const index = spec.reverse ? subAffine(constant(spec.length - 1), step) : step;
  const args = [...consts, ...carry, ...xs.map((x) => element(ctx.code, x, index))];
  const carryHomes = carry.map((_, i) => homes[i]);
  const yHomes = ys.map((y) => y && home(elementView(y, index)));
  const residents = new Residents([...carryHomes, ...yHomes], ({ view }) => lasting.includes(view.buffer));
  const outs = lowerBody(ctx, spec.jaxpr, args, {
    homes: residents.homes,
    pinned: (i) => !isOwned(carry[i - consts.length]),
  });
  loop.kept.push(...residents.arrived(outs, ctx.code.now));
  return outs.slice(0, carry.length).map((x) => (x.aval.ndim === 0 ? copied(ctx, x) : stable(ctx, x)));
}
