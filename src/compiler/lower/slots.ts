/** Where a loop keeps one part of its carry. */
import type { ShapedArray } from "../../core/aval.ts";
import { type Jaxpr, Var } from "../../core/jaxpr.ts";
import { isOn } from "../../core/switches.ts";
import { addAffine, constant, localExpr, scaleAffine, subAffine } from "../ir/build.ts";
import type { Affine, Local } from "../ir/nodes.ts";
import { type Context, type Home, home, keeping } from "./context.ts";
import { own, revised, stable, storeInto } from "./memory.ts";
import { elementView, Uniform, type Value, type View, withShape } from "./operands.ts";
import { isReplacement, updatePath } from "./usage.ts";

export interface Slot {
  /** The carry as one iteration reads it. */
  enter(): Value;
  /** Where the iteration's new carry goes, if it has a place. */
  readonly home: Home | undefined;
  /** Ends the iteration; `next` is in its home. */
  leave(next: Value): void;
  /** The carry after the loop. */
  final(): Value;
}

/** How a loop with a body like this treats carry `i`: invars[first + i] → outs[i]. */
export type SlotKind = "fixed" | "register" | "update" | "replace" | "general";
export function slotKind(jaxpr: Jaxpr, invar: Var, out: Jaxpr["outs"][number]): SlotKind {
  if (out === invar) return "fixed";
  if (invar.aval.ndim === 0) return "register";
  if (!(out instanceof Var) || !isOn("inPlace")) return "general";
  return updatePath(jaxpr, invar, out) ? "update" : isReplacement(jaxpr, invar, out) ? "replace" : "general";
}

/** A carry that never changes. */
export function fixedSlot(ctx: Context, init: Value): Slot {
  const value = stable(ctx, init);
  return { home: undefined, enter: () => value, leave: () => {}, final: () => value };
}

/** A scalar in a mutable local. An iteration reads a snapshot, so the order of the slots' `leave`s does not matter. */
export function registerSlot(ctx: Context, init: Value, name: string): Slot {
  const { code } = ctx;
  const local: Local = code.local(name, init.aval.dtype);
  code.emit({ kind: "var", local, init: init.at([]) });
  const read = (): Value => new Uniform(init.aval, code.snapshot(localExpr(local), `${name}_in`));
  return {
    home: undefined,
    enter: read,
    leave: (next) => code.emit({ kind: "set", local, value: next.at([]) }),
    final: read,
  };
}

/** A carry that every iteration updates in place, or makes anew when it has been read for the last time. */
export function updateSlot(ctx: Context, init: Value, wanted: Home | undefined, name: string): Slot {
  const from = ctx.code.now;
  const view = revised(ctx, own(ctx, init, wanted, name), init, from);
  const read = (): View => revised(ctx, view, view, from, true);
  return { home: home(view, true), enter: read, leave: () => {}, final: read };
}

/** Two rows that take turns: an iteration of parity p reads row p and writes row 1 - p. */
export function ringSlot(ctx: Context, init: Value, trips: number, parity: () => Affine, name: string): Slot {
  const type = init.aval;
  const rows = ctx.temp(withShape(type, [2, ...type.shape]), name);
  const row = (i: Affine): View => elementView(rows, i, type);
  storeInto(ctx, init, row(constant(0)));
  return {
    get home() {
      return home(row(addAffine(constant(1), scaleAffine(parity(), -1))));
    },
    enter: () => row(parity()).since(ctx.code.now),
    leave: () => {},
    final: () => row(constant(trips % 2)).since(ctx.code.now),
  };
}

/** What a loop inside reads while it makes a carry as a stack of its own: the same rows, from one before (after) them on. */
export interface InnerRead {
  /** The y of the outer loop that collects these stacks. */
  readonly y: number;
  readonly reverse: boolean;
}

/** Memory for all carries of a loop, one row each; for an inner read every row gets one row of its own beside it. */
export function historyRows(
  ctx: Context,
  type: ShapedArray,
  trips: number,
  name: string,
  inner?: InnerRead,
): View {
  const rows = withShape(type, [trips + 1, ...type.shape]);
  if (!inner) return ctx.temp(rows, name);
  const [length, ...rest] = type.shape;
  const wide = ctx.temp(withShape(type, [trips + 1, length! + 1, ...rest]), name);
  return wide.part(rows, constant(inner.reverse ? 0 : wide.strides[1]!));
}

/**
 * A carry with a history: the iteration at index i reads one row and writes the next (the previous, when the loop runs
 * backwards). For a carry whose values are wanted as ys anyway, so that nothing is stored twice.
 */
export function historySlot(
  ctx: Context,
  init: Value,
  rows: View,
  reverse: boolean,
  step: () => Affine,
): Slot {
  const type = init.aval;
  const trips = rows.aval.shape[0]! - 1;
  const row = (i: Affine): View => elementView(rows, i, type);
  const [first, last] = reverse ? [trips, 0] : [0, trips];
  const kept = keeping();
  storeInto(ctx, init, row(constant(first)).keeping(kept));
  kept.since = ctx.code.now;
  const at = (ahead: number): Affine =>
    reverse ? subAffine(constant(trips - ahead), step()) : addAffine(step(), constant(ahead));
  return {
    get home() {
      return home(row(at(1)));
    },
    enter: () => row(at(0)).since(ctx.code.now),
    leave: () => {},
    final() {
      kept.until = ctx.code.now;
      return row(constant(last)).since(ctx.code.now);
    },
  };
}

/** One buffer; an iteration computes its new carry beside it, which is copied when the iteration is over. */
export function copySlot(ctx: Context, init: Value, name: string): Slot {
  const type: ShapedArray = init.aval;
  const view = storeInto(ctx, init, ctx.temp(type, name));
  const read = (): View => view.since(ctx.code.now);
  return {
    home: home(ctx.temp(type)),
    enter: read,
    leave: (next) => storeInto(ctx, next, view),
    final: read,
  };
}
