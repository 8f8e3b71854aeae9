import { describe, expect, test } from "vitest";
import {
  EncodeError,
  type FuncBody,
  type Label,
  ModuleBuilder,
} from "../../src/backends/wasm/encoder/index.ts";

describe("faults are named", () => {
  const inBody = (body: FuncBody) => () => {
    new ModuleBuilder().func("kernel", ["f32"], [], body);
  };
  let stale: Label | undefined;
  const cases: [string, () => void, RegExp][] = [
    [
      "ended label",
      inBody((f) => {
        stale = f.block(() => {});
        f.block(() => f.br(stale!));
      }),
      /kernel: unknown label/,
    ],
    ["foreign label", inBody((f) => f.br({ height: 0 })), /unknown label: depth 0/],
    [
      "open block",
      inBody((f) => {
        f.block();
        f.loop();
      }),
      /kernel: .*block > loop still open/,
    ],
    ["extra end", inBody((f) => f.end()), /end without an open block/],
    [
      "end inside a callback",
      inBody((f) => {
        f.block(() => f.end());
      }),
      /body of the block at height 1 returned, innermost is function at height 0/,
    ],
    [
      "open block in a callback",
      inBody((f) => {
        f.block(() => {
          f.loop();
        });
      }),
      /height 1 returned, innermost is loop at height 2/,
    ],
    [
      "open block in an arm",
      inBody((f) => {
        f.get(0);
        f.if_(
          () => f.block(),
          () => {},
        );
      }),
      /height 1 returned, innermost is block at height 2/,
    ],
    ["unknown local", inBody((f) => f.get(1)), /unknown local 1; there are 1/],
    [
      "freed local",
      inBody((f) => {
        f.freeLocal(f.local("i32"));
        f.get(1);
      }),
      /local 1 is used after/,
    ],
    [
      "freed twice",
      inBody((f) => {
        f.freeLocal(0);
        f.freeLocal(0);
      }),
      /local 0 is used after/,
    ],
    ["unknown function", inBody((f) => f.call(7)), /unknown function 7/],
    ["unknown global", inBody((f) => f.globalGet(0)), /unknown global 0/],
    ["lane", inBody((f) => f.lane("f32x4.extract_lane", 4)), /lane 4 is not an integer in \[0, 3\]/],
    ["memory lane", inBody((f) => f.loadLane("v128.load64_lane", 2)), /lane 2 .* \[0, 1\]/],
    ["shuffle lane", inBody((f) => f.shuffle(new Array(16).fill(32))), /lane 32 .* \[0, 31\]/],
    ["shuffle length", inBody((f) => f.shuffle([0])), /expected 16 lanes, got 1/],
    ["offset", inBody((f) => f.load("f32.load", -4)), /u32: -4/],
    ["v128 bytes", inBody((f) => f.v128Const(new Uint8Array(4))), /expected 16 bytes, got 4/],
    ["i32 constant", inBody((f) => f.i32Const(0.5)), /kernel: i32: 0.5/],
    [
      "too many locals",
      inBody((f) => {
        for (let i = 0; i < 50_000; i++) f.local("f32");
      }),
      /more than 50000 locals/,
    ],
    [
      "undefined function",
      () => {
        const m = new ModuleBuilder();
        m.declare("later", [], []);
        m.finish();
      },
      /later is declared but never/,
    ],
    [
      "double definition",
      () => {
        const m = new ModuleBuilder();
        m.define(
          m.func("f", [], [], () => {}),
          () => {},
        );
      },
      /f is defined twice/,
    ],
    [
      "body of an import",
      () => {
        const m = new ModuleBuilder();
        m.define(m.importFunc("env", "f", [], []), () => {});
      },
      /env.f is imported/,
    ],
    [
      "late import",
      () => {
        const m = new ModuleBuilder();
        m.declare("f", [], []);
        m.importFunc("env", "g", [], []);
      },
      /env.g comes after function f: import first/,
    ],
    [
      "second memory",
      () => {
        const m = new ModuleBuilder();
        for (let i = 0; i < 2; i++) m.importMemory("env", "memory", { min: 1 });
      },
      /already has a memory/,
    ],
    [
      "unbounded shared memory",
      () => new ModuleBuilder().importMemory("env", "memory", { min: 1, shared: true }),
      /shared memory needs max/,
    ],
    [
      "inverted limits",
      () => new ModuleBuilder().importMemory("env", "memory", { min: 2, max: 1 }),
      /min <= max <= 65536/,
    ],
    [
      "export twice",
      () => {
        const m = new ModuleBuilder();
        for (let i = 0; i < 2; i++) m.declare("f", [], [], { export: true });
      },
      /export name f is taken/,
    ],
  ];
  test.each(cases)("%s", (_, build, message) => {
    expect(build).toThrow(EncodeError);
    expect(build).toThrow(message);
  });

  test("errors of the driving program pass through untouched", () => {
    expect(
      inBody(() => {
        throw new RangeError("mine");
      }),
    ).toThrow(RangeError);
  });
});
