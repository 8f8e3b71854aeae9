import { describe, expect, test } from "vitest";
import { interpret } from "../../../src/backends/interp/index.ts";
import type { Contract, For, Program } from "../../../src/compiler/ir/nodes.ts";
import { printProgram } from "../../../src/compiler/ir/print.ts";
import { verify } from "../../../src/compiler/ir/verify.ts";
import { forEachStmt, newLoopVar } from "../../../src/compiler/ir/visit.ts";
import { productOf } from "../../../src/compiler/passes/contract/axes.ts";
import { expand } from "../../../src/compiler/passes/contract/kernel.ts";
import {
  balanced,
  candidates,
  chooseSchedule,
  depthOf,
  panelsOf,
  rowBlocks,
} from "../../../src/compiler/passes/contract/schedule.ts";
import { contract } from "../../../src/compiler/passes/contract.ts";
import { nativeTarget, type Target, wasmTarget } from "../../../src/compiler/target.ts";
import type { DType } from "../../../src/core/dtype.ts";
import { compileProgram } from "../../backends/wasm-run.ts";
import { argumentsOf, contraction, type EpilogueName, type Spec } from "./contractions.ts";

const target = wasmTarget();
const EXTENTS = [1, 2, 3, 4, 5, 7, 8, 16, 17, 33];

/** The oracle knows no lanes, so the vectors run in earnest, too. */
function expectSame(before: Program, after: Program, t: Target = target): void {
  verify(after, "contract");
  const args = argumentsOf(before);
  const wanted = interpret(before, args);
  expect(interpret(after, args)).toEqual(wanted);
  expect(interpret(after, args, undefined, "backward")).toEqual(wanted);
  if (t.vectorBytes === 16) expect(compileProgram(after, t).run(args)).toEqual(wanted);
}

const kinds = (p: Program): Set<string> => {
  const found = new Set<string>();
  forEachStmt(p.body, (s) => found.add(s.kind === "for" && s.lanes > 1 ? `lanes ${s.lanes}` : s.kind));
  return found;
};

/** The program with its one contraction (not in a loop) expanded in every way there is. */
function everyWay(program: Program, t: Target = target): Program[] {
  const [only] = program.body as [Contract];
  const count = candidates(productOf(only), t, () => ({ times: 1, among: 1 })).length;
  return Array.from({ length: count }, (_, i) => {
    const made = expand(candidates(productOf(only), t, () => ({ times: 1, among: 1 }))[i]!.build(), t);
    return { ...program, body: made.body, temps: made.temps };
  });
}

describe("every extent", () => {
  test.each(EXTENTS)("m = %i", (m) => {
    for (const n of EXTENTS) {
      for (const k of [1, 2, 3, 5, 8, 17, 33]) {
        const program = contraction({ extents: { m, n, k }, lhs: "mk", rhs: "kn", out: "mn" });
        const after = contract(program, target);
        expect(kinds(after)).not.toContain("contract");
        expectSame(program, after);
      }
    }
  });
});

const LAYOUTS: readonly (readonly [string, string, string])[] = [
  ["mk", "kn", "mn"],
  ["mk", "nk", "mn"],
  ["km", "kn", "mn"],
  ["km", "nk", "mn"],
  ["mk", "kn", "nm"],
  ["km", "nk", "nm"],
  ["bmk", "bkn", "bmn"],
  ["mbk", "kbn", "mbn"],
  ["bkm", "bnk", "mnb"],
  ["mpk", "kn", "mpn"],
  ["pmk", "knq", "mqpn"],
  ["mjk", "kjn", "mn"],
  ["kjm", "nkj", "mn"],
  ["k", "kn", "n"],
  ["mk", "k", "m"],
  ["bk", "bk", "b"],
  ["k", "k", ""],
];
const SHAPES = [
  { m: 7, n: 17, k: 8, b: 2, p: 3, q: 2, j: 2 },
  { m: 16, n: 5, k: 17, b: 1, p: 2, q: 5, j: 3 },
  { m: 3, n: 8, k: 5, b: 3, p: 1, q: 1, j: 4 },
];

describe("every layout, every schedule", () => {
  test.each(LAYOUTS)("%s, %s -> %s", (lhs, rhs, out) => {
    for (const extents of SHAPES) {
      for (const epilogue of ["store", "two stores", "divided", "long"] satisfies EpilogueName[]) {
        const program = contraction({ extents, lhs, rhs, out, epilogue });
        expectSame(program, contract(program, target));
        for (const after of everyWay(program)) expectSame(program, after);
      }
    }
  });
});

