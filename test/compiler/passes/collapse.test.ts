import { expect, test } from "vitest";
import { collapse } from "../../../src/compiler/passes/collapse.ts";
import { expectMeaningKept, expectPass, expectUnchanged, parsed, target } from "./check.ts";

test("three loops over contiguous elements become one", () => {
  expectPass(
    collapse,
    `program(x: f32[24], b: f32[1]) -> (y: f32[30]) {
       for i < 2 independent { for j < 3 independent { for k < 4 independent {
         let at: i32 = index(12*i + 4*j + k + 6)
         y[12*i + 4*j + k + 6] = f32.add(f32.mul(x[12*i + 4*j + k], b[0]), f32.convert(at))
       } } }
       for q < 6 { y[q] = b[0] }
     }`,
    `
program(x: f32[24], b: f32[1]) -> (y: f32[30]) {
  for ijk < 24 independent {
    let at: i32 = index(ijk + 6)
    y[ijk + 6] = f32.add(f32.mul(x[ijk], b[0]), f32.convert(at))
  }
  for q < 6 {
    y[q] = b[0]
  }
}`,
  );
});

test("only the loops that every access walks through", () => {
  expectPass(
    collapse,
    `program(x: f32[24], b: f32[4]) -> (y: f32[24]) {
       for i < 2 independent { for j < 3 independent { for k < 4 independent {
         y[12*i + 4*j + k] = f32.add(x[12*i + 4*j + k], b[k])
       } } }
     }`,
    `
program(x: f32[24], b: f32[4]) -> (y: f32[24]) {
  for ij < 6 independent {
    for k < 4 independent {
      y[4*ij + k] = f32.add(x[4*ij + k], b[k])
    }
  }
}`,
  );
});

test("no loop gets longer than loops can count", () => {
  const over = (n: number) =>
    parsed(`program(x: i32[1]) -> (y: i32[1]) {
      reduce s: i32 = add(i32(0)) over (i < 65536, j < ${n}) { yield x[0] }
      y[0] = s
    }`);
  const [fits, long] = [over(32767), over(32768)];
  expect(collapse(fits, target)).not.toBe(fits);
  expect(collapse(long, target)).toBe(long);
});

test("axes of a reduction", () => {
  expectPass(
    collapse,
    `program(x: f32[24]) -> (y: f32[4]) {
       for i < 4 independent {
         reduce s: f32 = max(f32(0)) over (j < 2, k < 3) { yield x[6*i + 3*j + k] }
         y[i] = s
       }
     }`,
    `
program(x: f32[24]) -> (y: f32[4]) {
  for i < 4 independent {
    reduce s: f32 = max(f32(0)) over (jk < 6) {
      yield x[6*i + jk]
    }
    y[i] = s
  }
}`,
  );
});

test("axes of a sum along which nothing changes", () => {
  expectPass(
    collapse,
    `program(x: f32[24]) -> (y: f32[4], z: f32[4]) {
       for i < 4 independent {
         reduce s: f32 = add(f32(0)) over (j < 2, n < 5, k < 3) { yield x[6*i + 3*j + k] }
         y[i] = s
         reduce t: f32 = add(f32(1)) over (n < 5, m < 2) {
           let a: f32 = x[i]
           yield f32.exp(a)
         }
         z[i] = t
       }
     }`,
    `
program(x: f32[24]) -> (y: f32[4], z: f32[4]) {
  for i < 4 independent {
    reduce part: f32 = add(f32(0)) over (jk < 6) {
      yield x[6*i + jk]
    }
    let s: f32 = f32.mul(part, f32(5))
    y[i] = s
    let a: f32 = x[i]
    let part_1: f32 = f32.exp(a)
    let t: f32 = f32.add(f32(1), f32.mul(part_1, f32(10)))
    z[i] = t
  }
}`,
    1e-6,
  );
});

const KEPT: Record<string, string> = {
  "an extremum of equal numbers, integers, and the empty sum": `
    program(x: f32[4], n: i32[4]) -> (y: f32[4], z: i32[4], e: f32[4]) {
      for i < 4 independent {
        reduce s: f32 = max(f32(0)) over (j < 2) {
          yield x[i]
        }
        y[i] = s
        reduce t: i32 = add(i32(0)) over (j < 2) {
          yield n[i]
        }
        z[i] = t
        reduce u: f32 = add(f32(0)) over (j < 0) {
          yield x[i]
        }
        e[i] = u
      }
    }`,
  "a transposed access": `
program(x: f32[6]) -> (y: f32[6]) {
  for i < 2 independent {
    for j < 3 independent {
      y[3*i + j] = x[i + 2*j]
    }
  }
}`,
  "padded rows": `
program(x: f32[8]) -> (y: f32[8]) {
  for i < 2 independent {
    for j < 3 independent {
      y[4*i + j] = x[4*i + j]
    }
  }
  for i < 2 independent {
    y[4*i + 3] = f32(0)
  }
}`,
  "an ordered loop": `
program(x: f32[6]) -> (y: f32[6]) {
  for i < 2 {
    for j < 3 independent {
      y[3*i + j] = x[3*i + j]
    }
  }
}`,
  "a statement beside the inner loop": `
program(x: f32[6], b: f32[2]) -> (y: f32[6], z: f32[2]) {
  for i < 2 independent {
    z[i] = b[i]
    for j < 3 independent {
      y[3*i + j] = x[3*i + j]
    }
  }
}`,
};
test.each(Object.entries(KEPT))("stays: %s", (_, text) => expectUnchanged(collapse, text));

test("returns the very program when there is nothing to do", () => {
  const program = parsed(KEPT["padded rows"]!);
  expect(collapse(program, target)).toBe(program);
});

test("keeps the meaning of random programs", () => {
  expectMeaningKept(collapse);
});
