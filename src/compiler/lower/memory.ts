/** Putting values into memory: where, when, and when an array may be changed where it lies. */
import type { ShapedArray } from "../../core/aval.ts";
import type { Var } from "../../core/jaxpr.ts";
import { isOn } from "../../core/switches.ts";
import type { Buffer, Time } from "../ir/nodes.ts";
import type { Context, Home, Lowering } from "./context.ts";
import { Lazy, sameRegion, Uniform, type Value, View } from "./operands.ts";
import { isCheap } from "./probe.ts";

/** Stores every element of x into `target`, which has x's shape, and returns x as it lies there. */
export function storeInto({ code }: Context, x: Value, target: View): View {
  code.nest(x.aval.shape, "independent", (index) => target.put(code, index, x.at(index)));
  return target.since(code.now);
}

/** x in memory of its own. */
export const stored = (ctx: Context, x: Value): View => storeInto(ctx, x, ctx.temp(x.aval));

/** x where no later store can change it: scalars in a local, arrays in fresh memory. */
export function copied(ctx: Context, x: Value): Value {
  return x.aval.ndim === 0 ? new Uniform(x.aval, ctx.code.let(x.at([]))) : stored(ctx, x);
}

/** x as something that costs nothing to read again and again. */
export const stable = (ctx: Context, x: Value): Value =>
  x instanceof Lazy && !(x.aval.ndim > 0 && isCheap(ctx.code, x)) ? copied(ctx, x) : x;

/** x in memory, row-major without gaps. */
export const contiguous = (ctx: Context, x: Value): View =>
  x instanceof View && x.contiguous ? x : stored(ctx, x);

// Values that are read later.

interface Reader {
  readonly frame: Lowering;
  readonly v: Var;
  readonly value: Value;
}

/** The variables, of all jaxprs around the current equation, that are read after it and read `buffer`. */
function laterReaders({ frames }: Context, buffer: Buffer): Reader[] {
  return frames.flatMap((frame) =>
    [...frame.env].flatMap(([v, value]) =>
      value.reads(buffer) && frame.isLive(v) ? [{ frame, v, value }] : [],
    ),
  );
}

/** A copy made now must be there whenever the variable is read: so not in a branch or loop inside of its jaxpr. */
const canEvict = (ctx: Context, { frame, v }: Reader): boolean =>
  !frame.pinned.has(v) && frame.block === ctx.code.block;

function evict(ctx: Context, readers: readonly Reader[]): void {
  for (const { frame, v, value } of readers) frame.env.set(v, copied(ctx, value));
}

// Changing arrays where they lie.

/** Memory that may be overwritten by an update of x whose result is wanted in `home`, as far as x itself can tell. */
function ownable(x: Value, home: Home | undefined): x is View {
  if (!(x instanceof View && x.contiguous && isOn("inPlace"))) return false;
  return home ? sameRegion(x, home.view) : x.buffer.role === "temp";
}

/**
 * Before an equation that updates operand `at`: whoever else reads that operand's memory gets a copy, when this is less
 * work than copying the operand. Returns the operands to use.
 */
export function isolate(
  ctx: Context,
  args: readonly Value[],
  at: number,
  home: Home | undefined,
): readonly Value[] {
  const x = args[at];
  if (!x || !ownable(x, home)) return args;
  const readers = laterReaders(ctx, x.buffer);
  const beside = args.filter((arg, i) => i !== at && arg.reads(x.buffer));
  const work = [...readers.map((r) => r.value), ...beside].reduce((sum, value) => sum + value.aval.size, 0);
  if (!readers.every((r) => canEvict(ctx, r)) || !(home?.inPlace || work < x.aval.size)) return args;
  evict(ctx, readers);
  return args.map((arg, i) => (i !== at && arg.reads(x.buffer) ? copied(ctx, arg) : arg));
}

/** Whether nothing but the current equation's update of x reads x's memory, and no other memory is wanted for the result. */
export const isOwned = (ctx: Context, x: Value, home?: Home): x is View =>
  ownable(x, home) &&
  ctx.equation.args.filter((arg) => arg.reads(x.buffer)).length <= 1 &&
  laterReaders(ctx, x.buffer).length === 0;

/** Memory with the contents of x that may be changed: x's own when nothing else reads it, else a copy. */
export const own = (ctx: Context, x: Value, home?: Home, name?: string): View =>
  isOwned(ctx, x, home) ? x : storeInto(ctx, x, place(ctx, x.aval, home, name));

/**
 * The view's memory as it is now: what `x` is there, but for what was stored after `from`. Other memory holds a copy of x, which is
 * no concern of whoever stores to x's.
 */
export function revised({ code }: Context, view: View, x: Value, from: Time, carried = false): View {
  const { now: since } = code;
  const of = x instanceof View && sameRegion(x, view) ? x.promises.since : undefined;
  if (of !== undefined && of < since)
    code.revisions.push({ buffer: view.buffer, since, from: carried ? of : from, of, carried });
  return view.since(since);
}

/** Whether neither the current equation nor anything later reads the buffer. */
const isUnread = (ctx: Context, buffer: Buffer): boolean =>
  !ctx.equation.args.some((arg) => arg.reads(buffer)) && laterReaders(ctx, buffer).length === 0;

/** The memory to build a result in: its home, unless that still holds something that is read. */
export const place = (ctx: Context, type: ShapedArray, home: Home | undefined, name?: string): View =>
  home && (!home.inPlace || isUnread(ctx, home.view.buffer)) ? home.view.as(type) : ctx.temp(type, name);

/**
 * x in its home. Who reads what is overwritten there gets a copy; code around a branch or loop that this is in reads other parts of
 * the memory, or the home would not be in place.
 */
export function deliver(ctx: Context, x: Value, home: Home, claimed: boolean): Value {
  const { view, inPlace } = home;
  const memory = x instanceof Uniform ? x.memory : x;
  if (memory instanceof View && sameRegion(memory, view)) return x;
  const source = (inPlace || claimed) && x.reads(view.buffer) ? copied(ctx, x) : x;
  if (inPlace)
    evict(
      ctx,
      laterReaders(ctx, view.buffer).filter((reader) => canEvict(ctx, reader)),
    );
  if (x.aval.ndim > 0) return storeInto(ctx, source, view.as(x.aval));
  const value = ctx.code.let(source.at([]));
  view.put(ctx.code, [], value);
  return new Uniform(x.aval, value, view);
}
