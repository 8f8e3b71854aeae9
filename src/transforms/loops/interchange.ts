import type { NDArray } from "../../core/array.ts";
import { type Atom, type Eqn, type Jaxpr, Literal, Var } from "../../core/jaxpr.ts";
import { note } from "../../core/journal.ts";
import { isCountedLoop, type LoopParams, loopInputs, loopOutputs } from "../../core/loop.ts";
import { ops } from "../../core/ops.ts";
import { evalJaxpr, literalValue } from "../../core/stage.ts";
import { splitAt } from "../../util/zip.ts";
import { bindLoop, type Role } from "./bind.ts";
import { isFixed, upTo } from "./rewrite.ts";
import { Stacks } from "./stacks.ts";

/**
 * Interchange. A loop over time whose body is a loop over layers, each of which gets its state from the step before, is
 * turned inside out: layers outside, time inside. A layer's weights stay in the cache for all of its steps, and what a layer
 * computes from its input alone, or only for its output, can then be done for all steps at once (hoist, sink).
 *
 *   before  scan t (states) { y, states' = scan l (x; w, states) { z', s' = cell(w, z, s) } } : y
 *   after   scan l (xs; w, states) { s', zs' = scan t (s; w, zs) { cell } } : zs'
 *
 * Requires that between the carry of the outer loop and the inner one there is nothing but elementwise work on stacks of one
 * entry per layer (a sum of cotangents, say), which moves into the loops. What else the body does before or after the inner
 * loop is done for all iterations at once. Every value is computed from the same operands as before.
 *
 * Worth it when the inner loop multiplies by weights of its own, which are the same in every iteration of the outer one. The
 * inner carry is stacked over time now, so it must not be large beside what the outer loop reads and stores anyway.
 */
export function interchangeLoops(eqn: Eqn, inputs: NDArray[]): NDArray[] {
  const p = eqn.params as LoopParams;
  const plan = planOf(p);
  if (!plan || !worthwhile(p, plan)) return eqn.primitive.bind(inputs, p);
  note(
    "interchanged",
    () => `a loop of ${p.length} around one of ${(plan.inner.params as LoopParams).length}`,
  );
  return turned(eqn, inputs, plan);
}

interface Interchange {
  readonly inner: Eqn;
  /** The inner loop and the elementwise work between it and the carry. */
  readonly core: readonly Eqn[];
  /** What the core may need, and what needs the core. */
  readonly before: readonly Eqn[];
  readonly after: readonly Eqn[];
}

function planOf(p: LoopParams): Interchange | undefined {
  const body = p.jaxpr;
  const [inner, ...others] = body.eqns.filter(isCountedLoop);
  if (!inner || others.length > 0 || body.hasEffects) return undefined;
  const late = new Set<Atom>(movingCarry(p));
  const isLate = (eqn: Eqn): boolean => eqn === inner || eqn.inputs.some((a) => late.has(a));
  const before = body.eqns.filter((eqn) => {
    if (isLate(eqn)) for (const v of eqn.outputs) late.add(v);
    return !isLate(eqn);
  });
  const rest = body.eqns.filter((eqn) => !before.includes(eqn));
  const wanted = new Set<Atom>([...loopOutputs(body.outs, p).carry, ...inner.inputs]);
  const core = new Set(upTo(rest, wanted)).add(inner);
  for (const eqn of core) if (eqn !== inner && !isPerLayer(eqn, inner)) return undefined;
  if (!takesStacks(inner, late) || !givesStacks(p, inner, late)) return undefined;
  return {
    inner,
    core: [...core].sort(inOrderOf(body.eqns)),
    before,
    after: rest.filter((e) => !core.has(e)),
  };
}

/** Carries that change. */
const movingCarry = (p: LoopParams): Var[] =>
  loopInputs(p.jaxpr.invars, p).carry.filter((c, i) => p.jaxpr.outs[i] !== c);

const inOrderOf =
  (eqns: readonly Eqn[]) =>
  (a: Eqn, b: Eqn): number =>
    eqns.indexOf(a) - eqns.indexOf(b);

