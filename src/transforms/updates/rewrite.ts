/** What the passes over updates share. */
import type { NDArray } from "../../core/array.ts";
import type { ShapedArray } from "../../core/aval.ts";
import { type Atom, type Eqn, Jaxpr, Literal, mapJaxprs, subJaxprs } from "../../core/jaxpr.ts";
import { useDef } from "../../core/loop.ts";
import { stage } from "../../core/stage.ts";
import { dceDeep } from "../dce.ts";

/** A pass that rewrites programs from the inside out: bodies of loops and branches first. */
export function deep(rewrite: (jaxpr: Jaxpr) => Jaxpr): (jaxpr: Jaxpr) => Jaxpr {
  const pass = (jaxpr: Jaxpr): Jaxpr => {
    if (!jaxpr.eqns.some((e) => subJaxprs(e.params).length)) return rewrite(jaxpr);
    const eqns = jaxpr.eqns.map((e) => ({ ...e, params: mapJaxprs(e.params, pass) }));
    return rewrite(new Jaxpr(jaxpr.invars, eqns, jaxpr.outs, jaxpr.numConsts));
  };
  return pass;
}

/** A program as `f` computes it, without what nobody reads any more: who reads a value is what the passes go by. */
export const restaged = (f: (args: NDArray[]) => NDArray[], types: readonly ShapedArray[]): Jaxpr =>
  dceDeep(stage(f, types).jaxpr);

/** Who makes and who reads the variables of a jaxpr. */
export class Uses {
  readonly #jaxpr: Jaxpr;
  readonly #uses: ReturnType<typeof useDef>;

  constructor(jaxpr: Jaxpr) {
    this.#jaxpr = jaxpr;
    this.#uses = useDef(jaxpr);
  }
  /** The equation that makes a; undefined for arguments and literals. */
  producer(a: Atom): Eqn | undefined {
    const at = a instanceof Literal ? undefined : this.#uses.producer.get(a);
    return at === undefined ? undefined : this.#jaxpr.eqns[at];
  }
  /** Whether a is read once, by an equation or as a result. */
  readOnce(a: Atom): boolean {
    return this.#uses.readers.get(a)?.length === 1;
  }
  /** The equation that reads a, when it is the only one and a is no result. */
  reader(a: Atom): Eqn | undefined {
    return this.readOnce(a) ? this.#jaxpr.eqns[this.#uses.readers.get(a)![0]!] : undefined;
  }
}

/** Whether an update writes at most half of its operand: else it is no worse to make a new one. */
export const touchesFew = ({ primitive, inputs }: Eqn): boolean =>
  primitive.update !== undefined && 2 * inputs[primitive.update.values]!.aval.size <= inputs[0]!.aval.size;
