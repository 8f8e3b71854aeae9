/**
 * The interface that lowering rules speak to. Types only: the compiler implements it, so that primitives never import
 * the compiler and the compiler never knows a primitive's name.
 *
 * A lowering rule receives {@link Operand}s (arrays that can be read at a symbolic index) and returns operands: lazily
 * (`emit.lazy`: an expression per element, fused into whoever reads it) or built (`emit.build`: loops that store).
 */
import type { Shape, ShapedArray } from "./aval.ts";
import type { DType } from "./dtype.ts";
import type { Jaxpr } from "./jaxpr.ts";
import type { BasicBinary, BasicUnary } from "./scalar.ts";

export type { BasicBinary, BasicUnary, MachineFn } from "./scalar.ts";

/** A scalar expression inside a loop nest. */
export interface Scalar {
  readonly dtype: DType;
}

/** An affine integer expression over loop variables and int32 locals. Plain numbers are constant indices. */
interface SymbolicIndex {
  readonly offset: number;
  readonly terms: readonly { readonly atom: unknown; readonly coeff: number }[];
}
export type Index = number | SymbolicIndex;

/** An array that can be read element by element at symbolic positions inside loop nests. */
export interface Operand {
  readonly aval: ShapedArray;
  /** The element at `index` (one entry per axis). Out-of-range indices must never be read. */
  at(index: readonly Index[]): Scalar;
}

/** An array that is being built: may be stored into and read back. */
export interface Target extends Operand {
  store(index: readonly Index[], value: Scalar): void;
}

/** A mutable scalar. */
export interface Register {
  get(): Scalar;
  set(value: Scalar): void;
}

/** The name of a function of one or two scalars in the loop IR: of `core/scalar.ts`, or of `scalars/`. The verifier knows them. */
export type UnaryFn = string;
export type BinaryFn = string;

/** A function that machines lack, and what it is made of. `scalars/` has one of each. */
export interface UnaryExpansion {
  readonly fn: string;
  expand(x: Scalar): Scalar;
}
export interface BinaryExpansion {
  readonly fn: string;
  expand(x: Scalar, y: Scalar): Scalar;
}

export interface ScalarBuilder {
  const(value: number | boolean, dtype: DType): Scalar;
  unary(fn: BasicUnary | UnaryExpansion, x: Scalar): Scalar;
  binary(fn: BasicBinary | BinaryExpansion, x: Scalar, y: Scalar): Scalar;
  select(condition: Scalar, ifTrue: Scalar, ifFalse: Scalar): Scalar;
  /** Value conversion: float to int saturates (NaN gives 0), int to int wraps, to bool is `!= 0`. */
  convert(x: Scalar, dtype: DType): Scalar;
  /** Same bits, same width. */
  bitcast(x: Scalar, dtype: DType): Scalar;
  /** The value of an index expression. */
  fromIndex(i: Index, dtype: DType): Scalar;
}

export interface IndexBuilder {
  add(a: Index, b: Index): Index;
  sub(a: Index, b: Index): Index;
  mul(a: Index, k: number): Index;
  /** `floor(a / k)` and `a mod k` for k > 0; `extent`: a is known to lie in [0, extent). */
  div(a: Index, k: number, extent: number): Index;
  mod(a: Index, k: number, extent: number): Index;
  /** A computed int32 used as an index: it must already be in range (clamp before). Evaluated once where it stands. */
  dynamic(x: Scalar): Index;
}

export type Combine = "add" | "mul" | "max" | "min" | "and" | "or";

/** Which axes of the two operands of a contraction pair up. */
export interface ContractDims {
  /** [lhs axis, rhs axis] pairs. */
  readonly batch: readonly (readonly [number, number])[];
  readonly contract: readonly (readonly [number, number])[];
}

export interface ScanSpec {
  readonly jaxpr: Jaxpr;
  readonly length: number;
  readonly reverse: boolean;
  readonly unroll: number;
  readonly consts: readonly Operand[];
  readonly init: readonly Operand[];
  readonly xs: readonly Operand[];
}

export interface WhileSpec {
  readonly cond: Jaxpr;
  readonly condConsts: readonly Operand[];
  readonly body: Jaxpr;
  readonly bodyConsts: readonly Operand[];
  readonly init: readonly Operand[];
}

/** What a host call receives when the program reaches it: one typed array with shape per operand. */
export type HostFn = (values: { readonly aval: ShapedArray; readonly data: ArrayLike<number> }[]) => void;

export interface Emitter {
  readonly s: ScalarBuilder;
  readonly ix: IndexBuilder;

  /** A value computed per element by whoever reads it. `at` may be called many times; it must have no effect. */
  lazy(type: ShapedArray, at: (index: readonly Index[]) => Scalar): Operand;
  /** The same elements in the same row-major order under another shape. */
  reshape(x: Operand, type: ShapedArray): Operand;
  /** x stored in memory (a no-op when it is already): read it freely and at computed indices. */
  materialize(x: Operand): Operand;
  /** An array written by `body`, which must store every element. */
  build(type: ShapedArray, body: (out: Target) => void): Operand;
  /** Several arrays written together. */
  buildMany(types: readonly ShapedArray[], body: (outs: Target[]) => void): Operand[];
  /** As build, but starting from the contents of x: in place when nothing else needs x, else a copy. */
  update(x: Operand, body: (out: Target) => void): Operand;

  // Statements, legal inside build, update and the bodies below.
  /** A nest of counted loops over `extents`; iterations are independent unless `serial`. */
  loop(extents: Shape, body: (index: Index[]) => void, order?: "independent" | "serial"): void;
  /** Combines `element` over `extents` starting from `init` (order of combination is unspecified). */
  reduce(fn: Combine, init: Scalar, extents: Shape, element: (index: Index[]) => Scalar): Scalar;
  cell(init: Scalar): Register;
  if(condition: Scalar, then: () => void, otherwise?: () => void): void;
  while(condition: () => Scalar, body: () => void): void;

  // Structured operations with schedules of their own.
  /** Result axes: batch, then the free axes of lhs, then the free axes of rhs. */
  contract(lhs: Operand, rhs: Operand, dims: ContractDims, type: ShapedArray): Operand;
  scan(spec: ScanSpec): Operand[];
  whileLoop(spec: WhileSpec): Operand[];
  /** Runs one branch; `index` is an int32 scalar operand, clamped to the branches. */
  switch(index: Operand, branches: readonly Jaxpr[], args: readonly Operand[]): Operand[];
  call(jaxpr: Jaxpr, args: readonly Operand[]): Operand[];
  /** Calls back into JavaScript, in program order. */
  host(fn: HostFn, args: readonly Operand[]): void;
}
