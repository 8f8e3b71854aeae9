import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../../src/backends/interp/index.ts";
import { isSerial } from "../../../src/compiler/ir/modes.ts";
import type { For, Program, Stmt } from "../../../src/compiler/ir/nodes.ts";
import { parseProgram } from "../../../src/compiler/ir/parse.ts";
import { printProgram } from "../../../src/compiler/ir/print.ts";
import { verify } from "../../../src/compiler/ir/verify.ts";
import { type Block, forEachStmt, mapParts } from "../../../src/compiler/ir/visit.ts";
import { inParts, shard } from "../../../src/compiler/passes/shard.ts";
import { Stopwatch } from "../../../src/compiler/passes/support/time.ts";
import { type ProgramPass, runPipeline } from "../../../src/compiler/pipeline.ts";
import { type Target, wasmTarget } from "../../../src/compiler/target.ts";
import { listen } from "../../../src/core/journal.ts";
import { programs } from "../../support/random-ir.ts";
import { expectSameOutputs, randomArgs } from "../../support/same-meaning.ts";
import { expectPass, expectUnchanged, parsed } from "./check.ts";

const threads = (n: number): Target => wasmTarget({}, n);
const onTwo = (program: Program): Program => shard(program, threads(2));

/** Every outermost serial loop that can be divided in so many parts is, whether it pays or not. */
function everywhere(program: Program, parts: number): Program {
  const time = new Stopwatch(threads(parts));
  const block = (b: Block): Block =>
    b.flatMap((s) => {
      if (s.kind === "for" && !isSerial(s)) return [s];
      return (isSerial(s) ? inParts(s, parts, time) : undefined) ?? [mapParts(s, { block })];
    });
  return { ...program, body: block(program.body) };
}

const parallelLoops = (p: Program): For[] => {
  const found: For[] = [];
  forEachStmt(p.body, (s: Stmt) => {
    if (s.kind === "for" && s.mode === "parallel") found.push(s);
  });
  return found;
};

/** Parts run one after the other, in either order, do what the whole did. */
function expectSame(before: Program, after: Program, seed = 1): void {
  verify(after, "shard");
  const args = randomArgs(before, seed);
  const want = interpret(before, args);
  for (const order of ["forward", "backward"] as const)
    expectSameOutputs(before, want, interpret(after, args, undefined, order), 0, () => printProgram(after));
}

describe("a recurrent loop", () => {
  // h·w on tiles of four rows, then a map over all elements; two rows of the carry take turns.
  const head = `
program(x: f32[16384], w: f32[256], h0: f32[256]) -> (y: f32[16384]) {
  temp h: f32[512]
  temp z: f32[256]
  for e < 256 independent lanes 4 {
    h[e] = h0[e]
  }
  `;
  const before = `${head}for t < 64 {
    let n: i32 = i32.rem(index(t), i32(2))
    for i < 4 independent {
      for r < 4 independent {
        for j < 16 independent lanes 4 {
          var s: f32 = f32(0)
          for k < 16 {
            set s = f32.fma(h[256*n + 64*i + 16*r + k], w[j + 16*k], s)
          }
          z[64*i + 16*r + j] = s
        }
      }
    }
    for e < 256 independent lanes 4 {
      h[-256*n + e + 256] = f32.add(f32.mul(z[e], f32(0.125)), x[256*t + e])
      y[256*t + e] = h[256*n + e]
    }
  }
}`;

  test("its rows are divided, and threads meet once", () => {
    expectPass(
      onTwo,
      before,
      `${head}for p < 2 parallel {
    for t < 64 {
      let n: i32 = i32.rem(index(t), i32(2))
      for i < 2 independent {
        for r < 4 independent {
          for j < 16 independent lanes 4 {
            var s: f32 = f32(0)
            for k < 16 {
              set s = f32.fma(h[128*p + 256*n + 64*i + 16*r + k], w[j + 16*k], s)
            }
            z[128*p + 64*i + 16*r + j] = s
          }
        }
      }
      for e < 128 independent lanes 4 {
        h[128*p - 256*n + e + 256] = f32.add(f32.mul(z[128*p + e], f32(0.125)), x[128*p + 256*t + e])
        y[128*p + 256*t + e] = h[128*p + 256*n + e]
      }
    }
  }
}`,
    );
  });

  test("a loop with one iteration per part is gone", () => {
    const [parts] = parallelLoops(everywhere(parsed(before), 4));
    const [time] = parts!.body as [For];
    expect(time.body.map((s) => (s.kind === "for" ? s.extent : s.kind))).toEqual(["let", 4, 64]);
    expectSame(parsed(before), everywhere(parsed(before), 4));
  });

  test("scalars that outlive it are computed by each part and once more", () => {
    const start = "var c: f32 = f32(0)\n  for t < 64 {\n    let now: f32 = c\n    set c = f32.add(now, x[t])";
    const text = before
      .replace("for t < 64 {", start)
      .replace("f32(0.125)", "now")
      .replace(
        "y[256*t + e] = h[256*n + e]\n    }\n  }",
        "y[256*t + e] = h[256*n + e]\n    }\n  }\n  y[0] = c",
      );
    const program = parsed(text);
    const after = onTwo(program);
    expectSame(program, after);
    const tail = printProgram(after).split("\n").slice(-7).join("\n");
    expect(tail).toBe(`  for t < 64 {
    let now: f32 = c
    set c = f32.add(now, x[t])
  }
  y[0] = c
}
`);
  });

  test.each([
    ["with as many parts as threads", 4, [4]],
    ["with fewer when they do not fit", 3, [2]],
    ["not on one thread", 1, []],
    ["with as many as fit", 16, [4]],
  ])("%s", (_, n, extents) => {
    expect(parallelLoops(shard(parsed(before), threads(n))).map((s) => s.extent)).toEqual(extents);
  });

  test("not in two parts where many threads are faster with one nest at a time", () => {
    const program = parsed(`
      program(w: f32[65536]) -> (y: f32[512]) {
        temp h: f32[512]
        for t < 2 {
          for i < 2 independent {
            for j < 256 independent {
              h[256*i + j] = y[256*i - j + 255]
            }
          }
          for j < 256 independent {
            for i < 2 independent {
              var c: f32 = f32(0)
              for k < 256 {
                set c = f32.fma(h[256*i + k], w[256*j + k], c)
              }
              y[256*i + j] = c
            }
          }
        }
      }`);
    const extents = (n: number): number[] => parallelLoops(shard(program, threads(n))).map((s) => s.extent);
    expect([extents(2), extents(8)]).toEqual([[2], []]);
  });

  test("not a short one", () => {
    const short = before.replace("for t < 64 {", "for t < 2 {").replaceAll("f32[16384]", "f32[512]");
    expectUnchanged(onTwo, `${short.trim()}\n`);
  });

  test("it is noted", () => {
    const [, decisions] = listen(() => onTwo(parsed(before)));
    expect(decisions).toEqual([{ kind: "parallel", what: "a loop of 64, in 2 parts" }]);
  });

  test("the pass `parallel` leaves the parts alone, and can do without", () => {
    const modes = (...off: ProgramPass[]): number[] =>
      parallelLoops(runPipeline(parsed(before), threads(2), { off, debug: true })).map((s) => s.extent);
    expect(modes()).toEqual([2]);
    expect(modes("shard")).toEqual([]);
  });
});

