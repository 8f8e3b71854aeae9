/** What holds of every jaxpr between passes. Source: JAX's `core.check_jaxpr`. */
import { type ShapedArray, typeMatch } from "./aval.ts";
import { InternalError } from "./errors.ts";
import { type Atom, type Eqn, type Jaxpr, subJaxprs, Var } from "./jaxpr.ts";

/**
 * Throws unless variables are bound once and before they are read, and equations, those of inner jaxprs included, give what their
 * primitives say. Weak types are not looked at: they decide nothing after tracing.
 * @param afterPass the pass that made it: named in the error.
 * @throws InternalError naming the pass, what is wrong and the equation.
 */
export function checkJaxpr(jaxpr: Jaxpr, afterPass: string): void {
  const bound = new Set<Var>();
  const fail = (what: string, where: string): never => {
    throw new InternalError(`After ${afterPass} the jaxpr is broken: ${what} in ${where}.`);
  };
  const bind = (v: Var, where: string): void => {
    if (bound.has(v)) fail(`a ${v.aval} is bound twice`, where);
    bound.add(v);
  };
  const read = (a: Atom, where: string): void => {
    if (a instanceof Var && !bound.has(a)) fail(`a ${a.aval} is read that nothing before binds`, where);
  };
  for (const v of jaxpr.invars) bind(v, "the inputs");
  for (const [i, eqn] of jaxpr.eqns.entries()) {
    const where = `equation ${i}, ${eqn.primitive.name}`;
    for (const a of eqn.inputs) read(a, where);
    for (const inner of subJaxprs(eqn.params)) checkJaxpr(inner, afterPass);
    const [made, said] = [typesMade(eqn, (what) => fail(what, where)), eqn.outputs.map((v) => v.aval)];
    if (!areAlike(made, said)) fail(`operands make (${made}), but results are typed (${said})`, where);
    for (const v of eqn.outputs) bind(v, where);
  }
  for (const a of jaxpr.outs) read(a, "the outputs");
}

function typesMade(
  { primitive, inputs, params }: Eqn,
  fail: (what: string) => never,
): readonly ShapedArray[] {
  try {
    return primitive.abstractEval(
      inputs.map((a) => a.aval),
      params,
    );
  } catch (error) {
    return fail(`its primitive refuses operands (${(error as Error).message})`);
  }
}

const areAlike = (a: readonly ShapedArray[], b: readonly ShapedArray[]): boolean =>
  a.length === b.length && a.every((x, i) => typeMatch(x, b[i]!));
