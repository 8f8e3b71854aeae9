import { afterEach, describe, expect, test } from "vitest";
import type { DeviceArray, NDArray } from "../../../src/core/array.ts";
import { aval } from "../../../src/core/aval.ts";
import { defaultDevice } from "../../../src/core/device.ts";
import { Jaxpr, Literal, Var } from "../../../src/core/jaxpr.ts";
import type { HostFn } from "../../../src/core/lowering.ts";
import {
  type AnyPrimitive,
  definePrimitive,
  type LowerRule,
  type Params,
} from "../../../src/core/primitive.ts";
import {
  config,
  executors,
  inspectProgram,
  loopsText,
  memoryStats,
  type PassName,
  setExecutor,
  type Tier,
} from "../../../src/devices/index.ts";
import { grad, jit, numpy as np } from "../../../src/index.ts";

const never = (): never => {
  throw new Error("not used by these tests");
};

const primitive = (name: string, lower: LowerRule<Params>, effect = false): AnyPrimitive =>
  definePrimitive({
    name,
    kind: effect ? "effect" : "map",
    abstractEval: (avals) => avals.slice(0, effect ? 0 : 1),
    jvp: "zero",
    transpose: "not linear",
    batch: never,
    partialEval: "default",
    dce: "default",
    lower,
    effect,
  });

const binary = (fn: "add" | "mul"): AnyPrimitive =>
  primitive(fn, (emit, [x, y], _, [out]) => [
    emit.lazy(out!, (index) => emit.s.binary(fn, x!.at(index), y!.at(y!.aval.ndim ? index : []))),
  ]);
const add = binary("add");
const mul = binary("mul");
const host = primitive(
  "host",
  (emit, args, { fn }) => {
    emit.host(fn as HostFn, args);
    return [];
  },
  true,
);

const f32 = aval([37], "float32");
const data = Float32Array.from({ length: 37 }, (_, i) => i / 4);

/** (x, y) => (x·y + x, 2·x), and `fn` sees x·y. */
function example(fn: HostFn): Jaxpr {
  const [x, y, xy, sum, twice] = Array.from({ length: 5 }, () => new Var(f32));
  const two = new Literal(2, aval([], "float32"));
  return new Jaxpr(
    [x!, y!],
    [
      { primitive: mul, inputs: [x!, y!], params: {}, outputs: [xy!] },
      { primitive: host, inputs: [xy!], params: { fn }, outputs: [] },
      { primitive: add, inputs: [xy!, x!], params: {}, outputs: [sum!] },
      { primitive: mul, inputs: [x!, two], params: {}, outputs: [twice!] },
    ],
    [sum!, twice!],
  );
}

const put = (values: Float32Array): DeviceArray => defaultDevice().put(values, f32);

afterEach(() => {
  config.tier = "wasm";
  config.disable = [];
  setExecutor(undefined);
});

describe.each(["wasm", "interp"] as const satisfies Tier[])("tier %s", (tier) => {
  test("runs a program", () => {
    config.tier = tier;
    const seen: Float32Array[] = [];
    const jaxpr = example(([v]) => seen.push(Float32Array.from(v!.data)));
    const [sum, twice] = defaultDevice().execute(jaxpr, [put(data), put(data)]);
    expect(sum!.dataSync()).toEqual(data.map((v) => v * v + v));
    expect(twice!.dataSync()).toEqual(data.map((v) => 2 * v));
    expect(seen).toEqual([data.map((v) => v * v)]);
  });

  test("gives donated arguments away and passes exceptions on", () => {
    config.tier = tier;
    const x = put(data);
    const failure = new Error("stop");
    const throwing = example(() => {
      throw failure;
    });
    expect(() => defaultDevice().execute(throwing, [x, x], [true, false])).toThrow(failure);
    expect(x.buffer.deleted).toBe(false);
    defaultDevice().execute(
      example(() => {}),
      [x, put(data)],
      [true, false],
    );
    expect(x.buffer.deleted).toBe(true);
  });

  test("constants and arguments may be results", () => {
    config.tier = tier;
    const x = new Var(f32);
    const jaxpr = new Jaxpr([x], [], [x, new Literal(3, aval([], "float32")), x]);
    const results = defaultDevice().execute(jaxpr, [put(data)]);
    expect(results.map((r) => r.dataSync())).toEqual([data, Float32Array.of(3), data]);
    results[0]!.dispose();
    expect(results[2]!.dataSync()).toEqual(data);
  });
});

test("setExecutor overrules the tier", () => {
  setExecutor(executors.interp);
  const jaxpr = example(() => {});
  const before = memoryStats().resident;
  defaultDevice().execute(jaxpr, [put(data), put(data)]);
  expect(memoryStats().resident).toBe(before);
});

test("what is switched off is part of what programs are found by", () => {
  let compiled = 0;
  setExecutor((...rest) => {
    compiled++;
    return executors.wasm(...rest);
  });
  const f = jit(grad((x: NDArray) => np.tanh(x).mul(x).sum()));
  const counts = ([[], ["recompute"], [], ["fuse"], ["recompute"], []] satisfies PassName[][]).map(
    (names) => {
      config.disable = names;
      const ys = [f(data), f(data)];
      expect(ys[0]!.dataSync()).toEqual(ys[1]!.dataSync());
      return compiled;
    },
  );
  const [once] = counts as [number];
  expect(counts).toEqual([once, 2 * once, 2 * once, 3 * once, 3 * once, 3 * once]);
});

test("a compiled program can be looked at", () => {
  const jaxpr = example(() => {});
  const { wasm, cost } = inspectProgram(jaxpr);
  expect(loopsText(jaxpr)).toContain("for");
  expect(wasm).toContain("export function run");
  expect(wasm).toContain("import function env.host1");
  expect(cost.moduleBytes).toBeGreaterThan(100);
});
