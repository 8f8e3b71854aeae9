/**
 * Every decision that keeps arrays from being overwritten, taken wrongly: the verifier refuses the programs that this would have made
 * wrong, and names what it broke.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import { interpret } from "../../src/backends/interp/index.ts";
import type { Program } from "../../src/compiler/ir/nodes.ts";
import { lowerJaxpr } from "../../src/compiler/lower/index.ts";
import { View } from "../../src/compiler/lower/operands.ts";
import type { Slot } from "../../src/compiler/lower/slots.ts";
import { runPipeline } from "../../src/compiler/pipeline.ts";
import { prepare } from "../../src/compiler/prepare.ts";
import { wasmTarget } from "../../src/compiler/target.ts";
import type { NDArray } from "../../src/core/array.ts";
import { grad, lax, makeJaxpr, numpy as np } from "../../src/index.ts";
import { filled } from "../support/random-program.ts";
import { randomArgs } from "../support/same-meaning.ts";

type A = NDArray;
type Any = (...args: never[]) => unknown;

/** Which functions answer wrongly now. */
const fault = vi.hoisted(() => {
  const wrongNow = new Set<string>();
  /** The module with functions that can be broken: `broken` gets the module and returns the wrong one. */
  const breaking = <M extends object>(module: M, broken: Partial<Record<keyof M, (m: M) => Any>>): M => {
    const wrappers = Object.entries(broken).map(([name, make]) => {
      const right = module[name as keyof M] as Any;
      const wrong = (make as (m: M) => Any)(module);
      return [name, (...args: never[]) => (wrongNow.has(name) ? wrong : right)(...args)];
    });
    return { ...module, ...Object.fromEntries(wrappers) };
  };
  return { wrongNow, breaking };
});

type Memory = typeof import("../../src/compiler/lower/memory.ts");
vi.mock("../../src/compiler/lower/memory.ts", async (original) =>
  fault.breaking(await original<Memory>(), {
    place: () =>
      ((ctx, type, home) => (home ? home.view.as(type) : ctx.temp(type))) satisfies Memory["place"],
    deliver: (m) => ((ctx, x, home) => m.storeInto(ctx, x, home.view.as(x.aval))) satisfies Memory["deliver"],
    isOwned: () => ((_, x) => x instanceof View) as Memory["isOwned"],
    own: (m) =>
      ((ctx, x, home, name) =>
        x instanceof View && !home ? x : m.own(ctx, x, home, name)) satisfies Memory["own"],
  }),
);
/** The new carry is built where the one before lies, without asking who reads that. */
const inPlace = (slot: Slot): Slot => ({ ...slot, home: slot.home && { ...slot.home, inPlace: false } });
type Slots = typeof import("../../src/compiler/lower/slots.ts");
vi.mock("../../src/compiler/lower/slots.ts", async (original) =>
  fault.breaking(await original<Slots>(), {
    copySlot: (m) =>
      ((ctx, init, name) => inPlace(m.updateSlot(ctx, init, undefined, name))) satisfies Slots["copySlot"],
    ringSlot: (m) =>
      ((ctx, init, _, __, name) =>
        inPlace(m.updateSlot(ctx, init, undefined, name))) satisfies Slots["ringSlot"],
  }),
);
type Usage = typeof import("../../src/compiler/lower/usage.ts");
vi.mock("../../src/compiler/lower/usage.ts", async (original) =>
  fault.breaking(await original<Usage>(), { isReplacement: () => () => true }),
);
type Context = typeof import("../../src/compiler/lower/context.ts");
vi.mock("../../src/compiler/lower/context.ts", async (original) => {
  const module = await original<Context>();
  const { isLive } = module.Lowering.prototype;
  Object.assign(module.Lowering.prototype, {
    isLive(this: InstanceType<typeof module.Lowering>, v: Parameters<typeof isLive>[0]): boolean {
      if (fault.wrongNow.has("isLive")) return false;
      return fault.wrongNow.has("pinned") ? this.usage.lastUse(v) > this.position : isLive.call(this, v);
    },
    // What is not live must still be there.
    release() {},
  });
  return module;
});
type Conflict = typeof import("../../src/compiler/passes/support/conflict.ts");
vi.mock("../../src/compiler/passes/support/conflict.ts", async (original) =>
  fault.breaking(await original<Conflict>(), { disjoint: () => () => true }),
);
afterEach(() => fault.wrongNow.clear());

const kept = (x: A, options = {}): A =>
  lax.scan(
    (c: A) => {
      const next = c.at(0).mul(-3).mul(0.5);
      return [next, next] as const;
    },
    x,
    null,
    { length: 3, ...options },
  )[1];

