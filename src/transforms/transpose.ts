import type { NDArray } from "../core/array.ts";
import { WeftTypeError } from "../core/errors.ts";
import { type Atom, type Eqn, type Jaxpr, Literal, type Var } from "../core/jaxpr.ts";
import { Linear, type MaybeZero, Zero } from "../core/primitive.ts";
import { literalValue, stage } from "../core/stage.ts";
import { filled, splitAt } from "../util/zip.ts";
import { memoByJaxpr } from "./memo.ts";
import { addTangents, instantiate, isZero } from "./zero.ts";

/**
 * Reverse mode for a program that is linear in the inputs given as {@link Linear}: runs what depends only on the other
 * inputs, then walks the linear equations backwards. Returns a cotangent per linear input.
 */
export function backward(
  jaxpr: Jaxpr,
  args: readonly (NDArray | Linear)[],
  cotangents: readonly MaybeZero[],
): MaybeZero[] {
  const pass = new BackwardPass(jaxpr, args);
  return pass.run(cotangents);
}

class BackwardPass {
  readonly #jaxpr: Jaxpr;
  readonly #values = new Map<Var, NDArray>();
  readonly #linear = new Set<Var>();
  readonly #cts = new Map<Var, MaybeZero>();

  constructor(jaxpr: Jaxpr, args: readonly (NDArray | Linear)[]) {
    this.#jaxpr = jaxpr;
    jaxpr.invars.forEach((v, i) => {
      const arg = args[i]!;
      if (arg instanceof Linear) this.#linear.add(v);
      else this.#values.set(v, arg);
    });
  }

  run(cotangents: readonly MaybeZero[]): MaybeZero[] {
    const linearEqns = this.#jaxpr.eqns.filter((eqn) => !this.#evalIfKnown(eqn));
    this.#jaxpr.outs.forEach((a, i) => this.#accumulate(a, cotangents[i]!));
    for (const eqn of linearEqns.reverse()) this.#transposeEqn(eqn);
    return this.#jaxpr.invars
      .filter((v) => this.#linear.has(v))
      .map((v) => this.#cts.get(v) ?? new Zero(v.aval));
  }

  #isLinear(a: Atom): a is Var {
    return !(a instanceof Literal) && this.#linear.has(a);
  }
  #read(a: Atom): NDArray {
    return a instanceof Literal ? literalValue(a) : this.#values.get(a)!;
  }

  #evalIfKnown(eqn: Eqn): boolean {
    if (eqn.inputs.some((a) => this.#isLinear(a))) {
      for (const v of eqn.outputs) this.#linear.add(v);
      return false;
    }
    const outs = eqn.primitive.bind(
      eqn.inputs.map((a) => this.#read(a)),
      eqn.params,
    );
    eqn.outputs.forEach((v, i) => this.#values.set(v, outs[i]!));
    return true;
  }

  #accumulate(a: Atom, ct: MaybeZero): void {
    if (!this.#isLinear(a) || isZero(ct)) return;
    const old = this.#cts.get(a);
    this.#cts.set(a, old ? addTangents(old, ct) : ct);
  }

  #transposeEqn(eqn: Eqn): void {
    const cts = eqn.outputs.map((v) => this.#cts.get(v) ?? new Zero(v.aval));
    for (const v of eqn.outputs) this.#cts.delete(v);
    if (cts.every(isZero)) return;
    const inputs = eqn.inputs.map((a) => (this.#isLinear(a) ? new Linear(a.aval) : this.#read(a)));
    const result = transposeRule(eqn)(cts, inputs, eqn.params);
    eqn.inputs.forEach((a, i) => {
      const ct = result[i];
      if (ct) this.#accumulate(a, ct);
    });
  }
}

function transposeRule(
  eqn: Eqn,
): (cts: MaybeZero[], inputs: (NDArray | Linear)[], params: Eqn["params"]) => (MaybeZero | null)[] {
  const rule = eqn.primitive.transpose;
  if (typeof rule === "function") return rule;
  if (typeof rule === "object") throw new WeftTypeError(rule.error);
  // weft's own rules are linear in tangents; what users write need not be.
  throw new WeftTypeError(
    `Reverse-mode differentiation needs the transpose of ${eqn.primitive.name}, which is not linear. ` +
      "A rule of customJvp must be linear in its tangents: sums, and products with what does not depend on them.",
  );
}

export interface TransposedJaxpr {
  /** (consts…, non-linear inputs…, non-zero cotangents…) → (cotangents of the linear inputs that are not always zero…) */
  readonly jaxpr: Jaxpr;
  /** What rules that users wrote (customVjp) closed over. */
  readonly consts: NDArray[];
  readonly nonzero: boolean[];
}

/** The transpose of a jaxpr as a jaxpr. `instantiateOut`: return a cotangent for that linear input even if it is zero. */
export const transposeJaxpr: (
  jaxpr: Jaxpr,
  linear: boolean[],
  nonzeroCt: boolean[],
  instantiateOut: boolean[],
) => TransposedJaxpr = memoByJaxpr(
  (jaxpr: Jaxpr, linear: boolean[], nonzeroCt: boolean[], instantiateOut: boolean[]): TransposedJaxpr => {
    const inAvals = jaxpr.inAvals.filter((_, i) => !linear[i]);
    const ctAvals = jaxpr.outAvals.filter((_, i) => nonzeroCt[i]);
    let nonzero: boolean[] = [];
    const { jaxpr: result, consts } = stage(
      (args) => {
        const [values, given] = splitAt(args, inAvals.length);
        const isValue = jaxpr.invars.map((_, i) => !linear[i]);
        const inputs = filled(isValue, values!, (i) => new Linear(jaxpr.invars[i]!.aval));
        const cts = filled(nonzeroCt, given!, (i) => new Zero(jaxpr.outs[i]!.aval));
        const results = backward(jaxpr, inputs, cts);
        nonzero = results.map((ct, i) => !isZero(ct) || instantiateOut[i]!);
        return results.filter((_, i) => nonzero[i]).map(instantiate);
      },
      [...inAvals, ...ctAvals],
    );
    return { jaxpr: result, consts, nonzero };
  },
);
