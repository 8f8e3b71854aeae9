import { describe, expect, test } from "vitest";
import { printProgram } from "../../../src/compiler/ir/print.ts";
import { verify } from "../../../src/compiler/ir/verify.ts";
import { promote } from "../../../src/compiler/passes/promote.ts";
import { runPipeline } from "../../../src/compiler/pipeline.ts";
import { nativeTarget } from "../../../src/compiler/target.ts";
import { grad, jit, lax, type NDArray, numpy as np } from "../../../src/index.ts";
import { expectClose } from "../../support/close.ts";
import { expectSameMeaning } from "../../support/same-meaning.ts";
import { expectMeaningKept, expectPass, parsed, target } from "./check.ts";

test("two rows that take turns become a register", () => {
  expectPass(
    promote,
    `program(c0: f32[4], x: f32[4]) -> (y: f32[4]) {
       temp c: f32[8]
       for i < 4 independent { c[i] = c0[i] }
       for t < 9 {
         let p: i32 = i32.rem(index(t), i32(2))
         for i < 4 independent { c[-4*p + i + 4] = f32.add(c[4*p + i], x[i]) }
       }
       for i < 4 independent { y[i] = c[i + 4] }
     }`,
    `
program(c0: f32[4], x: f32[4]) -> (y: f32[4]) {
  temp c: f32[8]
  for i < 4 independent {
    c[i] = c0[i]
  }
  for i < 4 independent {
    var c_1: f32 = c[i]
    for t < 9 {
      set c_1 = f32.add(c_1, x[i])
    }
    c[i + 4] = c_1
  }
  for i < 4 independent {
    y[i] = c[i + 4]
  }
}`,
  );
});

test("a row per iteration is stored and not loaded, backwards too; scalars of the iteration come along", () => {
  expectPass(
    promote,
    `program(x: f32[4], s: f32[5]) -> (y: f32[24]) {
       for i < 4 independent { y[i + 20] = x[i] }
       for t < 5 {
         let k: f32 = s[-1*t + 4]
         for i < 4 independent { y[-4*t + i + 16] = f32.mul(y[-4*t + i + 20], k) }
       }
     }`,
    `
program(x: f32[4], s: f32[5]) -> (y: f32[24]) {
  for i < 4 independent {
    y[i + 20] = x[i]
  }
  for i < 4 independent {
    var c: f32 = y[i + 20]
    for t < 5 {
      let v: f32 = f32.mul(c, s[-t + 4])
      y[i - 4*t + 16] = v
      set c = v
    }
  }
}`,
  );
});

test("several nests become one, and registers change when all are read", () => {
  expectPass(
    promote,
    `program(x: f32[4]) -> (a: f32[4], b: f32[4]) {
       for i < 4 independent { a[i] = x[i] }
       for i < 4 independent { b[i] = x[i] }
       for t < 4 {
         for i < 4 independent { a[i] = f32.add(a[i], b[i]) }
         for j < 4 independent { b[j] = f32.neg(b[j]) }
       }
     }`,
    `
program(x: f32[4]) -> (a: f32[4], b: f32[4]) {
  for i < 4 independent {
    a[i] = x[i]
  }
  for i < 4 independent {
    b[i] = x[i]
  }
  for i < 4 independent {
    var c: f32 = a[i]
    var c_1: f32 = b[i]
    for t < 4 {
      let v: f32 = f32.add(c, c_1)
      let v_1: f32 = f32.neg(c_1)
      set c = v
      set c_1 = v_1
    }
    a[i] = c
    b[i] = c_1
  }
}`,
  );
});

test("elements that do not fill a vector run side by side", () => {
  expectPass(
    promote,
    `program(x: f32[4], s: f32[2]) -> (y: f32[2]) {
       for i < 2 independent { y[i] = x[i] }
       for t < 4 {
         for i < 2 independent { y[i] = f32.mul(y[i], x[t]) }
       }
     }`,
    `
program(x: f32[4], s: f32[2]) -> (y: f32[2]) {
  for i < 2 independent {
    y[i] = x[i]
  }
  var c: f32 = y[0]
  var c_1: f32 = y[1]
  for t < 4 {
    set c = f32.mul(c, x[t])
    set c_1 = f32.mul(c_1, x[t])
  }
  y[0] = c
  y[1] = c_1
}`,
  );
});

const counting = (after: string): string => `
program(x: f32[4]) -> (y: f32[4], s: f32[1]) {
  for i < 4 independent { y[i] = x[i] }
  var k: f32 = f32(1)
  for t < 4 {
    let before: f32 = k
    for i < 4 independent { y[i] = f32.mul(y[i], before) }
    set k = f32.add(before, x[t])
  }
  ${after}
}`;

