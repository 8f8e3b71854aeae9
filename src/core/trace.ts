import type { TreeDef } from "../tree/index.ts";
import { concrete, DeviceArray, NDArray } from "./array.ts";
import type { ShapedArray } from "./aval.ts";
import type { TypedArray } from "./dtype.ts";
import { UnexpectedTracerError } from "./errors.ts";
import { Jaxpr, Var } from "./jaxpr.ts";
import { execute, executeHere } from "./placement.ts";
import type { AnyPrimitive, Params } from "./primitive.ts";
import { Scope } from "./scope.ts";

/**
 * An interpreter of primitives. Exactly one trace is current; a transform runs a function under its own trace, whose
 * rules bind primitives again under the trace that was current before (its parent). Tracers of any other trace are
 * constants to it. (JAX calls this design "stackless".)
 */
export abstract class Trace {
  /** False once the function it traced has returned: its tracers must not be used any more. */
  alive = true;
  abstract process(primitive: AnyPrimitive, args: NDArray[], params: Params): NDArray[];
}

/** Stands for a value while a function is transformed. Like arrays, no tracer is extensible: each constructor ends with saying so. */
export abstract class Tracer extends NDArray {
  abstract readonly trace: Trace;
  abstract override readonly aval: ShapedArray;

  /** What this stands for, without derivatives: a concrete array where nothing but derivatives is traced. */
  get known(): NDArray {
    return this;
  }
  override dataSync(): TypedArray {
    return concrete(this, "its data was read").dataSync();
  }
  override dispose(): void {}
}

/** Runs primitives on concrete arrays, each as a program of one equation. */
class EvalTrace extends Trace {
  override process(primitive: AnyPrimitive, args: NDArray[], params: Params): NDArray[] {
    const values = args.map(expectConcrete);
    const jaxpr = oneEquation(primitive, values, params);
    return executeHere(jaxpr, values) ?? execute(jaxpr, values, primitive);
  }
}

function expectConcrete(x: NDArray): DeviceArray {
  if (x instanceof DeviceArray) return x;
  throw leaked(x as Tracer);
}

/** The error for a tracer that outlived the function it was made in. */
export function leaked(x: Tracer): UnexpectedTracerError {
  return new UnexpectedTracerError(
    `Encountered an unexpected tracer: an intermediate value of type ${x.aval} escaped from a transformed function ` +
      "(through a variable outside of it, a class field, a callback, or a derivative rule that closes over it) and was used after that " +
      "function returned. Return the value from the function, or pass it to the rule's function as an argument.",
  );
}

function oneEquation(primitive: AnyPrimitive, args: NDArray[], params: Params): Jaxpr {
  const invars = args.map((x) => new Var(x.aval));
  const outputs = primitive
    .abstractEval(
      invars.map((v) => v.aval),
      params,
    )
    .map((type) => new Var(type));
  return new Jaxpr(invars, [{ primitive, inputs: invars, params, outputs }], outputs);
}

const evalTrace = new EvalTrace();
const traces = new Scope<Trace>(evalTrace);
const stepwise = new Scope<StepwiseLoops | undefined>(undefined);

export const currentTrace = (): Trace => traces.current;

/** True when nothing is being traced: values are concrete. */
export const isEager = (): boolean => traces.current === evalTrace;

/** Runs `body` with `trace` as the current trace. */
export const withTrace = <T>(trace: Trace, body: () => T): T => traces.with(trace, body);

/** Runs `body` concretely even while something is being traced. */
export const withEager = <T>(body: () => T): T => withTrace(evalTrace, body);

type UserFunction = (...args: unknown[]) => unknown;
/** Loops that run step by step; the parameters are those of `lax/control/stepwise.ts`. */
export interface StepwiseLoops {
  readonly scan: (
    body: UserFunction,
    init: unknown,
    xsTree: TreeDef,
    xs: readonly NDArray[],
    length: number,
    reverse: boolean,
  ) => unknown[][];
  readonly while: (
    cond: UserFunction,
    body: UserFunction,
    init: unknown,
  ) => { readonly value: unknown } | null;
}

/** Within `body`, jitted functions run step by step, and loops as `loops` have them (`disableJit`, which brings these). */
export const withStepwise = <T>(loops: StepwiseLoops, body: () => T): T => stepwise.with(loops, body);
export const isStepwise = (): boolean => stepwise.current !== undefined;
export const stepwiseLoops = (): StepwiseLoops | undefined => stepwise.current;

/** Applies a primitive under the current trace. */
export const bind = (primitive: AnyPrimitive, args: NDArray[], params: Params): NDArray[] =>
  traces.current.process(primitive, args, params);
