/**
 * What C-like languages write differently: a dialect is a record of texts, and `printer.ts` walks over the loop IR with one. All it
 * knows of a language besides is that statements end with `;`, blocks stand in braces, and `name = value` assigns.
 *
 * A value is a scalar or, where loops have lanes, a vector of so many of them.
 */
import type { DType } from "../../core/dtype.ts";
import type { BinaryFn, UnaryFn } from "../../core/lowering.ts";

/** A value of so many lanes; 1 is a scalar. */
export interface Form {
  readonly dtype: DType;
  readonly lanes: number;
}

/** An operand that is written when it is asked for. */
export interface Written {
  /** Its value, if that is a constant. */
  readonly constant: number | undefined;
  text(): string;
}

export interface Dialect {
  /** For errors: "C". */
  readonly language: string;
  type(form: Form): string;
  /** The type of loop variables. */
  readonly indexType: string;
  constant(type: string, name: string, value: string): string;
  variable(type: string, name: string, value: string): string;

  /** Heads of blocks: a loop in which a name goes from low up to high, one without end, the choice of a branch, and a branch. */
  loop(name: string, low: number | string, high: number | string, step: number): string;
  readonly forever: string;
  choose(index: string): string;
  branch(i: number): string;
  /** Leaves the loop around if a condition does not hold. */
  leaveUnless(condition: string): string;
  /** Leaves the branch. */
  readonly endBranch: string;

  literal(value: number, dtype: DType): string;
  /** A scalar in every lane; itself without lanes. */
  splat(form: Form, scalar: string): string;
  unary(fn: UnaryFn, form: Form, x: string): string;
  binary(fn: BinaryFn, form: Form, x: Written, y: Written): string;
  /** x·y + z. */
  multiplyAdd(form: Form, x: string, y: string, z: string): string;
  select(form: Form, condition: string, x: string, y: string): string;
  convert(from: Form, to: DType, x: string): string;
  bitcast(from: Form, to: DType, x: string): string;

  /** An int32 local as part of an index. */
  indexOf(name: string): string;
  /** An index as an int32 value: of a scalar, and of lanes, the first of which has `first` and each adds its own step. */
  indexValue(index: string): string;
  indexLanes(form: Form, first: string, steps: readonly number[]): string;

  /** An element in memory, to read and to assign to; and a run of neighbours, as they lie there. */
  element(pointer: string, index: string): string;
  run(form: Form, pointer: string, index: string): string;
  /** The value of a run, or of single elements. */
  unpacked(form: Form, run: string): string;
  gathered(form: Form, elements: readonly string[]): string;
  /** Lanes as they are stored in a run, and one of them as a scalar. */
  packed(form: Form, lanes: string): string;
  laneOf(vector: string, lane: number, dtype: DType): string;
}
