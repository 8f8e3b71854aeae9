import { expect, test } from "vitest";
import { licm } from "../../../src/compiler/passes/licm.ts";
import { expectMeaningKept, expectPass, expectUnchanged, parsed, target } from "./check.ts";

test("packing leaves the time loop, and what depends on it follows", () => {
  expectPass(
    licm,
    `program(w: f32[4], s: f32[1]) -> (y: f32[12]) {
       temp packed: f32[4]
       temp twice: f32[4]
       for t < 3 {
         let k: f32 = f32.exp(s[0])
         for i < 2 independent { for j < 2 independent { packed[i + 2*j] = w[2*i + j] } }
         for i < 4 independent { twice[i] = f32.add(packed[i], k) }
         for i < 4 independent { y[4*t + i] = f32.mul(twice[i], f32.convert(index(t))) }
       }
     }`,
    `
program(w: f32[4], s: f32[1]) -> (y: f32[12]) {
  temp packed: f32[4]
  temp twice: f32[4]
  let k: f32 = f32.exp(s[0])
  for i < 2 independent {
    for j < 2 independent {
      packed[i + 2*j] = w[2*i + j]
    }
  }
  for i < 4 independent {
    twice[i] = f32.add(packed[i], k)
  }
  for t < 3 {
    for i < 4 independent {
      y[i + 4*t] = f32.mul(twice[i], f32.convert(index(t)))
    }
  }
}`.replace("y[i + 4*t]", "y[4*t + i]"),
  );
});

test("out of several loops at once; a let stays in a nest, a reduction does not", () => {
  expectPass(
    licm,
    `program(x: f32[4], b: f32[2]) -> (y: f32[12]) {
       for t < 3 {
         for i < 4 independent {
           let k: f32 = f32.neg(b[0])
           reduce s: f32 = max(f32(0)) over (r < 2) { yield b[r] }
           y[4*t + i] = f32.add(f32.mul(x[i], s), k)
         }
       }
     }`,
    `
program(x: f32[4], b: f32[2]) -> (y: f32[12]) {
  reduce s: f32 = max(f32(0)) over (r < 2) {
    yield b[r]
  }
  for t < 3 {
    for i < 4 independent {
      let k: f32 = f32.neg(b[0])
      y[4*t + i] = f32.add(f32.mul(x[i], s), k)
    }
  }
}`,
  );
});

const KEPT: Record<string, string> = {
  "what the loop stores to": `
program(x: f32[4]) -> (y: f32[4]) {
  temp c: f32[4]
  temp d: f32[4]
  for i < 4 independent {
    c[i] = x[i]
  }
  for t < 3 {
    for i < 4 independent {
      d[i] = f32.neg(c[i])
    }
    for i < 4 independent {
      c[i] = f32.add(d[i], x[i])
    }
  }
  for i < 4 independent {
    y[i] = c[i]
  }
}`,
  "a temp that is read before": `
program(x: f32[4]) -> (y: f32[12]) {
  temp c: f32[4]
  for i < 4 independent {
    c[i] = f32(0)
  }
  for t < 3 {
    for i < 4 independent {
      y[4*t + i] = c[i]
    }
    for i < 4 independent {
      c[i] = x[i]
    }
  }
}`,
  "a temp that is read before, though nothing else stores to it": `
program(x: f32[4]) -> (y: f32[12]) {
  temp c: f32[4]
  for t < 3 {
    for i < 4 independent {
      y[4*t + i] = f32.select(bool.eq(index(t), i32(0)), f32(0), c[i])
    }
    for i < 4 independent {
      c[i] = x[i]
    }
  }
}`,
  "a temp that the loop may leave as it was": `
program(x: f32[4], k: i32[1]) -> (y: f32[4]) {
  temp c: f32[4]
  for i < 4 independent {
    c[i] = f32(0)
  }
  var n: i32 = k[0]
  while {
    test bool.lt(n, i32(4))
  } do {
    for i < 4 independent {
      c[i] = x[i]
    }
    set n = i32.add(n, i32(5))
  }
  for i < 4 independent {
    y[i] = c[i]
  }
}`,
  "a snapshot of what the loop sets": `
program(x: f32[4]) -> (y: f32[4]) {
  var c: f32 = x[0]
  for t < 4 {
    let before: f32 = c
    set c = f32.add(before, x[t])
    y[t] = before
  }
}`,
  "an output": `
program(x: f32[4]) -> (y: f32[4]) {
  for t < 4 {
    for i < 4 independent {
      y[i] = x[i]
    }
  }
}`,
  "a load under while that may be out of range": `
program(x: f32[4], k: i32[1]) -> (y: f32[4]) {
  let at: i32 = k[0]
  var n: i32 = at
  while {
    test i32.lt(n, i32(4))
  } do {
    let z: f32 = x[at]
    y[at] = z
    set n = i32.add(n, i32(5))
  }
}`.replace("i32.lt", "bool.lt"),
};
test.each(Object.entries(KEPT))("stays: %s", (_, text) => {
  const program = parsed(text);
  expect(licm(program, target)).toBe(program);
});

test("loads in range leave while", () => {
  expectPass(
    licm,
    `program(x: f32[4]) -> (y: f32[4]) {
       var n: i32 = i32(0)
       while {
         test bool.lt(n, i32(4))
       } do {
         let z: f32 = f32.exp(x[1])
         let at: i32 = n
         y[at] = z
         set n = i32.add(at, i32(1))
       }
     }`,
    `
program(x: f32[4]) -> (y: f32[4]) {
  var n: i32 = i32(0)
  let z: f32 = f32.exp(x[1])
  while {
    test bool.lt(n, i32(4))
  } do {
    let at: i32 = n
    y[at] = z
    set n = i32.add(at, i32(1))
  }
}`,
  );
});

test("host calls stay", () => {
  const count = (): void => {};
  const program = {
    ...parsed(`program(x: f32[4]) -> (y: f32[4]) { for t < 4 { y[t] = x[t] } }`),
  };
  const [loop] = program.body;
  if (loop?.kind !== "for") throw new Error("not a loop");
  const body = [...loop.body, { kind: "host" as const, fn: count, args: [] }];
  const withCall = { ...program, body: [{ ...loop, body }] };
  expect(licm(withCall, target)).toBe(withCall);
});

test("keeps the meaning of random programs", () => {
  expectMeaningKept(licm);
  expectUnchanged(licm, KEPT["an output"]!);
});
