/**
 * scan as one serial loop. xs are read where they lie, ys are stored at their index straight into the stacked result, and
 * the carry lives in slots; the size of the program does not depend on the length.
 */
import { aval, type ShapedArray } from "../../core/aval.ts";
import type { ScanSpec } from "../../core/emit.ts";
import { note } from "../../core/journal.ts";
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
import type { Affine } from "../ir/nodes.ts";
import { lowerBody } from "./body.ts";
import { type Context, type Home, type Homes, home } from "./context.ts";
import { copied, place, stable } from "./memory.ts";
import { element, elementView, type Value, type View } from "./operands.ts";
import {
  fixedSlot,
  type History,
  historySlot,
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
}

export function lowerScan(ctx: Context, spec: ScanSpec): Value[] {
  const { length } = spec;
  const init = values(spec.init);
  const unroll = spec.unroll === 0 ? length : spec.unroll;
  const trips = unroll < length ? Math.floor(length / unroll) : 0;
  const [carryHomes, yHomes, types] = results(ctx, spec);
  const kept = trips === length ? historiesOf(spec, yHomes) : [];
  const fixed = (xs: readonly unknown[]): Value[] => values(xs).map((x) => stable(ctx, x));
  for (const { slot } of kept)
    note(
      "history",
      () => `carry ${init[slot]!.aval.short()} of a loop of ${length} is stored once, as its results`,
    );
  const inHistory = new Set(kept.flatMap((h) => [...h.read, ...h.made]));
  const ys = types.map((type, i) => (inHistory.has(i) ? undefined : place(ctx, type, yHomes[i], `ys${i}`)));
  const loop: Loop = { spec, consts: fixed(spec.consts), xs: fixed(spec.xs), ys };
  let { carry, homes, histories } = runTrips(ctx, loop, init, carryHomes, trips, unroll, kept);
  for (let step = trips * unroll; step < length; step++) {
    carry = iterate(ctx, loop, constant(step), carry, step === length - 1 ? homes : []);
  }
  const fromHistory = (i: number): View => {
    const at = kept.findIndex((h) => h.read.includes(i) || h.made.includes(i));
    return kept[at]!.read.includes(i) ? histories[at]!.read : histories[at]!.made;
  };
  return [...carry, ...ys.map((y, i) => y ?? fromHistory(i))];
}

/** A carry whose values are ys as well: those that iterations read, and those that they make. */
interface Kept {
  readonly slot: number;
  readonly read: readonly number[];
  readonly made: readonly number[];
}

/** Carries that can live in a history: ys without another place to be in are the carry itself, before or after the step. */
function historiesOf({ jaxpr, consts, init }: ScanSpec, yHomes: Homes): Kept[] {
  const ys = jaxpr.outs.slice(init.length);
  const same = (atom: unknown): number[] => ys.flatMap((y, i) => (y === atom && !yHomes[i] ? [i] : []));
  return init.flatMap((_, slot) => {
    const [before, after] = [jaxpr.invars[consts.length + slot]!, jaxpr.outs[slot]!];
    if (slotKind(jaxpr, before, after) !== "general") return [];
    const [read, made] = [same(before), jaxpr.outs.indexOf(after) === slot ? same(after) : []];
    return read.length + made.length ? [{ slot, read, made }] : [];
  });
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
  readonly histories: readonly History[];
}

/** The loop itself: `trips` times `unroll` copies of the body. */
function runTrips(
  ctx: Context,
  loop: Loop,
  init: readonly Value[],
  homes: Homes,
  trips: number,
  unroll: number,
  kept: readonly Kept[],
): Trips {
  if (trips === 0) return { carry: init.map((x) => stable(ctx, x)), homes, histories: [] };
  const { spec } = loop;
  const now = { step: constant(0), parity: constant(0) };
  const histories = kept.map((h) =>
    historySlot(ctx, init[h.slot]!, trips, spec.reverse, () => now.step, `carry${h.slot}`),
  );
  const slots = init.map((x, i): Slot => {
    const at = kept.findIndex((h) => h.slot === i);
    return at < 0 ? scanSlot(ctx, spec, i, x, homes[i], trips, () => now.parity) : histories[at]!;
  });
  const kinds = init.map((_, i) => kindOfCarry(spec, i));
  const takeTurns = kinds.some((kind, i) => kind === "general" && !kept.some((h) => h.slot === i));
  const trip = ([t]: readonly Affine[]): void => {
    now.step = t!;
    if (takeTurns) now.parity = modulo2(ctx, t!);
    runTrip(ctx, loop, slots, scaleAffine(t!, unroll), unroll);
  };
  ctx.code.nest([trips], "serial", trip, "step");
  const last = homes.map((wanted, i) => (kinds[i] === "update" ? slots[i]!.home : wanted));
  return { carry: slots.map((slot) => slot.final()), homes: last, histories };
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
  const { spec, consts, xs, ys } = loop;
  const index = spec.reverse ? subAffine(constant(spec.length - 1), step) : step;
  const args = [...consts, ...carry, ...xs.map((x) => element(ctx.code, x, index))];
  const carryHomes = carry.map((_, i) => homes[i]);
  const outs = lowerBody(ctx, spec.jaxpr, args, {
    homes: [...carryHomes, ...ys.map((y) => y && home(elementView(y, index)))],
    pinned: (i) => i < consts.length || i >= consts.length + carry.length,
  });
  return outs.slice(0, carry.length).map((x) => (x.aval.ndim === 0 ? copied(ctx, x) : stable(ctx, x)));
}
