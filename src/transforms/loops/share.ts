import type { NDArray } from "../../core/array.ts";
import { type Eqn, Jaxpr, Var } from "../../core/jaxpr.ts";
import { type LoopParams, loopInputs, loopOutputs } from "../../core/loop.ts";

/**
 * Sharing. A y that is an x of the same iteration is that operand of the loop, and of equal ys one is enough.
 *
 *   before  zs, ys, ws = scan (c, x) { … } : (y, y, x)
 *   after   ys = scan (c, x) { … } : (y);   zs = ys;   ws = xs
 */
export function shareYs(eqn: Eqn, inputs: NDArray[]): NDArray[] {
  const p = eqn.params as LoopParams;
  const xVars = loopInputs(p.jaxpr.invars, p).xs;
  const xs = loopInputs(inputs, p).xs;
  const { carry, ys } = loopOutputs(p.jaxpr.outs, p);
  const stored = ys.filter((y, i) => !(y instanceof Var) || (!xVars.includes(y) && ys.indexOf(y) === i));
  if (stored.length === ys.length) return eqn.primitive.bind(inputs, p);
  const jaxpr = new Jaxpr(p.jaxpr.invars, p.jaxpr.eqns, [...carry, ...stored]);
  const outs = eqn.primitive.bind(inputs, { ...p, jaxpr });
  const stacked = ys.map((y) => xs[xVars.indexOf(y as Var)] ?? outs[p.numCarry + stored.indexOf(y)]!);
  return [...outs.slice(0, p.numCarry), ...stacked];
}
