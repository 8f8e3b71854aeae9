/** Two devices: where arrays are, where programs run, and what is copied. The second one is a fake with memory of its own. */
import { afterEach, describe, expect, test } from "vitest";
import type { DeviceArray } from "../../src/core/array.ts";
import { type Device, installDevice } from "../../src/core/device.ts";
import { DeletedArrayError, WeftValueError } from "../../src/core/errors.ts";
import {
  blockUntilReady,
  defaultDevice,
  devicePut,
  devices,
  grad,
  init,
  jit,
  lax,
  type NDArray,
  numpy as np,
  optim,
  random,
  tree,
  valueAndGrad,
  vmap,
} from "../../src/index.ts";
import { OPS, type OpRow } from "../lax/ops.ts";
import { distance, everything, outputs, samples, values } from "../lax/support.ts";
import { FakeDevice } from "../support/fake-device.ts";

const fake = new FakeDevice({});
/** Its programs end later, and it cannot wait for them. */
const later = new FakeDevice({ kind: "later", later: true });
installDevice(fake);
installDevice(later);
const cpu = devices("cpu")[0]!;

afterEach(() => void defaultDevice("cpu"));

const isOn = (xs: readonly NDArray[], device: Device): boolean => xs.every((x) => x.device === device);
const isCommitted = (x: NDArray): boolean => (x as DeviceArray).committed;

describe.each(OPS.map((row): [string, OpRow] => [row.name, row]))("%s", (_, row) => {
  const ways: Record<string, [f: (...xs: NDArray[]) => NDArray[], batch: number[]]> = {
    "eager, with derivatives": [everything(row), []],
    "jit of all that": [jit(everything(row)) as (...xs: NDArray[]) => NDArray[], []],
    vmap: [vmap((...xs: NDArray[]) => outputs(row, xs)) as (...xs: NDArray[]) => NDArray[], [2]],
  };
  test.each(Object.entries(ways))("%s", (_, [f, batch]) => {
    const args = samples(row, "float32", 5, batch);
    const expected = f(...args);
    const before = fake.done.executed;
    const got = f(...devicePut(args, "fake"));
    expect(isOn(expected, cpu)).toBe(true);
    if (args.length > 0) {
      expect(isOn(got, fake)).toBe(true);
      expect(fake.done.executed).toBeGreaterThan(before);
    }
    got.forEach((x, i) => expect(distance(values(x), values(expected[i]!))).toBeLessThan(1e-5));
  });
});

/** Two layers over five steps, and one step of its training. */
const cells = {
  params: () => ({ w: random.normal(random.key(1), [2, 3, 3]).mul(0.5), b: np.zeros([2, 3]) }),
  loss(params: { w: NDArray; b: NDArray }, xs: NDArray) {
    const layer = (x: NDArray, [p, h]: [{ w: NDArray; b: NDArray }, NDArray]) => {
      const next = np.tanh(np.dot(x, p.w).add(h).add(p.b));
      return [next, next] as [NDArray, NDArray];
    };
    const [, ys] = lax.scan(
      (hs: NDArray, x: NDArray) => {
        const [y, next] = lax.scan(layer, x, [params, hs] as [typeof params, NDArray]);
        return [next, y] as [NDArray, NDArray];
      },
      np.zeros([2, 3]),
      xs,
    );
    return np.mean(np.square(ys.sub(1)));
  },
};
type Params = ReturnType<typeof cells.params>;

