/** What the equations of a jaxpr do with each variable: who uses it, for how long, and whether storing it can be saved. */
import { type Atom, type Eqn, eqnHasEffects, type Jaxpr, subJaxprs, Var } from "../../core/jaxpr.ts";
import { isCountedLoop, type LoopParams, type WhileParams } from "../../core/loop.ts";
import type { PrimitiveKind } from "../../core/primitive.ts";
import { equalShape } from "../../util/shape.ts";
import { sameArray } from "./operands.ts";

/** Position of the results of a jaxpr, after all equations. */
const AT_END: number = Number.POSITIVE_INFINITY;

const sameShape = (a: Atom, b: Atom): boolean => equalShape(a.aval.shape, b.aval.shape);
const READS_ONCE: ReadonlySet<PrimitiveKind> = new Set<PrimitiveKind>(["map", "view", "reduce"]);

export class Usage {
  readonly jaxpr: Jaxpr;
  /** Positions of the equations that have an effect or a result that is used. */
  readonly live: readonly number[];
  /** Every use of a variable by a live equation or a result: positions in order, repeated when used repeatedly. */
  readonly #uses = new Map<Var, number[]>();
  readonly #producers = new Map<Var, number>();

  constructor(jaxpr: Jaxpr) {
    this.jaxpr = jaxpr;
    this.live = liveEquations(jaxpr);
    for (const i of this.live) {
      for (const atom of jaxpr.eqns[i]!.inputs) this.#use(atom, i);
      for (const v of jaxpr.eqns[i]!.outputs) this.#producers.set(v, i);
    }
    for (const atom of jaxpr.outs) this.#use(atom, AT_END);
  }

  #use(atom: Atom, at: number): void {
    if (!(atom instanceof Var)) return;
    const known = this.#uses.get(atom);
    if (known) known.push(at);
    else this.#uses.set(atom, [at]);
  }

  lastUse(v: Var): number {
    return this.#uses.get(v)?.at(-1) ?? -1;
  }
  isUsed(v: Var): boolean {
    return this.#uses.has(v);
  }
  /** The equation that makes v, undefined for arguments. */
  producer(v: Var): number | undefined {
    return this.#producers.get(v);
  }

  /** Each element of v is read at most once, so computing it where it is read costs nothing. */
  readOnce(v: Var): boolean {
    const uses = this.#uses.get(v) ?? [];
    const [at] = uses;
    if (at === undefined) return true;
    if (at === AT_END) return uses.length === 1;
    return uses.every((use) => use === at) && readsOnce(this.jaxpr.eqns[at]!, v, uses.length);
  }
}

/** A map reads its operands at one position, where repeated reads are one; a call reads as the jaxpr that it calls. */
function readsOnce(eqn: Eqn, v: Var, times: number): boolean {
  const { kind } = eqn.primitive;
  if (kind === "call" && times === 1) return calleeReadsOnce(eqn, v);
  if (kind === "map") return eqn.outputs.every((out) => sameShape(out, v));
  return times === 1 && READS_ONCE.has(kind);
}

function calleeReadsOnce(eqn: Eqn, v: Var): boolean {
  const [callee] = subJaxprs(eqn.params);
  const inner =
    callee?.invars.length === eqn.inputs.length ? callee.invars[eqn.inputs.indexOf(v)] : undefined;
  return inner !== undefined && usageOf(callee!).readOnce(inner);
}

function liveEquations({ eqns, outs }: Jaxpr): number[] {
  const needed = new Set<Atom>(outs);
  const live: number[] = [];
  for (let i = eqns.length - 1; i >= 0; i--) {
    const eqn = eqns[i]!;
    if (!eqnHasEffects(eqn) && !eqn.outputs.some((v) => needed.has(v))) continue;
    live.push(i);
    for (const atom of eqn.inputs) needed.add(atom);
  }
  return live.reverse();
}

const usages = new WeakMap<Jaxpr, Usage>();

export function usageOf(jaxpr: Jaxpr): Usage {
  let usage = usages.get(jaxpr);
  if (!usage) usages.set(jaxpr, (usage = new Usage(jaxpr)));
  return usage;
}