describe("what can be divided", () => {
  const loop = (body: string): Program =>
    parseProgram(`
      program(x: f32[1024], ids: i32[64]) -> (y: f32[1024], z: f32[1024]) {
        temp a: f32[1024]
        temp b: f32[1024]
        for i < 1024 independent { a[i] = x[i]
          b[i] = x[i]
          y[i] = x[i]
          z[i] = x[i] }
        for t < 4 {
          ${body}
        }
        for i < 1024 independent { y[i] = f32.add(a[i], b[i]) }
      }`);
  const map = "for i < 256 independent { a[i] = f32.add(a[i], x[256*t + i]) }";

  test.each<[string, string]>([
    ["a map", map],
    [
      "rows of a layer inside of time",
      `for l < 2 { for i < 256 independent { a[256*l + i] = f32.neg(a[256*l + i]) } }`,
    ],
    [
      "columns, when something needs whole columns",
      "for i < 64 independent { for k < 4 { a[i] = f32.add(a[i], a[64*k + i + 256]) } }",
    ],
    [
      "the rows of a transposed copy",
      "for i < 32 independent { for j < 32 independent { a[32*i + j] = f32.add(b[32*i + j], x[i + 32*j]) } }\n for j < 1024 independent { b[j] = a[j] }",
    ],
    [
      "a scatter, by columns",
      "let n: i32 = i32.min(i32.max(ids[t], i32(0)), i32(7))\n for j < 128 independent { a[128*n + j] = f32.add(a[128*n + j], x[128*t + j]) }",
    ],
    ["what a test chooses", `switch i32.min(i32.max(ids[t], i32(0)), i32(1)) { case { } case { ${map} } }`],
    [
      "a reduction within a row",
      "for i < 32 independent { reduce s: f32 = max(f32(0)) over (k < 32) { yield a[32*i + k] }\n b[32*i] = s }",
    ],
    ["a vector loop in whole vectors", "for i < 1024 independent lanes 8 { a[i] = f32.neg(a[i]) }"],
    ["backwards", "for i < 256 independent { a[-i + 255] = f32.add(a[-i + 255], x[i]) }"],
  ])("%s", (_, body) => {
    const program = loop(body);
    const after = everywhere(program, 2);
    expect(parallelLoops(after)).toHaveLength(1);
    expectSame(program, after);
  });

  test.each<[string, string]>([
    [
      "a sum over the rows",
      `${map}\n for j < 32 independent { reduce s: f32 = add(f32(0)) over (k < 8) { yield a[32*k + j] }\n b[j] = f32.add(b[j], s) }`,
    ],
    [
      "scratch that all rows use",
      "for i < 32 { for j < 32 { b[j] = a[32*i + j] }\n for j < 32 independent { a[32*i + j] = b[-j + 31] } }",
    ],
    [
      "what a neighbour stored before",
      "for i < 1000 independent { a[i] = f32.neg(b[i + 1]) }\n for i < 1000 independent { b[i] = a[i] }",
    ],
    [
      "a transposed copy of itself",
      "for i < 32 independent { for j < 32 independent { a[32*i + j] = b[i + 32*j] } }\n for j < 1024 independent { b[j] = a[j] }",
    ],
    [
      "nests with other distances",
      "for i < 512 independent { a[i] = b[2*i] }\n for i < 512 independent { b[i] = a[i] }",
    ],
    ["one element", `${map}\n y[t] = a[3]`],
    ["what is read outside of nests", `${map}\n let q: f32 = a[3]\n for i < 256 independent { b[i] = q }`],
    [
      "a place that is not known",
      "let n: i32 = i32.min(i32.max(ids[t], i32(0)), i32(7))\n for j < 128 independent { a[64*n + j] = x[j] }",
    ],
    ["an odd number of rows", "for i < 255 independent { a[i] = x[i] }"],
    ["half a vector", "for i < 24 independent lanes 8 { a[32*i] = x[i] }"],
    ["less than a cache line", "for i < 16 independent { a[i] = x[i] }"],
    [
      "a scalar made of the rows",
      `${map}\n var s: f32 = f32(0)\n for k < 8 { set s = f32.add(s, a[k]) }\n for i < 256 independent { b[i] = s }`,
    ],
  ])("not %s", (_, body) => {
    expect(parallelLoops(everywhere(loop(body), 2))).toEqual([]);
  });

  test("not a loop that leaves a scalar made of what no part stores to, which is not known", () => {
    const program = parsed(`
      program(x: f32[256]) -> (y: f32[512], z: f32[1]) {
        for i < 512 independent { y[i] = f32(1) }
        var s: f32 = f32(0)
        for t < 4 {
          for i < 256 independent { y[i + 256] = f32.add(y[i + 256], x[i]) }
          set s = f32.add(s, y[3])
        }
        z[0] = s
      }`);
    expect(parallelLoops(everywhere(program, 2))).toEqual([]);
  });

  test("not a loop that leaves a scalar made of the rows", () => {
    const program = parsed(`
      program(x: f32[256]) -> (y: f32[256], z: f32[1]) {
        var s: f32 = f32(0)
        for t < 4 {
          for i < 256 independent { y[i] = x[i] }
          set s = f32.add(s, y[0])
        }
        z[0] = s
      }`);
    expect(parallelLoops(everywhere(program, 2))).toEqual([]);
  });
});

