/** Expressions to C: every node that computes something becomes a constant with a name, once per statement. */
import { coeffOf } from "../../compiler/ir/affine.ts";
import type { Affine, Buffer, Expr, IndexAtom, Local, LoopVar } from "../../compiler/ir/nodes.ts";
import { isLeaf } from "../../compiler/ir/visit.ts";
import type { DType } from "../../core/dtype.ts";
import { isNarrowInteger } from "../common/classes.ts";
import { bitcast, convert } from "./convert.ts";
import { binary, clampBy, multiplyAdd, select, shiftBy, unary } from "./ops.ts";
import type { Prelude } from "./prelude.ts";
import { Form, literal, memoryType, STORED, splat, typeOf } from "./types.ts";

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
  readonly prelude: Prelude;
  readonly fma: boolean;
  readonly lanes: Lanes | undefined;
  /** The name of a scalar in scope. */
  nameOf(atom: IndexAtom): string;
  /** The names of the parts of a local that has lanes. */
  partsOf(local: Local): readonly string[];
  pointerTo(buffer: Buffer): string;
  /** Declares a constant; returns its name. */
  define(type: string, text: string): string;
}

/** Expressions of one statement. */
export class Values {
  readonly #at: Surroundings;
  readonly #scalars: Map<Expr, string> = new Map();
  readonly #parts: Map<Expr, readonly string[]> = new Map();

  constructor(surroundings: Surroundings) {
    this.#at = surroundings;
  }

