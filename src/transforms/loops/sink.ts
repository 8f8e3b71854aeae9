import type { NDArray } from "../../core/array.ts";
import { type Atom, type Eqn, eqnHasEffects, type Jaxpr, Var } from "../../core/jaxpr.ts";
import { note } from "../../core/journal.ts";
import { type LoopParams, loopInputs, loopOutputs, useDef } from "../../core/loop.ts";
import { type Deferred, isFixed, newlyStored, runDeferred, upTo } from "./rewrite.ts";

/**
 * Sinking. Contractions that only feed ys are done for all iterations at once after the loop, by their batching rule over
 * time; the loop stores their operands instead.
 *
 *   before  scan { y = dot a b } : ys
 *   after   scan { } : as, bs;   ys = vmap(dot)(as, bs)
 *
 * Worth it when the operands that must be stored anew are not larger than the ys that the loop no longer stores.
 */
export function sinkContractions(eqn: Eqn, inputs: NDArray[]): NDArray[] {
  const p = eqn.params as LoopParams;
  const deferred = plannedSinks(p);
  for (const out of deferred.keys())
    note("sunk", () => `what makes ${p.jaxpr.outs[out]!.aval.short()} behind a loop of ${p.length}`);
  return deferred.size ? runDeferred(eqn, inputs, deferred) : eqn.primitive.bind(inputs, p);
}

function plannedSinks(p: LoopParams): Map<number, Deferred> {
  const body = p.jaxpr;
  const sunk = sinkable(body, p);
  const ys = loopOutputs(body.outs, p).ys;
  const made = new Set<Atom>([...sunk].flatMap((i) => body.eqns[i]!.outputs));
  const plans = new Map<number, Deferred>();
  ys.forEach((y, i) => made.has(y) && plans.set(p.numCarry + i, sinkOne(body, p, sunk, y as Var)));
  const kept = ys.filter((y) => !made.has(y));
  const bytes = (atoms: Iterable<Atom>): number => [...atoms].reduce((n, a) => n + a.aval.byteLength, 0);
  const extra = newlyStored(plans, [...loopInputs(body.invars, p).xs, ...kept]);
  return bytes(extra) <= bytes(new Set(ys.filter((y) => made.has(y)))) ? plans : new Map();
}

/** Positions of the contractions whose result reaches ys only, and of everything that follows from them. */
function sinkable(body: Jaxpr, p: LoopParams): Set<number> {
  const { readers } = useDef(body);
  const carried = new Set<Atom>(loopOutputs(body.outs, p).carry);
  const feedsYsOnly = new Set<number>();
  const sunk = new Set<number>();
  for (let i = body.eqns.length - 1; i >= 0; i--) {
    const eqn = body.eqns[i]!;
    const uses = eqn.outputs.flatMap((v) => readers.get(v) ?? []);
    const free =
      eqn.outputs.every((v) => !carried.has(v)) && uses.every((at) => at === -1 || feedsYsOnly.has(at));
    if (free && !eqnHasEffects(eqn) && ["contract", "view", "map", "reduce"].includes(eqn.primitive.kind))
      feedsYsOnly.add(i);
  }
  // Forwards: a contraction starts a sunk part, and what reads a sunk value is sunk with it.
  const made = new Set<Atom>();
  body.eqns.forEach((eqn, i) => {
    if (!feedsYsOnly.has(i)) return;
    if (eqn.primitive.kind !== "contract" && !eqn.inputs.some((a) => made.has(a))) return;
    sunk.add(i);
    for (const v of eqn.outputs) made.add(v);
  });
  return sunk;
}

/** The part of the body that computes y from values that are not sunk, for all iterations at once. */
function sinkOne(body: Jaxpr, p: LoopParams, sunk: ReadonlySet<number>, y: Var): Deferred {
  const eqns = upTo(
    body.eqns.filter((_, i) => sunk.has(i)),
    new Set<Atom>([y]),
  );
  const inside = new Set<Atom>(eqns.flatMap((e) => e.outputs));
  const frontier = new Set(
    eqns.flatMap((e) => e.inputs).filter((a): a is Var => a instanceof Var && !inside.has(a)),
  );
  const fixed = isFixed(body, p);
  return {
    needs: [...frontier].filter((v) => !fixed(v)),
    compute(stacks) {
      stacks.run(eqns);
      return stacks.stacked(y);
    },
  };
}
