/**
 * The loop IR: what a jitted function is between the jaxpr and machine code.
 *
 * Semantics
 * - A {@link Program} runs `body` once. Buffers have static sizes; `argument` and `output` buffers are bound by the caller,
 *   `temp` buffers live in an arena and are undefined until stored to. Distinct buffers never overlap while both are live,
 *   except that an output may lie in the memory of a donated argument (passes/donate.ts proves it).
 * - Expressions have no effect and may be shared (a DAG): an expression used twice has one value, computed where the
 *   enclosing statement runs. `load` reads an element at a flat index, which must be in range whenever the load is evaluated;
 *   both arms of `select` are evaluated.
 * - An {@link Index} is `offset + Σ coeff · atom`, atoms being loop variables and int32 locals in scope; it counts elements.
 * - `let` binds a local once per execution of its block; `var` declares a mutable local and `set` changes it.
 * - `for` runs `extent` iterations with `v` = 0, 1, …, extent-1. Modes: `serial` keeps the order; `independent` promises that
 *   no iteration reads what another one writes (buffers or `var`s outside of the body), so any order, vector lanes or threads
 *   are right. `parallel` is an independent loop whose iterations are spread over threads: no loop inside of it is parallel,
 *   and it calls no JavaScript. After vectorisation, `lanes` > 1 says that v advances by `lanes` and the body computes that
 *   many iterations.
 * - `reduce` combines `value` into the local `acc` over a nest of loops, in unspecified order; `body` runs before each `value`.
 * - `contract` is C[b,m,n] = Σ_k A[b,m,k]·B[b,k,n], then `epilogue` runs once per (b,m,n) with `acc` bound to the sum.
 * - `while` evaluates `head` (statements), then `cond`; runs `body` while it holds.
 * - `switch` runs one block; the index is in range. `host` calls JavaScript with the contents of buffers.
 * - Times change nothing: they say in which order a program was written, for the proof that passes keep it (`order.ts`).
 */

import type { ShapedArray } from "../../core/aval.ts";
import type { DType } from "../../core/dtype.ts";
import type { BinaryFn, Combine, HostFn, UnaryFn } from "../../core/lowering.ts";

/** What a buffer was made for, in the words of the user's program. */
export interface Origin {
  readonly type: ShapedArray;
  /** The names of the operations around it, the innermost first. */
  readonly operations: readonly string[];
}

export interface Buffer {
  readonly id: number;
  readonly name: string;
  readonly dtype: DType;
  /** Elements. */
  readonly size: number;
  readonly role: "argument" | "output" | "temp";
  /** For error texts; passes make buffers without. */
  readonly origin?: Origin | undefined;
}

/** A place in the program as it was written by the lowering; later places have larger numbers. */
export type Time = number;
/** The times of what a loop contains. */
export interface Span {
  readonly from: Time;
  readonly to: Time;
}
/** What is stored is complete at `since`, in each iteration of the loops around that time, and must stay there up to `until`. */
export interface Kept {
  readonly since: Time;
  readonly until: Time;
}

/** What `buffer` holds at `since` is what it held at `of`, but for what was stored after `from`. */
export interface Revision {
  readonly buffer: Buffer;
  readonly since: Time;
  readonly from: Time;
  readonly of: Time;
  /** Or what an earlier iteration made of that: it is a loop's carry. */
  readonly carried: boolean;
}

export interface LoopVar {
  readonly kind: "loopVar";
  readonly id: number;
  readonly name: string;
}
/** A scalar register: bound by `let`, or mutable when declared by `var`. */
export interface Local {
  readonly kind: "local";
  readonly id: number;
  readonly name: string;
  readonly dtype: DType;
}
export type IndexAtom = LoopVar | Local;

export interface Affine {
  readonly offset: number;
  /** Sorted by atom id, no zero coefficients. */
  readonly terms: readonly { readonly atom: IndexAtom; readonly coeff: number }[];
}