describe("meaning", () => {
  test("of random programs", () => {
    fc.assert(
      fc.property(programs({ exact: true, lanes: true, stages: 8 }), fc.nat(1000), (program, seed) => {
        for (const parts of [2, 3]) expectSame(program, everywhere(program, parts), seed);
      }),
      { numRuns: 150 },
    );
  });

  /** Walks over 8 by 32 elements, and some that touch fewer. */
  const WALKS = ["32*i + j", "32*i - j + 31", "-32*i + j + 224", "i + 8*j", "32*i + j + 32"];
  const place = (walks: readonly string[]): fc.Arbitrary<string> =>
    fc
      .tuple(fc.constantFrom(...walks), fc.constantFrom("", " + 256*n", " - 256*n + 256", " + 256*t"))
      .map((parts) => parts.join(""));
  const nest = fc
    .record({
      to: fc.constantFrom("a", "b", "y"),
      from: fc.constantFrom("a", "b", "x"),
      at: place(WALKS),
      other: place([WALKS[0]!, ...WALKS, "32*i", "j"]),
      swapped: fc.boolean(),
    })
    .map(({ to, from, at, other, swapped }) => {
      // Iterations are independent: none reads what another one stores.
      const store = `${to}[${at}] = f32.add(${from}[${from === to ? at : other}], f32(1))`;
      return swapped
        ? `for j < 32 independent { for i < 8 independent { ${store} } }`
        : `for i < 8 independent { for j < 32 independent { ${store} } }`;
    });
  const recurrent = fc.array(nest, { minLength: 1, maxLength: 4 }).map((nests) =>
    parseProgram(`
      program(x: f32[1088]) -> (y: f32[1088]) {
        temp a: f32[1088]
        temp b: f32[1088]
        for i < 1088 independent { a[i] = x[i]
          b[i] = x[i]
          y[i] = x[i] }
        for t < 3 {
          let n: i32 = i32.rem(index(t), i32(2))
          ${nests.join("\n")}
        }
        for i < 1088 independent { y[i] = f32.add(y[i], f32.add(a[i], b[i])) }
      }`),
  );

  test("of recurrent loops", () => {
    let divided = 0;
    fc.assert(
      fc.property(recurrent, (program) => {
        const after = everywhere(program, 2);
        if (parallelLoops(after).length === 0) return;
        divided++;
        expectSame(program, after);
      }),
      { numRuns: 500, seed: 4 },
    );
    expect(divided).toBeGreaterThan(40);
  });
});
