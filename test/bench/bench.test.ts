/** The measuring itself: who is admitted, what is reported, how documents are rewritten. */
import { describe, expect, test } from "vitest";
import { integers, uniform } from "../../bench/inputs.ts";
import { measure } from "../../bench/measure.ts";
import type { Peer } from "../../bench/peer.ts";
import { choosePeers, familyOf } from "../../bench/peers.ts";
import { figuresTable, type Outcome, ratioTable, workloadChart } from "../../bench/report.ts";
import { replaceSection, withoutPaths } from "../../bench/sections.ts";
import { figure, markdownTable, plainTable } from "../../bench/table.ts";
import { chooseWorkloads, inUnit, WORKLOADS } from "../../bench/workloads.ts";

/** A contestant without a process, whose calls take `ms`. */
function fakePeer(name: string, ms: number, check: number, scale = 1): Peer {
  const ask = async (request: object): Promise<Record<string, unknown>> =>
    "prepare" in request
      ? { firstMs: 5, check, scale }
      : { ms: Array<number>((request as { samples: number }).samples).fill(ms * scale) };
  return { name, about: {}, ask, close: () => {} } as unknown as Peer;
}
const failing = { name: "gone", about: {}, ask: () => Promise.reject(new Error("ended")), close: () => {} };

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

describe("report", () => {
  const result = (peer: string, seconds: number, scale = 1) => ({
    peer,
    seconds,
    low: 0,
    high: 0,
    first: 0,
    samples: 1,
    scale,
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

  test("figures and ratios of the best variants", () => {
    expect(figuresTable([outcome]).rows).toEqual([
      ["weft wasm", "200"],
      ["weft native", "100"],
      ["JAX", "200"],
      ["tfjs wasm", "1000*"],
    ]);
    expect(ratioTable([outcome]).rows).toEqual([
      ["JAX", "0.500"],
      ["tfjs", "0.100"],
    ]);
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
