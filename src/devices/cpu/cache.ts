import type { ShapedArray } from "../../core/aval.ts";
import { type Atom, type Eqn, isJaxpr, type Jaxpr, Literal, type Var } from "../../core/jaxpr.ts";
import type { Params } from "../../core/primitive.ts";
import { identityOf, structuralKey } from "../../util/key.ts";

const keys = new WeakMap<Jaxpr, string>();

/**
 * Equal exactly for programs that compile to the same code: same equations on same types, whatever the variables are
 * called and whether types are weak. Functions among the parameters (host callbacks) count by identity. Computed once
 * per jaxpr.
 */
function jaxprKey(jaxpr: Jaxpr): string {
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

/** What may be kept; beyond it, what was not used for longest goes. */
interface CacheLimits {
  readonly programs: number;
  /** Of machine code, or what it is made from. */
  readonly bytes: number;
}

/** 1024 programs of any size, or 64 MiB of code: the engine's own form of it is a few times as large. */
export const CACHE_LIMITS: CacheLimits = { programs: 1024, bytes: 64 * 2 ** 20 };

/** What is left of that, so that the next programs do not begin all over again. */
const KEPT = 0.75;

/** What the cache wants to know of a program. */
export interface Cached {
  readonly codeBytes?: number;
  /** Whether it runs now: then it stays. */
  readonly busy?: boolean;
  /** Gives back what no collector knows of. It is not run again. */
  release?(): void;
}

interface Entry<T> {
  /** Undefined when it has left. */
  value: T | undefined;
  /** When it was last looked up. */
  used: number;
  readonly bytes: number;
}

/** Remembers one value per program and donated arguments: first by the objects, then by their structure. */
export class ProgramCache<T extends Cached> {
  readonly #limits: CacheLimits;
  readonly #byObject = new WeakMap<Jaxpr, WeakMap<readonly boolean[], Entry<T>>>();
  readonly #byKey = new Map<string, Entry<T>>();
  #bytes = 0;
  #now = 0;

  constructor(limits: CacheLimits = CACHE_LIMITS) {
    this.#limits = limits;
  }

  get(jaxpr: Jaxpr, donated: readonly boolean[], make: () => T): T {
    const entry = this.#byObject.get(jaxpr)?.get(donated);
    if (entry?.value === undefined) return this.#find(jaxpr, donated, make);
    entry.used = ++this.#now;
    return entry.value;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Forgets all programs but those that run now. */
  clear(): void {
    this.#shrink({ programs: 0, bytes: 0 });
  }

  #find(jaxpr: Jaxpr, donated: readonly boolean[], make: () => T): T {
    const key = `${jaxprKey(jaxpr)}|${maskKey(donated)}`;
    const entry = this.#byKey.get(key) ?? this.#add(key, make());
    entry.used = ++this.#now;
    let masks = this.#byObject.get(jaxpr);
    if (!masks) this.#byObject.set(jaxpr, (masks = new WeakMap()));
    masks.set(donated, entry);
    return entry.value!;
  }

  #add(key: string, value: T): Entry<T> {
    const { programs, bytes } = this.#limits;
    const entry = { value, used: this.#now, bytes: value.codeBytes ?? 0 };
    if (this.#byKey.size >= programs || this.#bytes + entry.bytes > bytes)
      this.#shrink({ programs: KEPT * programs, bytes: KEPT * bytes - entry.bytes });
    this.#byKey.set(key, entry);
    this.#bytes += entry.bytes;
    return entry;
  }

  #shrink(to: CacheLimits): void {
    const oldest = [...this.#byKey].sort(([, a], [, b]) => a.used - b.used);
    for (const [key, entry] of oldest) {
      if (this.#byKey.size <= to.programs && this.#bytes <= to.bytes) return;
      if (entry.value?.busy) continue;
      this.#byKey.delete(key);
      this.#bytes -= entry.bytes;
      entry.value?.release?.();
      entry.value = undefined;
    }
  }
}
