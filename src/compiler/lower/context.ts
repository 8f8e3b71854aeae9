/** Where lowering stands: the equation being lowered, the jaxprs around it and the values of their variables. */
import type { ShapedArray } from "../../core/aval.ts";
import { assert } from "../../core/errors.ts";
import { type Atom, type Jaxpr, Literal, type Var } from "../../core/jaxpr.ts";
import type { Emitter } from "../../core/lowering.ts";
import { constExpr } from "../ir/build.ts";
import type { Buffer, Kept, Time } from "../ir/nodes.ts";
import { type Block, Code } from "./code.ts";
import { type Compute, Lazy, sameArray, Uniform, type Value, View } from "./operands.ts";
import { type Usage, usageOf } from "./usage.ts";

/**
 * Memory that a result is wanted in. `inPlace`: it still holds the value that the result is an update of, so nothing but
 * that update may write there.
 */
export interface Home {
  readonly view: View;
  readonly inPlace: boolean;
}
export type Homes = readonly (Home | undefined)[];
export const home = (view: View, inPlace = false): Home => ({ view: view.since(undefined), inPlace });

/** What is promised to be kept, while it is not known yet from when and until when. */
export type Keeping = { -readonly [K in keyof Kept]: Kept[K] };
export const keeping = (): Keeping => ({ since: Number.POSITIVE_INFINITY, until: Number.POSITIVE_INFINITY });

/** Results that stay in their homes. */
export class Residents {
  readonly homes: Homes;
  readonly #promises: readonly (Keeping | undefined)[];

  /** @param stay which homes are meant. */
  constructor(homes: Homes, stay: (home: Home) => boolean) {
    this.#promises = homes.map((wanted) => (wanted && stay(wanted) ? keeping() : undefined));
    this.homes = homes.map((wanted, i) => {
      const promise = this.#promises[i];
      return wanted && promise ? home(wanted.view.keeping(promise), wanted.inPlace) : wanted;
    });
  }

  /** The results are there; returns what is promised from now on. */
  arrived(results: readonly Value[], now: Time): Keeping[] {
    return this.#promises.flatMap((promise, i) => {
      if (!promise) return [];
      const result = results[i];
      promise.since = (result instanceof View ? result.promises.since : undefined) ?? now;
      return [promise];
    });
  }
}

/** The equation that is being lowered. */
interface Equation {
  readonly name: string;
  readonly args: readonly Value[];
  readonly outs: readonly ShapedArray[];
  readonly homes: Homes;
  /** Something was built in the homes (maybe not what the homes are for). */
  claimed: boolean;
  /** What a lazy result may read: all that the operands read, and every buffer made on the way. */
  readonly roots: Set<Buffer>;
  readonly depth: number;
}

/** A jaxpr that is being lowered. */
export class Lowering {
  readonly env: Map<Var, Value> = new Map();
  readonly usage: Usage;
  /** The block its equations are lowered into. */
  readonly block: Block;
  /** Arguments that are read again after the last use that the jaxpr shows: by the next iteration, or by other code. */
  readonly pinned: ReadonlySet<Var>;
  position = -1;

  constructor(jaxpr: Jaxpr, args: readonly Value[], block: Block, pinned: ReadonlySet<Var>) {
    this.usage = usageOf(jaxpr);
    this.block = block;
    this.pinned = pinned;
    assert(
      args.length === jaxpr.invars.length,
      `${args.length} arguments for ${jaxpr.invars.length} variables`,
    );
    for (const [i, v] of jaxpr.invars.entries()) this.env.set(v, args[i]!);
  }

  read(atom: Atom): Value {
    if (atom instanceof Literal) return new Uniform(atom.aval, constExpr(atom.value, atom.aval.dtype));
    const value = this.env.get(atom);
    assert(value, `variable ${atom.id} of type ${atom.aval} has no value`);
    return value;
  }
  /** Read by a later equation than the current one, or by the result. */
  isLive(v: Var): boolean {
    return this.pinned.has(v) || this.usage.lastUse(v) > this.position;
  }
  /** Forgets what nobody reads any more. */
  release(inputs: readonly Atom[]): void {
    for (const v of inputs) if (!(v instanceof Literal) && !this.isLive(v)) this.env.delete(v);
  }
}

export class Context {
  readonly code: Code = new Code();
  readonly frames: Lowering[] = [];
  readonly #equations: Equation[] = [];
  #rules: Emitter | undefined;

  get emitter(): Emitter {
    assert(this.#rules, "no emitter");
    return this.#rules;
  }
  set emitter(emitter: Emitter) {
    this.#rules = emitter;
  }

  get equation(): Equation {
    const current = this.#equations.at(-1);
    assert(current, "no equation is being lowered");
    return current;
  }

  /** Runs `lower` as the lowering of one equation. */
  inEquation<T>(
    name: string,
    args: readonly Value[],
    outs: readonly ShapedArray[],
    homes: Homes,
    lower: () => T,
  ): T {
    const roots = new Set(args.flatMap((x) => [...x.roots]));
    const depth = 1 + Math.max(0, ...args.map((x) => x.depth));
    this.#equations.push({ name, args, outs, homes, claimed: false, roots, depth });
    try {
      return lower();
    } finally {
      this.#equations.pop();
    }
  }

  /**
   * The homes of the current equation's results, for whoever builds arrays of exactly these types first. A rule may build
   * something else there: {@link deliver} finds out.
   */
  claim(types: readonly ShapedArray[]): Homes {
    const { equation } = this;
    const fits =
      !equation.claimed &&
      types.length === equation.outs.length &&
      types.every((type, i) => sameArray(type, equation.outs[i]!));
    if (!fits) return types.map(() => undefined);
    equation.claimed = true;
    for (const wanted of equation.homes) if (wanted) equation.roots.add(wanted.view.buffer);
    return equation.homes;
  }

  /** Fresh memory for an array. */
  temp(type: ShapedArray, name?: string): View {
    const operations = this.#equations.map((equation) => equation.name).reverse();
    const buffer = this.code.temp({ type, operations }, name && this.code.unique(name));
    for (const equation of this.#equations) equation.roots.add(buffer);
    return new View(type, buffer);
  }

  lazy(type: ShapedArray, compute: Compute): Lazy {
    const { roots, depth } = this.equation;
    return new Lazy(this.code, type, compute, roots, depth);
  }
}
