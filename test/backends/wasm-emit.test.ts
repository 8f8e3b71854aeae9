import { afterEach, describe, expect, it, vi } from "vitest";
import { interpret } from "../../src/backends/interp/index.ts";
import { FuncBuilder } from "../../src/backends/wasm/encoder/func.ts";
import { WORK_LIMITS, type WorkLimits } from "../../src/backends/wasm/work.ts";
import { parseProgram } from "../../src/compiler/ir/parse.ts";
import { contract } from "../../src/compiler/passes/contract.ts";
import { wasmTarget } from "../../src/compiler/target.ts";
import { DTYPES, type TypedArray } from "../../src/core/dtype.ts";
import type { HostFn } from "../../src/core/emit.ts";
import { expectSameOutputs, randomArgs } from "../support/random-ir.ts";
import "./wasm-encoder-support.ts";
import { compileProgram } from "./wasm-run.ts";

afterEach(() => void vi.restoreAllMocks());

const target = wasmTarget();
/** Makes a function of everything that can be one. */
const MANY_KERNELS: WorkLimits = { trivial: 0, call: 1, block: 8, longSerial: 16, long: 16 };

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

describe("addresses", () => {
  const loads: readonly (readonly [name: string, index: string])[] = [
    ["next to each other", "i"],
    ["with a constant", "i + 5"],
    ["apart", "3*i"],
    ["backwards", "31 - i"],
    ["backwards and apart", "47 - 2*i"],
    ["all at one place", "4"],
  ];
  it.each(loads)("loads and stores %s", (_, index) => {
    for (const lanes of [1, 2, 4, 8, 16]) {
      for (const dtype of ["f32", "f64", "i32", "i16", "u8", "bool"]) {
        check(`program(x: ${dtype}[48]) -> (y: ${dtype}[16], z: ${dtype}[48]) {
          for i < 48 { z[i] = ${dtype}(0) }
          for i < 16 independent lanes ${lanes} { y[i] = x[${index}] }
          ${index === "4" ? "" : `for i < 16 independent lanes ${lanes} { z[${index}] = x[i] }`}
        }`);
      }
    }
  });

  it("terms of several loops, of which one counts down", () =>
    check(`program(x: f32[210]) -> (y: f32[210]) {
      for i < 5 independent { for j < 6 independent { for k < 7 { y[209 - 42*i - 7*j - k] = x[42*i + 35 - 7*j + k] } } }
    }`));

  it("indices that are computed, assigned and below a constant", () =>
    check(`program(x: f32[40], p: i32[8]) -> (y: f32[40], z: f32[8]) {
      for i < 40 { y[i] = f32(0) }
      for i < 8 {
        let a: i32 = i32.and(p[i], i32(7))
        var b: i32 = i32(0)
        for k < 6 {
          y[4*a + k] = f32.add(x[34 - 4*a - k], x[2*a])
          set b = i32.add(b, i32(1))
          y[b + 33] = x[10 - b]
        }
        z[a] = f32.add(y[8 - b + a], x[2*a])
      }
      for i < 8 { z[i] = x[i + 3] }
    }`));

  it.each([1, 4])("a computed index minus that of %i lanes", (lanes) =>
    check(`program(x: f32[40], p: i32[8]) -> (y: f32[8]) {
      let a: i32 = i32.add(i32.and(p[0], i32(7)), i32(20))
      for i < 8 independent lanes ${lanes} { y[i] = f32.add(x[a - i + 1], x[a - 3*i + 2]) }
    }`),
  );

  it("an index out of range in a branch that is not taken", () =>
    check(`program(x: f32[8]) -> (y: f32[8]) {
      for i < 8 {
        switch i32.min(index(i), i32(1)) { case { y[i] = x[i] } case { y[i] = f32.add(x[i - 1], x[i]) } }
      }
    }`));

  it("temporaries share one base address", () =>
    check(`program(x: f32[8]) -> (y: f32[8]) {
      temp s: f32[8]
      temp t: i32[8]
      for i < 8 { s[i] = f32.mul(x[i], f32(2))  t[i] = i32.convert(x[i]) }
      for i < 8 { y[i] = f32.add(s[7 - i], f32.convert(t[i])) }
    }`));
});

