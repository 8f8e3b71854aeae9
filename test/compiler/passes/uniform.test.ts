import { expect, test } from "vitest";
import { uniform } from "../../../src/compiler/passes/uniform.ts";
import { expectMeaningKept, expectPass, parsed, target } from "./check.ts";

test("the largest uniform subexpressions become lets before the loop", () => {
  expectPass(
    uniform,
    `program(x: f32[8], s: f32[2]) -> (y: f32[16]) {
       for b < 2 independent {
         for i < 8 independent lanes 4 {
           y[8*b + i] = f32.mul(x[i], f32.add(f32.exp(s[b]), f32(1)))
         }
       }
     }`,
    `
program(x: f32[8], s: f32[2]) -> (y: f32[16]) {
  for b < 2 independent {
    let u: f32 = f32.add(f32.exp(s[b]), f32(1))
    for i < 8 independent lanes 4 {
      y[8*b + i] = f32.mul(x[i], u)
    }
  }
}`,
  );
});

test("through several loops, lets and reductions", () => {
  expectPass(
    uniform,
    `program(x: f32[8], s: f32[2]) -> (y: f32[4]) {
       for i < 4 independent {
         reduce m: f32 = max(f32.neg(s[0])) over (r < 2) {
           let k: f32 = f32.abs(s[1])
           yield f32.mul(x[2*i + r], f32.add(k, f32.neg(s[1])))
         }
         y[i] = m
       }
     }`,
    `
program(x: f32[8], s: f32[2]) -> (y: f32[4]) {
  let k: f32 = f32.abs(s[1])
  let u: f32 = f32.add(k, f32.neg(s[1]))
  let u_1: f32 = f32.neg(s[0])
  for i < 4 independent {
    reduce m: f32 = max(u_1) over (r < 2) {
      yield f32.mul(x[2*i + r], u)
    }
    y[i] = m
  }
}`,
  );
});

const KEPT: Record<string, string> = {
  "what the loop stores to": `program(x: f32[4]) -> (y: f32[5]) {
    for i < 4 { y[i + 1] = f32.add(x[i], f32.exp(y[0])) }
  }`,
  "what the loop sets": `program(x: f32[4]) -> (y: f32[4]) {
    var c: f32 = f32(0)
    for i < 4 { set c = f32.add(f32.exp(c), x[i])  y[i] = c }
  }`,
  "constants, locals and indices": `program(x: f32[4]) -> (y: i32[8]) {
    let k: i32 = i32(3)
    for b < 2 { for i < 4 independent { y[4*b + i] = i32.add(k, i32.add(index(i), index(2*b))) } }
  }`,
  branches: `program(x: f32[4], k: i32[4]) -> (y: f32[4]) {
    for i < 4 independent {
      switch i32.and(k[i], i32(1)) { case { y[i] = x[0] } case { y[i] = f32.exp(x[1]) } }
    }
  }`,
};
test.each(Object.entries(KEPT))("stays: %s", (_, text) => {
  const program = parsed(text);
  expect(uniform(program, target)).toBe(program);
});

test("keeps the meaning of random programs", () => {
  expectMeaningKept(uniform, { lanes: true });
});