/** Elementwise work on stacks with one entry per layer, which what the inner loop hands on is not. */
function isPerLayer({ primitive, inputs, outputs }: Eqn, inner: Eqn): boolean {
  const { length, numCarry } = inner.params as LoopParams;
  const { shape } = outputs[0]!.aval;
  const isStack = (a: Atom): boolean =>
    a instanceof Literal || (a.aval.shape.join() === shape.join() && !finalsOf(inner, numCarry).has(a));
  return primitive.kind === "map" && shape[0] === length && inputs.every(isStack);
}

const finalsOf = (inner: Eqn, numCarry: number): ReadonlySet<Atom> =>
  new Set(inner.outputs.slice(0, numCarry));

/** Whether late values enter the inner loop as xs only. */
function takesStacks(inner: Eqn, late: ReadonlySet<Atom>): boolean {
  const { consts, carry } = loopInputs(inner.inputs, inner.params as LoopParams);
  return [...consts, ...carry].every((a) => !late.has(a));
}

/** Whether the outer carry is made of late values that are not the inner loop's carry. */
function givesStacks(p: LoopParams, inner: Eqn, late: ReadonlySet<Atom>): boolean {
  const { numCarry } = inner.params as LoopParams;
  const finals = finalsOf(inner, numCarry);
  const ins = loopInputs(p.jaxpr.invars, p).carry;
  return loopOutputs(p.jaxpr.outs, p).carry.every((a, i) => a === ins[i] || (late.has(a) && !finals.has(a)));
}

function worthwhile(p: LoopParams, { inner }: Interchange): boolean {
  const q = inner.params as LoopParams;
  const bytes = (atoms: readonly Atom[]): number => atoms.reduce((n, a) => n + a.aval.byteLength, 0);
  const streamed = bytes(loopInputs(p.jaxpr.invars, p).xs) + bytes(loopOutputs(p.jaxpr.outs, p).ys);
  const fixed = isFixed(p.jaxpr, p);
  const weights = loopInputs(q.jaxpr.invars, q).xs.filter((_, i) =>
    fixed(loopInputs(inner.inputs, q).xs[i]!),
  );
  return multipliesBy(q.jaxpr, weights) && bytes(loopOutputs(inner.outputs, q).carry) <= 2 * streamed;
}

/** Whether a body contracts something with what is made of these variables alone. */
function multipliesBy(body: Jaxpr, weights: readonly Var[]): boolean {
  const own = new Set<Atom>(weights);
  return body.eqns.some((eqn) => {
    if (eqn.inputs.every((a) => own.has(a))) for (const v of eqn.outputs) own.add(v);
    return eqn.primitive.kind === "contract" && eqn.inputs.some((a) => own.has(a));
  });
}

/** An operand of the two loops, turned. */
interface Fed {
  readonly value: NDArray;
  /** How the loop over layers takes it, and how the loop over time takes one layer's share. */
  readonly layers: Role;
  readonly time: Role;
}

function turned(eqn: Eqn, inputs: NDArray[], plan: Interchange): NDArray[] {
  const p = eqn.params as LoopParams;
  const ins = loopInputs(p.jaxpr.invars, p);
  const args = loopInputs(inputs, p);
  const moving = new Map<Var, NDArray>();
  const stacks = Stacks.of(p, inputs);
  ins.carry.forEach((v, i) => {
    if (p.jaxpr.outs[i] === v) stacks.fix(v, args.carry[i]!);
    else moving.set(v, args.carry[i]!);
  });
  stacks.run(plan.before);
  const finals = runTurned(eqn, plan, moving, stacks);
  stacks.run(plan.after);
  const carry = ins.carry.map((v, i) => (moving.has(v) ? finals.shift()! : args.carry[i]!));
  return [...carry, ...loopOutputs(p.jaxpr.outs, p).ys.map((a) => stacks.stacked(a))];
}