test("every element counts for itself", () => {
  expectPass(
    promote,
    counting("s[0] = f32(0)"),
    `
program(x: f32[4]) -> (y: f32[4], s: f32[1]) {
  for i < 4 independent {
    y[i] = x[i]
  }
  var k: f32 = f32(1)
  for i < 4 independent {
    var k_1: f32 = k
    var c: f32 = y[i]
    for t < 4 {
      let before: f32 = k_1
      let v: f32 = f32.mul(c, before)
      set k_1 = f32.add(before, x[t])
      set c = v
    }
    y[i] = c
  }
  s[0] = f32(0)
}`,
  );
});

test.each([
  ["read after the loop", counting("s[0] = k"), true],
  [
    "going on in the next run of the loop",
    counting("s[0] = f32(0)").replace("for t < 4", "for o < 2 { for t < 4").replace("s[0]", "} s[0]"),
    true,
  ],
  [
    "beginning anew in every run of the loop",
    counting("s[0] = f32(0)").replace("var k", "for o < 2 { var k").replace("s[0]", "} s[0]"),
    false,
  ],
])("a counter %s", (_, text, goesOn) => {
  const program = parsed(text);
  const result = promote(program, target);
  expect(result).not.toBe(program);
  expect(printProgram(result).includes("set k = ")).toBe(goesOn);
  verify(result, "promote");
  expectSameMeaning(program, result);
});

/** Nothing but the body of the loop over 8 iterations differs. */
const loop = (body: string, last = "c[i]"): string => `
program(x: f32[64], n: i32[8]) -> (y: f32[8], z: f32[72]) {
  temp c: f32[16]
  for i < 8 independent { c[i] = x[i] }
  for i < 8 independent { c[i + 8] = x[i + 8] }
  for i < 8 independent { z[i] = x[i] }
  for t < 8 {
    let p: i32 = i32.rem(index(t), i32(2))
    ${body}
  }
  for i < 8 independent { y[i] = ${last} }
}`;
const RING = "for i < 8 independent { c[-8*p + i + 8] = f32.neg(c[8*p + i]) }";

const KEPT: Record<string, string> = {
  "a neighbour's element": loop(
    "for i < 8 independent { c[-8*p + i + 8] = f32.add(c[8*p + i], c[8*p + 3]) }",
  ),
  "a neighbour's element of the row before": loop(
    "for i < 7 independent { z[8*t + i + 8] = f32.neg(z[8*t + i]) } for i < 7 independent { c[i] = z[8*t + i + 1] }",
  ),
  "the mirrored element": loop("for i < 8 independent { c[-8*p + i + 8] = c[8*p - i + 7] }"),
  "a reduction over the elements": loop(
    `reduce s: f32 = add(f32(0)) over (k < 8) { yield c[8*p + k] }
     for i < 8 independent { c[-8*p + i + 8] = f32.sub(c[8*p + i], s) }`,
  ),
  "a scalar of another element": loop(`let s: f32 = c[8*p + 2] ${RING}`),
  "a carry that is read after being overwritten": loop(
    "for i < 8 independent { c[i] = f32.neg(c[i]) } for j < 8 independent { z[8*t + j] = c[j + 8] c[j + 8] = c[j] }",
  ).replace("z[8*t + j] = c[j + 8]", "c[j + 8] = f32.neg(c[j + 8]) z[8*t + j] = c[j]"),
  "two iterations back": loop(
    "for i < 8 independent { z[8*t + i + 8] = f32.add(z[8*t + i], z[8*t + i + 8]) }",
  ),
  "rows in another order": loop(
    "let q: i32 = i32.rem(index(t), i32(3)) for i < 4 independent { c[-4*q + i + 8] = c[4*q + i] }",
  ),
  "a place that is computed": loop(
    "let at: i32 = i32.and(n[t], i32(7)) for i < 8 independent { c[at] = f32.add(c[at], x[i]) }",
  ),
  "rows that are computed": loop(
    `let at: i32 = i32.and(n[t], i32(7))
     for i < 8 independent { z[8*at + i] = f32.add(z[8*at + i], x[i]) }`,
  ),
  "the row before the last is read later": loop(RING, "f32.add(c[i], c[i + 8])"),
  "other loops": loop(`${RING} for i < 7 independent { z[8*t + i + 8] = c[8*p + i] }`),
  "loops inside": loop(
    "for i < 8 independent { reduce s: f32 = add(f32(0)) over (k < 8) { yield x[8*i + k] } c[-8*p + i + 8] = f32.add(c[8*p + i], s) }",
  ),
  "rows that a counter tells": loop(
    "let at: i32 = k for i < 8 independent { z[8*at + i] = f32.add(z[8*at + i], x[i]) } set k = i32.add(at, i32(1))",
  ).replace("for t < 8", "var k: i32 = i32(0)\n  for t < 8"),
  "few iterations": loop(RING).replace("t < 8", "t < 3"),
};
test.each(Object.entries(KEPT))("stays: %s", (_, text) => {
  const program = parsed(text);
  expect(promote(program, target)).toBe(program);
});

