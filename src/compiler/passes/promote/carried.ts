/**
 * What the iterations of a serial loop hand on through memory: each leaves a value where the next one reads it.
 *
 *     let p: i32 = i32.rem(index(t), i32(2))
 *     c[-4*p + i + 4] = f(c[4*p + i])           two rows take turns
 *     h[4*t + i + 4] = f(h[4*t + i])            a row for every iteration
 *     s[i] = f(s[i])                            in place
 *
 * In all of them the index of the load becomes that of the store in the next iteration; nothing else is asked.
 */
import {
  addAffine,
  constant,
  isConstant,
  sameAffine,
  scaleAffine,
  scaledAtom,
  subAffine,
  substituteAtoms,
} from "../../ir/affine.ts";
import type { Affine, Expr, For, IndexAtom, Local } from "../../ir/nodes.ts";
import { asAffine, type Block, effects, type Store } from "../../ir/visit.ts";
import { summaryOf } from "../support/conflict.ts";

/** A value that one iteration stores and the next one loads. */
export interface Carried {
  readonly store: Store;
  /** Where the first iteration reads it, and where the last one leaves it. */
  readonly first: Affine;
  readonly last: Affine;
  /** `turns`: two rows, the last iteration having read the one at `stale`. */
  readonly kind: "history" | "inPlace" | "turns";
  readonly stale: Affine;
}

/**
 * What the iterations of `loop` carry, `body` being straight-line code; undefined when a buffer that it both stores to and
 * loads from is used in another way.
 */
export function carriedBy(loop: For, body: Block): Carried[] | undefined {
  const { loads, stores } = effects(body);
  const clock = new Clock(loop, body);
  const both = new Set(stores.map((s) => s.buffer).filter((b) => loads.some((l) => l.buffer === b)));
  const found = [...both].map((buffer) => {
    const [store, ...others] = stores.filter((s) => s.buffer === buffer);
    const [read, ...different] = distinct(loads.filter((l) => l.buffer === buffer).map((l) => l.index));
    if (others.length > 0 || different.length > 0) return undefined;
    const carried = clock.carried(store!, read!);
    return carried?.kind === "inPlace" && isReadAfter(body, store!) ? undefined : carried;
  });
  return found.every((c) => c !== undefined) ? found : undefined;
}

const distinct = (indices: readonly Affine[]): Affine[] =>
  indices.filter((a, i) => indices.findIndex((b) => sameAffine(a, b)) === i);
const isReadAfter = (body: Block, store: Store): boolean =>
  body.slice(body.indexOf(store) + 1).some((s) => summaryOf(s).reads.has(store.buffer));

/** Locals that a block binds to the parity of the loop's iteration. */
const paritiesOf = (loop: For, body: Block): Local[] =>
  body.flatMap((s) => (s.kind === "let" && isParity(s.value, loop) ? [s.local] : []));

function isParity(e: Expr, { v }: For): boolean {
  if (e.op !== "binary" || e.fn !== "rem" || e.y.op !== "const" || e.y.value !== 2) return false;
  const index = asAffine(e.x);
  return index !== undefined && sameAffine(index, scaledAtom(v));
}

/** Indices as a loop goes on. */
class Clock {
  readonly #loop: For;
  readonly #parities: ReadonlySet<IndexAtom>;
  /** Locals of which nothing is known in other iterations. */
  readonly #computed: ReadonlySet<IndexAtom>;

  constructor(loop: For, body: Block) {
    this.#loop = loop;
    this.#parities = new Set(paritiesOf(loop, body));
    const { declares, assigns } = effects(body);
    this.#computed = new Set([...declares, ...assigns].filter((a) => !this.#parities.has(a)));
  }

  carried(store: Store, read: Affine): Carried | undefined {
    const isKnown = [store.index, read].every((a) => a.terms.every((t) => !this.#computed.has(t.atom)));
    if (!isKnown || !sameAffine(this.#next(read), store.index)) return undefined;
    const kind = this.#kind(subAffine(store.index, read));
    if (!kind) return undefined;
    const end = this.#loop.extent - 1;
    return {
      store,
      kind,
      first: this.#at(read, 0),
      last: this.#at(store.index, end),
      stale: this.#at(read, end),
    };
  }

  /** By how far the store is from the load. */
  #kind(step: Affine): Carried["kind"] | undefined {
    if (isConstant(step)) return step.offset === 0 ? "inPlace" : "history";
    const apart = [0, 1].map((t) => this.#at(step, t));
    return apart.every((a) => isConstant(a) && a.offset !== 0) &&
      step.terms.every((t) => t.atom !== this.#loop.v)
      ? "turns"
      : undefined;
  }

  /** The index in the next iteration. */
  #next(index: Affine): Affine {
    const flip = (p: IndexAtom): Affine => addAffine(constant(1), scaleAffine(scaledAtom(p), -1));
    return this.#mapped(index, addAffine(scaledAtom(this.#loop.v), constant(1)), flip);
  }

  /** The index in iteration `t`. */
  #at(index: Affine, t: number): Affine {
    return this.#mapped(index, constant(t), () => constant(t % 2));
  }

  #mapped(index: Affine, step: Affine, parity: (p: IndexAtom) => Affine): Affine {
    return substituteAtoms(index, (a) =>
      a === this.#loop.v ? step : this.#parities.has(a) ? parity(a) : undefined,
    );
  }
}
