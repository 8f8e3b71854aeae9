/** The fuzzer knows every primitive and every public function. */
import { describe, expect, test } from "vitest";
import { generate, Refused } from "../../fuzz/generate.ts";
import { OPS } from "../../fuzz/ops/index.ts";
import type { Op } from "../../fuzz/ops/op.ts";
import { allSteps, type Mode, type Program } from "../../fuzz/program.ts";
import { Rng } from "../../fuzz/rng.ts";
import { compile, inputArray } from "../../fuzz/run.ts";
import type { Jaxpr } from "../../src/core/jaxpr.ts";
import { primitives } from "../../src/core/primitive.ts";
import { lax, makeJaxpr, nn, numpy as np, random } from "../../src/index.ts";

/** Primitives that no program can contain, and why. */
const NO_PROGRAM: Readonly<Record<string, string>> = {
  debug_callback: "has effects, no values",
  ...Object.fromEntries(
    ["psum", "all_gather", "reduce_scatter", "ppermute", "all_to_all", "axis_index"].map((name) => [
      name,
      "done by the batching rule of its axis: operations call its function",
    ]),
  ),
};
/** Functions that no operation calls, and why. */
const NO_OPERATION: Readonly<Record<string, string>> = {
  "np.Array": "a class",
  "np.allclose": "a JavaScript boolean of concrete arrays",
  ...Object.fromEntries(
    [
      "broadcastShapes",
      "isscalar",
      "ndim",
      "shape",
      "size",
      "finfo",
      "iinfo",
      "promoteTypes",
      "resultType",
      "issubdtype",
    ].map((name) => [`np.${name}`, "no array in the result"]),
  ),
  "np.emptyLike": "zerosLike by another name",
  "lax.asArray": "np.asarray without options",
  ...Object.fromEntries(
    ["elmanCell", "gruCell", "lstmCell", "dense", "embedding", "run", "stack"].map((name) => [
      `nn.${name}`,
      "a layer with parameters: test/goldens/models",
    ]),
  ),
};

function programWith(op: Op, from = 0): Program | undefined {
  for (let seed = from; seed < from + 60; seed++)
    try {
      const program = generate(Rng.of(seed, 0), { only: [op.name], modes: [] });
      if (allSteps(program.main).some((step) => step.op === op.name)) return program;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  return undefined;
}

const programs = new Map(
  [...OPS.values()].filter((op) => op.weight > 0).map((op) => [op.name, programWith(op)] as const),
);

test("every operation gets into a program", () => {
  expect([...programs].flatMap(([name, program]) => (program ? [] : [name]))).toEqual([]);
});

function collect(jaxpr: Jaxpr, into: Set<string>): void {
  for (const eqn of jaxpr.eqns) {
    into.add(eqn.primitive.name);
    for (const value of Object.values(eqn.params).flat()) {
      if (value && typeof value === "object" && "eqns" in value) collect(value as Jaxpr, into);
    }
  }
}

function primitivesOf(program: Program, modes: readonly Mode[]): Set<string> {
  const found = new Set<string>();
  try {
    collect(makeJaxpr(compile({ ...program, modes }))(...program.inputs.map(inputArray)).jaxpr, found);
  } catch {
    // Not every program has every derivative.
  }
  return found;
}

test("every primitive gets into a program", () => {
  const wrt = { wrt: [0] };
  const under: Mode[][] = [
    [],
    [{ kind: "jvp", params: wrt }],
    [{ kind: "grad", params: wrt }],
    [{ kind: "hvp", params: wrt }],
  ];
  const found = new Set<string>();
  const missing = (): string[] =>
    [...primitives.keys()].filter((name) => !found.has(name) && !(name in NO_PROGRAM));
  const look = (program: Program | undefined): void => {
    for (const modes of program ? under : [])
      for (const name of primitivesOf(program!, modes)) found.add(name);
  };
  for (const program of programs.values()) look(program);
  // A body may happen to need nothing of what an operation is for.
  const withBodies = [...programs].filter(([, p]) => p?.main.steps.some((step) => step.bodies.length > 0));
  for (let round = 1; round < 6 && missing().length > 0; round++)
    for (const [name] of withBodies) look(programWith(OPS.get(name)!, 100 * round));
  expect(missing()).toEqual([]);
});

test("exceptions are needed", () => {
  expect(Object.keys(NO_PROGRAM).filter((name) => !primitives.has(name))).toEqual([]);
});

describe("every function is called by an operation", () => {
  const texts = [...OPS.values()].map((op) => op.weft).join("\n");
  const spaces: Record<string, Record<string, unknown>> = { np, "np.linalg": np.linalg, lax, nn, random };
  const mentioned = (space: string, name: string): boolean =>
    new RegExp(`(?<![\\w.])${space.replace(".", "\\.")}\\.${name}\\b`).test(texts);
  const called = new Set(
    Object.entries(spaces).flatMap(([space, functions]) =>
      Object.entries(functions).flatMap(([name, f]) => (mentioned(space, name) ? [f] : [])),
    ),
  );
  test.each(Object.entries(spaces))("%s", (space, functions) => {
    const missing = Object.entries(functions).filter(
      ([name, f]) => typeof f === "function" && !called.has(f) && !(`${space}.${name}` in NO_OPERATION),
    );
    expect(missing.map(([name]) => name)).toEqual([]);
  });
});
