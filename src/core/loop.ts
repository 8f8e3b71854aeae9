import { pick } from "../util/zip.ts";
import type { Atom, Eqn, Jaxpr, Var } from "./jaxpr.ts";

/** Parameters of a counted loop with a carry: what passes over loops may rely on, whatever the primitive is called. */
export interface LoopParams extends Record<string, unknown> {
  /** (consts…, carry…, x…) → (carry…, y…) */
  readonly jaxpr: Jaxpr;
  readonly length: number;
  readonly reverse: boolean;
  readonly unroll: number;
  readonly numConsts: number;
  readonly numCarry: number;
}

/** Whether an equation is a counted loop: its kind says loop and its length is known. */
export const isCountedLoop = (eqn: Eqn): boolean => eqn.primitive.kind === "loop" && "length" in eqn.params;

/** Parameters of a loop that runs while a condition holds. */
export interface WhileParams extends Record<string, unknown> {
  /** (condConsts…, carry…) → bool */
  readonly condJaxpr: Jaxpr;
  readonly condNconsts: number;
  /** (bodyConsts…, carry…) → carry */
  readonly bodyJaxpr: Jaxpr;
  readonly bodyNconsts: number;
}

type Sizes = Pick<LoopParams, "numConsts" | "numCarry">;

/** One entry per operand of a counted loop, or per input of its body, in the three groups. */
export class LoopInputs<T> {
  readonly consts: readonly T[];
  readonly carry: readonly T[];
  readonly xs: readonly T[];

  constructor(consts: readonly T[], carry: readonly T[], xs: readonly T[]) {
    this.consts = consts;
    this.carry = carry;
    this.xs = xs;
  }

  /** All in one list, as equations have them. */
  get flat(): T[] {
    return [...this.consts, ...this.carry, ...this.xs];
  }
  /** What parameters say of the groups. */
  get sizes(): Sizes {
    return { numConsts: this.consts.length, numCarry: this.carry.length };
  }

  withCarry(carry: readonly T[]): LoopInputs<T> {
    return new LoopInputs(this.consts, carry, this.xs);
  }
  map<U>(f: (x: T) => U): LoopInputs<U> {
    return new LoopInputs(this.consts.map(f), this.carry.map(f), this.xs.map(f));
  }
  /** Each group followed by the other's. */
  beside(other: LoopInputs<T>): LoopInputs<T> {
    const [consts, carry] = [this.consts.concat(other.consts), this.carry.concat(other.carry)];
    return new LoopInputs(consts, carry, this.xs.concat(other.xs));
  }
  /** The entries at which a mask is true. */
  pick(mask: LoopInputs<boolean>): LoopInputs<T> {
    const [consts, carry] = [pick(this.consts, mask.consts), pick(this.carry, mask.carry)];
    return new LoopInputs(consts, carry, pick(this.xs, mask.xs));
  }
}

export function loopInputs<T>(list: readonly T[], { numConsts, numCarry }: Sizes): LoopInputs<T> {
  const start = numConsts + numCarry;
  return new LoopInputs(list.slice(0, numConsts), list.slice(numConsts, start), list.slice(start));
}

/** A list with one entry per result of a loop, in its two groups. */
export const loopOutputs = <T>(list: readonly T[], p: LoopParams): { carry: T[]; ys: T[] } => ({
  carry: list.slice(0, p.numCarry),
  ys: list.slice(p.numCarry),
});

/** Who makes each variable of a jaxpr, and which equations (by position) read it; results count as position -1. */
export function useDef(jaxpr: Jaxpr): { producer: Map<Var, number>; readers: Map<Atom, number[]> } {
  const producer = new Map<Var, number>();
  const readers = new Map<Atom, number[]>();
  const read = (a: Atom, at: number): void => {
    const known = readers.get(a);
    if (known) known.push(at);
    else readers.set(a, [at]);
  };
  jaxpr.eqns.forEach((eqn, at) => {
    for (const a of eqn.inputs) read(a, at);
    for (const v of eqn.outputs) producer.set(v, at);
  });
  for (const a of jaxpr.outs) read(a, -1);
  return { producer, readers };
}
