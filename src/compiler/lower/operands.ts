/** Arrays as lowering sees them: in memory, computed by whoever reads them, or the same everywhere. */
import { aval, type Shape, type ShapedArray } from "../../core/aval.ts";
import { assert } from "../../core/errors.ts";
import type { Index, Operand, Scalar, Target } from "../../core/lowering.ts";
import { equalShape, strides } from "../../util/shape.ts";
import { sameAffine } from "../ir/affine.ts";
import { addAffine, constant, loadExpr, scaleAffine } from "../ir/build.ts";
import type { Affine, Buffer, Expr, Kept, Time } from "../ir/nodes.ts";
import { type Block, type Code, toAffine } from "./code.ts";

export abstract class Value implements Operand {
  readonly aval: ShapedArray;
  /** Every buffer that reading this value may read. */
  abstract readonly roots: ReadonlySet<Buffer>;
  /** How many lazy values reading this one goes through, at most. */
  abstract readonly depth: number;
  constructor(type: ShapedArray) {
    this.aval = type;
  }
  abstract at(index: readonly Index[]): Expr;
  reads(buffer: Buffer): boolean {
    return this.roots.has(buffer);
  }
}

const NO_ROOTS: ReadonlySet<Buffer> = new Set();

/** One expression for every element: constants, and scalars held in locals. */
export class Uniform extends Value {
  readonly expr: Expr;
  /** Memory that holds this scalar, too. */
  readonly memory: View | undefined;
  readonly roots: ReadonlySet<Buffer> = NO_ROOTS;
  readonly depth = 0;
  constructor(type: ShapedArray, expr: Expr, memory?: View) {
    super(type);
    this.expr = expr;
    this.memory = memory;
  }
  override at(): Expr {
    return this.expr;
  }
}

/** What is promised of a view's memory. */
interface Promises {
  /** When its elements were complete: later stores are no part of the value. Undefined while they are made. */
  readonly since?: Time | undefined;
  /** For how long what is stored through it stays. */
  readonly kept?: readonly Kept[] | undefined;
}

/** Elements in memory: element i is `buffer[offset + Σ strides·i]`. */
export class View extends Value {
  readonly buffer: Buffer;
  readonly offset: Affine;
  readonly strides: readonly number[];
  readonly promises: Promises;
  readonly roots: ReadonlySet<Buffer>;
  readonly depth = 0;

  constructor(
    type: ShapedArray,
    buffer: Buffer,
    offset: Affine = constant(0),
    steps: readonly number[] = strides(type.shape),
    promises: Promises = {},
  ) {
    super(type);
    this.buffer = buffer;
    this.offset = offset;
    this.strides = steps;
    this.promises = promises;
    this.roots = new Set([buffer]);
  }

  override at(index: readonly Index[]): Expr {
    return loadExpr(this.buffer, this.address(index), this.promises.since);
  }
  put(code: Code, index: readonly Index[], value: Expr): void {
    code.store(this.buffer, this.address(index), value, this.promises.kept);
  }
  address(index: readonly Index[]): Affine {
    assert(index.length === this.aval.ndim, `an index of ${index.length} entries into ${this.aval}`);
    return index.reduce<Affine>(
      (sum, i, axis) => addAffine(sum, scaleAffine(toAffine(i), this.strides[axis]!)),
      this.offset,
    );
  }
  /** Row-major without gaps: a linear position counts elements. */
  get contiguous(): boolean {
    const packed = strides(this.aval.shape);
    return (
      this.aval.size === 0 ||
      this.aval.shape.every((dim, axis) => dim === 1 || this.strides[axis] === packed[axis])
    );
  }
  /** The same contiguous memory under another type. */
  as(type: ShapedArray): View {
    return this.part(type, this.offset, strides(type.shape));
  }
  /** Other elements of the same value. */
  part(type: ShapedArray, offset: Affine, steps: readonly number[] = this.strides): View {
    return new View(type, this.buffer, offset, steps, this.promises);
  }
  /** The value that this memory holds at a time; undefined: one that is being made. */
  since(since: Time | undefined): View {
    return new View(this.aval, this.buffer, this.offset, this.strides, { ...this.promises, since });
  }
  /** The same memory, whose contents are kept for so long, too. */
  keeping(kept: Kept): View {
    const { since, kept: more = [] } = this.promises;
    return new View(this.aval, this.buffer, this.offset, this.strides, { since, kept: [...more, kept] });
  }
}