  form(dtype: DType, lanes = 1): Form {
    return new Form(this.#at.prelude, dtype, lanes);
  }
  #vector(dtype: DType): Form {
    return this.form(dtype, this.#at.lanes!.width);
  }

  /** The name of a scalar, or the constant itself. */
  scalar(e: Expr): string {
    return this.#remember(this.#scalars, e, () => {
      const text = this.#scalarText(e);
      return isLeaf(e) ? text : this.#at.define(this.form(e.dtype).type, text);
    });
  }

  /** The parts of a value that has lanes; one that does not vary is spread over them. */
  parts(e: Expr): readonly string[] {
    return this.#remember(this.#parts, e, () => {
      const { lanes, define } = this.#at;
      const form = this.#vector(e.dtype);
      if (!lanes!.varies(e)) return Array<string>(lanes!.parts).fill(splat(form, this.scalar(e)));
      if (e.op === "local") return this.#at.partsOf(e.local);
      return this.#partTexts(e, form).map((text) => define.call(this.#at, form.type, text));
    });
  }

  #remember<T>(memo: Map<Expr, T>, e: Expr, make: () => T): T {
    const known = memo.get(e);
    if (known !== undefined) return known;
    const made = make();
    memo.set(e, made);
    return made;
  }

  /** An index as an expression of 64 bits, `more` elements further. */
  index(a: Affine, more = 0): string {
    const offset = a.offset + more;
    const terms = a.terms.map(({ atom, coeff }) => {
      const name = atom.kind === "local" ? `(i64)${this.#at.nameOf(atom)}` : this.#at.nameOf(atom);
      return coeff === 1 ? name : `${coeff}*${name}`;
    });
    if (offset !== 0 || terms.length === 0) terms.push(String(offset));
    return terms.join(" + ").replaceAll("+ -", "- ");
  }

  /** The element as something to read or to assign to. */
  element(buffer: Buffer, index: Affine, more = 0): string {
    return `${this.#at.pointerTo(buffer)}[${this.index(index, more)}]`;
  }

  /** So many neighbouring elements, as they lie in memory. */
  run(buffer: Buffer, index: Affine, more: number): string {
    const type = memoryType(this.#at.prelude, STORED[buffer.dtype], this.#at.lanes!.width);
    return `*(${type} *)(${this.#at.pointerTo(buffer)} + ${this.index(index, more)})`;
  }

  // -------------------------------------------------------------------------------------------- scalars

  #scalarText(e: Expr): string {
    const one = (x: Expr): string => this.scalar(x);
    switch (e.op) {
      case "const":
        return literal(e.value, e.dtype);
      case "index":
        return `(i32)(${this.index(e.index)})`;
      case "local":
        return this.#at.nameOf(e.local);
      case "load":
        return this.element(e.buffer, e.index);
      case "select":
        return select(this.form(e.dtype), one(e.cond), one(e.x), one(e.y));
      default:
        return this.#operation(e, this.form(e.x.dtype), one);
    }
  }

  /** What looks alike with and without lanes. */
  #operation(
    e: Extract<Expr, { op: "unary" | "binary" | "fma" | "convert" | "bitcast" }>,
    form: Form,
    of: (x: Expr) => string,
  ): string {
    switch (e.op) {
      case "unary":
        return unary(e.fn, form, of(e.x));
      case "binary":
        return this.#byConstant(e, form, of) ?? binary(e.fn, form, of(e.x), of(e.y));
      case "fma":
        return multiplyAdd(form, this.#at.fma, of(e.x), of(e.y), of(e.z));
      case "convert":
        return convert(form, e.dtype, of(e.x));
      case "bitcast":
        return bitcast(form, e.dtype, of(e.x));
    }
  }

  #byConstant(
    { fn, x, y }: Extract<Expr, { op: "binary" }>,
    form: Form,
    of: (x: Expr) => string,
  ): string | undefined {
    if (y.op === "const") return shiftBy(fn, form, of(x), y.value) ?? clampBy(fn, form, of(x), y.value);
    return x.op === "const" ? clampBy(fn, form, of(y), x.value) : undefined;
  }

  // -------------------------------------------------------------------------------------------- lanes

  #partTexts(e: Exclude<Expr, { op: "local" }>, form: Form): string[] {
    const each = (text: (part: number) => string): string[] =>
      Array.from({ length: this.#at.lanes!.parts }, (_, part) => text(part));
    switch (e.op) {
      case "const":
        return each(() => splat(form, literal(e.value, e.dtype)));
      case "index":
        return each((part) => this.#indexPart(e.index, form, part));
      case "load":
        return each((part) => this.#loadPart(e.buffer, e.index, form, part));
      case "select": {
        const [masks, xs, ys] = [this.parts(e.cond), this.parts(e.x), this.parts(e.y)];
        return each((part) => select(form, masks[part]!, xs[part]!, ys[part]!));
      }
      default:
        return each((part) => this.#operation(e, this.#vector(e.x.dtype), (x) => this.parts(x)[part]!));
    }
  }

  /** The value in the first lane, plus what each lane adds. */
  #indexPart(a: Affine, form: Form, part: number): string {
    const { v, width } = this.#at.lanes!;
    const step = coeffOf(a, v);
    const steps = Array.from(
      { length: width },
      (_, lane) => `${Math.imul(step, part * width + lane) >>> 0}u`,
    );
    const first = splat(this.#vector("uint32"), `(u32)(${this.index(a)})`);
    return `(${form.type})(${first} + (${form.unsigned}){${steps.join(", ")}})`;
  }

  #loadPart(buffer: Buffer, index: Affine, form: Form, part: number): string {
    const { v, width } = this.#at.lanes!;
    const stride = coeffOf(index, v);
    const sign = buffer.dtype === "bool" ? "-" : "";
    if (stride === 1) return sign + this.#widened(form, this.run(buffer, index, part * width));
    const elements = Array.from({ length: width }, (_, lane) =>
      this.element(buffer, index, stride * (part * width + lane)),
    );
    return `${sign}(${form.type}){${elements.join(", ")}}`;
  }

  /** Narrow elements in lanes of 32 bits, by way of 16: compilers know instructions for a step of two only. */
  #widened({ dtype, prelude, lanes, type }: Form, run: string): string {
    const stored = STORED[dtype];
    if (!isNarrowInteger(dtype) && dtype !== "bool") return run;
    const half = stored === "u8" ? "u16" : stored === "i8" ? "i16" : undefined;
    const wider = half ? `__builtin_convertvector(${run}, ${typeOf(prelude, half, lanes)})` : run;
    return `__builtin_convertvector(${wider}, ${type})`;
  }

  /** Lanes as they are stored. */
  packed(part: string, dtype: DType): string {
    if (dtype !== "bool" && !isNarrowInteger(dtype)) return part;
    const value = dtype === "bool" ? `(-${part})` : part;
    return `__builtin_convertvector(${value}, ${typeOf(this.#at.prelude, STORED[dtype], this.#at.lanes!.width)})`;
  }
}
