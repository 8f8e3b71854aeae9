import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../src/backends/interp/index.ts";
import type { Program } from "../../src/compiler/ir/nodes.ts";
import { parseProgram } from "../../src/compiler/ir/parse.ts";
import { forEachStmt, mapStmts } from "../../src/compiler/ir/visit.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import { InternalError } from "../../src/core/errors.ts";
import type { HostFn } from "../../src/core/lowering.ts";
import { programs, randomArgs } from "../support/random-ir.ts";

const INF = Number.POSITIVE_INFINITY;
const NAN = Number.NaN;

describe("interpret", () => {
  const run = (text: string, args: readonly TypedArray[], hosts: readonly HostFn[] = []): number[][] =>
    interpret(parseProgram(text, hosts), args).map((x) => [...x]);

  test.each<[string, string, TypedArray[], number[][]]>([
    [
      "a nest",
      "program(a: f32[6], b: f32[3]) -> (o: f32[6]) { for i < 2 { for j < 3 { o[i + 2*j] = f32.mul(a[3*i + j], b[-j + 2]) } } }",
      [Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.of(10, 100, 1000)],
      [[1000, 4000, 200, 500, 30, 60]],
    ],
    [
      "float32 rounds after each operation",
      "program() -> (o: f32[1]) { o[0] = f32.sub(f32.add(f32(16777216), f32(1)), f32(16777216)) }",
      [],
      [[0]],
    ],
    [
      "a reduction",
      "program(a: i32[6]) -> (o: i32[2]) { for i < 2 { reduce s: i32 = add(i32(100)) over (j < 3) { let x: i32 = a[3*i + j] yield i32.mul(x, x) } o[i] = s } }",
      [Int32Array.of(1, 2, 3, 4, 5, 6)],
      [[114, 177]],
    ],
    [
      "an empty reduction",
      "program() -> (o: f32[1]) { reduce s: f32 = max(f32(-inf)) over (j < 0) { yield f32(1) } o[0] = s }",
      [],
      [[-INF]],
    ],
    [
      "a recurrence",
      "program(x: f32[4]) -> (o: f32[4]) { var c: f32 = f32(0) for t < 4 { set c = f32.add(f32.mul(f32(0.5), c), x[t]) o[t] = c } }",
      [Float32Array.of(1, 1, 1, 1)],
      [[1, 1.5, 1.75, 1.875]],
    ],
    [
      "a while, with a local as index",
      "program(n: i32[1]) -> (o: i32[5]) { for i < 5 { o[i] = i32(0) } var k: i32 = i32(0) while { let again: bool = bool.lt(k, n[0]) test again } do { let at: i32 = k o[at] = i32.add(index(2*at), i32(1)) set k = i32.add(k, i32(1)) } }",
      [Int32Array.of(3)],
      [[1, 3, 5, 0, 0]],
    ],
    [
      "a switch",
      "program(x: i32[3]) -> (o: f32[3]) { for i < 3 { switch x[i] { case { o[i] = f32(10) } case { o[i] = f32(20) } } } }",
      [Int32Array.of(1, 0, 1)],
      [[20, 10, 20]],
    ],
    [
      "a batched contraction with an epilogue",
      "program(a: f32[12], b: f32[12]) -> (o: f32[8]) { contract c: f32 = a[0 batch(6) free(1) reduced(2)] * b[0 batch(6) free(3) reduced(1)] over batch(z < 2) rows(i < 2) cols(j < 2) depth(3) { o[4*z + 2*i + j] = f32.add(c, f32(1)) } }",
      [Float32Array.from({ length: 12 }, (_, i) => i), Float32Array.from({ length: 12 }, (_, i) => i % 5)],
      [[11, 9, 14, 16, 53, 35, 59, 40]],
    ],
    [
      "lanes",
      "program() -> (o: i32[8]) { for i < 8 independent lanes 4 { var s: i32 = index(i) for k < 2 { set s = i32.add(s, s) } o[i] = s } }",
      [],
      [[0, 4, 8, 12, 16, 20, 24, 28]],
    ],
    [
      "both arms of a select",
      "program(a: f32[2]) -> (o: f32[2]) { for i < 2 { o[i] = f32.select(bool.gt(a[i], f32(0)), f32.sqrt(a[i]), f32(-1)) } }",
      [Float32Array.of(4, -4)],
      [[2, -1]],
    ],
    [
      "bytes and bool",
      "program(a: u8[3]) -> (o: bool[3], p: u8[3]) { for i < 3 { o[i] = bool.gt(a[i], u8(100)) p[i] = u8.add(a[i], u8(100)) } }",
      [Uint8Array.of(1, 101, 255)],
      [
        [0, 1, 1],
        [101, 201, 99],
      ],
    ],
    [
      "memory that nothing stored to",
      "program() -> (f: f32[1], i: i32[1], b: bool[1]) { }",
      [],
      [[NAN], [0xa5a5a5a5 | 0], [0xa5]],
    ],
  ])("%s", (_, text, args, want) => {
    expect(run(text, args)).toEqual(want);
  });

  test("shared nodes are computed once", () => {
    const doubling = Array.from(
      { length: 40 },
      (_, i) => `%${i + 1} = f32.add(${i ? `%${i}, %${i}` : "a[0], a[0]"})`,
    );
    expect(
      run(`program(a: f32[1]) -> (o: f32[1]) {\n${doubling.join("\n")}\no[0] = f32.mul(%40, %40)\n}`, [
        Float32Array.of(1),
      ]),
    ).toEqual([[2 ** 80]]);
  });

  test("host calls get the contents at that time, in order", () => {
    const seen: [string, number[]][] = [];
    const record: HostFn = (values) => {
      for (const { aval, data } of values) seen.push([aval.short(), Array.from(data)]);
    };
    run(
      "program() -> (o: f32[4]) { for i < 2 { o[2*i] = f32(1) o[2*i + 1] = f32.convert(index(i)) host #0(o[2*i]: f32[1, 2]) } }",
      [],
      [record],
    );
    expect(seen).toEqual([
      ["f32[1,2]", [1, 0]],
      ["f32[1,2]", [1, 1]],
    ]);
  });

  test.each([
    [
      "program(k: i32[1]) -> (o: f32[4]) { let i: i32 = k[0] o[i] = f32(1) }",
      "a store at 7 of o, which has 4 elements",
    ],
    [
      "program(k: i32[1]) -> (o: i32[4]) { let i: i32 = k[0] o[0] = k[i] }",
      "a load at 7 of k, which has 1 elements",
    ],
    ["program(k: i32[1]) -> () { switch k[0] { case { } } }", "switch has no branch 7 of 1"],
    ["program(k: f32[1]) -> () { }", "argument k is float32[1], got Int32Array(1)"],
  ])("%s fails", (text, message) => {
    expect(() => run(text, [Int32Array.of(7)])).toThrow(InternalError);
    expect(() => run(text, [Int32Array.of(7)])).toThrow(message);
  });

  test("independent iterations of generated programs may run in any order, with any lanes", () => {
    const scalar = (p: Program): Program => ({
      ...p,
      body: mapStmts(p.body, (s) => (s.kind === "for" ? { ...s, lanes: 1 } : s)),
    });
    fc.assert(
      fc.property(programs({ exact: true, lanes: true }), fc.nat(), (program, seed) => {
        const args = randomArgs(program, seed);
        const want = interpret(program, args);
        expect(interpret(program, args, undefined, "backward")).toEqual(want);
        expect(interpret(scalar(program), args)).toEqual(want);
      }),
      { numRuns: 150 },
    );
  });

  test("generated programs use every kind of statement and leave nothing undefined", () => {
    const kinds = new Set<string>();
    for (const program of fc.sample(programs({ hosts: [() => {}] }), { numRuns: 120, seed: 7 })) {
      forEachStmt(program.body, (s) => kinds.add(s.kind));
      for (const x of interpret(program, randomArgs(program, 3))) {
        if (x instanceof Float32Array) expect(x.some(Number.isNaN)).toBe(false);
      }
    }
    expect([...kinds].sort()).toEqual([
      "contract",
      "for",
      "host",
      "let",
      "reduce",
      "set",
      "store",
      "switch",
      "var",
      "while",
    ]);
  });
});
