import { afterEach, describe, expect, it, vi } from "vitest";
import { interpret } from "../../src/backends/interp/index.ts";
import { FuncBuilder } from "../../src/backends/wasm/encoder/func.ts";
import { WORK_LIMITS, type WorkLimits } from "../../src/backends/wasm/work.ts";
import { parseProgram } from "../../src/compiler/ir/parse.ts";
import { contract } from "../../src/compiler/passes/contract.ts";
import { wasmTarget } from "../../src/compiler/target.ts";
import { DTYPES, type TypedArray } from "../../src/core/dtype.ts";
import type { HostFn } from "../../src/core/lowering.ts";
import { expectSameOutputs, randomArgs } from "../support/random-ir.ts";
import "./wasm-encoder-support.ts";
import { PROGRAMS } from "./program-table.ts";
import { compileProgram } from "./wasm-run.ts";

afterEach(() => void vi.restoreAllMocks());

const target = wasmTarget();
/** Makes a function of everything that can be one. */
const MANY_KERNELS: WorkLimits = { trivial: 0, call: 1, block: 8, longSerial: 16, long: 16, piece: 8 };

/** Runs a program with few and with many functions, against the interpreter. */
function check(text: string, tolerance = 0): void {
  const program = parseProgram(text);
  const args = randomArgs(program, 7);
  const want = interpret(program, args);
  for (const limits of [WORK_LIMITS, MANY_KERNELS]) {
    const got = compileProgram(program, target, { limits }).run(args);
    expectSameOutputs(program, want, got, tolerance);
  }
}

it.each(PROGRAMS)("$title", ({ texts, tolerance }) => {
  for (const text of texts) check(text, tolerance);
});

it("shared subexpressions are computed once", () => {
  const program = parseProgram(`program(x: f32[8]) -> (y: f32[8]) {
    for i < 8 independent lanes 8 {
      %1 = f32.sqrt(x[i])
      %2 = f32.mul(%1, %1)
      y[i] = f32.add(%2, f32.mul(%2, %1))
    }
  }`);
  const emitted = vi.spyOn(FuncBuilder.prototype, "op");
  compileProgram(program);
  expect(emitted.mock.calls.filter(([name]) => name === "f32x4.sqrt")).toHaveLength(2);
});

it("host statements get addresses and keep their order", () => {
  const seen: number[][] = [];
  const record: HostFn = (values) => seen.push(values.flatMap(({ data }) => Array.from(data)));
  const program = parseProgram(
    `program(x: f32[6], n: i32[3]) -> (y: f32[6]) {
      host #0()
      for t < 3 {
        for i < 2 { y[2*t + i] = f32.mul(x[2*t + i], f32(2)) }
        host #0(y[2*t]: f32[2], n[t]: i32[])
      }
    }`,
    [record],
  );
  const compiled = compileProgram(program);
  compiled.run([Float32Array.of(1, 2, 3, 4, 5, 6), Int32Array.of(7, 8, 9)]);
  expect(seen).toEqual([[], [2, 4, 7], [6, 8, 8], [10, 12, 9]]);
});

/** How often each function is called, by instructions in the text. */
function callsIn(emit: () => void): number {
  const calls = vi.spyOn(FuncBuilder.prototype, "call");
  emit();
  return calls.mock.calls.length;
}

describe("functions", () => {
  const scan = (
    steps: number,
    width: number,
  ): string => `program(x: f32[${steps * width}], c0: f32[${width}]) -> (y: f32[${steps * width}], c: f32[${width}]) {
    for i < ${width} independent { c[i] = c0[i] }
    for t < ${steps} {
      let gain: f32 = f32.div(f32(1), f32.add(f32(2), f32.abs(c[0])))
      for i < ${width} independent { c[i] = f32.add(f32.mul(c[i], gain), x[${width}*t + i]) }
      for i < ${width} independent { y[${width}*t + i] = c[i] }
    }
  }`;

  it("a small scan is one function", () => {
    check(scan(20, 4));
    expect(callsIn(() => compileProgram(parseProgram(scan(20, 4))))).toBe(1);
  });
  it("a scan with much work calls its nests, which get the step and scalars as parameters", () => {
    check(scan(3, 3000));
    expect(callsIn(() => compileProgram(parseProgram(scan(3, 3000))))).toBe(3);
  });
  it("a long scan with little work runs in blocks of steps and a rest", () => {
    const text = scan(40_011, 4);
    check(text);
    expect(callsIn(() => compileProgram(parseProgram(text)))).toBe(2);
  });
  it("variables go in and out of functions", () =>
    check(`program(x: f32[30]) -> (y: f32[30], z: f32[3]) {
      var sum: f32 = f32(0)
      var last: i32 = i32(3)
      for t < 10 {
        let first: f32 = x[3*t]
        for i < 3 { y[3*t + i] = f32.add(x[3*t + i], sum) }
        for i < 3 { set sum = f32.add(sum, f32.mul(x[3*t + i], first)) set last = i32.add(last, index(t + i)) }
        reduce m: f32 = max(sum) over (i < 3) { yield x[3*t + i] }
        for i < 3 { set sum = f32.min(sum, f32.add(m, y[i])) }
      }
      z[0] = sum
      z[1] = f32.convert(last)
      z[2] = x[0]
    }`));
  it("arrays of addresses near the end of a page are not read past", () => {
    const program = parseProgram(`program(x: bool[2], p: f32[2]) -> (y: bool[2], q: f32[2]) {
      for i < 2 independent lanes 2 { y[i] = bool.not(x[i]) q[i] = f32.neg(p[i]) }
    }`);
    const args: TypedArray[] = [Uint8Array.of(0, 1), Float32Array.of(1, 2)];
    expect(compileProgram(program).run(args)).toEqual([Uint8Array.of(1, 0), Float32Array.of(-1, -2)]);
  });
});