test("what the refusals differ from is promoted", () => {
  const program = parsed(loop(RING));
  const result = promote(program, target);
  expect(result).not.toBe(program);
  expectSameMeaning(program, result);
});

describe("what pays", () => {
  const scan = (n: number, body: string): string => `
    program(x: f32[${n}], xs: f32[${16 * n}]) -> (c: f32[${n}]) {
      for i < ${n} independent { c[i] = x[i] }
      for t < 16 { for i < ${n} independent { c[i] = ${body} } }
    }`;
  const wide = nativeTarget(new Set(["avx2", "fma", "avx512f", "avx512vl", "avx512bw", "avx512dq"]));
  const short = "f32.fma(c[i], f32(2), x[i])";
  const streamed = `f32.add(c[i], xs[N*t + i])`;
  const chain = Array.from({ length: 12 }).reduce<string>(
    (e) => `f32.sub(f32.mul(${e}, x[i]), c[i])`,
    "c[i]",
  );
  test.each([
    ["one vector", 16, short, true],
    ["a few scalars", 3, short, true],
    ["a vector and many scalars, a long step", 31, chain, false],
    ["a long row, a short step", 8192, short, true],
    ["a long row, a long step", 8192, chain, false],
    ["a short row, a long step", 16, chain, true],
    ["a short row that is walked along", 16, streamed, true],
    ["a long row that is walked along", 8192, streamed, false],
  ])("%s", (_, n, body, pays) => {
    const program = parsed(scan(n, body.replace("N*", `${n}*`)));
    const result = promote(program, wide);
    expect(result !== program).toBe(pays);
    if (n < 100) expectSameMeaning(program, result);
  });
});

test("keeps the meaning of random programs", () => {
  expectMeaningKept(promote);
  expectMeaningKept((p, t) => runPipeline(p, { ...t, fma: true }, { debug: true }), {
    exact: false,
    numRuns: 60,
    tolerance: 2e-4,
  });
});

describe("scans", () => {
  type Body = (carry: NDArray, x: NDArray) => readonly [NDArray, NDArray | null];
  const BODIES: Record<string, Body> = {
    "last carry": (c, x) => [c.mul(0.9).add(x), null],
    "carries as ys": (c, x) => {
      const next = c.mul(x).add(1);
      return [next, next];
    },
    "carries before": (c, x) => [c.sub(x), c],
    "ys of their own": (c, x) => [np.maximum(c, x), c.mul(x)],
  };
  const cases = Object.keys(BODIES).flatMap((name) =>
    [5, 8].flatMap((length) => [3, 4, 16, 21].map((n) => [name, length, n] as const)),
  );
  test.each(cases)("%s, %i iterations, %i elements", (name, length, n) => {
    const c0 = np.sin(np.arange(n));
    const xs = np.cos(np.arange(length * n)).reshape([length, n]);
    for (const reverse of [false, true]) {
      const outs = (c: NDArray, x: NDArray): NDArray[] => {
        const [last, ys] = lax.scan(BODIES[name]!, c, x, { reverse });
        return ys ? [last, ys] : [last];
      };
      const total = (c: NDArray, x: NDArray): NDArray =>
        outs(c, x)
          .map((y, i) => np.sum(np.square(y)).mul(i + 1))
          .reduce((a, b) => a.add(b));
      const step = (c: NDArray, x: NDArray): NDArray[] => unrolled(BODIES[name]!, c, x, reverse);
      expectClose(jit(outs)(c0, xs), step(c0, xs), 1e-5);
      const slopes = grad(
        (c: NDArray, x: NDArray) => {
          const parts = unrolled(BODIES[name]!, c, x, reverse).map((y, i) => np.sum(np.square(y)).mul(i + 1));
          return parts.reduce((a, b) => a.add(b));
        },
        { argnums: [0, 1] },
      );
      expectClose(jit(grad(total, { argnums: [0, 1] }))(c0, xs), slopes(c0, xs), 1e-4);
    }
  });

  /** The loop in JavaScript, operation by operation. */
  function unrolled(body: Body, c: NDArray, xs: NDArray, reverse: boolean): NDArray[] {
    const length = xs.shape[0]!;
    const ys: NDArray[] = [];
    for (let k = 0; k < length; k++) {
      const t = reverse ? length - 1 - k : k;
      const [next, y] = body(c, np.take(xs, t, 0));
      c = next;
      if (y) reverse ? ys.unshift(y) : ys.push(y);
    }
    return ys.length ? [c, np.stack(ys)] : [c];
  }
});

test("calls of JavaScript keep their order", () => {
  const program = parsed(loop(RING));
  const body = program.body.map((s) =>
    s.kind === "for" && s.mode === "serial"
      ? { ...s, body: [...s.body, { kind: "host" as const, fn: () => {}, args: [] }] }
      : s,
  );
  const withCall = { ...program, body };
  expect(promote(withCall, target)).toBe(withCall);
});
