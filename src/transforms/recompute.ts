import { type Atom, type Eqn, Jaxpr, Literal, Var } from "../core/jaxpr.ts";
import { note } from "../core/journal.ts";
import { useDef } from "../core/loop.ts";
import type { PartialJaxpr } from "./partial-eval.ts";

/**
 * Recomputes cheap residuals where they are needed instead of storing them: `1 - tanh(x)` beside a stored `tanh(x)`.
 *
 *   before  known … → (…, a, b) with b = sub 1 a;  staged(a, b, …)
 *   after   known … → (…, a);                      staged(a, …) with b = sub 1 a
 *
 * `free` says which inputs of the known part cost nothing as residuals. Requires that a residual is a variable.
 */
export function recomputeCheap(parts: PartialJaxpr, free: readonly boolean[]): PartialJaxpr {
  const { known, staged, numResiduals } = parts;
  const numOuts = known.outs.length - numResiduals;
  const { producer } = useDef(known);
  const stored = known.outs.slice(0, numOuts);
  const residuals = known.outs.slice(numOuts) as Var[];
  const available = new Set<Atom>([...stored, ...known.invars.filter((_, i) => free[i])]);
  const kept = new Set<Atom>(residuals);
  const again = new Map<Var, Eqn>();
  // Latest first, so that what a residual is recomputed from has not been decided on yet.
  const order = [...residuals].sort((a, b) => (producer.get(b) ?? -1) - (producer.get(a) ?? -1));
  for (const r of order) {
    const at = producer.get(r);
    const eqn = at === undefined ? undefined : known.eqns[at]!;
    if (!eqn?.primitive.cheap || available.has(r) || eqn.outputs.length !== 1) continue;
    if (!eqn.inputs.every((a) => a instanceof Literal || available.has(a) || kept.has(a))) continue;
    note("recomputed", () => `${r.aval.short()} by ${eqn.primitive.name} instead of storing it`);
    again.set(r, eqn);
    kept.delete(r);
    for (const a of eqn.inputs) if (kept.has(a)) available.add(a);
  }
  return again.size ? split(parts, again, numOuts) : parts;

  function split(before: PartialJaxpr, recomputed: ReadonlyMap<Var, Eqn>, count: number): PartialJaxpr {
    const sources = [...recomputed.values()]
      .flatMap((e) => e.inputs)
      .filter((a): a is Var => a instanceof Var && !recomputed.has(a));
    const next = [...new Set([...residuals.filter((r) => !recomputed.has(r)), ...sources])];
    // The staged jaxpr has its own variables: a residual that was one keeps its variable there, others get one.
    const inside = new Map<Atom, Var>(residuals.map((r, i) => [r, staged.invars[i]!]));
    for (const r of next) if (!inside.has(r)) inside.set(r, new Var(r.aval));
    const eqns = [...recomputed].reverse().map(
      ([r, e]): Eqn => ({
        ...e,
        inputs: e.inputs.map((a) => inside.get(a) ?? a),
        outputs: [inside.get(r)!],
      }),
    );
    return {
      ...before,
      known: new Jaxpr(known.invars, known.eqns, [...known.outs.slice(0, count), ...next]),
      staged: new Jaxpr(
        [...next.map((r) => inside.get(r)!), ...staged.invars.slice(residuals.length)],
        [...eqns, ...staged.eqns],
        staged.outs,
      ),
      numResiduals: next.length,
    };
  }
}
