import { type Atom, type Eqn, Jaxpr, mapJaxprs, type Var } from "../core/jaxpr.ts";

/** Replaces equations of kind "call" by the equations of the function they call, to any depth, also inside loop bodies. */
export function inlineCalls(jaxpr: Jaxpr): Jaxpr {
  const known = inlined.get(jaxpr);
  if (known) return known;
  const eqns: Eqn[] = [];
  const subst = new Map<Var, Atom>();
  const read = (a: Atom): Atom => subst.get(a as Var) ?? a;
  const emit = (eqn: Eqn): void => {
    const inputs = eqn.inputs.map(read);
    if (eqn.primitive.kind !== "call") {
      eqns.push({ ...eqn, inputs, params: mapJaxprs(eqn.params, inlineCalls) });
      return;
    }
    const callee = inlineCalls(eqn.params["jaxpr"]);
    inlineBody(callee, inputs, eqn.outputs);
  };
  // A callee may be called twice: its variables get fresh names each time.
  const inlineBody = (callee: Jaxpr, args: Atom[], outputs: readonly Var[]): void => {
    const { eqns: body, outs } = rename(callee, args);
    eqns.push(...body);
    outputs.forEach((v, i) => subst.set(v, outs[i]!));
  };
  for (const eqn of jaxpr.eqns) emit(eqn);
  const result = new Jaxpr(jaxpr.invars, eqns, jaxpr.outs.map(read), jaxpr.numConsts);
  inlined.set(jaxpr, result);
  return result;
}

const inlined = new WeakMap<Jaxpr, Jaxpr>();

/** The equations of `jaxpr` applied to `args`, with fresh variables. */
function rename(jaxpr: Jaxpr, args: readonly Atom[]): { eqns: Eqn[]; outs: Atom[] } {
  const fresh = new Map<Var, Atom>(jaxpr.invars.map((v, i) => [v, args[i]!]));
  const read = (a: Atom): Atom => fresh.get(a as Var) ?? a;
  const eqns = jaxpr.eqns.map((eqn) => {
    const inputs = eqn.inputs.map(read);
    const outputs = eqn.outputs.map((v) => {
      const copy = v.clone();
      fresh.set(v, copy);
      return copy;
    });
    return { ...eqn, inputs, outputs };
  });
  return { eqns, outs: jaxpr.outs.map(read) };
}
