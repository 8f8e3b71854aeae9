import { type Atom, type Eqn, eqnHasEffects, Jaxpr, Literal, mapJaxprs, type Var } from "../core/jaxpr.ts";
import { structuralKey } from "../util/key.ts";

/** Common subexpression elimination: equal equations on equal inputs are computed once, also inside loop bodies. */
export function cse(jaxpr: Jaxpr): Jaxpr {
  const known = done.get(jaxpr);
  if (known) return known;
  const subst = new Map<Var, Atom>();
  const seen = new Map<string, readonly Var[]>();
  const read = (a: Atom): Atom => subst.get(a as Var) ?? a;
  const eqns: Eqn[] = [];
  for (const eqn of jaxpr.eqns) {
    const next: Eqn = { ...eqn, inputs: eqn.inputs.map(read), params: mapJaxprs(eqn.params, cse) };
    const key = eqnHasEffects(next) ? null : eqnKey(next);
    const earlier = key === null ? undefined : seen.get(key);
    if (earlier) next.outputs.forEach((v, i) => subst.set(v, earlier[i]!));
    else {
      eqns.push(next);
      if (key !== null) seen.set(key, next.outputs);
    }
  }
  const result = new Jaxpr(jaxpr.invars, eqns, jaxpr.outs.map(read), jaxpr.numConsts);
  done.set(jaxpr, result);
  return result;
}

const done = new WeakMap<Jaxpr, Jaxpr>();

/** Weakness is part of the key: a weak and a strong literal of one value may promote differently later on. */
function eqnKey(eqn: Eqn): string {
  const inputs = eqn.inputs.map((a) =>
    a instanceof Literal ? `${structuralKey(a.value)}:${a.aval.id}` : `v${a.id}`,
  );
  return `${eqn.primitive.name}(${inputs.join(",")})${structuralKey(eqn.params)}`;
}
