import { type Atom, type Eqn, Jaxpr, Literal, Var } from "../core/jaxpr.ts";
import { note } from "../core/journal.ts";
import { useDef } from "../core/loop.ts";
import { isOn } from "../core/switches.ts";
import type { PartialJaxpr } from "./partial-eval.ts";

/** Equations that one residual may be recomputed by. */
const MAX_STEPS = 3;

/**
 * Recomputes cheap residuals where they are needed instead of storing them: `s·(1 - s)` beside a stored sigmoid `s`.
 *
 *   before  known … → (…, a, b) with t = sub 1 a; b = mul a t;  staged(a, b, …)
 *   after   known … → (…, a);                                   staged(a, …) with t = sub 1 a; b = mul a t
 *
 * `free` says which inputs of the known part cost nothing as residuals, `cheap` what may be computed again. Requires that a
 * residual is a variable.
 */
export function recomputeCheap(
  parts: PartialJaxpr,
  free: readonly boolean[],
  cheap: (eqn: Eqn) => boolean = (eqn) => eqn.primitive.cheap === true || repeats(eqn),
): PartialJaxpr {
  if (!isOn("recompute")) return parts;
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
    if (available.has(r)) continue;
    const isThere = (a: Atom): boolean =>
      a instanceof Literal || again.has(a) || available.has(a) || (a !== r && kept.has(a));
    const steps = stepsTo(r, (v) => known.eqns[producer.get(v) ?? -1], isThere, cheap);
    if (!steps) continue;
    note("recomputed", () => `${r.aval.short()} by ${steps.at(-1)!.primitive.name} instead of storing it`);
    for (const eqn of steps) again.set(eqn.outputs[0]!, eqn);
    kept.delete(r);
    for (const a of steps.flatMap((eqn) => eqn.inputs)) if (kept.has(a)) available.add(a);
  }
  return again.size ? split(parts, again, numOuts) : parts;

  function split(before: PartialJaxpr, recomputed: ReadonlyMap<Var, Eqn>, count: number): PartialJaxpr {
    const sources = [...recomputed.values()]
      .flatMap((e) => e.inputs)
      .filter((a): a is Var => a instanceof Var && !recomputed.has(a));
    const next = [...new Set([...residuals.filter((r) => !recomputed.has(r)), ...sources])];
    // The staged jaxpr has its own variables: a residual that was one keeps its variable there, others get one.
    const inside = new Map<Atom, Var>(residuals.map((r, i) => [r, staged.invars[i]!]));
    for (const r of [...next, ...recomputed.keys()]) if (!inside.has(r)) inside.set(r, new Var(r.aval));
    const inOrder = [...recomputed].sort(([a], [b]) => producer.get(a)! - producer.get(b)!);
    const eqns = inOrder.map(
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

/** What only repeats its operand is smaller before it is repeated. */
export const repeats = (eqn: Eqn): boolean => eqn.primitive.kind === "expand";

/** A few cheap equations that make `r` from what is there, that of `r` last; undefined when there are none. */
function stepsTo(
  r: Var,
  makerOf: (v: Var) => Eqn | undefined,
  isThere: (a: Atom) => boolean,
  cheap: (eqn: Eqn) => boolean,
): readonly Eqn[] | undefined {
  const steps = new Set<Eqn>();
  const reach = (v: Var): boolean => {
    const eqn = makerOf(v);
    if (!eqn || !cheap(eqn) || eqn.outputs.length !== 1 || steps.size === MAX_STEPS) return false;
    steps.add(eqn);
    return eqn.inputs.every((a) => isThere(a) || reach(a as Var));
  };
  return reach(r) ? [...steps].reverse() : undefined;
}
