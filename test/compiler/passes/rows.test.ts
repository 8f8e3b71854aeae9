import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { verifyDefined } from "../../../src/compiler/ir/defined.ts";
import { verifyOrder } from "../../../src/compiler/ir/order.ts";
import { verify } from "../../../src/compiler/ir/verify.ts";
import { lowerJaxpr } from "../../../src/compiler/lower/index.ts";
import { parallel } from "../../../src/compiler/passes/parallel.ts";
import { reuse } from "../../../src/compiler/passes/reuse.ts";
import { rows } from "../../../src/compiler/passes/rows.ts";
import { type Pass, runPipeline } from "../../../src/compiler/pipeline.ts";
import { prepare } from "../../../src/compiler/prepare.ts";
import type { Target } from "../../../src/compiler/target.ts";
import { grad, makeJaxpr, type NDArray } from "../../../src/index.ts";
import { anyProgram, inputs, run } from "../../support/random-program.ts";
import { expectSameMeaning } from "../../support/same-meaning.ts";
import { expectMeaningKept, expectPass, expectUnchanged, parsed, target } from "./check.ts";

const caches = (l1Bytes: number, l2Bytes: number): Target => ({ ...target, l1Bytes, l2Bytes });
/** Arrays of 64 floats fit no second-level cache, rows of 8 the first. */
const joining =
  (machine = caches(128, 256)): Pass =>
  (program) =>
    rows(program, machine);

const program = (body: string, types = "(x: f32[64]) -> (y: f32[64])"): string =>
  `program${types} {\n  temp t: f32[64]\n  temp s: f32[8]\n${body}\n}`;

const SHIFTED = `
  for i < 8 independent {
    for j < 8 independent {
      t[8*i + j] = f32.exp(x[8*i + j])
    }
  }
  for i < 8 independent {
    reduce acc: f32 = add(f32(0)) over (k < 8) {
      yield t[8*i + k]
    }
    s[i] = acc
  }
  for i < 8 independent {
    for j < 8 independent {
      y[8*i + j] = f32.div(t[8*i + j], s[i])
    }
  }`;

describe("rows", () => {
  test("a softmax goes row by row", () => {
    expectPass(
      joining(),
      program(SHIFTED),
      program(`  for i < 8 independent {
    for j < 8 independent {
      t[8*i + j] = f32.exp(x[8*i + j])
    }
    reduce acc: f32 = add(f32(0)) over (k < 8) {
      yield t[8*i + k]
    }
    s[i] = acc
    for j < 8 independent {
      y[8*i + j] = f32.div(t[8*i + j], s[i])
    }
  }`),
    );
  });

  test.each<[what: string, machine: Target]>([
    ["what stays in the second-level cache", caches(128, 1024)],
    ["rows that the first does not hold", caches(64, 256)],
  ])("%s is left", (_, machine) => {
    expectUnchanged(joining(machine), program(SHIFTED.trimStart().replace(/^/, "  ")));
  });

  const first =
    "  for i < 8 independent {\n    for j < 8 independent {\n      t[8*i + j] = x[8*i + j]\n    }\n  }\n";
  test.each<[what: string, body: string]>([
    [
      "another row",
      `${first}  for i < 8 independent {\n    for j < 8 independent {\n      y[8*i + j] = t[-8*i + j + 56]\n    }\n  }`,
    ],
    [
      "columns",
      `${first}  for i < 8 independent {\n    for j < 8 independent {\n      y[8*i + j] = t[i + 8*j]\n    }\n  }`,
    ],
    [
      "a row of another length",
      `${first}  for i < 4 independent {\n    for j < 16 independent {\n      y[16*i + j] = t[16*i + j]\n    }\n  }`,
    ],
    [
      "one element for all",
      `${first}  for i < 8 independent {\n    for j < 8 independent {\n      y[8*i + j] = f32.add(t[8*i + j], t[9])\n    }\n  }`,
    ],
    [
      "serial loops",
      `${first}  for i < 8 {\n    for j < 8 independent {\n      y[8*i + j] = t[8*i + j]\n    }\n  }`,
    ],
    [
      "what a statement between has made",
      `${first}  let u: f32 = t[63]\n  for i < 8 independent {\n    for j < 8 independent {\n      y[8*i + j] = f32.add(u, t[8*i + j])\n    }\n  }`,
    ],
  ])("%s is left", (_, body) => expectUnchanged(joining(), program(body)));

  test("statements between that have nothing to do with it are passed", () => {
    expectPass(
      joining(),
      program(
        `${first}  let u: f32 = x[0]\n  s[0] = u\n  for i < 8 independent {\n    for j < 8 independent {\n      y[8*i + j] = t[8*i + j]\n    }\n  }`,
      ),
      program(
        "  for i < 8 independent {\n    for j < 8 independent {\n      t[8*i + j] = x[8*i + j]\n    }\n    for j < 8 independent {\n      y[8*i + j] = t[8*i + j]\n    }\n  }\n  let u: f32 = x[0]\n  s[0] = u",
      ),
    );
  });

  test("random programs keep their meaning", () => {
    expectMeaningKept(joining(caches(Number.POSITIVE_INFINITY, 0)), { numRuns: 300 });
  });
});

