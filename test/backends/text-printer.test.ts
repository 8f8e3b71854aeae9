/** The walker of text backends with another dialect than C's: JavaScript, which has no vectors, so that lanes become several scalars. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { functionOf, interpret } from "../../src/backends/interp/index.ts";
import { bitcast } from "../../src/backends/interp/scalar.ts";
import type { Dialect } from "../../src/backends/text/dialect.ts";
import { type Functions, Printer } from "../../src/backends/text/printer.ts";
import type { Program } from "../../src/compiler/ir/nodes.ts";
import { parseProgram } from "../../src/compiler/ir/parse.ts";
import { contract } from "../../src/compiler/passes/contract.ts";
import { runPipeline } from "../../src/compiler/pipeline.ts";
import { wasmTarget } from "../../src/compiler/target.ts";
import { DTYPES, type TypedArray } from "../../src/core/dtype.ts";
import { conversion, wrap } from "../../src/core/scalar.ts";
import { expectSameOutputs, programs, randomArgs } from "../support/random-ir.ts";
import { elementwise, OP_CASES, pairs } from "./op-table.ts";
import { PROGRAMS } from "./program-table.ts";

/** What the text calls: the scalar functions of the interpreter. */
const RUNTIME = {
  of: (fn: string, dtype: keyof typeof DTYPES) => functionOf(fn, dtype)!,
  wrap,
  conversion,
  bitcast,
};

const javaScript: Dialect = {
  language: "JavaScript",
  type: () => "let",
  indexType: "let",
  constant: (_, name, value) => `const ${name} = ${value};`,
  variable: (_, name, value) => `let ${name} = ${value};`,

  loop: (v, low, high, step) => `for (let ${v} = ${low}; ${v} < ${high}; ${v} += ${step})`,
  forever: "for (;;)",
  choose: (index) => `switch (${index})`,
  branch: (i) => `case ${i}:`,
  leaveUnless: (condition) => `if (!(${condition})) break;`,
  endBranch: "break;",

  literal: (value, dtype) => `r.wrap("${dtype}")(${Object.is(value, -0) ? "-0" : value})`,
  splat: (_, x) => x,
  unary: (fn, { dtype }, x) => `r.of("${fn}", "${dtype}")(${x}, 0)`,
  binary: (fn, form, x, y) => `r.of("${fn}", "${form.dtype}")(${x.text()}, ${y.text()})`,
  multiplyAdd: ({ dtype }, x, y, z) => `r.wrap("${dtype}")(${x} * ${y} + ${z})`,
  select: (_, condition, x, y) => `(${condition} !== 0 ? ${x} : ${y})`,
  convert: (from, to, x) => `r.conversion("${from.dtype}", "${to}")(${x})`,
  bitcast: (from, to, x) => `r.bitcast("${from.dtype}", "${to}")(${x})`,

  indexOf: (name) => name,
  indexValue: (index) => `((${index}) | 0)`,
  indexLanes: (_, first, [step]) => `((${first} + ${step}) | 0)`,

  element: (pointer, index) => `${pointer}[${index}]`,
  run: (_, pointer, index) => `${pointer}[${index}]`,
  unpacked: (_, run) => run,
  gathered: (_, [element]) => element!,
  packed: (_, x) => x,
  laneOf: (x) => x,
};

/** All in one function and on one thread. */
const plain: Functions = {
  apart: () => false,
  parallel: (loop, printer) => printer.serial(loop, 0, loop.extent),
};

function textOf(program: Program): string {
  const printer = new Printer(javaScript, 4, plain);
  printer.statements(program.body);
  const all = [...program.args, ...program.outputs, ...program.temps];
  const pointers = [...printer.pointers].map(([b, name]) => `  const ${name} = buffers[${all.indexOf(b)}];`);
  return [...pointers, ...printer.lines].join("\n");
}

function run(program: Program, args: readonly TypedArray[]): TypedArray[] {
  const made = [...program.outputs, ...program.temps].map(
    ({ dtype, size }) => new DTYPES[dtype].array(new ArrayBuffer(size * DTYPES[dtype].bytes)),
  );
  const buffers = [...args.map((x) => x.slice()), ...made];
  new Function("r", "buffers", textOf(program))(RUNTIME, buffers);
  return made.slice(0, program.outputs.length);
}

function expectMeaning(program: Program, args: readonly TypedArray[], tolerance = 0): void {
  expectSameOutputs(program, interpret(program, args), run(program, args), tolerance);
}

describe("programs as JavaScript", () => {
  test.each(PROGRAMS.map((c) => ({ ...c })))("$title", ({ texts, tolerance }) => {
    for (const text of texts) {
      const program = parseProgram(text);
      expectMeaning(program, randomArgs(program, 7), tolerance);
    }
  });

  test("every scalar function, with and without lanes", () => {
    for (const c of OP_CASES)
      for (const lanes of [1, 4]) {
        const args = pairs(c.from);
        expectMeaning(elementwise(c.from, c.to, args[0].length, lanes, c.make), args);
      }
  });

  test.each([false, true])("random programs (lanes: %s)", (lanes) => {
    fc.assert(
      fc.property(programs({ exact: true, lanes }), fc.nat(), (source, seed) => {
        const program = contract(source, wasmTarget());
        expectMeaning(program, randomArgs(program, seed));
      }),
      { numRuns: 100 },
    );
  });

  test("random programs after all passes", () => {
    fc.assert(
      fc.property(programs({ exact: true }), fc.nat(), (source, seed) => {
        const program = runPipeline(source, wasmTarget({}, 2));
        expectMeaning(program, randomArgs(source, seed));
      }),
      { numRuns: 60 },
    );
  });
});

test("what a pass should have expanded is named", () => {
  const host = parseProgram("program(x: f32[4]) -> (y: f32[4]) { for i < 4 { y[i] = x[i] } }");
  const broken = { ...host, body: [{ kind: "host", fn: () => {}, args: [] } as const] };
  expect(() => textOf(broken)).toThrow("The JavaScript backend got a host statement");
});
