import { literalValueOf, type NDArray } from "../core/array.ts";
import type { ShapedArray } from "../core/aval.ts";
import { isFloat } from "../core/dtype.ts";
import { assert } from "../core/errors.ts";
import { type Atom, type Eqn, hasEffects, Jaxpr, Literal, Var } from "../core/jaxpr.ts";
import {
  type AnyPrimitive,
  type MaybeZero,
  type Params,
  type PartialEvalStage,
  Zero,
} from "../core/primitive.ts";
import { evalJaxpr, stage } from "../core/stage.ts";
import { currentTrace, leaked, Trace, Tracer, withTrace } from "../core/trace.ts";
import { filled } from "../util/zip.ts";
import { dceJaxpr } from "./dce.ts";
import { jvpFlat } from "./jvp.ts";
import { memoByJaxpr } from "./memo.ts";
import { isZero } from "./zero.ts";

/** A value that is only known when the staged jaxpr runs. */
class UnknownTracer extends Tracer {
  readonly trace: PartialTrace;
  readonly atom: Var;
  constructor(trace: PartialTrace, atom: Var) {
    super();
    this.trace = trace;
    this.atom = atom;
    Object.preventExtensions(this);
  }
  override get aval(): ShapedArray {
    return this.atom.aval;
  }
}

interface Split {
  /** (residuals…, unknown inputs…) → requested outputs */
  readonly staged: Jaxpr;
  readonly residuals: NDArray[];
}

/** Where effects on known values happen: at once, or where the staged program runs. */
type EffectPlace = "known" | "staged";

/** Runs what is known under its parent trace and records the rest. */
class PartialTrace extends Trace implements PartialEvalStage {
  readonly parent: Trace = currentTrace();
  readonly #eqns: Eqn[] = [];
  readonly #effects: EffectPlace;
  readonly #residualOf = new Map<NDArray, Var>();

  constructor(effects: EffectPlace = "known") {
    super();
    this.#effects = effects;
  }

  unknown(type: ShapedArray): UnknownTracer {
    return new UnknownTracer(this, new Var(type));
  }
  isKnown(x: NDArray): boolean {
    if (!(x instanceof UnknownTracer)) return true;
    if (x.trace !== this && !x.trace.alive) throw leaked(x);
    return x.trace !== this;
  }
  run<T>(f: () => T): T {
    return withTrace(this.parent, f);
  }
  stage(primitive: AnyPrimitive, args: NDArray[], params: Params): NDArray[] {
    const inputs = args.map((x) => this.#atom(x));
    const types = primitive.abstractEval(
      inputs.map((a) => a.aval),
      params,
    );
    const outputs = types.map((type) => new Var(type));
    this.#eqns.push({ primitive, inputs, params, outputs });
    return outputs.map((v) => new UnknownTracer(this, v));
  }
  override process(primitive: AnyPrimitive, args: NDArray[], params: Params): NDArray[] {
    const early =
      args.every((x) => this.isKnown(x)) && !(this.#effects === "staged" && hasEffects(primitive, params));
    if (early) return this.run(() => primitive.bind(args, params));
    const rule = primitive.partialEval;
    return rule === "default" ? this.stage(primitive, args, params) : rule(this, args, params);
  }

  #atom(x: NDArray): Atom {
    if (!this.isKnown(x)) return (x as UnknownTracer).atom;
    const value = literalValueOf(x);
    return value === undefined ? this.#residual(x) : new Literal(value, x.aval);
  }
  #residual(x: NDArray): Var {
    let v = this.#residualOf.get(x);
    if (!v) this.#residualOf.set(x, (v = new Var(x.aval)));
    return v;
  }

