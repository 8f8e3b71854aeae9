import type { ShapedArray } from "./aval.ts";
import type { AnyPrimitive, Params } from "./primitive.ts";

let nextVar = 0;

/** A variable of a jaxpr: bound once. */
export class Var {
  readonly id: number = nextVar++;
  readonly aval: ShapedArray;
  constructor(type: ShapedArray) {
    this.aval = type;
  }
  /** A fresh variable of the same type. */
  clone(): Var {
    return new Var(this.aval);
  }
}

/** A scalar constant written in place. */
export class Literal {
  readonly value: number | boolean;
  readonly aval: ShapedArray;
  constructor(value: number | boolean, type: ShapedArray) {
    this.value = value;
    this.aval = type;
  }
}

export type Atom = Var | Literal;

export interface Eqn {
  readonly primitive: AnyPrimitive;
  readonly inputs: readonly Atom[];
  readonly params: Params;
  readonly outputs: readonly Var[];
}

/**
 * A program: single-assignment equations from `invars` to `outs`. It closes over nothing: what a traced function
 * closed over comes first among the invars, and the tracing call returns those values beside the jaxpr.
 */
export class Jaxpr {
  readonly invars: readonly Var[];
  readonly eqns: readonly Eqn[];
  readonly outs: readonly Atom[];
  /** How many leading invars are constants that the traced function closed over (only printing cares). */
  readonly numConsts: number;
  readonly hasEffects: boolean;
  #names: readonly string[] | undefined;

  constructor(invars: readonly Var[], eqns: readonly Eqn[], outs: readonly Atom[], numConsts = 0) {
    this.invars = invars;
    this.eqns = eqns;
    this.outs = outs;
    this.numConsts = numConsts;
    this.hasEffects = eqns.some(eqnHasEffects);
  }

  /** The program as JAX prints it, where {@link installPrinter} was called; else its types. */
  toString(): string {
    return print(this);
  }
  /** Names of mapped axes that its collectives use. */
  get axisNames(): readonly string[] {
    this.#names ??= [...new Set(this.eqns.flatMap((eqn) => axisNames(eqn.primitive, eqn.params)))];
    return this.#names;
  }
  get inAvals(): ShapedArray[] {
    return this.invars.map((v) => v.aval);
  }
  get outAvals(): ShapedArray[] {
    return this.outs.map((a) => a.aval);
  }
}

let print = ({ inAvals, outAvals }: Jaxpr): string =>
  `{ lambda ; ${inAvals.join(" ")}. let … in (${outAvals}) }`;
/** Who shows programs to users installs what prints them when it is loaded; it is more than a page needs that only runs them. */
export const installPrinter = (printer: (jaxpr: Jaxpr) => string): void => {
  print = printer;
};

export const isJaxpr = (x: unknown): x is Jaxpr => x instanceof Jaxpr;

/** The jaxprs among an equation's parameters: bodies of loops, branches, called functions. */
export function subJaxprs(params: Params): Jaxpr[] {
  return Object.values(params).flatMap((p) => (isJaxpr(p) ? [p] : Array.isArray(p) ? p.filter(isJaxpr) : []));
}

/** The parameters with every jaxpr among them replaced by `f` of it. */
export function mapJaxprs(params: Params, f: (j: Jaxpr) => Jaxpr): Params {
  const walk = (p: unknown): unknown =>
    isJaxpr(p) ? f(p) : Array.isArray(p) && p.some(isJaxpr) ? p.map(walk) : p;
  return Object.fromEntries(Object.entries(params).map(([k, p]) => [k, walk(p)]));
}

export const hasEffects = (primitive: AnyPrimitive, params: Params): boolean =>
  primitive.effect || subJaxprs(params).some((j) => j.hasEffects);

/** Names of mapped axes that an equation uses, itself or in its jaxprs. */
export const axisNames = (primitive: AnyPrimitive, params: Params): readonly string[] =>
  primitive.axisName ? [primitive.axisName(params)] : subJaxprs(params).flatMap((j) => j.axisNames);

export const eqnHasEffects = (eqn: Eqn): boolean => hasEffects(eqn.primitive, eqn.params);