/** Runs the two loops and returns the last states; leaves what the core made, and the states before each step, in `stacks`. */
function runTurned(
  eqn: Eqn,
  plan: Interchange,
  moving: ReadonlyMap<Var, NDArray>,
  stacks: Stacks,
): NDArray[] {
  const [p, q] = [eqn.params as LoopParams, plan.inner.params as LoopParams];
  const states = [...moving.keys()];
  const { carry: signals, consts } = loopInputs(plan.inner.inputs, q);
  const slices = slicesRead(plan, moving);
  const operands: Fed[] = [
    ...[...moving.values()].map((value): Fed => ({ value, layers: "x", time: "carry" })),
    ...consts.map(
      (a): Fed => ({ value: stacks.read(a), layers: "const", time: stacks.varies(a) ? "x" : "const" }),
    ),
    ...signals.map((a): Fed => ({ value: stacks.stacked(a), layers: "carry", time: "x" })),
    ...slices.map((a) => perLayer(a, stacks)),
  ];
  const made = plan.core.flatMap((e) => (e === plan.inner ? e.outputs.slice(q.numCarry) : e.outputs));
  const kept = [...new Set([...made, ...states])];
  const next = states.map((v) => p.jaxpr.outs[loopInputs(p.jaxpr.invars, p).carry.indexOf(v)]!);

  const cell = (values: NDArray[]): NDArray[] => {
    const [before, given, signal, read] = splitAt(values, states.length, consts.length, signals.length);
    const env = new Map<Atom, NDArray>();
    states.forEach((v, i) => env.set(v, before[i]!));
    slices.forEach((v, i) => env.set(v, read[i]!));
    const outs = runCore(plan, env, [...given, ...signal]);
    return [...next.map((a) => env.get(a)!), ...outs, ...kept.map((a) => env.get(a)!)];
  };
  const roles = operands.map((o) => o.time);
  const layer = (values: NDArray[]): NDArray[] => {
    const outs = bindLoop(eqn.primitive, p, values, roles, cell);
    const [finals, passed, rest] = splitAt(outs, states.length, q.numCarry);
    return [...passed, ...finals, ...rest];
  };
  const values = operands.map((o) => o.value);
  const outs = bindLoop(
    plan.inner.primitive,
    q,
    values,
    operands.map((o) => o.layers),
    layer,
  );
  const [passed, finals, rest] = splitAt(outs, q.numCarry, states.length);
  plan.inner.outputs.slice(0, q.numCarry).forEach((v, i) => stacks.put(v, passed[i]!));
  kept.forEach((v, i) => stacks.put(v, ops().moveAxis(rest[i]!, 1, 0)));
  return finals;
}

/** Stacks with one entry per layer that the core reads and does not make. */
function slicesRead({ core, inner }: Interchange, moving: ReadonlyMap<Var, NDArray>): Var[] {
  const made = new Set<Atom>(core.flatMap((e) => e.outputs));
  const read = core.flatMap((e) =>
    e === inner ? loopInputs(e.inputs, e.params as LoopParams).xs : e.inputs,
  );
  return [...new Set(read)].filter((a): a is Var => a instanceof Var && !made.has(a) && !moving.has(a));
}

const perLayer = (a: Var, stacks: Stacks): Fed =>
  stacks.varies(a)
    ? { value: ops().moveAxis(stacks.read(a), 1, 0), layers: "x", time: "x" }
    : { value: stacks.read(a), layers: "x", time: "const" };

/** One layer's share of the core in one step: `env` gets what it makes; returns the carry that the inner loop hands on. */
function runCore(
  { core, inner }: Interchange,
  env: Map<Atom, NDArray>,
  given: readonly NDArray[],
): NDArray[] {
  const q = inner.params as LoopParams;
  const read = (a: Atom): NDArray => (a instanceof Literal ? literalValue(a) : env.get(a)!);
  let passed: NDArray[] = [];
  for (const eqn of core) {
    const isInner = eqn === inner;
    const outs = isInner
      ? evalJaxpr(q.jaxpr, [...given, ...loopInputs(eqn.inputs, q).xs.map(read)])
      : eqn.primitive.bind(eqn.inputs.map(read), eqn.params);
    if (isInner) passed = outs.slice(0, q.numCarry);
    eqn.outputs.forEach((v, i) => env.set(v, outs[i]!));
  }
  return passed;
}