/** Instructions of the innermost loop, by name; loops in order of appearance. */
function innermostLoops(emit: () => void): string[][] {
  const [open, done]: [string[][], string[][]] = [[], []];
  const inner = new Set<string[]>();
  const loop = FuncBuilder.prototype.loop;
  vi.spyOn(FuncBuilder.prototype, "loop").mockImplementation(function (this: FuncBuilder, body) {
    const own: string[] = [];
    for (const outer of open) inner.delete(outer);
    inner.add(own);
    open.push(own);
    const label = loop.call(this, body);
    done.push(open.pop()!);
    return label;
  });
  const note = (name: string): void => void open.at(-1)?.push(name);
  for (const method of ["op", "load", "store"] as const) {
    const original = FuncBuilder.prototype[method] as (name: string, ...rest: number[]) => void;
    vi.spyOn(FuncBuilder.prototype, method).mockImplementation(function (
      this: FuncBuilder,
      ...args: unknown[]
    ) {
      note(args[0] as string);
      original.apply(this, args as [string, ...number[]]);
    });
  }
  emit();
  return done.filter((l) => inner.has(l));
}

const matmul = (n: number): string => `program(a: f32[${n * n}], b: f32[${n * n}]) -> (out: f32[${n * n}]) {
  contract acc: f32 = a[0 batch () free (${n}) reduced (1)] * b[0 batch () free (1) reduced (${n})] over batch () rows (i < ${n}) cols (j < ${n}) depth (${n}) {
    out[${n}*i + j] = acc
  }
}`;

describe("the code of a matrix product", () => {
  it.each([false, true])("is right with fma %s", (fma) => {
    const own = wasmTarget({ relaxedSimd: fma });
    const program = contract(parseProgram(matmul(40)), own);
    const args = randomArgs(program, 3);
    expectSameOutputs(program, interpret(program, args), compileProgram(program, own).run(args), 1e-4);
  });

  it("loads, multiplies and advances two pointers, and nothing else", () => {
    const own = { ...wasmTarget({ relaxedSimd: true }), registers: 12 };
    const program = contract(parseProgram(matmul(64)), own);
    let size = 0;
    const loops = innermostLoops(() => {
      size = compileProgram(program, own).bytes.length;
    });
    const kernel = loops.find((l) => l.includes("f32x4.relaxed_madd"))!;
    const count = (name: string): number => kernel.filter((x) => x === name).length;
    expect([count("v128.load"), count("v128.load32_splat"), count("f32x4.relaxed_madd")]).toEqual([2, 4, 8]);
    expect(kernel.filter((x) => x.startsWith("i32."))).toEqual(["i32.add", "i32.add", "i32.ne"]);
    expect(size).toBeLessThan(1000);
  });
});

it("names a contract that was not expanded", () => {
  expect(() => compileProgram(parseProgram(matmul(4)))).toThrow("contract statement");
});

it("arrays of every dtype pass through", () => {
  for (const { short, array } of Object.values(DTYPES)) {
    const program = parseProgram(`program(x: ${short}[5]) -> (y: ${short}[5]) { for i < 5 { y[i] = x[i] } }`);
    const x = new array(new ArrayBuffer(5 * 8), 0, 5).fill(1);
    expect(compileProgram(program).run([x])).toEqual([x.slice()]);
  }
});