const PROGRAMS: Readonly<Record<string, (x: A, y: A) => unknown>> = {
  "a carry that is updated and kept": (x) => kept(x).mul(2),
  "the same from the end": (x) => kept(x, { reverse: true }).mul(2),
  "the same, unrolled": (x) => kept(x, { unroll: true }).T,
  "a gradient of it": grad((x: A) => np.sin(kept(x)).sum()) as never,
  "an array that is updated and read": (x) => {
    const t = np.exp(x);
    return [t.at(0).set(7).mul(2), t.neg()];
  },
  "a view of what is updated": (x) => {
    const t = np.exp(x);
    return [t.at(0).set(7).mul(2), np.flip(t, 0)];
  },
  "an array that is updated by itself": (x) => {
    const t = np.exp(x);
    return lax.dynamicUpdateSlice(t, np.flip(t, 0).slice([0, 3]), [np.array(1, { dtype: "int32" })]).mul(2);
  },
  "an array that a branch updates": (x) => {
    const t = np.exp(x);
    const part = t.slice([0, 1]).add(1);
    const y = lax.cond(
      x.sum().greater(0),
      (a: A) => a.at(0).set(a.slice(1)).at(2).mul(3),
      (a: A) => lax.foriLoop(0, 3, (i: A, b: A) => b.at(i).mul(2), a),
      t,
    );
    return [part.mul(y.slice([0, 1])), t.mul(3)];
  },
  "a constant that a loop updates": (x) => {
    const t = np.exp(x);
    return lax.scan((c: A, i: A) => [c.add(t.at(i).set(c.slice(0)).sum()), null], x, np.arange(3))[0];
  },
  "a constant that a while updates": (x) => {
    const t = np.exp(x);
    return lax.whileLoop(
      ([i]: [A, A]) => i.less(3),
      ([i, c]: [A, A]): [A, A] => [i.add(1), c.add(t.at(i).set(c.slice(0)).mul(0.5))],
      [np.array(0, { dtype: "int32" }), x] as [A, A],
    );
  },
  "a condition that updates the carry": (x) =>
    lax.whileLoop(
      ([i, c]: [A, A]) => np.logicalAnd(c.at(0).set(3).max().greater(0), i.less(3)),
      ([i, c]: [A, A]): [A, A] => [i.add(1), c.at(1).add(c.slice(0))],
      [np.array(0, { dtype: "int32" }), x] as [A, A],
    ),
  "carries that change places": (x, y) =>
    lax.scan(([a, b]: [A, A]) => [[b, a.mul(0.5)] as [A, A], null], [x, y] as [A, A], null, { length: 3 })[0],
  "carries that change places, in a while": (x, y) =>
    lax.whileLoop(
      ([i]: [A, A, A]) => i.less(3),
      ([i, a, b]: [A, A, A]): [A, A, A] => [i.add(1), b, a.mul(0.5)],
      [np.array(0, { dtype: "int32" }), x, y] as [A, A, A],
    ),
  "a carry that every element of the next one reads": (x) =>
    lax.scan((c: A) => [np.flip(c, 0).mul(c.sum()), c.sum()], np.sin(x), null, { length: 3 }),
  "a carry that a product reads": (x, y) =>
    lax.scan((c: A) => [np.tanh(np.matmul(np.outer(y, y), c)), null], x, null, { length: 3 })[0],
  "a carry that becomes its running sums from the end": (x) =>
    lax.scan((c: A) => [np.cumsum(np.flip(c, 0)), null], x, null, { length: 3 })[0],
  "a loop inside of a loop that updates what the outer one keeps": (x) =>
    lax.scan(
      (c: A) => {
        const [last, ys] = lax.scan((d: A) => [d.at(1).mul(-2).mul(0.5), d], c, null, { length: 2 });
        return [last, [c, ys]] as [A, A[]];
      },
      x,
      null,
      { length: 3 },
    ),
  "neighbours, one after the other": (x, y) => {
    const t = np.exp(x);
    const s = t.at([1, 3]).set(t.slice([0, 2]).mul(2));
    return s.at([0, 2]).add(np.cumsum(s.mul(y)).slice([1, 3]));
  },
  "a state that is shifted": (x) =>
    lax.scan((c: A, v: A) => [np.roll(c, 1, 0).at(0).set(v), c.sum()], np.zeros([4]).add(x.sum()), x),
};

const ARGS = filled([[4], [4]], 1, "float32");
const target = wasmTarget({ relaxedSimd: true }, 2);

function compiled(f: (x: A, y: A) => unknown): Program {
  const { jaxpr } = makeJaxpr(f as never)(...(ARGS as never[]));
  return runPipeline(lowerJaxpr(prepare(jaxpr)), target, { debug: true });
}
const resultsOf = (p: Program): number[][] => interpret(p, randomArgs(p, 1)).map((x) => [...x]);
const isNear = (x: number[][], y: number[][]): boolean =>
  x.every((xs, k) => xs.every((v, i) => Math.abs(v - y[k]![i]!) <= 1e-4 * (1 + Math.abs(v))));

/** What becomes of a program: whether it is refused, or what it computes is right. */
function outcome(f: (x: A, y: A) => unknown, want: number[][]): string {
  try {
    return isNear(want, resultsOf(compiled(f))) ? "right" : "wrong";
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  }
}

const OVERWRITTEN = /loop IR is invalid after (\w+): \w+ is (overwritten|read)/;

describe("taken wrongly", () => {
  test.each<[what: string, ...names: string[]]>([
    ["which arrays are read later", "isLive"],
    ["which arguments the next iteration reads again", "pinned"],
    ["whether a branch may change an operand", "isOwned"],
    ["whether an update may change an operand", "own"],
    ["whether a result may be built in the place of a carry", "isReplacement", "place"],
    ["whether a result reads what lies in its place", "isReplacement", "deliver"],
    ["whether the carry of a while needs a copy", "copySlot", "deliver"],
    ["whether the carry of a scan needs two rows", "ringSlot", "deliver"],
    ["whether two accesses never meet", "disjoint"],
  ])("%s (%s, %s)", (_, ...names) => {
    const found = Object.entries(PROGRAMS).map(([title, f]) => {
      fault.wrongNow.clear();
      const want = resultsOf(compiled(f));
      for (const name of names) fault.wrongNow.add(name);
      return `${title}: ${outcome(f, want)}`;
    });
    expect(found.filter((x) => x.endsWith("wrong"))).toEqual([]);
    expect(found.some((x) => OVERWRITTEN.test(x))).toBe(true);
  });
});
