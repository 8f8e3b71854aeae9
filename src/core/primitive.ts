import type { NDArray } from "./array.ts";
import type { ShapedArray } from "./aval.ts";
import type { MappedAxis } from "./axes.ts";
import type { Eqn } from "./jaxpr.ts";
import type { Emitter, Operand } from "./lowering.ts";
import { bind } from "./trace.ts";

// biome-ignore lint/suspicious/noExplicitAny: parameters are typed per primitive; tables of primitives erase them
export type Params = Readonly<Record<string, any>>;

/** A tangent or cotangent that is known to be zero; `aval` is the type of the primal it belongs to. */
export class Zero {
  /** Keeps arrays, which have an `aval` too, from passing as a Zero. */
  readonly kind: "zero" = "zero";
  readonly aval: ShapedArray;
  constructor(type: ShapedArray) {
    this.aval = type;
  }
}
export type MaybeZero = NDArray | Zero;

/** Stands in a transpose rule for an input that the equation is linear in. */
export class Linear {
  readonly kind: "linear" = "linear";
  readonly aval: ShapedArray;
  constructor(type: ShapedArray) {
    this.aval = type;
  }
}

export type JvpRule<P> = (
  primals: NDArray[],
  tangents: MaybeZero[],
  params: P,
) => [outs: NDArray[], outTangents: MaybeZero[]];

/**
 * One cotangent per input: null for inputs that are not {@link Linear}. Called with at least one cotangent that is
 * not zero and at least one linear input.
 */
export type TransposeRule<P> = (
  cotangents: MaybeZero[],
  inputs: (NDArray | Linear)[],
  params: P,
) => (MaybeZero | null)[];

/**
 * `dims[i]` is the axis of argument i that is mapped, or null. At least one is a number unless the equation uses the name of
 * the axis. Most rules need only its size.
 */
export type BatchRule<P> = (
  args: NDArray[],
  dims: (number | null)[],
  params: P,
  axisSize: number,
  axis: MappedAxis,
) => [outs: NDArray[], outDims: (number | null)[]];

/** Splits one equation into what is known now (run by binding) and what is staged for later. */
type PartialEvalRule<P> = (stage: PartialEvalStage, args: PartialArg[], params: P) => PartialArg[];

/** A value during partial evaluation: known now, or unknown until the staged jaxpr runs. */
type PartialArg = NDArray;
export interface PartialEvalStage {
  isKnown(x: PartialArg): boolean;
  /** Records an equation on unknown and known values; returns its (unknown) outputs. */
  stage(primitive: AnyPrimitive, args: PartialArg[], params: Params): PartialArg[];
  /** Runs `f`, which may only touch known values, outside of the partial evaluation. */
  run<T>(f: () => T): T;
}

/** Removes unused outputs. Returns which inputs are still used, and the smaller equation (null: nothing left). */
type DceRule = (usedOuts: boolean[], eqn: Eqn) => [usedIns: boolean[], eqn: Eqn | null];

export type LowerRule<P> = (emit: Emitter, args: Operand[], params: P, outs: ShapedArray[]) => Operand[];

/**
 * What the compiler may assume of a primitive's structure; passes ask for this, never for a name.
 * - map: output element i depends on element i of the operands (which all have the output's shape)
 * - view: every output element is one operand element, each read at most once (reshape, transpose, slice, reverse)
 * - expand: as view, but an element may be read often (broadcast, gather-like with static indices)
 * - generate: no array operand (iota)
 * - reduce: every operand element is read once per output
 * - contract: matmul-like
 * - gather: computed reads; write: builds its result by storing into it (concatenate, pad, scatter, sort, …)
 * - loop, branch, call: carries jaxprs
 * - effect: must run, in order
 */
export type PrimitiveKind =
  | "map"
  | "view"
  | "expand"
  | "generate"
  | "reduce"
  | "contract"
  | "gather"
  | "write"
  | "loop"
  | "branch"
  | "call"
  | "effect";