describe("a scan over time with a scan over layers inside", () => {
  const xs = np.arange(15).reshape([5, 3]).div(10);

  test("and its gradient", () => {
    const params = cells.params();
    const f = valueAndGrad(cells.loss);
    const [expected, got] = [f(params, xs), f(devicePut(params, "fake"), xs)];
    expect(isOn(tree.leaves(got) as NDArray[], fake)).toBe(true);
    tree
      .leaves(got)
      .forEach((x, i) =>
        expect(distance(values(x as NDArray), values(tree.leaves(expected)[i] as NDArray))).toBeLessThan(
          1e-5,
        ),
      );
  });

  test("trained, the state given away at every step", () => {
    const opt = optim.adam(0.01);
    const step = jit(
      (params: Params, state: ReturnType<typeof opt.init>, x: NDArray) => {
        const [loss, grads] = valueAndGrad(cells.loss)(params, x);
        const [updates, next] = opt.update(grads, state, params);
        return [optim.applyUpdates(params, updates), next, loss] as const;
      },
      { donateArgnums: [0, 1] },
    );
    const train = (params: Params): number[] => {
      let state = opt.init(params);
      const losses: number[] = [];
      for (let i = 0; i < 5; i++) {
        const given = tree.leaves(params) as DeviceArray[];
        const [next, nextState, loss] = step(params, state, xs);
        expect(given.every((x) => x.buffer.deleted)).toBe(true);
        [params, state] = [next as Params, nextState as typeof state];
        losses.push(loss.item());
      }
      return losses;
    };
    const [expected, got] = [train(cells.params()), train(devicePut(cells.params(), "fake"))];
    expect(distance(got, expected)).toBeLessThan(1e-5);
    expect(got[4]!).toBeLessThan(got[0]!);
  });
});

describe("where programs run", () => {
  const here = np.array([1, 2]);
  const there = devicePut(
    [3, 4].map((v) => np.array([v, v])),
    "fake",
  ) as unknown as [NDArray, NDArray];

  test.each<[string, () => NDArray, Device, boolean]>([
    ["bound to nothing: the default", () => here.add(1), cpu, false],
    ["one argument is bound", () => here.add(there[0]), fake, true],
    ["all are", () => there[0].add(there[1]), fake, true],
    ["a number beside a bound array", () => np.add(1, there[0]), fake, true],
    ["a bound scalar beside an array", () => here.mul(devicePut(2, "fake")), fake, true],
    [
      "a bound scalar that a jitted function closes over",
      () => jit((x: NDArray) => x.mul(two))(here),
      fake,
      true,
    ],
    ["jit", () => jit((x: NDArray, y: NDArray) => x.mul(y))(here, there[0]), fake, true],
    [
      "an array that a jitted function closes over",
      () => jit((x: NDArray) => x.mul(there[0]))(here),
      fake,
      true,
    ],
    ["jit's option", () => jit((x: NDArray) => x.mul(here), { device: "fake" })(here), fake, true],
    ["jit inside of jit", () => jit((x: NDArray) => jit((y: NDArray) => y.add(1))(x))(there[0]), fake, true],
    ["results of what is bound", () => there[0].add(1).sum(), fake, true],
    ["zeros like it", () => np.zerosLike(there[0]), fake, true],
    ["lax.fullLike", () => lax.fullLike(there[0], 3), fake, true],
    ["zeros like it elsewhere", () => np.zerosLike(there[0], { device: "cpu" }), cpu, true],
    ["a gradient", () => grad((x: NDArray) => x.mul(here).sum())(there[0]), fake, true],
    ["its conversion to its own dtype", () => np.asarray(there[0], { dtype: "float32" }), fake, true],
    ["bound to the CPU", () => devicePut(here, "cpu").add(1), cpu, true],
  ])("%s", (_, make, device, committed) => {
    const x = make();
    expect([String(x.device), isCommitted(x)]).toEqual([String(device), committed]);
    expect(x.js()).toBeDefined();
  });
  const two = devicePut(np.array(2), "fake");

  test("what is made follows defaultDevice, and is not bound", () => {
    expect(defaultDevice("fake")).toBe(fake);
    const made = [
      np.zeros(2),
      np.array([1, 2]),
      random.normal(random.key(0), [2]),
      here.add(1),
      np.add(1, 2),
    ];
    expect(isOn(made, fake)).toBe(true);
    expect(made.some(isCommitted)).toBe(false);
    expect(here.device).toBe(cpu);
    defaultDevice(cpu);
    expect(made[0]!.add(here).device).toBe(cpu);
    expect(made[1]!.add(here).js()).toEqual([2, 4]);
  });

  test.each<[string, (options: { device: string }) => NDArray]>([
    ["array", (o) => np.array([1, 2], o)],
    ["array of an array", (o) => np.array(here, o)],
    ["asarray", (o) => np.asarray(3, o)],
    ["zeros", (o) => np.zeros(2, o)],
    ["ones", (o) => np.ones([2], o)],
    ["empty", (o) => np.empty(2, o)],
    ["full", (o) => np.full(2, 7, o)],
    ["zerosLike", (o) => np.zerosLike(here, o)],
    ["fullLike", (o) => np.fullLike(here, [1, 2], o)],
    ["arange", (o) => np.arange(1, 7, 2, o)],
    ["arange from 0", (o) => np.arange(0, 5, 1, o)],
    ["eye", (o) => np.eye(2, 2, o)],
    ["identity", (o) => np.identity(2, o)],
    ["tri", (o) => np.tri(2, 2, 0, o)],
    ["indices", (o) => np.indices([2, 2], o)],
    ["sparse indices", (o) => np.indices([2, 2], { ...o, sparse: true })[1]!],
    ["no indices", (o) => np.indices([], o)],
    ["linspace", (o) => np.linspace(0, 1, 3, true, o)],
    ["linspace of arrays", (o) => np.linspace([0, 1], here, 3, true, o)],
    ["logspace", (o) => np.logspace(0, 1, 3, true, 10, o)],
    ["geomspace", (o) => np.geomspace(1, 8, 3, true, o)],
    ["fromfunction", (o) => np.fromfunction((i) => i.mul(2), [3], o)],
  ])("the option device of np.%s", (_, make) => {
    const [got, expected] = [make({ device: "fake" }), make({ device: "cpu" })];
    expect([got.device, isCommitted(got), expected.device]).toEqual([fake, true, cpu]);
    expect(got.js()).toEqual(expected.js());
    expect(() => make({ device: "gpu" })).toThrow('There is no device "gpu"');
  });
});

