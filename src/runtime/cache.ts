import type { ShapedArray } from "../core/aval.ts";
import { type Atom, type Eqn, isJaxpr, type Jaxpr, Literal, type Var } from "../core/jaxpr.ts";
import type { Params } from "../core/primitive.ts";
import { identityOf, structuralKey } from "../util/key.ts";

const keys = new WeakMap<Jaxpr, string>();

/**
 * Equal exactly for programs that compile to the same code: same equations on same types, whatever the variables are
 * called and whether types are weak. Functions among the parameters (host callbacks) count by identity. Computed once
 * per jaxpr.
 */
export function jaxprKey(jaxpr: Jaxpr): string {
  let key = keys.get(jaxpr);
  if (key === undefined) keys.set(jaxpr, (key = writeKey(jaxpr)));
  return key;
}

function writeKey(jaxpr: Jaxpr): string {
  const numbers = new Map<Var, number>();
  const define = (v: Var): number => {
    numbers.set(v, numbers.size);
    return typeId(v.aval);
  };
  const atom = (a: Atom): string =>
    a instanceof Literal ? `${structuralKey(a.value)}:${typeId(a.aval)}` : `${numbers.get(a)}`;
  const equation = ({ primitive, inputs, params, outputs }: Eqn): string =>
    `${identityOf(primitive)}(${inputs.map(atom)})${paramsKey(params)}${outputs.map(define)}`;
  const inputs = jaxpr.invars.map(define).join();
  const body = jaxpr.eqns.map(equation).join(";");
  return `(${inputs})${body}>${jaxpr.outs.map(atom)}`;
}

const typeId = (type: ShapedArray): number => type.strong().id;

const paramsKey = (params: Params): string =>
  `{${Object.keys(params)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${paramKey(params[name])}`)}}`;

/** A jaxpr is marked by `<…>`, which no structural key starts with. */
const paramKey = (value: unknown): string =>
  isJaxpr(value)
    ? `<${jaxprKey(value)}>`
    : Array.isArray(value) && value.some(isJaxpr)
      ? `[${value.map(paramKey)}]`
      : structuralKey(value);

/** The numbers of the donated arguments; a list of none is as good as no list. */
const maskKey = (donated: readonly boolean[]): string =>
  donated.flatMap((given, i) => (given ? [i] : [])).join();

/** Programs beyond this many leave, least recently looked up first; those of a live jaxpr stay with it. */
const CAPACITY = 4096;

/** Remembers one value per program and donated arguments: first by the objects, then by their structure. */
export class ProgramCache<T> {
  private readonly byObject = new WeakMap<Jaxpr, WeakMap<readonly boolean[], T>>();
  private readonly byKey = new Map<string, T>();

  get(jaxpr: Jaxpr, donated: readonly boolean[], make: () => T): T {
    return this.byObject.get(jaxpr)?.get(donated) ?? this.find(jaxpr, donated, make);
  }

  get size(): number {
    return this.byKey.size;
  }

  private find(jaxpr: Jaxpr, donated: readonly boolean[], make: () => T): T {
    const key = `${jaxprKey(jaxpr)}|${maskKey(donated)}`;
    const value = this.byKey.get(key) ?? make();
    this.byKey.delete(key); // the last key of a Map is the newest one
    this.byKey.set(key, value);
    let masks = this.byObject.get(jaxpr);
    if (!masks) this.byObject.set(jaxpr, (masks = new WeakMap()));
    masks.set(donated, value);
    if (this.byKey.size > CAPACITY) this.byKey.delete(this.byKey.keys().next().value!);
    return value;
  }
}
