import { literalValueOf, type NDArray, scalar } from "./array.ts";
import { aval, type ShapedArray } from "./aval.ts";
import type { Promoted } from "./dtype.ts";
import { type Atom, type Eqn, Jaxpr, Literal, Var } from "./jaxpr.ts";
import type { AnyPrimitive, Params } from "./primitive.ts";
import { leaked, Trace, Tracer, withTrace } from "./trace.ts";

/** A value of a program that is being recorded. */
class StageTracer extends Tracer {
  readonly trace: StageTrace;
  readonly atom: Atom;
  constructor(trace: StageTrace, atom: Atom) {
    super();
    this.trace = trace;
    this.atom = atom;
    Object.preventExtensions(this);
  }
  override get aval(): ShapedArray {
    return this.atom.aval;
  }
}

/** What is known of a plain number that is an argument: whether it is an integer, which decides what it becomes beside integers. */
export interface NumberType {
  readonly whole: boolean;
}
const WHOLE: NumberType = { whole: true };
const FRACTION: NumberType = { whole: false };

/** Whether a plain number is an integer that int32 holds. */
export const isWhole = (x: number): boolean => Number.isInteger(x) && Math.abs(x) < 2 ** 31;
/** One of two objects, so that types of arguments are compared by identity. */
export const numberType = (x: number): NumberType => (isWhole(x) ? WHOLE : FRACTION);
const isNumberType = (x: unknown): x is NumberType => x === WHOLE || x === FRACTION;

/**
 * A plain number that is an argument of a program. As one that is known it has no dtype yet: every dtype it meets becomes an
 * input of its own, so that each gets all of its digits. To whatever asks no further it is a weak float32 scalar.
 */
export class NumberTracer extends Tracer {
  readonly trace: StageTrace;
  readonly whole: boolean;
  override readonly aval: ShapedArray = aval([], "float32", true);
  /** The inputs so far. */
  readonly met: StageTracer[] = [];

  constructor(trace: StageTrace, { whole }: NumberType) {
    super();
    this.trace = trace;
    this.whole = whole;
    Object.preventExtensions(this);
  }
  as({ dtype, weakType }: Promoted): StageTracer {
    const type = aval([], dtype, weakType);
    const known = this.met.find((x) => x.aval === type);
    if (known) return known;
    const input = this.trace.argument(type);
    this.met.push(input);
    return input;
  }
}

/** Records every primitive as an equation, also those on concrete values ("omnistaging"). */
class StageTrace extends Trace {
  readonly eqns: Eqn[] = [];
  readonly constvars: Var[] = [];
  readonly consts: NDArray[] = [];
  readonly #constOf = new Map<NDArray, Var>();

  argument(type: ShapedArray): StageTracer {
    return new StageTracer(this, new Var(type));
  }

  override process(primitive: AnyPrimitive, args: NDArray[], params: Params): NDArray[] {
    const inputs = args.map((x) => this.atom(x));
    const outputs = primitive
      .abstractEval(
        inputs.map((a) => a.aval),
        params,
      )
      .map((type) => new Var(type));
    this.eqns.push({ primitive, inputs, params, outputs });
    return outputs.map((v) => new StageTracer(this, v));
  }

  /** The atom for any value: own tracers, scalars as literals, everything else as a constant variable. */
  atom(x: NDArray): Atom {
    if (x instanceof StageTracer && x.trace === this) return x.atom;
    if (x instanceof NumberTracer && x.trace === this) return x.as(x.aval).atom;
    if (x instanceof Tracer && !x.trace.alive) throw leaked(x);
    const value = literalValueOf(x);
    return value === undefined ? this.#constant(x) : new Literal(value, x.aval);
  }

  #constant(x: NDArray): Var {
    let v = this.#constOf.get(x);
    if (!v) {
      v = new Var(x.aval);
      this.#constOf.set(x, v);
      this.constvars.push(v);
      this.consts.push(x);
    }
    return v;
  }
}

export interface Staged {
  /** Its first `consts.length` invars are the constants. */
  readonly jaxpr: Jaxpr;
  readonly consts: NDArray[];
  /** The types of the inputs that each argument became: one, except for plain numbers. */
  readonly inputs: readonly (readonly ShapedArray[])[];
}

/** Records `f` on arguments of these types. What it closes over comes back as `consts`. */
export function stage(
  f: (args: NDArray[]) => NDArray[],
  types: readonly (ShapedArray | NumberType)[],
): Staged {
  const trace = new StageTrace();
  const args = types.map((type) =>
    isNumberType(type) ? new NumberTracer(trace, type) : trace.argument(type),
  );
  try {
    const outs = withTrace(trace, () => f(args).map((x) => trace.atom(x)));
    const inputs = args.map((x) => (x instanceof NumberTracer ? x.met : [x]));
    const invars = [...trace.constvars, ...inputs.flat().map((x) => x.atom as Var)];
    const jaxpr = new Jaxpr(invars, trace.eqns, outs, trace.consts.length);
    return { jaxpr, consts: trace.consts, inputs: inputs.map((xs) => xs.map((x) => x.aval)) };
  } finally {
    trace.alive = false;
  }
}

/** A literal as an array. */
export const literalValue = (l: Literal): NDArray => scalar(l.value, l.aval.dtype, l.aval.weakType);

/** How {@link evalJaxpr} applies one equation. */
type ApplyEqn = (eqn: Eqn, inputs: NDArray[]) => NDArray[];
const bindEqn: ApplyEqn = (eqn, inputs) => eqn.primitive.bind(inputs, eqn.params);

/** Applies a jaxpr to values under the current trace. */
export function evalJaxpr(jaxpr: Jaxpr, args: readonly NDArray[], apply: ApplyEqn = bindEqn): NDArray[] {
  const env = new Map<Var, NDArray>();
  const read = (a: Atom): NDArray => (a instanceof Literal ? literalValue(a) : env.get(a)!);
  jaxpr.invars.forEach((v, i) => env.set(v, args[i]!));
  for (const eqn of jaxpr.eqns) {
    const outs = apply(eqn, eqn.inputs.map(read));
    eqn.outputs.forEach((v, i) => env.set(v, outs[i]!));
  }
  return jaxpr.outs.map(read);
}
