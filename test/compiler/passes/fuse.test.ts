import { describe, expect, test } from "vitest";
import { forEachStmt } from "../../../src/compiler/ir/visit.ts";
import { fuse } from "../../../src/compiler/passes/fuse.ts";
import { expectMeaningKept, expectPass, expectUnchanged, parsed, target } from "./check.ts";

describe("nests", () => {
  test("a stored element becomes a value, and the temp goes", () => {
    expectPass(
      fuse,
      `program(x: f32[8]) -> (y: f32[8]) {
         temp t: f32[8]
         for i < 8 independent {
           t[i] = f32.exp(x[i])
         }
         for j < 8 independent {
           y[j] = f32.add(t[j], t[j])
         }
       }`,
      `
program(x: f32[8]) -> (y: f32[8]) {
  for i < 8 independent {
    %1 = f32.exp(x[i])
    y[i] = f32.add(%1, %1)
  }
}`,
    );
  });

  test("across independent statements, through chains, and with a temp that is still needed", () => {
    expectPass(
      fuse,
      `program(x: f32[6], w: f32[4]) -> (y: f32[6], z: f32[4], r: f32[6]) {
         temp t: f32[6]
         temp s: f32[6]
         for i < 2 independent { for j < 3 independent { t[3*i + j] = f32.neg(x[3*i + j]) } }
         for i < 4 independent { z[i] = f32.abs(w[i]) }
         for i < 2 independent { for j < 3 independent { s[3*i + j] = f32.mul(t[3*i + j], x[3*i + j]) } }
         for i < 2 independent { for j < 3 independent { y[3*i + j] = f32.sub(s[3*i + j], t[3*i + j]) } }
         for i < 2 independent { for j < 3 independent { r[3*i + j] = t[i + 2*j] } }
       }`,
      `
program(x: f32[6], w: f32[4]) -> (y: f32[6], z: f32[4], r: f32[6]) {
  temp t: f32[6]
  for i < 2 independent {
    for j < 3 independent {
      let v: f32 = f32.neg(x[3*i + j])
      t[3*i + j] = v
      y[3*i + j] = f32.sub(f32.mul(v, x[3*i + j]), v)
    }
  }
  for i < 4 independent {
    z[i] = f32.abs(w[i])
  }
  for i < 2 independent {
    for j < 3 independent {
      r[3*i + j] = t[i + 2*j]
    }
  }
}`,
    );
  });

  test("a producer sinks past a let that its consumer needs", () => {
    expectPass(
      fuse,
      `program(x: f32[8], at: i32[1]) -> (y: f32[8]) {
         temp t: f32[8]
         for i < 8 independent { t[i] = f32.neg(x[i]) }
         let n: i32 = i32.min(i32.max(at[0], i32(0)), i32(7))
         for i < 8 independent { y[i] = f32.add(t[i], x[n]) }
       }`,
      `
program(x: f32[8], at: i32[1]) -> (y: f32[8]) {
  let n: i32 = i32.min(i32.max(at[0], i32(0)), i32(7))
  for i < 8 independent {
    y[i] = f32.add(f32.neg(x[i]), x[n])
  }
}`,
    );
  });

  test("parts of one row, stored one after the other, are known to lie apart", () => {
    expectPass(
      fuse,
      `program(x: f32[6]) -> (y: f32[12]) {
         for i < 2 independent { for j < 3 independent { y[6*i + j] = f32.neg(x[3*i + j]) } }
         for i < 2 independent { for j < 3 independent { y[6*i + j + 3] = f32.abs(x[3*i + j]) } }
       }`,
      `
program(x: f32[6]) -> (y: f32[12]) {
  for i < 2 independent {
    for j < 3 independent {
      y[6*i + j] = f32.neg(x[3*i + j])
      y[6*i + j + 3] = f32.abs(x[3*i + j])
    }
  }
}`,
    );
  });

  test("loops of other shapes that walk the same way are split", () => {
    expectPass(
      fuse,
      `program(x: f32[12]) -> (y: f32[12]) {
         temp t: f32[12]
         for i < 12 independent { t[i] = f32.neg(x[i]) }
         for i < 3 independent { for j < 4 independent { y[i + 3*j] = t[4*i + j] } }
       }`,
      `
program(x: f32[12]) -> (y: f32[12]) {
  for i < 3 independent {
    for j < 4 independent {
      y[i + 3*j] = f32.neg(x[4*i + j])
    }
  }
}`,
    );
  });

  test("a value is forgotten when a loop stores over it", () => {
    expectUnchanged(
      fuse,
      `
program(x: f32[3]) -> (y: f32[2]) {
  temp t: f32[2]
  t[0] = x[0]
  y[0] = t[0]
  for i < 2 {
    t[i] = x[i + 1]
  }
  y[1] = f32.add(t[0], t[1])
}`.replace("y[0] = t[0]\n", "y[0] = x[0]\n"),
    );
  });

  const apart: Record<string, string> = {
    "another iteration's element": `
program(x: f32[8]) -> (y: f32[7]) {
  temp t: f32[8]
  for i < 8 independent {
    t[i] = f32.neg(x[i])
  }
  for i < 7 independent {
    y[i] = f32.add(t[i], t[i + 1])
  }
}`,
    "an element stored to that a later iteration of the first still reads": `
program(x: f32[4]) -> (y: f32[12], z: f32[4]) {
  temp t: f32[4]
  for i < 4 independent {
    t[i] = f32.neg(x[i])
  }
  for i < 3 independent {
    for j < 4 independent {
      y[4*i + j] = t[j]
    }
  }
  for i < 3 independent {
    for j < 4 independent {
      t[j] = f32.abs(x[j])
    }
  }
  for i < 4 independent {
    z[i] = t[-i + 3]
  }
}`,
    "a statement between that reads the producer's result and makes something the consumer reads": `
program(x: f32[8]) -> (y: f32[8]) {
  temp t: f32[8]
  for i < 8 independent {
    t[i] = f32.neg(x[i])
  }
  reduce s: f32 = max(f32(0)) over (i < 8) {
    yield t[i]
  }
  for i < 8 independent {
    y[i] = f32.sub(t[i], s)
  }
}`,
    "rows that overlap": `
program(x: f32[8], k: i32[1]) -> (y: f32[8], z: f32[16]) {
  temp t: f32[16]
  for i < 16 independent {
    t[i] = f32(0)
  }
  let p: i32 = i32.and(k[0], i32(1))
  for i < 8 independent {
    y[i] = t[4*p + i]
  }
  for i < 8 independent {
    t[-4*p + i + 6] = x[i]
  }
  for i < 16 independent {
    z[i] = t[-i + 15]
  }
}`,
    "nothing in common": `
program(x: f32[8], z: f32[8]) -> (y: f32[8], w: f32[8]) {
  for i < 8 independent {
    y[i] = f32.neg(x[i])
  }
  for i < 8 independent {
    w[i] = f32.neg(z[i])
  }
}`,
    "lanes would be lost": `
program(x: f32[8]) -> (y: f32[8], w: f64[8]) {
  for i < 8 independent {
    y[i] = f32.neg(x[i])
  }
  for i < 8 independent {
    w[i] = f64.convert(x[i])
  }
}`,
    "serial loops": `
program(x: f32[8]) -> (y: f32[8], w: f32[8]) {
  for i < 8 {
    y[i] = f32.neg(x[i])
  }
  for i < 8 {
    w[i] = f32.abs(x[i])
  }
}`,
  };
  test.each(Object.entries(apart))("stay apart: %s", (_, text) => expectUnchanged(fuse, text));
});

