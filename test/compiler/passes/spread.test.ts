import { test } from "vitest";
import { printProgram } from "../../../src/compiler/ir/print.ts";
import { spread } from "../../../src/compiler/passes/spread.ts";
import { expectMeaningKept, expectPass, parsed } from "./check.ts";

test("what only the inner loop changes gets a loop of its own", () => {
  expectPass(
    spread,
    `program(w: f32[8]) -> (y: f32[24]) {
       temp packed: f32[4]
       for t < 3 {
         for l < 2 {
           for i < 4 independent { packed[i] = f32.neg(w[4*l + i]) }
           for i < 4 independent { y[8*t + 4*l + i] = f32.add(packed[i], f32.convert(index(t))) }
         }
       }
     }`,
    `
program(w: f32[8]) -> (y: f32[24]) {
  temp packed: f32[8]
  for t < 3 {
    for l < 2 {
      for i < 4 independent {
        packed[4*l + i] = f32.neg(w[4*l + i])
      }
    }
    for l < 2 {
      for i < 4 independent {
        y[8*t + 4*l + i] = f32.add(packed[4*l + i], f32.convert(index(t)))
      }
    }
  }
}`,
  );
});

const UNCHANGED: Record<string, string> = {
  "what changes with the outer loop": `program(w: f32[24]) -> (y: f32[24]) {
     temp p: f32[4]
     for t < 3 { for l < 2 {
       for i < 4 independent { p[i] = w[8*t + 4*l + i] }
       for i < 4 independent { y[8*t + 4*l + i] = p[i] }
     } }
   }`,
  "what reads a buffer that the outer loop stores to": `program(w: f32[8]) -> (y: f32[8]) {
     temp p: f32[4]
     temp s: f32[8]
     for i < 8 independent { s[i] = w[i] }
     for t < 3 { for l < 2 {
       for i < 4 independent { p[i] = s[4*l + i] }
       for i < 4 independent { s[4*l + i] = f32.neg(p[i]) }
     } }
     for i < 8 independent { y[i] = s[i] }
   }`,
  "a temp that is read before it is written": `program(w: f32[8]) -> (y: f32[8]) {
     temp p: f32[4]
     for i < 4 independent { p[i] = f32(0) }
     for t < 3 { for l < 2 {
       for i < 4 independent { y[4*l + i] = p[i] }
       for i < 4 independent { p[i] = w[4*l + i] }
     } }
   }`,
  "a temp that is read after the loop": `program(w: f32[8]) -> (y: f32[4]) {
     temp p: f32[4]
     for t < 3 { for l < 2 {
       for i < 4 independent { p[i] = w[4*l + i] }
     } }
     for i < 4 independent { y[i] = p[i] }
   }`,
  "a temp that is read between two of the loops": `program(w: f32[8]) -> (y: f32[12]) {
     temp p: f32[4]
     for t < 3 {
       for l < 2 {
         for i < 4 independent { p[i] = w[4*l + i] }
       }
       for i < 4 independent { y[4*t + i] = p[i] }
     }
   }`,
  "a stack that the inner loop fills and reads from the start": `program(w: f32[8]) -> (y: f32[24]) {
     temp p: f32[8]
     for t < 3 { for l < 2 {
       for i < 4 independent { p[4*l + i] = w[4*l + i] }
       for i < 4 independent { y[8*t + 4*l + i] = p[i] }
     } }
   }`,
};
test.each(Object.keys(UNCHANGED))("stays: %s", (name) =>
  expectPass(spread, UNCHANGED[name]!, printProgram(parsed(UNCHANGED[name]!))),
);

test("keeps the meaning of random programs", () => expectMeaningKept(spread));
