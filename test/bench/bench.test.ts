/** The measuring itself: who is admitted, what is reported, how documents are rewritten. */
import { describe, expect, test } from "vitest";
import { jit, numpy as np, tree } from "weftjs";
import { breadthLines, breadthTable, CONTESTANTS } from "../../bench/breadth.ts";
import { firstTable } from "../../bench/first.ts";
import { integers, uniform, values } from "../../bench/inputs.ts";
import { measure } from "../../bench/measure.ts";
import { BREADTH, OPERATIONS } from "../../bench/operations.ts";
import type { Peer } from "../../bench/peer.ts";
import { choosePeers, familyOf, WEFT_FASTEST } from "../../bench/peers.ts";
import {
  efficiencyLines,
  figuresTable,
  type Outcome,
  ratioTable,
  workloadChart,
} from "../../bench/report.ts";
import { type ScalingPoint, tablesOf } from "../../bench/scaling.ts";
import { replaceSection, withoutPaths } from "../../bench/sections.ts";
import { compilerMs, milliseconds, stagesOf, watchCompilers } from "../../bench/stages.ts";
import { figure, markdownTable, plainTable } from "../../bench/table.ts";
import { COMPARISONS, chooseWorkloads, inUnit, WORKLOADS } from "../../bench/workloads.ts";

/** A contestant without a process, whose calls take `ms`. */
function fakePeer(name: string, ms: number, check: number, scale = 1): Peer {
  const ask = async (request: object): Promise<Record<string, unknown>> =>
    "prepare" in request
      ? { firstMs: 5, check, scale }
      : { ms: Array<number>((request as { samples: number }).samples).fill(ms * scale) };
  return { name, about: {}, ask, close: () => {} } as unknown as Peer;
}
const failing = { name: "gone", about: {}, ask: () => Promise.reject(new Error("ended")), close: () => {} };

const result = (peer: string, seconds: number, scale = 1) => ({
  peer,
  seconds,
  low: 0,
  high: 0,
  first: 0,
  compiler: 0,
  samples: 1,
  scale,
});

describe("measure", () => {
  const workload = WORKLOADS[0]!;

  test("medians of all that agree, refusals of the others", async () => {
    const peers = [
      fakePeer("weft wasm", 10, 1),
      fakePeer("JAX", 20, 1.0001),
      fakePeer("wrong", 1, 2),
      failing as unknown as Peer,
    ];
    const { results, refusals } = await measure(peers, workload, { rounds: 2 });
    expect(results.map((r) => [r.peer, r.seconds])).toEqual([
      ["weft wasm", 0.01],
      ["JAX", 0.02],
    ]);
    expect(refusals.map((r) => r.peer).toSorted()).toEqual(["gone", "wrong"]);
  });

  test("a part of the work is scaled, its result is not compared, and slow ones play fewer rounds", async () => {
    const { results } = await measure(
      [fakePeer("weft wasm", 10, 1), fakePeer("tfjs wasm", 2000, 7, 50)],
      workload,
      { rounds: 5 },
    );
    expect(results[1]).toMatchObject({ seconds: 100, scale: 50, samples: 3 });
    expect(results[0]!.samples).toBeGreaterThan(5);
  });
});

describe("breadth", () => {
  test.each(Object.entries(OPERATIONS))("%s is the same compiled or not", (_, { inputs, weft }) => {
    const args = inputs.map((input, i) => np.array(values(input, i + 1)).reshape(input.shape));
    const run = weft as (...xs: np.Array[]) => np.Array;
    const [eager, compiled] = [run(...args), jit(run)(...args)].map((made) =>
      tree.leaves(made).map((x) => x.abs().sum().item()),
    );
    expect(eager!.every(Number.isFinite)).toBe(true);
    for (const [i, x] of eager!.entries()) expect(Math.abs(compiled![i]! / x - 1)).toBeLessThan(1e-4);
  });

  test("contestants in Python are told the expression of their own family", () => {
    const variance = BREADTH.find(({ id }) => id === "variance")!;
    expect(variance.request!("JAX")).toMatchObject({ expression: "x.var(1)", inputs: [{ over: "signed" }] });
    expect(variance.request!("PyTorch")).toMatchObject({ expression: "x.var(1, unbiased=False)" });
  });

  test("ratios to the faster peer, worst first, and their geometric mean", () => {
    const outcome = (title: string, ms: readonly number[]): Outcome => ({
      workload: { ...BREADTH[0]!, title },
      results: CONTESTANTS.map((peer, i) => result(peer, ms[i]! / 1000)),
      refusals: [],
    });
    const outcomes = [outcome("good", [2, 1, 4, 8]), outcome("bad", [8, 9, 3, 1])];
    expect(breadthTable(outcomes).rows.map((row) => [row[0], ...row.slice(-2)])).toEqual([
      ["bad", "9.00", "8.00"],
      ["good", "0.250", "0.500"],
    ]);
    expect(breadthLines(outcomes)[0]).toContain("1.50 over 2 operations, worst bad 9.00, good 0.250");
  });
});

