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

/** A list with one entry per operand of a loop, in its three groups. */
export function loopInputs<T>(list: readonly T[], p: LoopParams): { consts: T[]; carry: T[]; xs: T[] } {
  const start = p.numConsts + p.numCarry;
  return { consts: list.slice(0, p.numConsts), carry: list.slice(p.numConsts, start), xs: list.slice(start) };
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
