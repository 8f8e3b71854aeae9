import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ByteWriter } from "../../src/backends/wasm/encoder/bytes.ts";
import {
  type FuncBody,
  type FuncBuilder,
  ModuleBuilder,
  type ValType,
} from "../../src/backends/wasm/encoder/index.ts";
import { compile, instantiate, PUSH_ZERO, written } from "./wasm-encoder-support.ts";

/** LEB128 by its definition: seven bits a byte until the rest is what the last bit extends to. */
function reference(value: bigint, signed: boolean): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; ) {
    bytes.push(Number(rest & 0x7fn));
    rest >>= 7n;
    const signOfByte = bytes.at(-1)! & 0x40 ? -1n : 0n;
    if (rest === (signed ? signOfByte : 0n)) break;
  }
  return bytes.map((byte, i) => (i < bytes.length - 1 ? byte | 0x80 : byte));
}

describe("LEB128", () => {
  test("u32 is the shortest form", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (n) => {
        expect(written((out) => out.u32(n))).toEqual(reference(BigInt(n), false));
      }),
    );
  });

  test("s32 is the shortest form", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (n) => {
        expect(written((out) => out.s32(n))).toEqual(reference(BigInt(n), true));
      }),
    );
  });

  test("s64 is the shortest form", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (n) => {
        expect(written((out) => out.s64(n))).toEqual(reference(n, true));
      }),
    );
  });

  test.each([
    ["u32", (out: ByteWriter) => out.u32(-1)],
    ["u32", (out: ByteWriter) => out.u32(2 ** 32)],
    ["u32", (out: ByteWriter) => out.u32(1.5)],
    ["s32", (out: ByteWriter) => out.s32(2 ** 31)],
    ["s32", (out: ByteWriter) => out.s32(-(2 ** 31) - 1)],
    ["s32", (out: ByteWriter) => out.s32(Number.NaN)],
    ["i32", (out: ByteWriter) => out.i32(2 ** 32)],
    ["s64", (out: ByteWriter) => out.s64(2n ** 63n)],
    ["s64", (out: ByteWriter) => out.i64(2n ** 64n)],
  ])("%s refuses a value out of range", (format, write) => {
    expect(() => written(write)).toThrow(new RegExp(`^${format}: `));
  });

  test("constants survive the engine's decoder", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }),
        fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n),
        (a, b) => {
          expect(compile([], ["i32"], (f) => f.i32Const(a))()).toBe(a | 0);
          expect(compile([], ["i64"], (f) => f.i64Const(b))()).toBe(BigInt.asIntN(64, b));
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("control flow", () => {
  /** for (i = 0; i < n; i++) body */
  function countTo(f: FuncBuilder, n: number, body: (i: number) => void): void {
    const i = f.local("i32");
    f.i32Const(0);
    f.set(i);
    f.block((done) => {
      f.loop((again) => {
        f.get(i);
        f.get(n);
        f.op("i32.ge_s");
        f.br_if(done);
        body(i);
        f.get(i);
        f.i32Const(1);
        f.op("i32.add");
        f.set(i);
        f.br(again);
      });
    });
    f.freeLocal(i);
  }

  function addTo(f: FuncBuilder, local: number, push: () => void): void {
    f.get(local);
    push();
    f.op("i32.add");
    f.set(local);
  }

  test("nested loops", () => {
    const run = compile(["i32", "i32"], ["i32"], (f) => {
      const sum = f.local("i32");
      countTo(f, 0, (i) => {
        countTo(f, 1, (j) => {
          addTo(f, sum, () => {
            f.get(i);
            f.get(j);
            f.op("i32.mul");
          });
        });
      });
      f.get(sum);
    });
    expect(run(4, 5)).toBe(6 * 10);
  });

  test("br leaves two levels at once", () => {
    const run = compile(["i32"], ["i32"], (f) => {
      const steps = f.local("i32");
      f.block((outer) => {
        f.loop((again) => {
          f.block(() => {
            addTo(f, steps, () => f.i32Const(1));
            f.get(steps);
            f.get(0);
            f.op("i32.ge_s");
            f.br_if(outer);
          });
          f.br(again);
        });
      });
      f.get(steps);
    });
    expect(run(9)).toBe(9);
  });

  test("blocks closed by hand", () => {
    const run = compile(["i32"], ["i32"], (f) => {
      const outer = f.block();
      f.block();
      f.get(0);
      f.br_if(outer);
      f.end();
      f.i32Const(10);
      f.return_();
      f.end();
      f.i32Const(20);
    });
    expect([run(0), run(1)]).toEqual([10, 20]);
  });

  test("if with a result", () => {
    const run = compile(["i32"], ["f64"], (f) => {
      f.get(0);
      f.if_(
        () => f.f64Const(1.5),
        () => f.f64Const(-1.5),
        "f64",
      );
    });
    expect([run(1), run(0)]).toEqual([1.5, -1.5]);
  });

  test("br_table selects a case", () => {
    const run = compile(["i32"], ["i32"], (f) => {
      f.block((last) => {
        f.block((first) => {
          f.block((second) => {
            f.get(0);
            f.br_table([first, second], last);
          });
          f.i32Const(200);
          f.return_();
        });
        f.i32Const(100);
        f.return_();
      });
      f.i32Const(300);
    });
    expect([run(0), run(1), run(2), run(-1)]).toEqual([100, 200, 300, 300]);
  });
});

describe("modules", () => {
  test("imported functions are called and come first in the index space", () => {
    const seen: number[] = [];
    const module = new ModuleBuilder();
    const log = module.importFunc("env", "log", ["f64"], []);
    const twice = module.func("twice", ["f64"], ["f64"], (f) => {
      f.get(0);
      f.get(0);
      f.op("f64.add");
    });
    const main = module.func(
      "main",
      [],
      [],
      (f) => {
        f.f64Const(2.5);
        f.call(twice);
        f.call(log);
      },
      { export: true },
    );
    instantiate(module.finish(), { env: { log: (x: number) => seen.push(x) } }).main!();
    expect(seen).toEqual([5]);
    expect([log, twice, main]).toEqual([0, 1, 2]);
  });

  test("declared functions call each other before they are defined", () => {
    const module = new ModuleBuilder();
    const even = module.declare("even", ["i32"], ["i32"], { export: true });
    const odd = module.declare("odd", ["i32"], ["i32"], { export: true });
    const parity =
      (atZero: number, other: number): FuncBody =>
      (f) => {
        f.get(0);
        f.if_(
          () => {
            f.get(0);
            f.i32Const(1);
            f.op("i32.sub");
            f.call(other);
          },
          () => f.i32Const(atZero),
          "i32",
        );
      };
    module.define(odd, parity(0, even));
    module.define(even, parity(1, odd));
    const exports = instantiate(module.finish());
    expect([exports.even!(10), exports.odd!(10)]).toEqual([1, 0]);
  });

  test("shared memory and atomics", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
    const module = new ModuleBuilder();
    module.importMemory("env", "memory", { min: 1, max: 2, shared: true });
    const body: FuncBody = (f) => {
      f.i32Const(0);
      f.i32Const(5);
      f.atomic("i32.atomic.rmw.or", 8);
      f.op("drop");
      f.i32Const(0);
      f.i64Const(5n);
      f.i64Const(42n);
      f.atomic("i64.atomic.rmw.cmpxchg", 8);
    };
    module.func("main", [], ["i64"], body, { export: true });
    expect(instantiate(module.finish(), { env: { memory } }).main!()).toBe(5n);
    expect(new Int32Array(memory.buffer)[2]).toBe(42);
  });

  test("globals", () => {
    const module = new ModuleBuilder();
    const [other, counter] = [module.global(), module.global()];
    const body: FuncBody = (f) => {
      f.globalGet(counter);
      f.i32Const(2);
      f.op("i32.add");
      f.globalSet(counter);
      f.globalGet(counter);
      f.globalGet(other);
      f.op("i32.sub");
    };
    module.func("next", [], ["i32"], body, { export: true });
    const { next } = instantiate(module.finish());
    expect([next!(), next!()]).toEqual([2, 4]);
  });

  test("equal function types are written once", () => {
    const size = (results: readonly ValType[]): number => {
      const module = new ModuleBuilder();
      module.func("a", [], ["i32"], (f) => f.i32Const(0));
      module.func("b", [], results, (f) => PUSH_ZERO[results[0]!](f));
      return module.finish().length;
    };
    const entry = 4; // 0x60, no parameters, one result
    expect(size(["i64"]) - size(["i32"])).toBe(entry);
  });

  test("the name section names imports and functions", () => {
    const module = new ModuleBuilder("scan");
    module.importFunc("env", "log", [], []);
    module.func("größe", [], [], () => {});
    const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(module.finish()), "name");
    const sized = (id: number, content: number[]): number[] => [id, content.length, ...content];
    const name = (text: string): number[] => written((out) => out.name(text));
    const expected = [
      ...sized(0, name("scan")),
      ...sized(1, [2, 0, ...name("env.log"), 1, ...name("größe")]),
    ];
    expect([...new Uint8Array(section!)]).toEqual(expected);
  });

  test("stack traces carry function names", () => {
    const run = compile([], [], (f) => f.op("unreachable"));
    let stack = "";
    try {
      run();
    } catch (error) {
      stack = String((error as Error).stack);
    }
    expect(stack).toMatch(/at main \(wasm:/);
  });

  test("an empty module is a module", () => {
    expect(WebAssembly.validate(new ModuleBuilder().finish())).toBe(true);
  });
});

