import type { NDArray } from "../../core/array.ts";
import { type Atom, type Eqn, type Jaxpr, Literal, type Var } from "../../core/jaxpr.ts";
import { note } from "../../core/journal.ts";
import { type LoopParams, loopInputs, loopOutputs, useDef } from "../../core/loop.ts";
import { ops } from "../../core/ops.ts";
import { type Deferred, isFixed, newlyStored, runDeferred } from "./rewrite.ts";
import { planTimeSum } from "./sum.ts";

/**
 * Deferred accumulation. A carry that every iteration only adds to (the cotangent of a constant in a transposed loop) is a sum
 * over time: `c ← c + dot(a_t, b_t)` becomes "store a_t and b_t, contract once over time and batch after the loop".
 *
 *   before  scan { c' = add c (dot a b) } : c
 *   after   scan { } : as, bs;   c = init + dot(as, bs) contracting time, too
 *
 * Worth it when what has to be stored anew is smaller than the accumulator that no longer moves through memory twice per step.
 */
export function deferSums(eqn: Eqn, inputs: NDArray[]): NDArray[] {
  const p = eqn.params as LoopParams;
  const deferred = plannedSums(p, loopInputs(inputs, p).carry);
  for (const slot of deferred.keys())
    note("deferred", () => `the sum ${p.jaxpr.outs[slot]!.aval.short()} over ${p.length} iterations`);
  return deferred.size ? runDeferred(eqn, inputs, deferred) : eqn.primitive.bind(inputs, p);
}

function plannedSums(p: LoopParams, init: readonly NDArray[]): Map<number, Deferred> {
  const body = p.jaxpr;
  const fixed = isFixed(body, p);
  const available = [...loopInputs(body.invars, p).xs, ...loopOutputs(body.outs, p).ys];
  const candidates = accumulators(body, p).map(({ slot, term }) => {
    const sum = planTimeSum(body, term, (a) => !fixed(a));
    const plan: Deferred = {
      needs: sum.needs,
      compute: (stacks) => ops().add(init[slot]!, sum.compute(stacks)),
    };
    return { slot, plan };
  });
  const bytes = (vars: readonly Atom[]): number => vars.reduce((n, v) => n + v.aval.byteLength, 0);
  const chosen = new Map<number, Deferred>();
  // The sums that save most come first; those whose needs are stored by then cost nothing.
  candidates.sort((a, b) => init[b.slot]!.size - init[a.slot]!.size);
  for (const { slot, plan } of candidates) {
    const extra = newlyStored(new Map([...chosen, [slot, plan]]), available);
    const before = newlyStored(chosen, available);
    if (bytes(extra) - bytes(before) <= 2 * init[slot]!.aval.byteLength) chosen.set(slot, plan);
  }
  return chosen;
}

/** Carries c whose only use is `c' = c + term`, where the term does not contain c. */
function accumulators(body: Jaxpr, p: LoopParams): { slot: number; term: Var }[] {
  const { producer, readers } = useDef(body);
  const ins = loopInputs(body.invars, p).carry;
  return ins.flatMap((c, slot) => {
    const out = body.outs[slot]!;
    const at = out instanceof Literal ? undefined : producer.get(out);
    if (at === undefined || readers.get(out)!.length !== 1 || readers.get(c)?.length !== 1) return [];
    const { primitive, inputs } = body.eqns[at]!;
    const term = inputs.find((a) => a !== c);
    const adds = primitive.accumulates && inputs.includes(c) && term && !(term instanceof Literal);
    return adds && term.aval.size === c.aval.size ? [{ slot, term }] : [];
  });
}
