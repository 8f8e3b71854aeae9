import { type Atom, type Eqn, Jaxpr, mapJaxprs } from "../core/jaxpr.ts";

/**
 * Barriers go from the bodies of loops and branches, at any depth: what is computed again is in another body there, and barriers
 * would hide from the loop passes what is read.
 */
export const dropInnerBarriers = (jaxpr: Jaxpr): Jaxpr =>
  new Jaxpr(jaxpr.invars, jaxpr.eqns.map(withoutBarriersInside), jaxpr.outs, jaxpr.numConsts);

const withoutBarriersInside = (eqn: Eqn): Eqn => ({ ...eqn, params: mapJaxprs(eqn.params, withoutBarriers) });

function withoutBarriers(jaxpr: Jaxpr): Jaxpr {
  const known = done.get(jaxpr);
  if (known) return known;
  const operandOf = new Map<Atom, Atom>();
  const read = (a: Atom): Atom => operandOf.get(a) ?? a;
  const eqns: Eqn[] = [];
  for (const eqn of jaxpr.eqns) {
    const next = { ...withoutBarriersInside(eqn), inputs: eqn.inputs.map(read) };
    if (eqn.primitive.keepsApart) operandOf.set(eqn.outputs[0]!, next.inputs[0]!);
    else eqns.push(next);
  }
  const result = new Jaxpr(jaxpr.invars, eqns, jaxpr.outs.map(read), jaxpr.numConsts);
  done.set(jaxpr, result);
  return result;
}

const done = new WeakMap<Jaxpr, Jaxpr>();
