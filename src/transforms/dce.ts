import { type Eqn, eqnHasEffects, Jaxpr, mapJaxprs, subJaxprs, Var } from "../core/jaxpr.ts";

interface Dce {
  readonly jaxpr: Jaxpr;
  readonly usedIns: boolean[];
}

/**
 * Dead code elimination: keeps the equations that the used outputs (or effects) need. The result has only the used
 * outputs, and only the inputs that are used or listed in `keepIns`.
 */
export function dceJaxpr(jaxpr: Jaxpr, usedOuts: readonly boolean[], keepIns: readonly boolean[] = []): Dce {
  const outs = jaxpr.outs.filter((_, i) => usedOuts[i]);
  const live = new Set<Var>(outs.filter((a) => a instanceof Var));
  const eqns: Eqn[] = [];
  for (let i = jaxpr.eqns.length - 1; i >= 0; i--) {
    const kept = dceEqn(jaxpr.eqns[i]!, live);
    if (kept) eqns.push(kept);
  }
  const usedIns = jaxpr.invars.map((v, i) => live.has(v) || (keepIns[i] ?? false));
  const numConsts = usedIns.slice(0, jaxpr.numConsts).filter(Boolean).length;
  const invars = jaxpr.invars.filter((_, i) => usedIns[i]);
  return { jaxpr: new Jaxpr(invars, eqns.reverse(), outs, numConsts), usedIns };
}

/** The part of an equation that is needed, or null; adds its inputs to `live`. */
function dceEqn(eqn: Eqn, live: Set<Var>): Eqn | null {
  const used = eqn.outputs.map((v) => live.has(v));
  if (!used.some(Boolean) && !eqnHasEffects(eqn)) return null;
  const rule = eqn.primitive.dce;
  // Also when all results are used: there may be operands that no branch or step reads.
  const kept = rule === "default" ? eqn : rule(used, eqn)[1];
  for (const a of kept?.inputs ?? []) if (a instanceof Var) live.add(a);
  return kept;
}

/** Dead code elimination that keeps the signature, to any depth: also loop bodies lose what no output of theirs needs. */
export const dceDeep = (jaxpr: Jaxpr): Jaxpr => {
  const { jaxpr: pruned } = dceJaxpr(
    jaxpr,
    jaxpr.outs.map(() => true),
    jaxpr.invars.map(() => true),
  );
  const eqns = pruned.eqns.map((eqn) =>
    subJaxprs(eqn.params).length ? { ...eqn, params: mapJaxprs(eqn.params, dceDeep) } : eqn,
  );
  return new Jaxpr(pruned.invars, eqns, pruned.outs, jaxpr.numConsts);
};