describe("dtypes, epilogues and targets", () => {
  const targets = [
    target,
    wasmTarget({ registers: 16 }),
    { ...target, name: "wide", vectorBytes: 32, registers: 32, l1Bytes: 64, l2Bytes: 4096 },
  ];
  const rows = (["float32", "float64", "int32", "uint32", "int8", "uint16"] as const).flatMap((dtype) =>
    (["store", "accumulate", "two stores", "divided", "strided", "long"] as const)
      .filter((epilogue) => dtype !== "uint16" || epilogue !== "two stores")
      .map((epilogue) => ({ dtype, epilogue })),
  );
  test.each(rows)("$dtype, $epilogue", ({ dtype, epilogue }) => {
    for (const t of targets) {
      for (const [m, n, k] of [
        [13, 22, 9],
        [2, 43, 16],
        [33, 3, 8],
      ] as const) {
        const program = contraction({
          extents: { m, n, k },
          lhs: "mk",
          rhs: "kn",
          out: "mn",
          dtype,
          epilogue,
        });
        expectSame(program, contract(program, t), t);
      }
    }
  });
});

describe("inside a serial loop", () => {
  const spec: Spec = { extents: { m: 9, n: 20, k: 16 }, lhs: "mk", rhs: "nk", out: "mn", steps: 5 };
  test("moving operands are followed", () => {
    for (const epilogue of ["store", "two stores", "divided", "long"] satisfies EpilogueName[]) {
      const program = contraction({ ...spec, epilogue });
      expectSame(program, contract(program, target));
    }
  });
  test("an operand that stays is packed at the head of the body, so that it can be hoisted", () => {
    const after = contract(contraction({ ...spec, extents: { m: 2, n: 20, k: 16 } }), target);
    expect(after.temps.map((b) => b.size)).toEqual([16 * 16, 4 * 16]);
    const once = contract(contraction({ ...spec, extents: { m: 2, n: 20, k: 16 }, steps: 1 }), target);
    expect(once.temps).toEqual([]);
  });
});

describe("sums over many k", () => {
  const small: Target = { ...target, l1Bytes: 1024, l2Bytes: 4096 };
  test.each([
    ["km", "kn", "mn", "store"],
    ["km", "kn", "nm", "accumulate"],
    ["mk", "kn", "mn", "divided"],
    ["bkm", "bkn", "bmn", "two stores"],
    ["kjm", "kjn", "mn", "store"],
    ["kbm", "kbn", "mbn", "accumulate"],
  ] as const)("in parts: %s, %s -> %s, %s", (lhs, rhs, out, epilogue) => {
    for (const extents of [
      { m: 17, n: 18, k: 37, b: 2, j: 3 },
      { m: 32, n: 24, k: 32, b: 3, j: 2 },
    ]) {
      const program = contraction({ extents, lhs, rhs, out, epilogue });
      expectSame(program, contract(program, small), small);
      for (const after of everyWay(program, small)) expectSame(program, after, small);
    }
  });
  test("panels of one part are packed again and again into little memory", () => {
    const spec: Spec = { extents: { m: 64, n: 64, k: 4096 }, lhs: "km", rhs: "kn", out: "mn" };
    const { temps, body } = contract(contraction(spec), target);
    expect(temps.map((b) => [b.name, b.size])).toEqual([
      ["packed", 64 * 256],
      ["packed", 64 * 256],
      ["sums", 64 * 64],
    ]);
    expect(body.map((s) => (s.kind === "for" ? [s.extent, s.mode] : s.kind))).toEqual([
      [64 * 64, "independent"],
      [16, "serial"],
      [64, "independent"],
    ]);
  });
  test("many parts: their totals are compensated", () => {
    const spec: Spec = { extents: { m: 3, n: 16, k: 20000 }, lhs: "mk", rhs: "kn", out: "mn" };
    const names = (dtype: DType): string[] =>
      contract(contraction({ ...spec, dtype }), target).temps.map((b) => b.name);
    expect(names("float32")).toEqual(["sums", "lost"]);
    expect(names("int32")).toEqual(["sums"]);
  });
  test.each<[extents: number[], ReturnType<typeof depthOf>]>([
    [[1024], undefined],
    [
      [100, 32],
      {
        axis: 0,
        compensated: false,
        spans: [
          { start: 0, size: 8, count: 12 },
          { start: 96, size: 4, count: 1 },
        ],
      },
    ],
    [[2, 5120], { axis: 1, compensated: false, spans: [{ start: 0, size: 256, count: 20 }] }],
    [[2, 5, 256], { axis: 1, compensated: false, spans: [{ start: 0, size: 1, count: 5 }] }],
    [[3, 12800], { axis: 1, compensated: true, spans: [{ start: 0, size: 256, count: 50 }] }],
  ])("k of %j", (extents, depth) => {
    const k = extents.map((extent) => ({ extent, lhs: 1, rhs: 1, v: newLoopVar("k") }));
    expect(depthOf({ k, dtype: "float32" }, target)).toEqual(depth);
  });
});

