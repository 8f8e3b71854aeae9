import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { affine, affineRange, scaledAtom } from "../../src/compiler/ir/affine.ts";
import type { Affine, Expr, For, Program, Stmt } from "../../src/compiler/ir/nodes.ts";
import { parseProgram } from "../../src/compiler/ir/parse.ts";
import { hostTable, printExpr, printProgram } from "../../src/compiler/ir/print.ts";
import { verify } from "../../src/compiler/ir/verify.ts";
import {
  asAffine,
  blocksOf,
  buffersRead,
  buffersWritten,
  children,
  effects,
  forEachExprIn,
  forEachStmt,
  freeAtoms,
  indexExpr,
  localExpr,
  mapExpr,
  mapExprs,
  mapParts,
  mapStmts,
  newBuffer,
  newLocal,
  newLoopVar,
  type PartMap,
  renewed,
  replaceBuffers,
  sharedNodes,
  substitute,
  visitParts,
} from "../../src/compiler/ir/visit.ts";
import { InternalError, WeftValueError } from "../../src/core/errors.ts";
import { programs } from "../support/random-ir.ts";

const f32 = (value: number): Expr => ({ op: "const", dtype: "float32", value });
const add = (x: Expr, y: Expr): Expr => ({ op: "binary", dtype: x.dtype, fn: "add", x, y });
const host = (): void => {};

/** One of everything. */
const TEXT = `program(arg0: f32[4096], arg1: f32[64], flag: bool[1]) -> (out0: f32[4096], total: f32[64]) {
  temp t3: f32[128]
  temp n: i32[8]
  for i < 64 independent {
    for j < 64 independent lanes 4 {
      out0[64*i + j] = f32.add(arg0[64*i + j], arg1[j])
    }
    %1 = f32.exp(arg1[i])
    %2 = f32.mul(%1, %1)
    reduce acc: f32 = add(f32.sub(%2, %2)) over (r < 8, s < 8) lanes 8 {
      let x: f32 = arg0[64*i + 8*r + s]
      yield f32.fma(x, x, f32(-0))
    }
    total[i] = f32.select(bool.lt(acc, f32(1e-7)), acc, f32(-inf))
  }
  var best: f32 = f32(nan)
  for i < 64 {
    set best = f32.max(best, total[-i + 63])
  }
  contract c: f32 = arg0[0 batch() free(64) reduced(1)] * arg0[7 batch() free(1) reduced(64)] over batch() rows(p < 4) cols(q < 8) depth(16) {
    t3[8*p + q] = f32.copysign(c, best)
  }
  var k: i32 = i32(0)
  while {
    let at: i32 = i32.min(k, i32(7))
    test bool.and(bool.lt(k, i32(100)), flag[0])
  } do {
    n[at] = i32.add(index(2*at - 3), i32.bitcast(t3[at]))
    set k = i32.add(k, i32(1))
  }
  switch i32.min(k, i32(1)) {
    case {
    }
    case {
      host #0(t3[8]: f32[3, 5], n[0]: i32*[])
    }
  }
}
`;