/**
 * The values between `invar` and `out`, the last one first, when `out` is `invar` after a chain of updates, each of which is the
 * last reader of what it updates: then all of them can live in one buffer.
 */
export function updatePath(jaxpr: Jaxpr, invar: Var, out: Atom): Var[] | undefined {
  const path: Var[] = [];
  for (let v = out; v !== invar; v = path.at(-1)!) {
    const from = v instanceof Var ? updatedBy(jaxpr, v) : undefined;
    if (!from) return undefined;
    path.push(from);
  }
  return path;
}

/** What v is an update of, if the equation that makes v is the last to read that. */
function updatedBy(jaxpr: Jaxpr, v: Var): Var | undefined {
  const usage = usageOf(jaxpr);
  const at = usage.producer(v);
  if (at === undefined) return undefined;
  const eqn = jaxpr.eqns[at]!;
  const x = eqn.inputs[updatedInput(eqn, eqn.outputs.indexOf(v))];
  const readOnce = eqn.inputs.filter((y) => y === x).length === 1;
  return x instanceof Var && readOnce && usage.lastUse(x) === at ? x : undefined;
}

/** As {@link updatePath}, when only whether there is one matters. */
const isUpdateOf = (jaxpr: Jaxpr, invar: Var, out: Atom): boolean =>
  updatePath(jaxpr, invar, out) !== undefined;

/**
 * The operand that result `k` of an equation is an update of, -1 if none: the first of a "write" with the result's type, a carry
 * that the body of a loop updates, an operand that every branch updates or returns.
 */
export function updatedInput(eqn: Eqn, k: number): number {
  const { primitive, inputs, outputs } = eqn;
  const like = (i: number): boolean => sameArray(inputs[i]!.aval, outputs[k]!.aval);
  if (primitive.kind === "write") return inputs.length > 0 && like(0) ? 0 : -1;
  const bodies = bodiesOf(eqn);
  const updates = (i: number): boolean =>
    like(i) &&
    bodies.every(({ jaxpr, first }) => isUpdateOf(jaxpr, jaxpr.invars[i - first]!, jaxpr.outs[k]!));
  return bodies.length ? inputs.findIndex((_, i) => bodies.every((b) => b.takes(i, k)) && updates(i)) : -1;
}

interface Body {
  readonly jaxpr: Jaxpr;
  /** The operand that is its first argument. */
  readonly first: number;
  /** Whether result k can be operand i. */
  takes(i: number, k: number): boolean;
}

/** What an equation runs to make its results. */
function bodiesOf(eqn: Eqn): Body[] {
  const { primitive, params } = eqn;
  const jaxprs = subJaxprs(params);
  if (primitive.kind === "branch") return jaxprs.map((jaxpr) => ({ jaxpr, first: 1, takes: (i) => i > 0 }));
  if (primitive.kind === "call")
    return jaxprs
      .slice(0, 1)
      .filter(({ invars }) => invars.length === eqn.inputs.length)
      .map((jaxpr) => ({ jaxpr, first: 0, takes: () => true }));
  if (primitive.kind !== "loop") return [];
  if (!isCountedLoop(eqn)) {
    const { bodyJaxpr, condNconsts, bodyNconsts } = params as WhileParams;
    return [{ jaxpr: bodyJaxpr, first: condNconsts, takes: (i, k) => i === condNconsts + bodyNconsts + k }];
  }
  const { jaxpr, numConsts, numCarry } = params as LoopParams;
  return [{ jaxpr, first: 0, takes: (i, k) => k < numCarry && i === numConsts + k }];
}

/**
 * Whether `out` is made after all loops that read `invar`, and nothing else reads it: then both can live in one buffer. Loops
 * have read an operand when they end; other equations may be computed later, where they are read.
 */
export function isReplacement(jaxpr: Jaxpr, invar: Var, out: Var): boolean {
  const usage = usageOf(jaxpr);
  const readers = usage.live.filter((i) => jaxpr.eqns[i]!.inputs.includes(invar));
  const made = usage.producer(out) ?? -1;
  return (
    sameShape(invar, out) &&
    usage.lastUse(invar) < made &&
    readers.every((i) => jaxpr.eqns[i]!.primitive.kind === "loop")
  );
}
