/** Runs programs on random arguments and compares what they give. */
import { interpret } from "../../src/backends/interp/index.ts";
import type { Program } from "../../src/compiler/ir/nodes.ts";
import { printProgram } from "../../src/compiler/ir/print.ts";
import { planMemory } from "../../src/compiler/passes/plan.ts";
import { DTYPES, isFloat, kindOf, type TypedArray } from "../../src/core/dtype.ts";

/** Arguments for a program: small numbers, the same ones for the same seed. */
export function randomArgs(program: Program, seed: number): TypedArray[] {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return program.args.map(({ dtype, size }) => {
    const data = new DTYPES[dtype].array(new ArrayBuffer(size * DTYPES[dtype].bytes));
    const kind = kindOf(dtype);
    const draw = {
      float: () => next() * 4 - 2,
      int: () => Math.floor(next() * 16) - 8,
      uint: () => Math.floor(next() * 16),
      bool: () => Number(next() < 0.5),
    }[kind];
    for (let i = 0; i < size; i++) data[i] = draw();
    return data;
  });
}

/**
 * Throws when two programs give different outputs for the same random arguments, the second one in the memory that is planned
 * for it, or when one of them reads what it did not store.
 * @param tolerance largest accepted difference, relative to max(1, |value|); integers must always agree.
 */
export function expectSameMeaning(
  before: Program,
  after: Program,
  { seed = 1, tolerance = 0 }: { seed?: number; tolerance?: number } = {},
): void {
  const args = randomArgs(before, seed);
  const want = interpret(before, args);
  const got = interpret(after, args, undefined, "forward", planMemory(after));
  expectSameOutputs(
    before,
    want,
    got,
    tolerance,
    () => `${printProgram(before)}became\n${printProgram(after)}`,
  );
}

/** Throws when outputs of a program, from the oracle and from elsewhere, differ. */
export function expectSameOutputs(
  program: Program,
  want: readonly TypedArray[],
  got: readonly TypedArray[],
  tolerance = 0,
  context: () => string = () => printProgram(program),
): void {
  for (const [k, { name, dtype }] of program.outputs.entries()) {
    for (let i = 0; i < want[k]!.length; i++) {
      const [x, y] = [want[k]![i]!, got[k]![i]!];
      const close =
        tolerance > 0 && isFloat(dtype) && Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(x));
      if (!close && !Object.is(x, y)) throw new Error(`${name}[${i}] is ${y}, wanted ${x}\n${context()}`);
    }
  }
}