/**
 * A primitive that writes some elements of its first operand and keeps the others: what may be done to one place instead of
 * to the whole array.
 */
interface UpdateRules<P> {
  /** The operand with the values that are written. */
  readonly values: number;
  /** The elements that are written, of an array with the first operand's shape; laid out as the values. */
  read(x: NDArray, inputs: readonly NDArray[], params: P): NDArray;
  /** Values that, when they are written, leave the first operand as it is. */
  idle(inputs: readonly NDArray[], params: P): NDArray;
  /** Adds the values to the elements. */
  readonly adds: boolean;
  /** The update that adds the values to the elements instead; undefined where one would be written several times. */
  add(inputs: readonly NDArray[], params: P): NDArray | undefined;
}

/** Everything about one operation. Every key must be written: what a primitive cannot do is a value that says so. */
export interface PrimitiveRecord<P extends Params> {
  readonly name: string;
  readonly kind: PrimitiveKind;
  /** Output types, or a thrown {@link WeftTypeError} / {@link WeftValueError} that names operands and types. */
  abstractEval(avals: ShapedArray[], params: P): ShapedArray[];
  /** "zero": outputs carry no tangent (integers, comparisons, …). */
  readonly jvp: JvpRule<P> | "zero";
  /** "not linear": never appears in a linear program on a linear input. A string that is longer is the error's text. */
  readonly transpose: TransposeRule<P> | "not linear" | { readonly error: string };
  readonly batch: BatchRule<P>;
  /** "default": unknown as soon as one input is. */
  readonly partialEval: PartialEvalRule<P> | "default";
  /** "default": kept whole while one output is used. */
  readonly dce: DceRule | "default";
  readonly lower: LowerRule<P>;
  readonly effect?: boolean;
  /** The mapped axis that it communicates along. */
  readonly axisName?: (params: P) => string;
  /** A few machine instructions per element: computing it again costs less than storing it. */
  readonly cheap?: boolean;
  /** The identity, kept so that what is computed from its result is not merged with what is computed from its operand. */
  readonly keepsApart?: boolean;
  /** Adds its two operands: a carry that only goes through this is a sum over the iterations of a loop. */
  readonly accumulates?: boolean;
  /** It is linear in its first so many operands together. */
  readonly linear?: number;
  /** Picks, element by element, between its other operands by its first, a bool (false: the earlier one). */
  readonly selects?: boolean;
  /** Present: it writes some elements of its first operand. */
  readonly update?: UpdateRules<P>;
  /** The sum over the batch of the batched equation as one operation; all mapped axes are given. Linear primitives only. */
  readonly batchSum?: (args: NDArray[], dims: (number | null)[], params: P) => NDArray;
  /** Parameters as a printed jaxpr shows them; default: all, sorted by name. */
  readonly printParams?: (params: P) => Record<string, unknown>;
}

export interface Primitive<P extends Params> extends PrimitiveRecord<P> {
  readonly effect: boolean;
  /** Applies the primitive under the current trace. */
  bind(args: NDArray[], params: P): NDArray[];
}

// biome-ignore lint/suspicious/noExplicitAny: see Params
export type AnyPrimitive = Primitive<any>;

const registry = new Map<string, AnyPrimitive>();
/** All primitives by name. */
export const primitives: ReadonlyMap<string, AnyPrimitive> = registry;

/* @__NO_SIDE_EFFECTS__ */
export function definePrimitive<P extends Params = Params>(record: PrimitiveRecord<P>): Primitive<P> {
  const primitive: Primitive<P> = {
    ...record,
    effect: record.effect ?? false,
    bind: (args, params) => bind(primitive, args, params),
  };
  registry.set(record.name, primitive);
  return primitive;
}

/** For primitives with one output. */
export const bind1 = <P extends Params>(primitive: Primitive<P>, args: NDArray[], params: P): NDArray =>
  primitive.bind(args, params)[0]!;
