import { describe, expect, test } from "vitest";
import { printProgram } from "../../../src/compiler/ir/print.ts";
import { fuse } from "../../../src/compiler/passes/fuse.ts";
import { tile } from "../../../src/compiler/passes/tile.ts";
import { wasmTarget } from "../../../src/compiler/target.ts";
import { jit, numpy as np, random } from "../../../src/index.ts";
import { expectClose } from "../../support/close.ts";
import { expectMeaningKept, expectPass, parsed } from "./check.ts";

test("rows that share cache lines are taken inside of a walk across them", () => {
  expectPass(
    tile,
    `program(x: f32[20480]) -> (y: f32[20480]) {
       for i < 20 independent {
         for j < 1024 independent lanes 4 { y[j + 1024*i] = x[i + 20*j] }
       }
     }`,
    `
program(x: f32[20480]) -> (y: f32[20480]) {
  for j < 1024 independent lanes 4 {
    for i < 16 independent {
      y[j + 1024*i] = x[20*j + i]
    }
  }
  for j < 1024 independent lanes 4 {
    for i < 4 independent {
      y[j + 1024*i + 16384] = x[20*j + i + 16]
    }
  }
}`,
  );
});

test("through loops in between, with the rest that makes no vector", () => {
  expectPass(
    tile,
    `program(x: f32[131584]) -> (y: f32[131584]) {
       for i < 64 independent {
         for k < 4 independent {
           for j < 512 independent lanes 4 { y[2056*i + 514*k + j] = x[i + 64*k + 256*j] }
           y[2056*i + 514*k + 512] = f32(0)
           y[2056*i + 514*k + 513] = f32(1)
         }
       }
     }`,
    `
program(x: f32[131584]) -> (y: f32[131584]) {
  for ib < 4 independent {
    for k < 4 independent {
      for j < 512 independent lanes 4 {
        for i < 16 independent {
          y[32896*ib + 514*k + j + 2056*i] = x[16*ib + 64*k + 256*j + i]
        }
      }
      for i < 16 independent {
        y[32896*ib + 514*k + 2056*i + 512] = f32(0)
        y[32896*ib + 514*k + 2056*i + 513] = f32(1)
      }
    }
  }
}`,
  );
});

test("what a loop reads is stored before it, and what reads a loop's stores after it", () => {
  expectPass(
    tile,
    `program(x: f32[16384]) -> (y: f32[16384], z: f32[16]) {
       temp t: f32[16]
       for i < 16 independent {
         t[i] = f32.neg(x[i])
         for j < 1024 independent lanes 4 { y[1024*i + j] = f32.add(x[i + 16*j], t[i]) }
         z[i] = y[1024*i + 1]
       }
     }`,
    `
program(x: f32[16384]) -> (y: f32[16384], z: f32[16]) {
  temp t: f32[16]
  for i < 16 independent {
    t[i] = f32.neg(x[i])
  }
  for j < 1024 independent lanes 4 {
    for i < 16 independent {
      y[j + 1024*i] = f32.add(x[16*j + i], t[i])
    }
  }
  for i < 16 independent {
    z[i] = y[1024*i + 1]
  }
}`,
  );
});

const UNCHANGED: Record<string, string> = {
  "what the cache holds": `program(x: f32[4160]) -> (y: f32[4160]) {
     for i < 64 independent { for j < 64 independent lanes 4 { y[64*i + j] = x[i + 65*j] } }
   }`,
  "rows along rows": `program(x: f32[1048576]) -> (y: f32[1048576]) {
     for i < 1024 independent { for j < 1024 independent lanes 4 { y[1024*i + j] = x[1024*i + j] } }
   }`,
  "a walk whose rows share no lines": `program(x: f32[2097152]) -> (y: f32[65536]) {
     for i < 64 independent { for j < 1024 independent lanes 4 { y[1024*i + j] = x[32*i + 2048*j] } }
   }`,
  "a loop whose order counts": `program(x: f32[1048576]) -> (y: f32[1048576]) {
     for i < 1024 { for j < 1024 independent lanes 4 { y[1024*i + j] = x[i + 1024*j] } }
   }`,
  "a body of which one part needs what another one declares": `program(x: f32[1048576]) -> (y: f32[1048576], z: f32[1024]) {
     for i < 1024 independent {
       let a: f32 = x[i]
       for j < 1024 independent lanes 4 { y[1024*i + j] = x[i + 1024*j] }
       z[i] = a
     }
   }`,
  "a body that needs what stands before it": `program(x: f32[1048576]) -> (y: f32[1048576]) {
     for i < 1024 independent {
       let a: f32 = x[i]
       for j < 1024 independent lanes 4 { y[1024*i + j] = f32.add(a, x[i + 1024*j]) }
     }
   }`,
};
describe("left alone", () => {
  test.each(Object.entries(UNCHANGED))("%s", (_, text) => {
    const program = parsed(text);
    expect(printProgram(tile(program, wasmTarget()))).toBe(printProgram(program));
  });
});

test("keeps the meaning of random programs", () => {
  const tiny = { ...wasmTarget(), l1Bytes: 0 };
  let tiled = 0;
  expectMeaningKept(
    (program) => {
      const fused = fuse(program, tiny);
      const result = tile(fused, tiny, 8);
      tiled += Number(result !== fused);
      return result;
    },
    { numRuns: 600 },
  );
  expect(tiled).toBeGreaterThan(0);
});

test.each([
  [
    [1030, 515],
    [1, 0],
  ],
  [
    [257, 12, 130],
    [2, 0, 1],
  ],
  [
    [130, 9, 260],
    [2, 1, 0],
  ],
])("%j transposed to %j", (shape, axes) => {
  const x = random.uniform(random.key(0), shape);
  const [data, got] = [x.dataSync(), jit((v: np.Array) => np.transpose(v, axes).mul(2))(x)];
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const at = (k: number): number => {
    let [rest, from] = [k, 0];
    for (const axis of [...axes].reverse()) {
      from += (rest % shape[axis]!) * strides[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    return from;
  };
  expectClose(got.reshape([-1]), np.array(Float32Array.from(data, (_, k) => data[at(k)]! * 2)), 0);
});