export const sameRegion = (a: View, b: View): boolean =>
  a.buffer === b.buffer &&
  a.aval.size === b.aval.size &&
  a.contiguous &&
  b.contiguous &&
  sameAffine(a.offset, b.offset);

/** A view that is being written. Reads give what was stored before them, whatever is stored later. */
export class Out extends View implements Target {
  readonly #code: Code;
  constructor(code: Code, view: View) {
    super(view.aval, view.buffer, view.offset, view.strides, view.promises);
    this.#code = code;
  }
  override at(index: readonly Index[]): Expr {
    return this.#code.snapshot(this.since(this.#code.now).at(index));
  }
  store(index: readonly Index[], value: Scalar): void {
    this.put(this.#code, index, value as Expr);
  }
}

export type Compute = (index: readonly Index[]) => Scalar;

/** A value that is computed where it is read. */
export class Lazy extends Value {
  readonly roots: ReadonlySet<Buffer>;
  readonly depth: number;
  readonly #code: Code;
  readonly #compute: Compute;
  /** The last element that was computed, and where: reading it again there must not repeat its statements. */
  #last: { index: readonly Affine[]; expr: Expr; block: Block; epoch: number } | undefined;

  constructor(
    code: Code,
    type: ShapedArray,
    compute: Compute,
    roots: ReadonlySet<Buffer> = NO_ROOTS,
    depth = 1,
  ) {
    super(type);
    this.#code = code;
    this.#compute = compute;
    this.roots = roots;
    this.depth = depth;
  }

  override at(index: readonly Index[]): Expr {
    assert(index.length === this.aval.ndim, `an index of ${index.length} entries into ${this.aval}`);
    const position = index.map(toAffine);
    return this.#remembered(position) ?? this.#computed(position);
  }
  #remembered(index: readonly Affine[]): Expr | undefined {
    const [last, code] = [this.#last, this.#code];
    if (!last?.block.open || last.epoch !== code.epoch) return undefined;
    return index.every((i, axis) => sameAffine(i, last.index[axis]!)) ? last.expr : undefined;
  }
  #computed(index: readonly Affine[]): Expr {
    const expr = this.#compute(index) as Expr;
    assert(expr.dtype === this.aval.dtype, `an element of ${this.aval} was lowered to ${expr.dtype}`);
    this.#last = { index, expr, block: this.#code.block, epoch: this.#code.epoch };
    return expr;
  }
}

/** x[i] for the leading axis. */
export function element(code: Code, x: Value, i: Affine): Value {
  const type = aval(x.aval.shape.slice(1), x.aval.dtype, x.aval.weakType);
  if (x instanceof Uniform) return new Uniform(type, x.expr);
  if (x instanceof View) return elementView(x, i, type);
  return new Lazy(code, type, (rest) => x.at([i, ...rest]), x.roots, x.depth);
}

export function elementView(
  x: View,
  i: Affine,
  type: ShapedArray = aval(x.aval.shape.slice(1), x.aval.dtype, x.aval.weakType),
): View {
  return x.part(type, x.address([i, ...type.shape.map(() => 0)]), x.strides.slice(1));
}

/** `count` consecutive rows of x from row `first`. */
export function rowsView(x: View, first: number, count: number): View {
  const type = withShape(x.aval, [count, ...x.aval.shape.slice(1)]);
  return x.part(type, x.address([first, ...type.shape.slice(1).map(() => 0)]));
}

/** Same elements, maybe of another weakness. */
export const sameArray = (a: ShapedArray, b: ShapedArray): boolean =>
  a.dtype === b.dtype && equalShape(a.shape, b.shape);
export const withShape = (type: ShapedArray, shape: Shape): ShapedArray =>
  aval(shape, type.dtype, type.weakType);
