/** Expressions as text: every node that computes something becomes a constant with a name, once per statement. */
import { coeffOf } from "../../compiler/ir/affine.ts";
import type { Affine, Buffer, Expr, IndexAtom, Local, LoopVar } from "../../compiler/ir/nodes.ts";
import { isLeaf } from "../../compiler/ir/visit.ts";
import type { Dialect, Form, Written } from "./dialect.ts";

/** The iterations of a loop that run side by side. */
export interface Lanes {
  readonly v: LoopVar;
  /** Of one part, and how many parts make a value. */
  readonly width: number;
  readonly parts: number;
  /** Whether a value differs between lanes. */
  varies(e: Expr): boolean;
  readonly varying: ReadonlySet<IndexAtom>;
}

/** What expressions need to know of the place where they stand. */
export interface Surroundings {
  readonly dialect: Dialect;
  readonly lanes: Lanes | undefined;
  /** The name of a scalar in scope. */
  nameOf(atom: IndexAtom): string;
  /** The names of the parts of a local that has lanes. */
  partsOf(local: Local): readonly string[];
  pointerTo(buffer: Buffer): string;
  /** Declares a constant; returns its name. */
  define(type: string, text: string): string;
}

type Operation = Extract<Expr, { op: "unary" | "binary" | "fma" | "convert" | "bitcast" }>;

/** Expressions of one statement. */
export class Values {
  readonly #at: Surroundings;
  readonly #d: Dialect;
  readonly #scalars: Map<Expr, string> = new Map();
  readonly #parts: Map<Expr, readonly string[]> = new Map();

  constructor(surroundings: Surroundings) {
    this.#at = surroundings;
    this.#d = surroundings.dialect;
  }

  /** The name of a scalar, or the constant itself. */
  scalar(e: Expr): string {
    return remember(this.#scalars, e, () => {
      const text = this.#scalarText(e);
      return isLeaf(e) ? text : this.#at.define(this.#d.type({ dtype: e.dtype, lanes: 1 }), text);
    });
  }

  /** The parts of a value that has lanes; one that does not vary is spread over them. */
  parts(e: Expr): readonly string[] {
    return remember(this.#parts, e, () => {
      const lanes = this.#at.lanes!;
      const form = { dtype: e.dtype, lanes: lanes.width };
      if (!lanes.varies(e)) return Array<string>(lanes.parts).fill(this.#d.splat(form, this.scalar(e)));
      if (e.op === "local") return this.#at.partsOf(e.local);
      return this.#partTexts(e, form).map((text) => this.#at.define(this.#d.type(form), text));
    });
  }

  /** An index, `more` elements further. */
  index(a: Affine, more = 0): string {
    const offset = a.offset + more;
    const terms = a.terms.map(({ atom, coeff }) => {
      const name = this.#at.nameOf(atom);
      const term = atom.kind === "local" ? this.#d.indexOf(name) : name;
      return coeff === 1 ? term : `${coeff}*${term}`;
    });
    if (offset !== 0 || terms.length === 0) terms.push(String(offset));
    return terms.join(" + ").replaceAll("+ -", "- ");
  }

  /** The element as something to read or to assign to. */
  element(buffer: Buffer, index: Affine, more = 0): string {
    return this.#d.element(this.#at.pointerTo(buffer), this.index(index, more));
  }

  /** So many neighbouring elements, as they lie in memory. */
  run(buffer: Buffer, index: Affine, more: number): string {
    const form = { dtype: buffer.dtype, lanes: this.#at.lanes!.width };
    return this.#d.run(form, this.#at.pointerTo(buffer), this.index(index, more));
  }

  #scalarText(e: Expr): string {
    const one = (x: Expr): string => this.scalar(x);
    switch (e.op) {
      case "const":
        return this.#d.literal(e.value, e.dtype);
      case "index":
        return this.#d.indexValue(this.index(e.index));
      case "local":
        return this.#at.nameOf(e.local);
      case "load":
        return this.element(e.buffer, e.index);
      case "select":
        return this.#d.select({ dtype: e.dtype, lanes: 1 }, one(e.cond), one(e.x), one(e.y));
      default:
        return this.#operation(e, 1, one);
    }
  }

  /** What looks alike with and without lanes. */
  #operation(e: Operation, lanes: number, of: (x: Expr) => string): string {
    const form: Form = { dtype: e.x.dtype, lanes };
    switch (e.op) {
      case "unary":
        return this.#d.unary(e.fn, form, of(e.x));
      case "binary":
        return this.#d.binary(e.fn, form, written(e.x, of), written(e.y, of));
      case "fma":
        return this.#d.multiplyAdd(form, of(e.x), of(e.y), of(e.z));
      case "convert":
        return this.#d.convert(form, e.dtype, of(e.x));
      case "bitcast":
        return this.#d.bitcast(form, e.dtype, of(e.x));
    }
  }

  #partTexts(e: Exclude<Expr, { op: "local" }>, form: Form): string[] {
    const { parts, width } = this.#at.lanes!;
    const each = (text: (part: number) => string): string[] =>
      Array.from({ length: parts }, (_, part) => text(part));
    switch (e.op) {
      case "const":
        return each(() => this.#d.splat(form, this.#d.literal(e.value, e.dtype)));
      case "index":
        return each((part) => this.#indexPart(e.index, form, part));
      case "load":
        return each((part) => this.#loadPart(e.buffer, e.index, form, part));
      case "select": {
        const [masks, xs, ys] = [this.parts(e.cond), this.parts(e.x), this.parts(e.y)];
        return each((part) => this.#d.select(form, masks[part]!, xs[part]!, ys[part]!));
      }
      default:
        return each((part) => this.#operation(e, width, (x) => this.parts(x)[part]!));
    }
  }

  #indexPart(a: Affine, form: Form, part: number): string {
    const { v, width } = this.#at.lanes!;
    const step = coeffOf(a, v);
    const steps = Array.from({ length: width }, (_, lane) => step * (part * width + lane));
    return this.#d.indexLanes(form, this.index(a), steps);
  }

  #loadPart(buffer: Buffer, index: Affine, form: Form, part: number): string {
    const { v, width } = this.#at.lanes!;
    const stride = coeffOf(index, v);
    if (stride === 1) return this.#d.unpacked(form, this.run(buffer, index, part * width));
    const elements = Array.from({ length: width }, (_, lane) =>
      this.element(buffer, index, stride * (part * width + lane)),
    );
    return this.#d.gathered(form, elements);
  }
}

const written = (e: Expr, of: (x: Expr) => string): Written => ({
  constant: e.op === "const" ? e.value : undefined,
  text: () => of(e),
});

function remember<T>(memo: Map<Expr, T>, e: Expr, make: () => T): T {
  const known = memo.get(e);
  if (known !== undefined) return known;
  const made = make();
  memo.set(e, made);
  return made;
}