describe("a long epilogue", () => {
  const spec: Spec = {
    extents: { m: 32, n: 32, k: 16 },
    lhs: "mk",
    rhs: "kn",
    out: "mn",
    epilogue: "long",
  };
  /** How often the epilogue stands in the code. */
  const copies = (program: Program, t: Target = target): number => {
    let count = 0;
    forEachStmt(contract(program, t).body, (s) => {
      if (s.kind === "store" && s.buffer.name === "y") count++;
    });
    return count;
  };
  test("stands in a loop over the rows of a tile", () => {
    expect(copies(contraction(spec))).toBe(1);
    expect(copies(contraction({ ...spec, epilogue: "store" }))).toBe(4);
  });
  test.each<[string, Partial<Spec>, Partial<Target>]>([
    ["few steps, beside which memory takes time", { extents: { m: 32, n: 32, k: 8 } }, {}],
    ["sums that exceed half of the second-level cache", {}, { l2Bytes: 4096 }],
    [
      "sums that do so with the loops around the tiles",
      { extents: { m: 32, n: 32, k: 16, p: 3 }, lhs: "pmk", rhs: "kn", out: "mpn" },
      { l2Bytes: 2 * 3 * 4096 - 1 },
    ],
  ])("stands once per row: %s", (_, other, limits) => {
    expect(copies(contraction({ ...spec, ...other }), { ...target, ...limits })).toBe(4);
  });
  test("stands once per row in a loop whose iterations are independent", () => {
    const program = contraction({ ...spec, steps: 3 });
    const [loop] = program.body as [For];
    expect(copies(program)).toBe(1);
    expect(copies({ ...program, body: [{ ...loop, mode: "independent" }] })).toBe(4);
  });
});

/** Which operands are copied first, and the widths of the vectors that sums lie in. */
const choice = (spec: Spec, t: Target): { copies: number; lanes: string[] } => {
  const after = contract(contraction(spec), t);
  const copies = after.temps.filter((b) => b.name.startsWith("packed")).length;
  return { copies, lanes: [...kinds(after)].filter((kind) => kind.startsWith("lanes")) };
};

describe("the cheapest schedule", () => {
  const wide = nativeTarget(new Set(["avx512f", "avx512vl", "avx512bw", "avx512dq", "fma"]));
  test.each([
    // Four sums at a time would wait for themselves, so lanes do not lie along the four rows.
    ["4 rows", { m: 4, n: 256, k: 256 }, "mk", "kn", target, 0, ["lanes 8"]],
    ["4 rows of columns", { m: 4, n: 256, k: 256 }, "km", "kn", target, 0, ["lanes 8"]],
    // Weights that are used once and lie across: the rows go into lanes, which leaves the weights as they are.
    ["weights across", { m: 32, n: 512, k: 128 }, "mk", "nk", wide, 1, ["lanes 32"]],
    ["one row, weights across", { m: 1, n: 256, k: 256 }, "mk", "nk", wide, 0, []],
    // One part of k of the rows stays in the second-level cache although it is strided.
    ["a gradient of weights", { m: 256, n: 256, k: 4096 }, "km", "kn", wide, 1, ["lanes 32"]],
    ["a small product", { m: 64, n: 64, k: 64 }, "mk", "kn", target, 0, ["lanes 8"]],
    ["a large product", { m: 512, n: 512, k: 512 }, "mk", "kn", target, 1, ["lanes 8"]],
  ] as const)("of %s", (_, extents, lhs, rhs, t, copies, lanes) => {
    expect(choice({ extents, lhs, rhs, out: "mn" }, t)).toEqual({ copies, lanes });
  });

  test("weights that take turns in a cache too small for them are packed: what follows itself is loaded ahead", () => {
    const p = productOf(
      contraction({ extents: { m: 4, n: 256, k: 256 }, lhs: "mk", rhs: "kn", out: "mn" }).body[0] as Contract,
    );
    const packs = (among: number): boolean =>
      chooseSchedule(p, wide, () => ({ times: 8, among }))!.panels.some((panel) => panel.packed);
    expect([1, 8].map(packs)).toEqual([false, true]);
  });
});

