/** Lowers the equations of a jaxpr, one after the other, and decides which results are stored. */

import { assert } from "../../core/errors.ts";
import { type Atom, type Eqn, type Jaxpr, Var } from "../../core/jaxpr.ts";
import type { PrimitiveKind } from "../../core/primitive.ts";
import { type Context, type Home, type Homes, Lowering } from "./context.ts";
import { copied, deliver, isolate, stable } from "./memory.ts";
import { Lazy, sameArray, type Value, View } from "./operands.ts";
import { simplest } from "./probe.ts";
import { updatedInput, updatePath } from "./usage.ts";

/** A lazy value that reads through more than this many others is stored: expressions stay small. */
const MAX_DEPTH = 48;

interface BodyOptions {
  /** Where results are wanted; a result with a home is in it afterwards. */
  readonly homes?: Homes;
  /** How many leading arguments keep their contents: they are read again by whoever runs after this code. */
  readonly pinned?: (argument: number) => boolean;
}

const NO_HOMES: Homes = [];

/** Lowers `jaxpr` here and returns its results. */
export function lowerBody(
  ctx: Context,
  jaxpr: Jaxpr,
  args: readonly Value[],
  options: BodyOptions = {},
): Value[] {
  const { homes = NO_HOMES, pinned = () => false } = options;
  const frame = new Lowering(jaxpr, args, ctx.code.block, new Set(jaxpr.invars.filter((_, i) => pinned(i))));
  const homeOf = homesOfVars(jaxpr, homes);
  ctx.frames.push(frame);
  for (const i of frame.usage.live) {
    frame.position = i;
    lowerEqn(ctx, frame, jaxpr.eqns[i]!, homeOf);
  }
  // All results are live until all are delivered: a delivery may overwrite what another result is read from.
  const delivered = jaxpr.outs.map((atom, i) => {
    const home = homes[i];
    return home && homeOf.get(atom) !== home ? deliver(ctx, frame.read(atom), home, false) : undefined;
  });
  ctx.frames.pop();
  return jaxpr.outs.map((atom, i) => delivered[i] ?? frame.read(atom));
}

/**
 * One home per variable that an equation makes: that of the value it updates comes first, for others it is the first result. What
 * lies between a value and its update is at home there, too.
 */
function homesOfVars(jaxpr: Jaxpr, homes: Homes): Map<Atom, Home> {
  const { invars, outs } = jaxpr;
  const found = new Map<Atom, Home>();
  const made = (atom: Atom): boolean => atom instanceof Var && !invars.includes(atom);
  outs.forEach((atom, i) => {
    const home = homes[i];
    if (!home || !made(atom) || (!home.inPlace && found.has(atom))) return;
    const path = home.inPlace ? invars.map((v) => updatePath(jaxpr, v, atom)).find((p) => p) : undefined;
    for (const v of [atom, ...(path ?? [])]) if (made(v)) found.set(v, home);
  });
  return found;
}

function lowerEqn(ctx: Context, frame: Lowering, eqn: Eqn, homeOf: ReadonlyMap<Atom, Home>): void {
  const { primitive, params, outputs } = eqn;
  const homes = outputs.map((v) => homeOf.get(v));
  const outs = outputs.map((v) => v.aval);
  const args = operands(ctx, frame, eqn, homes);
  ctx.inEquation(primitive.name, args, outs, homes, () => {
    const results = primitive.lower(ctx.emitter, [...args], params, outs) as Value[];
    assert(results.length === outs.length, `${primitive.name} was lowered to ${results.length} results`);
    results.forEach((x, i) => {
      assert(
        sameArray(x.aval, outs[i]!),
        `result ${i} of ${primitive.name} is ${outs[i]}, lowered to ${x.aval}`,
      );
      const v = outputs[i]!;
      if (!frame.usage.isUsed(v)) return;
      frame.env.set(v, complete(ctx, settle(ctx, frame, v, x, homes[i], primitive.kind)));
    });
  });
  frame.release(eqn.inputs);
}

function operands(ctx: Context, frame: Lowering, eqn: Eqn, homes: Homes): readonly Value[] {
  const args = eqn.inputs.map((atom) => frame.read(atom));
  return eqn.outputs.reduce<readonly Value[]>((now, _, k) => {
    const at = updatedInput(eqn, k);
    return at < 0 ? now : isolate(ctx, now, at, homes[k]);
  }, args);
}

/** The value as it is now, whatever is stored later. */
const complete = ({ code }: Context, x: Value): Value =>
  x instanceof View && x.promises.since === undefined ? x.since(code.now) : x;

/** Kinds whose results may be nothing but another way to look at an operand. */
const VIEWS: ReadonlySet<PrimitiveKind> = new Set<PrimitiveKind>(["view", "expand", "gather", "generate"]);

/** What later equations read for v: x itself when that costs nothing, else x stored. */
function settle(
  ctx: Context,
  frame: Lowering,
  v: Var,
  x: Value,
  home: Home | undefined,
  kind: PrimitiveKind,
): Value {
  if (home) return deliver(ctx, x, home, ctx.equation.claimed);
  const simple = VIEWS.has(kind) ? simplest(ctx.code, x) : x;
  if (!(simple instanceof Lazy)) return simple;
  if (simple.depth > MAX_DEPTH) return copied(ctx, simple);
  return frame.usage.readOnce(v) ? simple : stable(ctx, simple);
}
