/**
 * scan as one serial loop. xs are read where they lie, ys are stored at their index straight into the stacked result, and
 * the carry lives in slots; the size of the program does not depend on the length.
 */
import { aval, type ShapedArray } from "../../core/aval.ts";
import type { ScanSpec } from "../../core/emit.ts";
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
  readonly ys: readonly View[];
}

export function lowerScan(ctx: Context, spec: ScanSpec): Value[] {
  const { length } = spec;
  const init = values(spec.init);
  const [carryHomes, ys] = results(ctx, spec);
  const fixed = (xs: readonly unknown[]): Value[] => values(xs).map((x) => stable(ctx, x));
  const loop: Loop = { spec, consts: fixed(spec.consts), xs: fixed(spec.xs), ys };
  const unroll = spec.unroll === 0 ? length : spec.unroll;
  const trips = unroll < length ? Math.floor(length / unroll) : 0;
  let [carry, homes] = runTrips(ctx, loop, init, carryHomes, trips, unroll);
  for (let step = trips * unroll; step < length; step++) {
    carry = iterate(ctx, loop, constant(step), carry, step === length - 1 ? homes : []);
  }
  return [...carry, ...ys];
}

/** Homes of the final carry, and the stacked results. */
function results(ctx: Context, { jaxpr, length, init }: ScanSpec): [Homes, View[]] {
  const stacked = jaxpr.outAvals
    .slice(init.length)
    .map((y) => aval([length, ...y.shape], y.dtype, y.weakType));
  const types: ShapedArray[] = [...jaxpr.outAvals.slice(0, init.length), ...stacked];
  const homes = ctx.claim(types);
  const ys = stacked.map((type, i) => place(ctx, type, homes[init.length + i], `ys${i}`));
  return [homes.slice(0, init.length), ys];
}

/**
 * The loop itself: `trips` times `unroll` copies of the body. Returns the carry after it, and the homes for what it becomes
 * in the end: a carry that was updated in place stays where it is.
 */
function runTrips(
  ctx: Context,
  loop: Loop,
  init: readonly Value[],
  homes: Homes,
  trips: number,
  unroll: number,
): [carry: readonly Value[], homes: Homes] {
  if (trips === 0) return [init.map((x) => stable(ctx, x)), homes];
  let parity = constant(0);
  const slots = init.map((x, i) => scanSlot(ctx, loop.spec, i, x, homes[i], trips, () => parity));
  const kinds = init.map((_, i) => kindOfCarry(loop.spec, i));
  const takeTurns = kinds.includes("general");
  const trip = ([t]: readonly Affine[]): void => {
    if (takeTurns) parity = modulo2(ctx, t!);
    runTrip(ctx, loop, slots, scaleAffine(t!, unroll), unroll);
  };
  ctx.code.nest([trips], "serial", trip, "step");
  const last = homes.map((wanted, i) => (kinds[i] === "update" ? slots[i]!.home : wanted));
  return [slots.map((slot) => slot.final()), last];
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
    homes: [...carryHomes, ...ys.map((y) => home(elementView(y, index)))],
    pinned: (i) => i < consts.length || i >= consts.length + carry.length,
  });
  return outs.slice(0, carry.length).map((x) => (x.aval.ndim === 0 ? copied(ctx, x) : stable(ctx, x)));
}