export type Expr =
  | { readonly op: "const"; readonly dtype: DType; readonly value: number }
  | { readonly op: "index"; readonly dtype: "int32"; readonly index: Affine }
  | { readonly op: "local"; readonly dtype: DType; readonly local: Local }
  | {
      readonly op: "load";
      readonly dtype: DType;
      readonly buffer: Buffer;
      readonly index: Affine;
      /** When what it reads was complete. */
      readonly since?: Time | undefined;
    }
  | { readonly op: "unary"; readonly dtype: DType; readonly fn: UnaryFn; readonly x: Expr }
  | {
      readonly op: "binary";
      readonly dtype: DType;
      readonly fn: BinaryFn;
      readonly x: Expr;
      readonly y: Expr;
    }
  | { readonly op: "fma"; readonly dtype: DType; readonly x: Expr; readonly y: Expr; readonly z: Expr } // x·y + z, one or two roundings
  | { readonly op: "select"; readonly dtype: DType; readonly cond: Expr; readonly x: Expr; readonly y: Expr }
  | { readonly op: "convert"; readonly dtype: DType; readonly x: Expr }
  | { readonly op: "bitcast"; readonly dtype: DType; readonly x: Expr };

export type { MachineFn } from "../../core/lowering.ts";
/** Loops count in signed 32-bit integers. */
export const MAX_EXTENT: number = 2 ** 31 - 1;

export interface For {
  readonly kind: "for";
  readonly v: LoopVar;
  readonly extent: number;
  readonly mode: "serial" | "independent" | "parallel";
  readonly lanes: number;
  readonly body: readonly Stmt[];
  readonly span?: Span;
}
export interface Store {
  readonly kind: "store";
  readonly buffer: Buffer;
  readonly index: Affine;
  readonly value: Expr;
  readonly at?: Time;
  readonly kept?: readonly Kept[] | undefined;
}
export interface Let {
  readonly kind: "let";
  readonly local: Local;
  readonly value: Expr;
}
interface VarDecl {
  readonly kind: "var";
  readonly local: Local;
  readonly init: Expr;
}
interface SetVar {
  readonly kind: "set";
  readonly local: Local;
  readonly value: Expr;
}
export interface Reduce {
  readonly kind: "reduce";
  readonly acc: Local;
  readonly fn: Combine;
  readonly init: Expr;
  readonly vars: readonly LoopVar[];
  readonly extents: readonly number[];
  /** 1, or the vector width when the last var advances by lanes (its extent is then a multiple of it). */
  readonly lanes: number;
  readonly body: readonly Stmt[];
  readonly value: Expr;
}
/** Element (b, m, k) of lhs is `buffer[offset + strides·…]`; likewise (b, k, n) of rhs. */
export interface ContractOperand {
  readonly buffer: Buffer;
  /** The address with all of b, m/n and k at zero (may use loop variables that are in scope). */
  readonly base: Affine;
  readonly batch: readonly number[];
  /** Strides of the free axes: m of lhs, n of rhs. */
  readonly free: readonly number[];
  readonly reduced: readonly number[];
  readonly since?: Time | undefined;
}
export interface Contract {
  readonly kind: "contract";
  readonly dtype: DType;
  readonly lhs: ContractOperand;
  readonly rhs: ContractOperand;
  readonly batchExtents: readonly number[];
  readonly mExtents: readonly number[];
  readonly nExtents: readonly number[];
  readonly kExtents: readonly number[];
  /** Loop variables of the result position: batch…, m…, n…; bound in the epilogue. */
  readonly vars: readonly LoopVar[];
  readonly acc: Local;
  readonly epilogue: readonly Stmt[];
}
export interface While {
  readonly kind: "while";
  readonly head: readonly Stmt[];
  readonly cond: Expr;
  readonly body: readonly Stmt[];
  readonly span?: Span;
}
export interface Switch {
  readonly kind: "switch";
  readonly index: Expr;
  readonly branches: readonly (readonly Stmt[])[];
}
export interface Host {
  readonly kind: "host";
  readonly fn: HostFn;
  readonly args: readonly {
    readonly buffer: Buffer;
    readonly index: Affine;
    readonly aval: ShapedArray;
    readonly since?: Time | undefined;
  }[];
}
/** A compiler-made kernel call is a block of its own, so that it can become a function. */
export type Stmt = For | Store | Let | VarDecl | SetVar | Reduce | Contract | While | Switch | Host;

export interface Program {
  readonly args: readonly Buffer[];
  readonly outputs: readonly Buffer[];
  readonly temps: readonly Buffer[];
  readonly body: readonly Stmt[];
  readonly revisions?: readonly Revision[];
}
