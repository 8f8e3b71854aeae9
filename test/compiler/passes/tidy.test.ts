import { describe, expect, test } from "vitest";
import { tidy } from "../../../src/compiler/passes/tidy.ts";
import { expectMeaningKept, expectPass, expectUnchanged, parsed, target } from "./check.ts";

describe("common subexpressions", () => {
  test("the largest ones of a block become lets", () => {
    expectPass(
      tidy,
      `program(x: f32[4]) -> (y: f32[4], z: f32[4]) {
         for i < 4 independent {
           y[i] = f32.mul(f32.exp(f32.neg(x[i])), f32(2))
           z[i] = f32.add(f32.exp(f32.neg(x[i])), x[i])
         }
       }`,
      `
program(x: f32[4]) -> (y: f32[4], z: f32[4]) {
  for i < 4 independent {
    let c: f32 = x[i]
    let c_1: f32 = f32.exp(f32.neg(c))
    y[i] = f32.mul(c_1, f32(2))
    z[i] = f32.add(c_1, c)
  }
}`,
    );
  });

  test("sharing within one statement stays with it", () => {
    expectUnchanged(
      tidy,
      `
program(x: f32[4]) -> (y: f32[4]) {
  for i < 4 independent {
    %1 = f32.exp(x[i])
    y[i] = f32.mul(%1, %1)
  }
}`,
    );
  });

  test("lets that are there already give the name, also to what comes before; copies go", () => {
    expectPass(
      tidy,
      `program(x: f32[4], k: i32[1]) -> (y: f32[4], z: f32[4], w: f32[4]) {
         for i < 4 independent {
           y[i] = f32.neg(f32.exp(x[i]))
           let e: f32 = f32.exp(x[i])
           let f: f32 = f32.exp(x[i])
           let g: f32 = f
           z[i] = f32.abs(e)
           for j < 4 independent { w[j] = f32.add(g, x[j]) }
         }
       }`.replace("for i < 4 independent", "for i < 4"),
      `
program(x: f32[4], k: i32[1]) -> (y: f32[4], z: f32[4], w: f32[4]) {
  for i < 4 {
    let e: f32 = f32.exp(x[i])
    y[i] = f32.neg(e)
    z[i] = f32.abs(e)
    for j < 4 independent {
      w[j] = f32.add(e, x[j])
    }
  }
}`,
    );
  });

  test("a store or a set between makes a new value", () => {
    expectUnchanged(
      tidy,
      `
program(x: f32[4]) -> (y: f32[3], z: f32[4]) {
  var a: f32 = f32(0)
  y[0] = f32(2)
  for i < 3 {
    z[i] = f32.exp(f32.add(y[0], a))
    y[i] = x[i]
    z[i] = f32.exp(f32.sub(y[0], a))
    set a = f32.exp(x[0])
    z[i + 1] = f32.exp(a)
  }
}`,
    );
  });

  test("indices use the name that stays", () => {
    expectPass(
      tidy,
      `program(x: f32[4], k: i32[1]) -> (y: f32[1], z: f32[1]) {
         let a: i32 = i32.and(k[0], i32(3))
         let b: i32 = i32.and(k[0], i32(3))
         y[0] = x[a]
         z[0] = f32.neg(x[b])
       }`,
      `
program(x: f32[4], k: i32[1]) -> (y: f32[1], z: f32[1]) {
  let a: i32 = i32.and(k[0], i32(3))
  let c: f32 = x[a]
  y[0] = c
  z[0] = f32.neg(c)
}`,
    );
  });
});

test("constants fold, loops that run once stand open, dead lets go", () => {
  expectPass(
    tidy,
    `program(x: f32[4]) -> (y: f32[4]) {
       let d: f32 = f32.exp(x[0])
       for i < 1 independent {
         for j < 4 independent {
           y[4*i + j] = f32.select(bool.lt(index(2), i32.add(i32(1), i32(2))), f32.mul(x[4*i + j], f32(1)), x[0])
         }
       }
       for i < 0 { y[i] = f32(9) }
     }`.replace("index(2)", "i32(2)"),
    `
program(x: f32[4]) -> (y: f32[4]) {
  for j < 4 independent {
    y[j] = x[j]
  }
}`,
  );
});

test("reductions over one element are that element", () => {
  expectPass(
    tidy,
    `program(x: f32[4]) -> (y: f32[4]) {
       for i < 4 independent {
         reduce s: f32 = max(f32(3)) over (r < 1, q < 1) {
           yield x[i + r + q]
         }
         reduce e: f32 = add(f32(5)) over (r < 0) {
           yield x[r]
         }
         y[i] = f32.sub(s, e)
       }
     }`,
    `
program(x: f32[4]) -> (y: f32[4]) {
  for i < 4 independent {
    let s: f32 = f32.max(f32(3), x[i])
    y[i] = f32.sub(s, f32(5))
  }
}`,
  );
});

test("takes linear time in deep expressions", () => {
  const lines = Array.from({ length: 60 }, (_, k) => `%${k + 2} = f32.mul(%${k + 1}, %${k + 1})`).join("\n");
  const program = parsed(`program(x: f32[1]) -> (y: f32[1], z: f32[1]) {
    %1 = x[0]
    ${lines}
    y[0] = f32.neg(%61)
    %1 = x[0]
    ${lines}
    z[0] = f32.abs(%61)
  }`);
  expect(tidy(program, target).body.map((s) => s.kind)).toEqual(["let", "store", "store"]);
});

test("keeps the meaning of random programs", () => {
  // Adding 0 folds, which makes 0 of -0.
  expectMeaningKept(tidy, { lanes: true, tolerance: 1e-30 });
});