describe("contractions", () => {
  test("a transposed result is stored where it belongs at once", () => {
    expectPass(
      fuse,
      `program(x: f32[6], w: f32[12], p: f32[8]) -> (y: f32[8]) {
         temp t: f32[8]
         contract c: f32 = x[0 batch() free(3) reduced(1)] * w[0 batch() free(1) reduced(4)] over batch() rows(m < 2) cols(n < 4) depth(3) {
           t[4*m + n] = c
         }
         for i < 4 independent { for j < 2 independent { y[2*i + j] = f32.sub(p[2*i + j], t[i + 4*j]) } }
       }`,
      `
program(x: f32[6], w: f32[12], p: f32[8]) -> (y: f32[8]) {
  contract c: f32 = x[0 batch() free(3) reduced(1)] * w[0 batch() free(1) reduced(4)] over batch() rows(m < 2) cols(n < 4) depth(3) {
    y[m + 2*n] = f32.sub(p[m + 2*n], c)
  }
}`,
    );
  });

  test("bias, activation and residual become the epilogue; a prologue of it too", () => {
    expectPass(
      fuse,
      `program(x: f32[6], w: f32[12], b: f32[4]) -> (y: f32[8]) {
         temp z: f32[8]
         temp a: f32[8]
         temp r: f32[8]
         for i < 2 independent { for j < 4 independent { r[4*i + j] = f32.neg(b[j]) } }
         contract c: f32 = x[0 batch() free(3) reduced(1)] * w[0 batch() free(1) reduced(4)] over batch() rows(m < 2) cols(n < 4) depth(3) {
           z[4*m + n] = c
         }
         for i < 2 independent { for j < 4 independent { a[4*i + j] = f32.tanh(f32.add(z[4*i + j], b[j])) } }
         for i < 2 independent { for j < 4 independent { y[4*i + j] = f32.add(a[4*i + j], r[4*i + j]) } }
       }`,
      `
program(x: f32[6], w: f32[12], b: f32[4]) -> (y: f32[8]) {
  contract c: f32 = x[0 batch() free(3) reduced(1)] * w[0 batch() free(1) reduced(4)] over batch() rows(i < 2) cols(j < 4) depth(3) {
    y[4*i + j] = f32.add(f32.tanh(f32.add(c, b[j])), f32.neg(b[j]))
  }
}`,
    );
  });

  test("rows are split for a nest of another rank, and units vanish", () => {
    expectPass(
      fuse,
      `program(x: f32[12], w: f32[15]) -> (y: f32[20]) {
         temp z: f32[20]
         contract c: f32 = x[0 batch(0) free(3) reduced(1)] * w[0 batch(0) free(1) reduced(5)] over batch(b < 1) rows(m < 4) cols(n < 5) depth(3) {
           z[5*m + n] = c
         }
         for i < 2 independent { for j < 2 independent { for k < 5 independent { y[10*j + 5*i + k] = f32.neg(z[10*i + 5*j + k]) } } }
       }`,
      `
program(x: f32[12], w: f32[15]) -> (y: f32[20]) {
  contract c: f32 = x[0 batch() free(6, 3) reduced(1)] * w[0 batch() free(1) reduced(5)] over batch() rows(i < 2, j < 2) cols(n < 5) depth(3) {
    y[5*i + 10*j + n] = f32.neg(c)
  }
}`,
    );
  });

  test("a step of a scan: the new row of a carry is stored while the old one is read", () => {
    const program = parsed(`
program(u: f32[16], h0: f32[8]) -> (ys: f32[24]) {
  temp h: f32[16]
  temp z: f32[8]
  for i < 8 independent { h[i] = h0[i] }
  for t < 3 {
    let p: i32 = i32.and(index(t), i32(1))
    contract a: f32 = h[8*p batch() free(4) reduced(1)] * u[0 batch() free(1) reduced(4)] over batch() rows(m < 2) cols(n < 4) depth(4) {
      z[4*m + n] = a
    }
    for i < 2 independent { for j < 4 independent { h[8 - 8*p + 4*i + j] = f32.tanh(z[4*i + j]) } }
    for i < 2 independent { for j < 4 independent { ys[8*t + 4*i + j] = h[8 - 8*p + 4*i + j] } }
  }
}`);
    const kinds: string[] = [];
    forEachStmt(fuse(program, target).body, (s) => kinds.push(s.kind));
    expect(kinds).toEqual(["for", "store", "for", "let", "contract", "let", "store", "store"]);
  });

  test("what makes an operand stays before it, even when each element is read in one place only", () => {
    expectUnchanged(
      fuse,
      `
program(x: f32[8], w: f32[4]) -> (y: f32[8]) {
  temp a: f32[8]
  for i < 8 independent {
    a[i] = f32.neg(x[i])
  }
  contract c: f32 = a[0 batch(1) free() reduced(0)] * w[0 batch(0) free() reduced(1)] over batch(b < 8) rows() cols() depth(4) {
    y[b] = c
  }
}`,
    );
  });

  test("the result stays apart from what overwrites an operand", () => {
    expectUnchanged(
      fuse,
      `
program(w: f32[16]) -> (y: f32[16]) {
  temp h: f32[16]
  temp z: f32[16]
  for i < 16 independent {
    h[i] = w[i]
  }
  contract a: f32 = h[0 batch() free(4) reduced(1)] * w[0 batch() free(1) reduced(4)] over batch() rows(m < 4) cols(n < 4) depth(4) {
    z[4*m + n] = a
  }
  for i < 4 independent {
    for j < 4 independent {
      h[4*i + j] = z[4*i + j]
    }
  }
  for i < 16 independent {
    y[i] = h[15 - i]
  }
}`.replace("15 - i", "-i + 15"),
    );
  });
});