test.each([
  [1, 24],
  [2, 16],
  [3, 8],
])("%i rows have enough sums under way: %i columns", (m, width) => {
  const after = contract(
    contraction({ extents: { m, n: 48, k: 64 }, lhs: "mk", rhs: "kn", out: "mn" }),
    target,
  );
  expect(kinds(after)).toContain(`lanes ${width}`);
});

test("shape of a kernel", () => {
  const program = contraction({ extents: { m: 12, n: 16, k: 64 }, lhs: "mk", rhs: "kn", out: "mn" });
  expect(
    printProgram(contract(program, wasmTarget({ relaxedSimd: true, registers: 16 }))),
  ).toMatchInlineSnapshot(`
    "program(x: f32[768], w: f32[1024]) -> (y: f32[192]) {
      for jc < 2 independent {
        for i < 2 independent {
          for j < 8 independent lanes 8 {
            var c0: f32 = f32(0)
            var c1: f32 = f32(0)
            var c2: f32 = f32(0)
            var c3: f32 = f32(0)
            var c4: f32 = f32(0)
            var c5: f32 = f32(0)
            for k < 64 {
              let b: f32 = w[8*jc + j + 16*k]
              set c0 = f32.fma(x[384*i + k], b, c0)
              set c1 = f32.fma(x[384*i + k + 64], b, c1)
              set c2 = f32.fma(x[384*i + k + 128], b, c2)
              set c3 = f32.fma(x[384*i + k + 192], b, c3)
              set c4 = f32.fma(x[384*i + k + 256], b, c4)
              set c5 = f32.fma(x[384*i + k + 320], b, c5)
            }
            y[8*jc + 96*i + j] = c0
            y[8*jc + 96*i + j + 16] = c1
            y[8*jc + 96*i + j + 32] = c2
            y[8*jc + 96*i + j + 48] = c3
            y[8*jc + 96*i + j + 64] = c4
            y[8*jc + 96*i + j + 80] = c5
          }
        }
      }
    }
    "
  `);
});

describe("parts of a schedule", () => {
  test.each([
    [
      13,
      6,
      [
        [0, 5, 1],
        [5, 4, 2],
      ],
    ],
    [12, 6, [[0, 6, 2]]],
    [3, 6, [[0, 3, 1]]],
    [
      32,
      6,
      [
        [0, 6, 2],
        [12, 5, 4],
      ],
    ],
  ])("%i rows in tiles of at most %i", (extent, tile, runs) => {
    expect(balanced(extent, tile).map((r) => [r.start, r.rows, r.count])).toEqual(runs);
  });
  test("rows that exceed the cache come in blocks", () => {
    expect(rowBlocks(100, 6, 40).map((b) => [b.start, b.size, b.count])).toEqual([
      [0, 36, 2],
      [72, 28, 1],
    ]);
  });
  test.each([
    [
      33,
      false,
      false,
      [
        [0, 8, 4, 8],
        [32, 1, 1, 1],
      ],
    ],
    [
      15,
      false,
      false,
      [
        [0, 8, 1, 8],
        [8, 4, 1, 4],
        [12, 1, 3, 1],
      ],
    ],
    [
      15,
      false,
      true,
      [
        [0, 8, 1, 8],
        [8, 4, 1, 4],
        [12, 4, 1, 3],
      ],
    ],
    [3, true, true, [[0, 4, 1, 3]]],
  ])("%i columns (packed %s, padded %s)", (extent, packed, padded, panels) => {
    expect(panelsOf(extent, 4, 2, packed, padded).map((p) => [p.start, p.width, p.count, p.real])).toEqual(
      panels,
    );
  });
});