  /** The recorded program, without equations and residuals that `outs` do not need. */
  finish(inputs: readonly UnknownTracer[], outs: readonly NDArray[]): Split {
    const outAtoms = outs.map((x) => this.#atom(x));
    const residuals = [...this.#residualOf.keys()];
    const invars = [...this.#residualOf.values(), ...inputs.map((t) => t.atom)];
    const whole = new Jaxpr(invars, this.#eqns, outAtoms);
    const keep = invars.map((_, i) => i >= residuals.length);
    const { jaxpr: staged, usedIns } = dceJaxpr(whole, Array(outs.length).fill(true), keep);
    return { staged, residuals: residuals.filter((_, i) => usedIns[i]) };
  }
}

export interface Linearized {
  readonly outs: NDArray[];
  /** (residuals…, tangents of float inputs…) → tangents of the outputs that have one */
  readonly staged: Jaxpr;
  readonly residuals: NDArray[];
  /** Which inputs and outputs carry a tangent in `staged`. */
  readonly nonzeroIn: boolean[];
  readonly nonzeroOut: boolean[];
}

/**
 * Runs `f` and records its linear part: the derivative at `primals` as a jaxpr over the input tangents.
 * @param wanted which inputs have a tangent
 * @param count how many outputs have one, asked after the run; those behind them are only computed (aux)
 */
export function linearizeFlat(
  f: (args: NDArray[]) => NDArray[],
  primals: readonly NDArray[],
  wanted: readonly boolean[] = primals.map(() => true),
  count: () => number = () => Number.POSITIVE_INFINITY,
): Linearized {
  const trace = new PartialTrace();
  const nonzeroIn = primals.map((p, i) => wanted[i]! && isFloat(p.dtype));
  const tangents = primals.map(
    (p, i): MaybeZero => (nonzeroIn[i] ? trace.unknown(p.aval) : new Zero(p.aval)),
  );
  try {
    const [outs, allTangents] = withTrace(trace, () => jvpFlat(f, primals, tangents));
    const outTangents = allTangents.map((t, i) => (i < count() ? t : new Zero(outs[i]!.aval)));
    assert(
      outs.every((x) => trace.isKnown(x)),
      "A primal output depends on tangents.",
    );
    const nonzeroOut = outTangents.map((t) => !isZero(t));
    const inputs = tangents.filter((t): t is UnknownTracer => t instanceof UnknownTracer);
    const results = outTangents.filter((t): t is NDArray => !isZero(t));
    return { outs, ...trace.finish(inputs, results), nonzeroIn, nonzeroOut };
  } finally {
    trace.alive = false;
  }
}

export interface PartialJaxpr {
  /** (known inputs…) → (known outputs…, residuals…) */
  readonly known: Jaxpr;
  /** (residuals…, unknown inputs…) → (unknown outputs…) */
  readonly staged: Jaxpr;
  readonly unknownOut: boolean[];
  readonly numResiduals: number;
}

/** Splits a jaxpr by which inputs are unknown. `instantiate[i]` makes output i unknown even if it could be known. */
export const partialEvalJaxpr: (
  jaxpr: Jaxpr,
  unknown: boolean[],
  instantiate: boolean[],
  effects?: EffectPlace,
) => PartialJaxpr = memoByJaxpr(
  (
    jaxpr: Jaxpr,
    unknown: boolean[],
    instantiate: boolean[],
    effects: EffectPlace = "known",
  ): PartialJaxpr => {
    let unknownOut: boolean[] = [];
    let split: Split | undefined;
    const { jaxpr: known, consts } = stage(
      (knownArgs) => {
        const trace = new PartialTrace(effects);
        const isKnown = jaxpr.invars.map((_, i) => !unknown[i]);
        const args = filled(isKnown, knownArgs, (i): NDArray => trace.unknown(jaxpr.invars[i]!.aval));
        const outs = withTrace(trace, () => evalJaxpr(jaxpr, args));
        unknownOut = outs.map((x, i) => !trace.isKnown(x) || instantiate[i]!);
        split = trace.finish(
          args.filter((x): x is UnknownTracer => x instanceof UnknownTracer && !trace.isKnown(x)),
          outs.filter((_, i) => unknownOut[i]),
        );
        trace.alive = false;
        return [...outs.filter((_, i) => !unknownOut[i]), ...split.residuals];
      },
      jaxpr.inAvals.filter((_, i) => !unknown[i]),
    );
    assert(consts.length === 0, "A partial evaluation rule closed over an array that is not an operand.");
    return { known, staged: split!.staged, unknownOut, numResiduals: split!.residuals.length };
  },
);
