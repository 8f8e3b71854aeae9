/** while loops: each part of the carry has one place, which the condition and the body read. */
import type { WhileSpec } from "../../core/lowering.ts";
import type { Expr } from "../ir/nodes.ts";
import { lowerBody } from "./body.ts";
import type { Context, Home } from "./context.ts";
import { copied, stable } from "./memory.ts";
import type { Value } from "./operands.ts";
import { copySlot, fixedSlot, registerSlot, type Slot, slotKind, updateSlot } from "./slots.ts";

export function lowerWhile(ctx: Context, spec: WhileSpec): Value[] {
  const fixed = (xs: readonly unknown[]): Value[] => (xs as Value[]).map((x) => stable(ctx, x));
  const [condConsts, bodyConsts] = [fixed(spec.condConsts), fixed(spec.bodyConsts)];
  const homes = ctx.claim(spec.body.outAvals);
  const slots = (spec.init as Value[]).map((x, i) => whileSlot(ctx, spec, i, x, homes[i]));
  let carry: readonly Value[] = [];
  ctx.code.while(
    () => {
      carry = slots.map((slot) => slot.enter());
      return condition(ctx, spec, [...condConsts, ...carry]);
    },
    () => iterate(ctx, spec, [...bodyConsts, ...carry], slots),
  );
  return slots.map((slot) => slot.final());
}

function whileSlot(
  ctx: Context,
  { body, bodyConsts }: WhileSpec,
  i: number,
  init: Value,
  wanted: Home | undefined,
): Slot {
  switch (slotKind(body, body.invars[bodyConsts.length + i]!, body.outs[i]!)) {
    case "fixed":
      return fixedSlot(ctx, init);
    case "register":
      return registerSlot(ctx, init, `c${i}`);
    case "update":
    case "replace":
      return updateSlot(ctx, init, wanted, `carry${i}`);
    case "general":
      return copySlot(ctx, init, `carry${i}`);
  }
}

/** The body still needs what the condition reads. */
function condition(ctx: Context, { cond }: WhileSpec, args: readonly Value[]): Expr {
  const [holds] = lowerBody(ctx, cond, args, { pinned: () => true });
  return holds!.at([]);
}

function iterate(
  ctx: Context,
  { body, bodyConsts }: WhileSpec,
  args: readonly Value[],
  slots: readonly Slot[],
): void {
  const outs = lowerBody(ctx, body, args, {
    homes: slots.map((slot) => slot.home),
    pinned: (i) => i < bodyConsts.length,
  });
  // Scalars first: they may be read from what the other slots are about to overwrite.
  const next = outs.map((x) => (x.aval.ndim === 0 ? copied(ctx, x) : x));
  for (const [i, slot] of slots.entries()) slot.leave(next[i]!);
}