describe("locals", () => {
  test("more than 200 of mixed types keep their values", () => {
    const types: ValType[] = ["i32", "f64", "f64", "i64", "f32", "v128", "v128", "i32"];
    const count = 240;
    const run = compile(["i32"], ["f64"], (f) => {
      const locals = Array.from({ length: count }, (_, i) => f.local(types[i % types.length]!));
      expect(locals).toEqual(Array.from({ length: count }, (_, i) => i + 1));
      for (const [i, local] of locals.entries()) {
        pushNumber(f, types[i % types.length]!, i);
        f.set(local);
      }
      f.f64Const(0);
      for (const [i, local] of locals.entries()) {
        f.get(local);
        toF64(f, types[i % types.length]!);
        f.op("f64.add");
      }
    });
    expect(run(0)).toBe((count * (count - 1)) / 2);
  });

  test("declarations are grouped in runs of one type", () => {
    const module = new ModuleBuilder();
    module.func("main", ["i32"], [], (f) => {
      for (const type of ["f32", "f32", "f32", "i64", "f32"] as const) f.local(type);
    });
    const code = [3, 3, 0x7d, 1, 0x7e, 1, 0x7d, 0x0b];
    expect(module.finish().join()).toContain([10, code.length + 2, 1, code.length, ...code].join());
  });

  test("freed locals are handed out again by type", () => {
    compile([], [], (f) => {
      const a = f.local("f32");
      const b = f.local("i32");
      f.freeLocal(a);
      expect(f.local("i32")).toBe(b + 1);
      expect(f.local("f32")).toBe(a);
    });
  });

  function pushNumber(f: FuncBuilder, type: ValType, value: number): void {
    if (type === "i32") f.i32Const(value);
    else if (type === "i64") f.i64Const(BigInt(value));
    else if (type === "f32") f.f32Const(value);
    else if (type === "f64") f.f64Const(value);
    else f.v128Const(new Uint8Array(Float32Array.of(value, -1, -1, -1).buffer));
  }

  function toF64(f: FuncBuilder, type: ValType): void {
    if (type === "i64") f.op("i32.wrap_i64");
    if (type === "i32" || type === "i64") f.op("f64.convert_i32_s");
    else if (type === "v128") f.lane("f32x4.extract_lane", 0);
    if (type === "f32" || type === "v128") f.op("f64.promote_f32");
  }
});

test("a body of 400 000 instructions outgrows every buffer and still runs", () => {
  const adds = 200_000;
  const run = compile(["i32"], ["i32"], (f) => {
    f.get(0);
    for (let i = 0; i < adds; i++) {
      f.i32Const(3);
      f.op("i32.add");
    }
  });
  expect(run(1)).toBe(3 * adds + 1);
});