describe("lanes", () => {
  it.each([2, 4, 8, 16])("%i of them mix dtypes, scalars and loop variables", (lanes) =>
    check(`program(x: f32[16], n: i32[16], d: f64[16], m: u8[16]) -> (y: f32[16], e: f64[16], p: i32[16], q: bool[16], r: u8[16]) {
      for j < 3 {
        for i < 16 independent lanes ${lanes} {
          let a: f64 = f64.add(f64.convert(x[i]), d[3*j])
          let b: bool = f64.lt(a, d[i])
          e[i] = f64.select(b, a, f64.convert(n[i]))
          p[i] = i32.add(i32.div(n[i], n[j]), index(2*i + j))
          q[i] = bool.or(b, f32.lt(x[j], x[i]))
          r[i] = u8.add(m[i], u8.convert(b))
          y[i] = f32.select(b, f32.convert(a), f32.select(f32.lt(x[j], f32(0)), x[i], x[15 - i]))
        }
      }
    }`),
  );

  it("variables become vectors by what is assigned to them later", () =>
    check(`program(x: f32[64]) -> (y: f32[8]) {
      for i < 8 independent lanes 8 {
        var a: f32 = f32(1)
        var b: f32 = f32(2)
        for k < 8 {
          set a = f32.add(a, b)
          set b = f32.mul(x[8*k + i], f32(0.5))
        }
        y[i] = f32.add(a, b)
      }
    }`));

  it("lanes that take different branches run one after the other", () =>
    check(`program(x: f32[8], n: i32[8]) -> (y: f32[8]) {
      for i < 8 independent lanes 4 {
        switch i32.and(n[i], i32(1)) { case { y[i] = x[i] } case { y[i] = f32.neg(x[i]) } }
      }
    }`));

  it("nor do lanes of a reduction index by what differs", () =>
    check(
      `program(x: f32[8], n: i32[8]) -> (y: f32[1]) {
        reduce s: f32 = add(f32(0)) over (i < 8) lanes 4 { let j: i32 = i32.and(n[i], i32(7)) yield x[j] }
        y[0] = s
      }`,
      1e-5,
    ));

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
});

describe("reductions", () => {
  it.each(["add", "mul", "max", "min", "and", "or"])("%s over one and two axes", (fn) => {
    const [dtype, init] = fn === "and" ? ["i32", "-1"] : fn === "or" ? ["i32", "6"] : ["f32", "0.5"];
    for (const lanes of [1, 4, 8])
      check(
        `program(x: ${dtype}[96]) -> (y: ${dtype}[3]) {
          reduce a: ${dtype} = ${fn}(${dtype}(${init})) over (i < 32) lanes ${lanes} { yield x[i + 3] }
          y[0] = a
          reduce b: ${dtype} = ${fn}(a) over (i < 4, j < 24) lanes ${lanes} { let v: ${dtype} = x[24*i + j] yield v }
          y[1] = b
          reduce c: ${dtype} = ${fn}(b) over (i < 3, j < 8) lanes ${lanes} { yield x[3*j + i] }
          y[2] = c
        }`,
        1e-4,
      );
  });

  it.each(["bool", "i8", "u32", "f64"])("%s", (dtype) => {
    for (const fn of ["add", "mul", "max", "min"])
      for (const lanes of [1, 4])
        check(
          `program(x: ${dtype}[12]) -> (y: ${dtype}[1]) {
            reduce a: ${dtype} = ${fn}(${dtype}(1)) over (i < 12) lanes ${lanes} { yield x[i] }
            y[0] = a
          }`,
          1e-12,
        );
  });

  it("dot products, also of vectors of rows, and over nothing", () =>
    check(
      `program(a: f32[64], b: f32[64]) -> (y: f32[1], z: f32[8], w: f32[1]) {
        reduce s: f32 = add(f32(0)) over (k < 64) lanes 4 { yield f32.mul(a[k], b[k]) }
        y[0] = s
        for i < 8 independent lanes 8 {
          reduce t: f32 = add(f32(1)) over (k < 8) { yield f32.mul(a[8*k + i], b[k]) }
          z[i] = t
        }
        reduce e: f32 = add(f32(3)) over (k < 0) { yield a[k] }
        w[0] = e
      }`,
      1e-5,
    ));
});

describe("control flow", () => {
  it("loops of no, one, few and many iterations", () =>
    check(`program(x: f32[64]) -> (y: f32[64]) {
      for i < 64 { y[i] = f32(0) }
      for a < 0 { y[a] = f32(9) }
      for b < 1 { for c < 3 { for d < 9 { y[9*c + d + b] = f32.add(y[9*c + d], x[d]) } } }
      for e < 4 { y[e + 40] = f32.convert(index(7*e)) }
    }`));

  it("while, with a head whose locals live on", () =>
    check(`program(n: i32[4]) -> (y: i32[4]) {
      for i < 4 {
        var x: i32 = i32.add(i32.abs(n[i]), i32(5))
        var steps: i32 = i32(0)
        while { let odd: i32 = i32.and(x, i32(1)) test i32.gt(x, i32(1)) } do {
          switch odd {
            case { set x = i32.div(x, i32(2)) }
            case { set x = i32.add(i32.mul(x, i32(3)), i32(1)) }
          }
          set steps = i32.add(steps, i32(1))
        }
        y[i] = steps
      }
    }`));

  it.each([1, 2, 3, 5])("switch of %i branches", (count) => {
    const cases = Array.from(
      { length: count },
      (_, k) => `case { y[i] = i32(${k + 10}) set s = i32.add(s, i32(${k})) }`,
    );
    check(`program(n: i32[16]) -> (y: i32[16], z: i32[1]) {
      var s: i32 = i32(0)
      for i < 16 { switch i32.rem(i32.abs(n[i]), i32(${count})) { ${cases.join(" ")} } }
      z[0] = s
    }`);
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
  vi.spyOn(FuncBuilder.prototype, "loop").mockImplementation(function (this: FuncBuilder, body, type) {
    const own: string[] = [];
    for (const outer of open) inner.delete(outer);
    inner.add(own);
    open.push(own);
    const label = loop.call(this, body, type);
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
