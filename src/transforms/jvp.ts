import type { NDArray } from "../core/array.ts";
import type { ShapedArray } from "../core/aval.ts";
import { isFloat } from "../core/dtype.ts";
import { WeftTypeError } from "../core/errors.ts";
import type { Jaxpr } from "../core/jaxpr.ts";
import { type AnyPrimitive, type MaybeZero, type Params, Zero } from "../core/primitive.ts";
import { evalJaxpr, stage } from "../core/stage.ts";
import { currentTrace, leaked, Trace, Tracer, withTrace } from "../core/trace.ts";
import { filled } from "../util/zip.ts";
import { memoByJaxpr } from "./memo.ts";
import { instantiate, isZero } from "./zero.ts";

/** A value with its tangent; values whose tangent is zero are never wrapped. */
class JvpTracer extends Tracer {
  readonly trace: JvpTrace;
  readonly primal: NDArray;
  readonly tangent: NDArray;
  constructor(trace: JvpTrace, primal: NDArray, tangent: NDArray) {
    super();
    this.trace = trace;
    this.primal = primal;
    this.tangent = tangent;
    Object.preventExtensions(this);
  }
  override get aval(): ShapedArray {
    return this.primal.aval;
  }
  override get known(): NDArray {
    return this.primal instanceof Tracer ? this.primal.known : this.primal;
  }
}

class JvpTrace extends Trace {
  readonly parent: Trace = currentTrace();

  wrap(primal: NDArray, tangent: MaybeZero): NDArray {
    return isZero(tangent) ? primal : new JvpTracer(this, primal, tangent);
  }
  split(x: NDArray): [NDArray, MaybeZero] {
    if (!(x instanceof JvpTracer)) return [x, new Zero(x.aval)];
    if (x.trace === this) return [x.primal, x.tangent];
    if (!x.trace.alive) throw leaked(x);
    return [x, new Zero(x.aval)];
  }

  override process(primitive: AnyPrimitive, args: NDArray[], params: Params): NDArray[] {
    const pairs = args.map((x) => this.split(x));
    const primals = pairs.map((p) => p[0]);
    const tangents = pairs.map((p) => p[1]);
    const rule = primitive.jvp;
    return withTrace(this.parent, () => {
      if (rule === "zero" || tangents.every(isZero)) return primitive.bind(primals, params);
      const [outs, outTangents] = rule(primals, tangents, params);
      return outs.map((out, i) => this.wrap(out, outTangents[i]!));
    });
  }
}

/** Runs `f` on primals while pushing tangents forward. Integer arguments must have a {@link Zero} tangent. */
export function jvpFlat(
  f: (args: NDArray[]) => NDArray[],
  primals: readonly NDArray[],
  tangents: readonly MaybeZero[],
): [outs: NDArray[], outTangents: MaybeZero[]] {
  const trace = new JvpTrace();
  try {
    const outs = withTrace(trace, () => f(primals.map((p, i) => trace.wrap(p, tangents[i]!))));
    const pairs = outs.map((x) => trace.split(x));
    return [pairs.map((p) => p[0]), pairs.map((p) => p[1])];
  } finally {
    trace.alive = false;
  }
}

export interface JvpJaxpr {
  /** (consts…, primals…, non-zero tangents…) → (outs…, non-zero out tangents…) */
  readonly jaxpr: Jaxpr;
  /** What rules that users wrote (customJvp, customVjp) closed over. */
  readonly consts: NDArray[];
  readonly nonzeroOut: boolean[];
}

/**
 * The forward-mode derivative of a jaxpr. `nonzero` says which inputs carry a tangent; `instantiate` for which outputs a
 * tangent must be returned even if it is zero.
 */
export const jvpJaxpr: (jaxpr: Jaxpr, nonzero: boolean[], instantiateOut: boolean[]) => JvpJaxpr =
  memoByJaxpr((jaxpr: Jaxpr, nonzero: boolean[], instantiateOut: boolean[]): JvpJaxpr => {
    const n = jaxpr.invars.length;
    const tangentAvals = jaxpr.inAvals.filter((_, i) => nonzero[i]);
    let nonzeroOut: boolean[] = [];
    const { jaxpr: result, consts } = stage(
      (args) => {
        const tangents = filled(nonzero, args.slice(n), (i) => new Zero(jaxpr.invars[i]!.aval));
        const [outs, outTangents] = jvpFlat((xs) => evalJaxpr(jaxpr, xs), args.slice(0, n), tangents);
        nonzeroOut = outTangents.map((t, i) => !isZero(t) || (instantiateOut[i]! && isFloat(outs[i]!.dtype)));
        return [...outs, ...outTangents.filter((_, i) => nonzeroOut[i]).map(instantiate)];
      },
      [...jaxpr.inAvals, ...tangentAvals],
    );
    return { jaxpr: result, consts, nonzeroOut };
  });

/** Checks that tangents match primals, as `jax.jvp` does. */
export function checkTangents(primals: readonly NDArray[], tangents: readonly NDArray[], what: string): void {
  primals.forEach((p, i) => {
    const t = tangents[i]!;
    if (p.dtype === t.dtype && String(p.shape) === String(t.shape)) return;
    throw new WeftTypeError(
      `primal and tangent arguments to ${what} must have equal types: argument ${i} is ${p.aval} but its tangent is ${t.aval}. ` +
        "Give a tangent of the same shape and dtype.",
    );
  });
}
