/**
 * Rewrites a counted loop so that some of its results are computed after it from values that it stores instead.
 */
import type { NDArray } from "../../core/array.ts";
import { type Atom, type Eqn, Jaxpr, Literal, Var } from "../../core/jaxpr.ts";
import { type LoopParams, loopInputs, loopOutputs } from "../../core/loop.ts";
import { dceJaxpr } from "../dce.ts";
import { Stacks } from "./stacks.ts";

/** A result that is computed after the loop. */
export interface Deferred {
  /** Variables of the body of which every iteration's value is read. */
  readonly needs: readonly Var[];
  compute(stacks: Stacks): NDArray;
}

/** Atoms of the body that are the same in every iteration. */
export function isFixed(body: Jaxpr, p: LoopParams): (a: Atom) => boolean {
  const consts = new Set<Atom>(body.invars.slice(0, p.numConsts));
  return (a) => a instanceof Literal || consts.has(a);
}

/**
 * Runs the loop without the outputs in `deferred` (by position among all results) and computes those afterwards.
 * A deferred carry must not be read by the rest of the body.
 */
export function runDeferred(eqn: Eqn, inputs: NDArray[], deferred: ReadonlyMap<number, Deferred>): NDArray[] {
  const p = eqn.params as LoopParams;
  const body = p.jaxpr;
  const ins = loopInputs(body.invars, p);
  const args = loopInputs(inputs, p);
  const outs = loopOutputs(body.outs, p);
  const keptCarry = ins.carry.map((_, i) => !deferred.has(i));
  const keptYs = outs.ys.filter((_, i) => !deferred.has(p.numCarry + i));
  const stored = newlyStored(deferred, [...ins.xs, ...keptYs]);

  const whole = new Jaxpr(
    [...ins.consts, ...ins.carry.filter((_, i) => keptCarry[i]), ...ins.xs],
    body.eqns,
    [...outs.carry.filter((_, i) => keptCarry[i]), ...keptYs, ...stored],
  );
  const numCarry = keptCarry.filter(Boolean).length;
  const keepIns = whole.invars.map((_, i) => i >= p.numConsts && i < p.numConsts + numCarry);
  const { jaxpr, usedIns } = dceJaxpr(
    whole,
    whole.outs.map(() => true),
    keepIns,
  );
  const operands = [...args.consts, ...args.carry.filter((_, i) => keptCarry[i]), ...args.xs].filter(
    (_, i) => usedIns[i],
  );
  const numConsts = usedIns.slice(0, p.numConsts).filter(Boolean).length;
  const results = eqn.primitive.bind(operands, { ...p, jaxpr, numConsts, numCarry });

  const stacks = Stacks.of(p, inputs);
  [...keptYs, ...stored].forEach((a, i) => a instanceof Var && stacks.put(a, results[numCarry + i]!));
  const inOrder = [...results];
  return body.outs.map((_, i) => deferred.get(i)?.compute(stacks) ?? inOrder.shift()!);
}

/** What the deferred results need and the loop does not store yet. */
export function newlyStored(deferred: ReadonlyMap<number, Deferred>, available: readonly Atom[]): Var[] {
  const have = new Set<Atom>(available);
  return [...new Set([...deferred.values()].flatMap((d) => d.needs))].filter((v) => !have.has(v));
}

/** The equations that make `wanted`, all of them among `eqns`. */
export function upTo(eqns: readonly Eqn[], wanted: ReadonlySet<Atom>): Eqn[] {
  const needed = new Set(wanted);
  const found = [...eqns].reverse().filter((eqn) => {
    if (!eqn.outputs.some((v) => needed.has(v))) return false;
    for (const a of eqn.inputs) needed.add(a);
    return true;
  });
  return found.reverse();
}