describe("devicePut", () => {
  test("copies a tree there and back", () => {
    const x = { w: np.arange(4).reshape([2, 2]), b: [np.array(true), 2] };
    const there = devicePut(x, "fake:0");
    expect(isOn(tree.leaves(there) as NDArray[], fake)).toBe(true);
    expect(there.w.add(1).js()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    const back = devicePut(there, cpu);
    expect(tree.map((a: NDArray) => [a.js(), a.dtype, String(a.device)].join(), back)).toEqual({
      w: "0,1,2,3,int32,cpu:0",
      b: ["true,bool,cpu:0", "2,float32,cpu:0"],
    });
  });
  test("keeps what is there already", () => {
    const x = devicePut(np.array([1, 2]), "fake");
    const before = fake.done.put;
    expect(devicePut(x, fake)).toBe(x);
    expect(devicePut(x)).toBe(x);
    expect(fake.done.put).toBe(before);
    expect(devicePut([1, 2])[0]!.device).toBe(cpu);
  });
  test("of what is traced is itself on the default device, and refused on others", () => {
    const put = (device: string) => jit((x: NDArray) => devicePut(x, device).mul(2));
    expect(put("cpu")(np.array([1, 2])).js()).toEqual([2, 4]);
    expect(() => put("fake")(np.array([1, 2]))).toThrow(
      /a traced array of type float32\[2\] cannot be brought to fake:0/,
    );
  });
  test("is seen through by derivatives where it stays", () => {
    expect(grad((x: NDArray) => devicePut(x, "cpu").mul(3))(np.array(1)).item()).toBe(3);
  });
});

describe("errors", () => {
  const [a, b] = [devicePut(np.array([1, 2]), "fake"), devicePut(np.array([3, 4]), "cpu")];
  const loss = jit(function loss(params: { w: NDArray; b: NDArray[] }, scale: number, x: NDArray) {
    return params.w.mul(scale).add(params.b[0]!).add(x);
  });
  test.each<[string, () => unknown, string]>([
    [
      "an operation",
      () => a.add(b),
      'add: operand 0 (float32[2]) is on fake:0, and operand 1 (float32[2]) is on cpu:0; a program runs on one device. Copy one of them first: devicePut(x, "fake:0").',
    ],
    [
      "a jitted function",
      () => loss({ w: np.ones(2), b: [a] }, 2, b),
      "jit(loss): argument 0['b'][0] is on fake:0, and argument 2 is on cpu:0;",
    ],
    [
      "what a jitted function closes over",
      () => jit((x: NDArray) => x.add(a))(b),
      "jit(function): an array float32[2] that the function closes over is on fake:0, and argument 0 is on cpu:0;",
    ],
    [
      "jit's option",
      () => jit((x: NDArray) => x.add(1), { device: "cpu" })(a),
      'jit(function): its option device asks for cpu:0, and argument 0 is on fake:0; a program runs on one device. Copy one of them first: devicePut(x, "cpu:0").',
    ],
    [
      "no such device",
      () => devicePut(1, "fak"),
      'devicePut: There is no device "fak"; did you mean "fake"? There is cpu, wasm, fake, later.',
    ],
    [
      "no such kind",
      () => devices("gpu"),
      'devices: There is no device "gpu"; did you mean "cpu"? There is cpu, wasm, fake, later.',
    ],
    ["no such default", () => defaultDevice("cpu:1"), 'defaultDevice: There is no device "cpu:1"'],
    [
      "no such device for jit",
      () => jit((x) => x, { device: "tpu" }),
      'jit: device: There is no device "tpu"',
    ],
    [
      "the device of what is traced",
      () => jit((x: NDArray) => np.zeros(2, { device: x.device }))(a),
      ".device was asked for",
    ],
  ])("%s", (_, call, text) => {
    expect(call).toThrow(text);
  });
  test("init refuses names that no device has anywhere", async () => {
    await expect(init("wbgpu")).rejects.toThrow('init: no device is called "wbgpu"; did you mean "webgpu"?');
    await expect(init("wbgpu")).rejects.toBeInstanceOf(WeftValueError);
  });
});

test("init prepares all devices and says their names", async () => {
  const before = fake.done.prepared;
  expect(await init("webgpu", "fake")).toEqual(["cpu", "wasm", "fake", "later"]);
  expect(fake.done.prepared).toBe(before + 1);
});

test("names", () => {
  expect(devices().map(String)).toEqual(["cpu:0", "fake:0", "later:0"]);
  expect([devices("wasm"), defaultDevice("wasm"), defaultDevice("wasm:0"), defaultDevice(cpu)]).toEqual([
    [cpu],
    cpu,
    cpu,
    cpu,
  ]);
  expect([cpu.kind, cpu.id]).toEqual(["cpu", 0]);
});

describe("a device that computes later", () => {
  const f = jit((x: NDArray) => lax.foriLoop(0, 3, (_, y: NDArray) => y.mul(2), x));
  const xs = (): NDArray => devicePut(np.array([1, 2]), later);

  test("reads wait", async () => {
    const y = f(xs()).add(1);
    expect(y.device).toBe(later);
    expect(() => y.js()).toThrow("later:0 cannot wait: read the array with `await x.data()`.");
    expect(await y.data()).toEqual(Float32Array.of(9, 17));
    expect(await y.jsAsync()).toEqual([9, 17]);
    expect(await y.blockUntilReady()).toBe(y);
  });
  test("a tree of results is waited for", async () => {
    const made = { y: f(xs()), n: 3, text: "as it is" };
    expect(await blockUntilReady(made)).toBe(made);
    expect(await made.y.jsAsync()).toEqual([8, 16]);
  });
  test("what is given away is gone at once, and its result arrives", async () => {
    const x = xs();
    const y = jit((v: NDArray) => v.add(1), { donateArgnums: 0 })(x);
    await expect(x.data()).rejects.toBeInstanceOf(DeletedArrayError);
    expect(await y.jsAsync()).toEqual([2, 3]);
  });
  test("an operand from the CPU that is given away is gone, too", async () => {
    const x = np.array([1, 2]);
    const y = jit((v: NDArray, w: NDArray) => v.add(w), { donateArgnums: 0 })(x, xs());
    expect((x as DeviceArray).buffer.deleted).toBe(true);
    expect(await y.jsAsync()).toEqual([2, 4]);
  });
});

test("asynchronous reads of the CPU, and of what is freed", async () => {
  const x = np.arange(6).reshape([2, 3]);
  expect([await x.data(), await x.jsAsync()]).toEqual([x.dataSync(), x.js()]);
  const both = [x, x];
  expect(await blockUntilReady(both)).toBe(both);
  x.dispose();
  await expect(x.data()).rejects.toBeInstanceOf(DeletedArrayError);
  await expect(x.jsAsync()).rejects.toBeInstanceOf(DeletedArrayError);
  await expect(x.blockUntilReady()).rejects.toBeInstanceOf(DeletedArrayError);
});