describe("what nobody needs", () => {
  test("a temp that only feeds itself", () => {
    expectPass(
      fuse,
      `program(x: f32[4]) -> (y: f32[4]) {
         temp t: f32[4]
         for i < 4 independent { t[i] = x[i] }
         for s < 3 {
           for i < 4 independent { t[i] = f32.add(t[i], f32(1)) }
         }
         for i < 4 independent { y[i] = f32.neg(x[i]) }
       }`,
      `
program(x: f32[4]) -> (y: f32[4]) {
  for i < 4 independent {
    y[i] = f32.neg(x[i])
  }
}`,
    );
  });
});

test("at most 24 streams in one body", () => {
  const count = 40;
  const many = (f: (k: number) => string): string => Array.from({ length: count }, (_, k) => f(k)).join("\n");
  const names = (f: (k: number) => string): string =>
    Array.from({ length: count }, (_, k) => f(k)).join(", ");
  const program = parsed(
    `program(x: f32[8], ${names((k) => `a${k}: f32[8]`)}) -> (${names((k) => `y${k}: f32[8]`)}) {
      ${many((k) => `for i < 8 independent { y${k}[i] = f32.add(x[i], a${k}[i]) }`)}
    }`,
  );
  const { body } = fuse(program, target);
  expect(body.length).toBe(4); // 11 nests have 23 streams
});

test("work grows with size, not with its square", () => {
  const text = (count: number): string =>
    `program(x: f32[8]) -> (y: f32[8]) {
      ${Array.from({ length: count }, (_, k) => `temp t${k}: f32[8]`).join("\n")}
      for i < 8 independent { t0[i] = x[i] }
      ${Array.from({ length: count - 1 }, (_, k) => `for i < 8 independent { t${k + 1}[i] = f32.add(t${k}[7 - i], x[i]) }`).join("\n")}
      for i < 8 independent { y[i] = t${count - 1}[i] }
    }`;
  /** How often the pass looks at a statement of the block. */
  const looks = (count: number): number => {
    const program = parsed(text(count));
    let sum = 0;
    for (const s of program.body) {
      const { kind } = s;
      const get = (): string => {
        sum++;
        return kind;
      };
      Object.defineProperty(s, "kind", { enumerable: true, get });
    }
    fuse(program, target);
    return sum;
  };
  expect(looks(400)).toBeLessThan(2.5 * looks(200));
});

test("keeps the meaning of random programs", () => {
  expectMeaningKept(fuse);
});