describe("report", () => {
  const { wasm, native } = WEFT_FASTEST;
  const outcomeOf = (id: string, seconds: Readonly<Record<string, number>>): Outcome => ({
    workload: chooseWorkloads([id])[0]!,
    results: Object.entries(seconds).map(([peer, s]) => result(peer, s)),
    refusals: [],
  });
  const outcome: Outcome = {
    workload: WORKLOADS[0]!,
    results: [
      result("weft wasm", 0.2),
      result("weft native", 0.1),
      result("JAX", 0.2),
      result("tfjs wasm", 1, 10),
    ],
    refusals: [],
  };

  test("figures of everybody", () => {
    expect(figuresTable([outcome]).rows).toEqual([
      ["weft wasm", "200"],
      ["weft native", "100"],
      ["JAX", "200"],
      ["tfjs wasm", "1000*"],
    ]);
  });

  test("ratios to the nested scan of JAX and to the best of the others, beside the targets", () => {
    const outcomes = [
      outcomeOf("W1-train", {
        [wasm]: 0.2,
        [native]: 0.1,
        JAX: 0.4,
        "JAX, layers in Python": 0.1,
        PyTorch: 1,
        "PyTorch by hand": 0.5,
      }),
      outcomeOf("W5-gradient", { [wasm]: 0.3, [native]: 0.1, PyTorch: 50, "tfjs wasm": 3 }),
    ];
    expect(ratioTable(outcomes).rows).toEqual([
      [`${native} / JAX`, "0.250 (0.35)", "–"],
      [`${native} / best PyTorch`, "0.200 (0.65)", "0.00200 (0.001)"],
      [`${wasm} / JAX`, "0.500 (0.75)", "–"],
      [`${wasm} / TensorFlow.js`, "–", "0.100"],
    ]);
  });

  test("without the peers, or without weft on as many threads, there are no ratios", () => {
    expect(ratioTable([outcomeOf("W1-train", { [wasm]: 1, [native]: 1 })]).rows).toEqual([]);
    expect(ratioTable([outcomeOf("W1-train", { "weft of old": 1, JAX: 1 })]).rows).toEqual([]);
  });

  test("targets are those of the workloads in their order", () => {
    for (const { targets } of COMPARISONS) expect(targets.length).toBeLessThanOrEqual(WORKLOADS.length);
  });

  test("the training step is measured against the matrix product", () => {
    // 12.9 GFLOP in 0.1 s are 129 GFLOP/s; 2.15 GFLOP in 0.01 s are 215.
    const train = outcomeOf("W1-train", { [native]: 0.1 });
    const product = outcomeOf("W4-1024", { [native]: 0.01 });
    expect(efficiencyLines([train, product])).toEqual([
      `${native}: W1-train runs at 129 GFLOP/s, 60 % of W4-1024 (target 85 %)`,
    ]);
    expect(efficiencyLines([train])).toEqual([]);
  });

  test("the chart has a bar per contestant", () => {
    expect(workloadChart([outcome]).match(/<rect/g)).toHaveLength(4);
  });

  test.each([
    ["weft native, 2 threads", "weft"],
    ["JAX, layers in Python", "JAX"],
    ["jax-js", "jax-js"],
    ["PyTorch by hand", "PyTorch"],
  ])("%s is of the family %s", (name, family) => {
    expect(familyOf(name)).toBe(family);
  });
});

