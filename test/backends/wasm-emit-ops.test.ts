import { describe, expect, it } from "vitest";
import { interpret } from "../../src/backends/interp/index.ts";
import { constant } from "../../src/compiler/ir/affine.ts";
import type { Expr } from "../../src/compiler/ir/nodes.ts";
import { newBuffer } from "../../src/compiler/ir/visit.ts";
import { DTYPES, type TypedArray } from "../../src/core/dtype.ts";
import { elementwise, OP_CASES, pairs, TRANSCENDENTAL } from "./op-table.ts";
import { compileProgram } from "./wasm-run.ts";

describe("scalar functions", () => {
  it.each(OP_CASES)("$title", ({ from, to, make }) => {
    const args = pairs(from);
    for (const lanes of [1, 2, 4, 8]) {
      const program = elementwise(from, to, args[0].length, lanes, make);
      expect(compileProgram(program).run(args), `${lanes} lanes`).toEqual(interpret(program, args));
    }
  });

  it.each(["shl", "shrLogical", "shrArith"] as const)("%s by an amount that all lanes share", (fn) => {
    for (const dtype of ["int32", "uint32", "int8"] as const) {
      const amount = newBuffer("amount", dtype, 1, "argument");
      for (const distance of [0, 5, 31, 32, 100]) {
        const args = pairs(dtype);
        const y: Expr = { op: "load", dtype, buffer: amount, index: constant(0) };
        const make = (x: Expr): Expr => ({ op: "binary", dtype, fn, x, y });
        const program = elementwise(dtype, dtype, args[0].length, 4, make);
        const withAmount = { ...program, args: [...program.args, amount] };
        const all = [
          ...args,
          new DTYPES[dtype].array(new ArrayBuffer(DTYPES[dtype].bytes)).fill(distance) as TypedArray,
        ];
        expect(compileProgram(withAmount).run(all)).toEqual(interpret(withAmount, all));
      }
    }
  });
});

it.each(TRANSCENDENTAL)("names %s function %s, which should have been expanded", (op, fn) => {
  const make = (x: Expr, y: Expr): Expr => ({ op, dtype: "float32", fn, x, y }) as Expr;
  expect(() => compileProgram(elementwise("float32", "float32", 4, 1, make))).toThrow(
    new RegExp(`${fn} on float32`),
  );
});