describe("reuse", () => {
  const placing: Pass = (p) => reuse(p, caches(0, 0));
  const types = "(x: f32[64]) -> (y: f32[64], z: f32[64])";
  const loop = (store: string): string => `  for i < 64 independent {\n    ${store}\n  }\n`;

  test("a temporary lies in the output that replaces it", () => {
    expectPass(
      placing,
      program(loop("t[i] = f32.exp(x[i])") + loop("y[i] = f32.neg(t[i])").trimEnd()),
      "program(x: f32[64]) -> (y: f32[64]) {\n  temp s: f32[8]\n" +
        loop("y[i] = f32.exp(x[i])") +
        loop("y[i] = f32.neg(y[i])") +
        "}",
    );
  });

  test.each<[what: string, body: string]>([
    ["elements change places", loop("t[i] = x[i]") + loop("y[i] = t[-i + 63]")],
    [
      "it is read after the output was stored",
      loop("t[i] = x[i]") + loop("y[i] = t[i]") + loop("z[i] = t[-i + 63]"),
    ],
    [
      "it is stored after the output was",
      loop("y[i] = x[i]") + loop("t[i] = x[i]") + loop("z[-i + 63] = t[i]"),
    ],
    ["the output is read", `${loop("t[i] = x[i]") + loop("y[i] = t[i]")}  s[0] = y[0]`],
    [
      "an argument could no longer become the output",
      loop("t[i] = f32.exp(x[i])") + loop("y[i] = f32.mul(t[i], x[i])"),
    ],
  ])("not where %s", (_, body) => {
    const wanted = body.includes("z[") ? types : undefined;
    expectUnchanged(placing, program(body.trimEnd(), wanted));
  });

  test("not where the output was meant before it", () => {
    const at = (zeros: number): string => `program(x: f32[64]) -> (y: f32[64]) {
      temp t: f32[64]
      temp s: f32[8]
      for i < 64 independent times(4, 6) { t[i]@5 = f32.exp(x[i]@0) }
      s[0]@8 = t[0]@7
      for i < 64 independent times(${zeros - 1}, ${zeros + 1}) { y[i]@${zeros} = f32(0) }
    }`;
    const replaced = (text: string): boolean => placing(parsed(text), target).temps.length < 2;
    expect([replaced(at(2)), replaced(at(10))]).toEqual([false, true]);
    verifyOrder(placing(parsed(at(2)), target), "reuse");
  });

  test("random programs keep their meaning", () => {
    expectMeaningKept(placing, { numRuns: 600 });
  });

  test("a temporary that was taken is taken once", () => {
    const text = loop("t[i] = x[i]") + loop("y[i] = t[i]") + loop("z[i] = f32.neg(x[i])");
    const { temps } = placing(parsed(program(text.trimEnd(), types)), target);
    expect(temps.map((b) => b.name)).toEqual(["s"]);
  });
});

test("programs of users keep their meaning when everything is joined and placed, and split over threads", () => {
  const everything = caches(Number.POSITIVE_INFINITY, 0);
  let joined = 0;
  const check = (f: (...xs: NDArray[]) => unknown): void => {
    const { jaxpr } = makeJaxpr(f)(...inputs(1, "float32"));
    const before = runPipeline(lowerJaxpr(prepare(jaxpr)), target, {
      off: ["rows", "reuse", "shard", "parallel"],
    });
    const after = parallel(reuse(rows(before, everything), everything), { ...target, threads: 2 });
    joined += Number(after !== before);
    verify(after, "rows and reuse");
    verifyDefined(after, "rows and reuse");
    verifyOrder(after, "rows and reuse");
    expectSameMeaning(before, after);
  };
  fc.assert(
    fc.property(anyProgram(true), (program) => {
      check((...xs) => run(program, xs));
      const total = (...xs: NDArray[]): NDArray =>
        run(program, xs).reduce((sum, x) => sum.add(x.sum()), xs[0]!.sum());
      check(grad(total, { argnums: [0, 1, 2] }) as (...xs: NDArray[]) => unknown);
    }),
    { numRuns: 100 },
  );
  expect(joined).toBeGreaterThan(20);
});