describe("scaling", () => {
  const { native } = WEFT_FASTEST;
  const point = (axis: string, value: number, ms: number): ScalingPoint => ({
    axis,
    value,
    peer: native,
    ms,
    program: { compileMs: 90, compilerMs: 400, moduleBytes: 80_000 },
  });
  const points = [
    point("time", 64, 3),
    point("time", 256, 10),
    point("time", 1024, 44),
    { ...point("time", 256, 20), peer: "JAX", program: undefined },
  ];
  const [times, linearity, compiling] = tablesOf(points, "time");

  test("times", () => {
    expect(times!.rows).toEqual([
      [native, "3.00", "10.0", "44.0", "–"],
      ["JAX", "–", "20.0", "–", "–"],
    ]);
  });

  test("time per step is compared with that of the base", () => {
    expect(linearity!.rows).toEqual([
      [native, "1.20", "1.00", "1.10", "–"],
      ["JAX", "–", "1.00", "–", "–"],
    ]);
  });

  test("what compiling costs, for weft alone", () => {
    expect(compiling!.rows).toEqual([
      [`${native}: tracing, passes and code, ms`, "90.0", "90.0", "90.0", "–"],
      [`${native}: compiler below, ms`, "400", "400", "400", "–"],
      [`${native}: code, kB`, "80.0", "80.0", "80.0", "–"],
    ]);
  });

  test("only time and layers are to be linear", () => {
    expect(tablesOf([point("batch", 1, 1)], "batch")).toHaveLength(1);
  });
});

describe("first calls", () => {
  test("what no clock saw is weft's own", () => {
    const calls = [{ name: "a", targetMs: 1000, first: 900, trace: 20, compiler: 300, later: 80 }];
    expect(firstTable(calls).rows).toEqual([["a", "900", "1000", "20.0", "500", "300", "80.0"]]);
  });

  test("compilers are clocked, and a first call has stages", () => {
    const Module = WebAssembly.Module;
    watchCompilers();
    const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    const made: unknown[] = [];
    const stages = stagesOf(
      () => undefined,
      () => made.push(new WebAssembly.Module(empty)),
    );
    expect(made[0]).toBeInstanceOf(Module);
    expect(made.length).toBeGreaterThan(2);
    expect(stages.compiler).toBeGreaterThan(0);
    expect(stages.compiler).toBeLessThanOrEqual(stages.first);
    const before = compilerMs();
    milliseconds(() => undefined);
    expect(compilerMs()).toBe(before);
    Object.assign(WebAssembly, { Module });
  });
});

describe("contestants", () => {
  test("are chosen by family or by a part of the name", () => {
    expect(choosePeers(["jax"]).map((p) => p.name)).toEqual(["JAX", "JAX, layers in Python"]);
    expect(choosePeers(["by hand", "tfjs"]).map((p) => p.name)).toEqual(["PyTorch by hand", "tfjs wasm"]);
    expect(() => choosePeers(["nobody"])).toThrow("nobody is called nobody");
  });
});

describe("workloads", () => {
  test("are chosen by the beginning of their names", () => {
    expect(chooseWorkloads(["w4", "W1-f"]).map((w) => w.id)).toEqual(["W1-forward", "W4-512", "W4-1024"]);
    expect(chooseWorkloads([])).toBe(WORKLOADS);
    expect(() => chooseWorkloads(["w9"])).toThrow("no workload is called w9");
  });

  test("a rate is operations per time", () => {
    expect(inUnit(chooseWorkloads(["W4-512"])[0]!, 1e-3)).toBeCloseTo(268.4, 1);
    expect(inUnit(chooseWorkloads(["W3"])[0]!, 1e-3)).toBeCloseTo(1000);
  });

  // Values of the Python twin of these functions.
  test("inputs are the same in every language", () => {
    expect([...uniform(3, 1, 1)].map((x) => x.toFixed(6))).toEqual(["-0.859466", "0.299171", "-0.014094"]);
    expect([...integers(4, 7, 96)]).toEqual([12, 63, 56, 73]);
  });
});

describe("documents", () => {
  test("a section is replaced and the rest stays", () => {
    const text = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb";
    const once = replaceSection(text, "x", "new");
    expect(once).toBe("a\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\nb");
    expect(replaceSection(once, "x", "new")).toBe(once);
    expect(() => replaceSection(text, "y", "new")).toThrow("y:begin");
  });

  test.each([
    ["spawn /opt/py/bin/python ENOENT", "spawn python ENOENT"],
    ["can't open file '/a/b/run.py': no", "can't open file 'run.py': no"],
    ["W1: disagrees", "W1: disagrees"],
  ])("%s loses its path", (text, clean) => {
    expect(withoutPaths(text)).toBe(clean);
  });

  test.each([
    [123.4, "123"],
    [12.34, "12.3"],
    [0.01234, "0.0123"],
    [0, "0.00"],
    [Number.NaN, "–"],
  ])("%d is written %s", (x, text) => {
    expect(figure(x)).toBe(text);
  });

  test("tables", () => {
    const table = { head: ["", "ms"], rows: [["a", "1"]] };
    expect(markdownTable(table)).toBe("|  | ms |\n|---|---:|\n| a | 1 |");
    expect(plainTable(table)).toBe("   ms\n─  ──\na   1");
  });
});