describe("text", () => {
  test("of one of everything is what was parsed, and valid", () => {
    const program = parseProgram(TEXT, [host]);
    verify(program, "parse");
    expect(printProgram(program)).toBe(TEXT);
  });

  test("round trip of random programs, which are valid", () => {
    const options = { lanes: true, hosts: [host, (): void => {}] };
    fc.assert(
      fc.property(programs(options), (program) => {
        verify(program, "generator");
        const text = printProgram(program);
        const back = parseProgram(text, hostTable(program));
        verify(back, "parse");
        expect(printProgram(back)).toBe(text);
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    -0,
    0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    0.1,
    5e-324,
    -1.7e308,
    1e21,
    1e-7,
  ])("constant %d keeps its value", (value) => {
    const out = newBuffer("out", "float64", 1, "output");
    const store: Stmt = {
      kind: "store",
      buffer: out,
      index: affine(0, []),
      value: { op: "const", dtype: "float64", value },
    };
    const back = parseProgram(printProgram({ args: [], outputs: [out], temps: [], body: [store] }));
    expect(back.body[0]).toMatchObject({ value: { op: "const", value } });
  });

  test("names that are taken, reserved or no identifiers are changed, and come back", () => {
    const [a, b, c] = ["x", "x", "for"].map((name) => newBuffer(name, "float32", 4, "output")) as [
      never,
      never,
      never,
    ];
    const [i, j] = [newLoopVar("x"), newLoopVar("0 1")];
    const value = f32(1);
    const inner: Stmt = {
      kind: "store",
      buffer: b,
      index: affine(0, [
        { atom: i, coeff: 1 },
        { atom: j, coeff: 2 },
      ]),
      value,
    };
    const body: Stmt[] = [
      {
        kind: "for",
        v: i,
        extent: 2,
        mode: "serial",
        lanes: 1,
        body: [{ kind: "for", v: j, extent: 2, mode: "serial", lanes: 1, body: [inner] }],
      },
    ];
    const text = printProgram({ args: [], outputs: [a, b, c], temps: [], body });
    expect(text).toContain("(x: f32[4], x_1: f32[4], for_1: f32[4])");
    expect(text).toContain("for x_2 < 2");
    expect(text).toContain("x_1[x_2 + 2*_0_1] = f32(1)");
    expect(printProgram(parseProgram(text))).toBe(text);
  });

  test("sharing survives", () => {
    const program = parseProgram(TEXT, [host]);
    const [loop] = program.body as [For];
    const reduce = loop.body[1] as Extract<Stmt, { kind: "reduce" }>;
    expect(sharedNodes(reduce.init)).toHaveLength(2);
    const [left, right] = children(reduce.init);
    expect(left).toBe(right);
    expect(children(left!)[0]).toBe(children(left!)[1]);
  });

  test.each([
    ["program() -> () {\n  x[0] = f32(1)\n}", 'line 2: expected a buffer in scope, found "x"'],
    [
      "program() -> (o: f32[1]) {\n  o[0] = f32.fmb(f32(1))\n}",
      'line 2: expected a function of 1 operands, found "fmb"',
    ],
    ["program() -> (o: f32[1]) {\n  o[0] = %1\n}", "line 2: expected a shared node that was defined"],
    ["program() -> (o: f33[1]) {}", 'line 1: expected a dtype, found "f33"'],
    ["program() -> () { host #2() }", "calls host #2, of 0 host functions given"],
    ["program() -> () { for i < 3 {", 'found "end of text"'],
  ])("%j is refused", (text, message) => {
    expect(() => parseProgram(text)).toThrow(WeftValueError);
    expect(() => parseProgram(text)).toThrow(message);
  });
});

describe("verify", () => {
  const inside = (body: string): string =>
    `program(a: f32[8], b: i32[8]) -> (o: f32[8]) {\ntemp t: f32[8]\n${body}\n}`;

  test.each([
    ["for i < 9 { o[i] = f32(1) }", "store to o[0 … 8], which has 8 elements"],
    ["for i < 8 { o[i] = a[i - 1] }", "load of a[-1 … 6], which has 8 elements"],
    [
      "for i < 8 { switch i32(0) { case { o[i + 8] = f32(0) } } }",
      "store to o[8 … 15], which has 8 elements",
    ],
    ["for i < 8 { a[i] = f32(1) }", "store to argument a"],
    ["for i < 8 independent lanes 3 { o[i] = f32(1) }", "lanes 3 do not divide extent 8"],
    ["for i < 8 lanes 4 { o[i] = f32(1) }", "lanes need independent iterations"],
    [
      "for i < 4 independent lanes 4 { for j < 2 independent lanes 2 { o[2*i + j] = f32(1) } }",
      "lanes inside of a loop that has lanes",
    ],
    [
      "var s: f32 = f32(0)\nfor i < 8 independent { set s = a[i] }",
      "s is set by iterations that have no order",
    ],
    [
      "var s: f32 = f32(0)\nreduce r: f32 = add(s) over (i < 8) { set s = a[i] yield s }",
      "s is set by iterations that have no order",
    ],
    ["let s: f32 = f32(0)\nset s = f32(1)", "set of s, which no var declares"],
    ["o[0] = f32.add(a[0], b[0])", "f32.add(a[0], b[0]) mixes float32 and int32"],
    ["o[0] = b[0]", "b[0] is int32, wanted float32"],
    ["o[0] = f32.and(a[0], a[0])", "and of float32"],
    ["let x: i32 = i32.exp(b[0])", "exp of int32"],
    ["let x: i32 = i32.fma(b[0], b[0], b[0])", "fma of int32"],
    ["let x: i32 = i32(0.5)", "0.5 is no int32"],
    ["let x: u8 = u8(256)", "256 is no uint8"],
    ["let x: i16 = i16.bitcast(a[0])", "bitcast of float32 to int16"],
    ["let x: f64 = f64.neg(a[0])", "f64.neg(a[0]) says float64 and is float32"],
    ["o[0] = f32.select(b[0], a[0], a[1])", "select on int32"],
    ["while { test b[0] } do { }", "b[0] is int32, wanted bool"],
    ["switch i32(0) { }", "a switch needs a branch"],
    ["let x: f32 = a[0]\no[x] = f32(1)", "x in an index is not int32"],
    ["o[0] = t[0]", "temp t is read but never stored to"],
    ["reduce r: f32 = and(a[0]) over (i < 8) { yield a[i] }", "reduce with and of float32"],
    [
      "contract c: f32 = a[0 batch() free(4) reduced(1)] * a[0 batch() free(1) reduced(2)] over batch() rows(i < 2) cols(j < 2) depth(5) { o[2*i + j] = c }",
      "contraction of a[0 … 8], which has 8 elements",
    ],
    [
      "contract c: f32 = a[0 batch() free(4) reduced(1)] * b[0 batch() free(1) reduced(2)] over batch() rows(i < 2) cols(j < 2) depth(4) { o[2*i + j] = c }",
      "right operand is int32, not float32",
    ],
    [
      "contract c: f32 = a[0 batch(1) free(4) reduced(1)] * a[0 batch() free(1) reduced(2)] over batch() rows(i < 2) cols(j < 2) depth(4) { o[2*i + j] = c }",
      "strides of the left operand do not pair up",
    ],
  ])("%s", (body, message) => {
    const program = parseProgram(inside(body));
    expect(() => verify(program, "fuse")).toThrow(InternalError);
    expect(() => verify(program, "fuse")).toThrow("loop IR is invalid after fuse: ");
    expect(() => verify(program, "fuse")).toThrow(message);
  });

  test.each([
    "for i < 0 { o[i + 99] = a[99] }",
    "for i < 8 { switch i32.convert(bool.lt(index(i), i32(4))) { case { } case { o[i] = a[2*i] } } }",
    "for i < 8 independent { var s: f32 = f32(0) for j < 8 { set s = f32.add(s, a[j]) } o[i] = s }",
    "let k: i32 = b[0] o[k] = a[8*k - 5]",
    "while { let k: i32 = b[0] test bool.lt(k, i32(3)) } do { o[k] = f32(1) }",
  ])("accepts %s", (body) => {
    expect(() => verify(parseProgram(inside(body)), "lower")).not.toThrow();
  });

  const valid = parseProgram(inside("for i < 8 { let x: f32 = a[i]\no[i] = x }"));
  const [loop] = valid.body as [For];
  const [let_, store] = loop.body as [Stmt, Stmt];
  const stranger = newLoopVar("ghost");
  const local = newLocal("y", "float32");
  const withBody = (body: readonly Stmt[]): Program => ({ ...valid, body });
  const twoTerms: Affine = {
    offset: 0,
    terms: [...scaledAtom(newLoopVar("p")).terms, ...scaledAtom(stranger).terms],
  };

  test.each<[string, Program, string]>([
    ["a loop twice", withBody([loop, loop]), "i is declared twice"],
    [
      "a use after the block",
      withBody([loop, { ...store, index: affine(0, []) } as Stmt]),
      "x is not in scope",
    ],
    ["a use before the declaration", withBody([{ ...loop, body: [store, let_] }]), "x is not in scope"],
    [
      "an unknown loop variable",
      withBody([{ ...store, index: scaledAtom(stranger) } as Stmt]),
      "ghost is not in scope",
    ],
    ["a local that nothing declares", withBody([{ kind: "set", local, value: f32(1) }]), "y is not in scope"],
    [
      "two atoms of one id",
      withBody([
        {
          ...loop,
          v: { ...loop.v, id: 10 ** 6 },
          body: [{ kind: "let", local: { ...local, id: 10 ** 6 }, value: f32(1) }],
        },
      ]),
      "y and i have the same id 1000000",
    ],
    [
      "a buffer that is not declared",
      { ...valid, outputs: [] },
      "store to o, which the program does not declare",
    ],
    [
      "a buffer in the wrong list",
      { ...valid, temps: valid.outputs, outputs: [] },
      "o has role output and stands among the temp buffers",
    ],
    ["a buffer twice", { ...valid, args: [...valid.args, ...valid.args] }, "buffer a (id"],
    [
      "a wrong dtype of a load",
      withBody([
        {
          ...store,
          index: affine(0, []),
          value: { op: "load", dtype: "int32", buffer: valid.args[0]!, index: affine(0, []) },
        } as Stmt,
      ]),
      "a[0] says int32 and is float32",
    ],
    [
      "terms out of order",
      withBody([
        {
          kind: "for",
          v: twoTerms.terms[0]!.atom as never,
          extent: 1,
          mode: "serial",
          lanes: 1,
          body: [
            {
              kind: "for",
              v: twoTerms.terms[1]!.atom as never,
              extent: 1,
              mode: "serial",
              lanes: 1,
              body: [{ ...store, index: twoTerms, value: f32(1) } as Stmt],
            },
          ],
        },
      ]),
      "index terms are not sorted by id (at ghost)",
    ],
  ])("refuses %s", (_, program, message) => {
    expect(() => verify(program, "licm")).toThrow(message);
  });

  test("the error shows the statement", () => {
    const program = parseProgram(inside("for i < 8 {\nlet x: f32 = a[i]\no[i + 4] = x\n}"));
    expect(() => verify(program, "collapse")).toThrow("\nin\n  o[i + 4] = x\n");
  });
});

describe("visit", () => {
  const program = parseProgram(TEXT, [host]);
  const buffer = (name: string) =>
    [...program.args, ...program.outputs, ...program.temps].find((b) => b.name === name)!;
  const names = (xs: Iterable<{ name: string }>): string[] => [...xs].map((x) => x.name).sort();

  test("mapping nothing returns the very same objects", () => {
    expect(mapStmts(program.body, (s) => s)).toBe(program.body);
    expect(mapExprs(program.body, (e) => e)).toBe(program.body);
    expect(substitute(program.body, new Map())).toBe(program.body);
    expect(replaceBuffers(program.body, new Map())).toBe(program.body);
  });

  test("looking sees what mapping sees, in the same order", () => {
    const KEYS = ["expr", "index", "read", "write", "block", "local", "loopVar", "assigned"] as const;
    const seenBy = (s: Stmt, walk: typeof visitParts): unknown[] => {
      const seen: unknown[] = [];
      const see = (key: string) => (part: unknown, extent?: unknown) => {
        // Arrays of parts are mapped with their positions.
        seen.push([key, part, key === "loopVar" ? extent : undefined]);
        return part;
      };
      walk(s, Object.fromEntries(KEYS.map((key) => [key, see(key)])));
      return seen;
    };
    const kindsSeen = new Set<string>();
    forEachStmt(program.body, (s) => {
      kindsSeen.add(s.kind);
      const mapped = seenBy(s, (stmt, m) => void mapParts(stmt, m as PartMap));
      expect(seenBy(s, visitParts)).toEqual(mapped);
      expect(mapped.length).toBeGreaterThan(0);
    });
    expect([...kindsSeen].sort()).toEqual(
      ["contract", "for", "host", "let", "reduce", "set", "store", "switch", "var", "while"].sort(),
    );
  });

  test("mapExpr sees each distinct node once and keeps sharing", () => {
    let root: Expr = f32(1);
    for (let i = 0; i < 60; i++) root = add(root, root); // 2^60 paths
    let calls = 0;
    const mapped = mapExpr(root, (e) => {
      calls++;
      return e.op === "const" ? f32(2) : e;
    });
    expect(calls).toBe(61);
    expect(children(mapped)[0]).toBe(children(mapped)[1]);
    expect(printExpr(mapped).split("\n")).toHaveLength(60);
  });

  test("mapStmts removes, repeats and changes inner statements first", () => {
    const seen: string[] = [];
    const out = mapStmts(program.body.slice(0, 1), (s) => {
      seen.push(s.kind);
      return s.kind === "reduce" ? [] : s.kind === "store" ? [s, s] : s;
    });
    expect(seen).toEqual(["store", "for", "let", "reduce", "store", "for"]);
    expect(blocksOf(out[0]!)[0]!.map((s) => s.kind)).toEqual(["for", "store", "store"]);
  });

  test("reads, writes and free names of each top statement", () => {
    const rows = program.body.map((s) => [
      names(buffersRead(s)),
      names(buffersWritten(s)),
      names(freeAtoms([s])),
    ]);
    expect(rows).toEqual([
      [["arg0", "arg1"], ["out0", "total"], []],
      [[], [], []],
      [["total"], [], ["best"]],
      [["arg0"], ["t3"], ["best"]],
      [[], [], []],
      [["flag", "t3"], ["n"], ["k"]],
      [["n", "t3"], [], ["k"]],
    ]);
    expect(program.body.map((s) => effects([s]).calls).lastIndexOf(true)).toBe(6);
    expect(effects(program.body).loads.length).toBeGreaterThan(5);
  });

  test("substitute replaces atoms in indices and expressions alike", () => {
    const [loop] = program.body as [For];
    const t = newLoopVar("t");
    const two = affine(1, [{ atom: t, coeff: 2 }]);
    const body = substitute(loop.body, new Map([[loop.v, indexExpr(two)]]));
    const [inner] = body as [For];
    expect(inner.body[0]).toMatchObject({
      index: affine(64, [
        { atom: inner.v, coeff: 1 },
        { atom: t, coeff: 128 },
      ]),
    });
    expect(names(freeAtoms(body))).toEqual(["t"]);
    expect(() => substitute(loop.body, new Map([[loop.v, f32(1)]]))).toThrow("i is used as an index");
  });

  test("renewed blocks may stand beside the first", () => {
    fc.assert(
      fc.property(programs(), (p) => {
        const twice = { ...p, body: [...p.body, ...renewed(p.body)] };
        verify(twice, "renewed");
        expect(printProgram({ ...p, body: renewed(p.body) })).toBe(printProgram(p));
      }),
      { numRuns: 50 },
    );
  });

  test("replaceBuffers reaches loads, stores, contractions and host calls", () => {
    const other = { ...buffer("t3"), id: 10 ** 6, name: "other" };
    const body = replaceBuffers(program.body, new Map([[buffer("t3"), other]]));
    const touched = effects(body);
    expect(names(touched.reads)).not.toContain("t3");
    expect(names(touched.writes)).toContain("other");
    forEachExprIn(body, (e) => expect(e.op === "load" && e.buffer.name).not.toBe("t3"));
  });

  test("indices: normal form, range, expressions that are indices", () => {
    const [i, j] = [newLoopVar("i"), newLoopVar("j")];
    const a = affine(3, [
      { atom: j, coeff: -2 },
      { atom: i, coeff: 4 },
      { atom: i, coeff: 1 },
      { atom: j, coeff: 0 },
    ]);
    expect(a.terms).toEqual([
      { atom: i, coeff: 5 },
      { atom: j, coeff: -2 },
    ]);
    expect(affineRange(a, (v) => (v === i ? 3 : 4))).toEqual({ min: -3, max: 13 });
    expect(affineRange(a, (v) => (v === i ? 3 : undefined))).toBeUndefined();
    expect(asAffine(localExpr(newLocal("f", "float32")))).toBeUndefined();
    expect(asAffine({ op: "const", dtype: "int32", value: 7 })).toEqual(affine(7, []));
  });
});
