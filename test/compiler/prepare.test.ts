/** The passes over jaxprs as debugging sees them: what they make is proved right, and printed when asked for. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { type JaxprPass, prepare } from "../../src/compiler/prepare.ts";
import type { NDArray } from "../../src/core/array.ts";
import { aval } from "../../src/core/aval.ts";
import { checkJaxpr } from "../../src/core/check-jaxpr.ts";
import { type Eqn, Jaxpr, mapJaxprs, subJaxprs, Var } from "../../src/core/jaxpr.ts";
import { grad, jit, lax, makeJaxpr, nn, numpy as np, random, vmap } from "../../src/index.ts";

const cell = nn.stack(nn.lstmCell(4, 4), 2);
const loss = (w: ReturnType<typeof cell.init>, xs: NDArray): NDArray => {
  const [, hs] = nn.run(cell, w, cell.initialCarry([2]), xs);
  return np.sum(np.square(hs));
};
const table = np.ones([5, 3]);
const PROGRAMS: Readonly<Record<string, () => Jaxpr>> = {
  "the gradient of a recurrent network": () =>
    makeJaxpr(grad(loss))(cell.init(random.key(0)), np.ones([6, 2, 4])).jaxpr,
  "rows read in a loop, mapped and differentiated": () =>
    makeJaxpr(
      vmap(
        grad((x: NDArray) => lax.foriLoop(0, 4, (i, s: NDArray) => s.add(np.sum(x.slice(i))), np.array(0))),
        0,
      ),
    )(np.ones([2, 5, 3])).jaxpr,
  "branches, calls and updates": () =>
    makeJaxpr((x: NDArray, i: NDArray) =>
      lax.cond(
        np.less(i, 2),
        (y: NDArray) => jit((z: NDArray) => z.at(i).set(1))(y),
        (y: NDArray) => table.add(y),
        x,
      ),
    )(table, np.array(1, { dtype: "int32" })).jaxpr,
};
const programs = Object.entries(PROGRAMS).map(([name, make]) => [name, make] as const);

const withEqns = (j: Jaxpr, eqns: readonly Eqn[]): Jaxpr => new Jaxpr(j.invars, eqns, j.outs, j.numConsts);
const isRead = (j: Jaxpr, v: Var): boolean => j.outs.includes(v) || j.eqns.some((e) => e.inputs.includes(v));

/** A jaxpr with one fault, at every place where one can be, also in its inner jaxprs. */
const FAULTS: Readonly<Record<string, (j: Jaxpr) => Jaxpr[]>> = {
  "an equation is missing": (j) =>
    j.eqns.flatMap((eqn, i) =>
      eqn.outputs.some((v) => isRead(j, v)) ? [withEqns(j, j.eqns.toSpliced(i, 1))] : [],
    ),
  "an equation stands twice": (j) => j.eqns.map((eqn, i) => withEqns(j, j.eqns.toSpliced(i, 0, eqn))),
  "an equation is read before it stands": (j) =>
    j.eqns
      .flatMap((eqn, i) =>
        eqn.outputs.some((v) => isRead(j, v)) && i + 1 < j.eqns.length
          ? [withEqns(j, [...j.eqns.toSpliced(i, 1), eqn])]
          : [],
      )
      .filter((broken) =>
        broken.eqns.slice(0, -1).some((e) => broken.eqns.at(-1)!.outputs.some((v) => e.inputs.includes(v))),
      ),
  "a result has another type": (j) =>
    j.eqns.map((eqn, i) => {
      const [v, ...others] = eqn.outputs;
      const wrong = new Var(aval([...v!.aval.shape, 7], v!.aval.dtype));
      return withEqns(j, j.eqns.toSpliced(i, 1, { ...eqn, outputs: [wrong, ...others] }));
    }),
  "an output is of another program": (j) =>
    j.outs.map((a, i) => new Jaxpr(j.invars, j.eqns, j.outs.toSpliced(i, 1, new Var(a.aval)), j.numConsts)),
};

function broken(jaxpr: Jaxpr, fault: (j: Jaxpr) => Jaxpr[]): Jaxpr[] {
  const inner = jaxpr.eqns.flatMap((eqn, i) =>
    subJaxprs(eqn.params).flatMap((sub) =>
      broken(sub, fault).map((wrong) => {
        const params = mapJaxprs(eqn.params, (j) => (j === sub ? wrong : j));
        return withEqns(jaxpr, jaxpr.eqns.toSpliced(i, 1, { ...eqn, params }));
      }),
    ),
  );
  return [...fault(jaxpr), ...inner];
}

describe.each(programs)("%s", (_, make) => {
  test("is right after every pass", () => {
    expect(() => prepare(make(), { debug: true })).not.toThrow();
  });

  test.each(Object.entries(FAULTS))("%s: found at every place", (_, fault) => {
    for (const jaxpr of [make(), prepare(make())]) {
      const faulty = broken(jaxpr, fault);
      expect(faulty.length).toBeGreaterThan(0);
      for (const wrong of faulty)
        expect(() => checkJaxpr(wrong, "x")).toThrow(/^After x the jaxpr is broken: /);
    }
  });
});

describe("seeing inside", () => {
  afterEach(() => vi.unstubAllEnvs());
  const dumped = (dump: string | undefined, off: readonly JaxprPass[] = []): string[] => {
    const texts: string[] = [];
    const options = dump === undefined ? {} : { dump };
    prepare(PROGRAMS["the gradient of a recurrent network"]!(), {
      ...options,
      off,
      log: (t) => texts.push(t),
    });
    return texts.map((text) => text.split("\n")[0]!);
  };

  test("dumps name the pass and leave out passes that changed nothing", () => {
    expect(dumped("all")[0]).toBe("// after cse");
    expect(dumped("all")).toContain("// after defer");
    expect(dumped("all")).not.toContain("// after accumulate");
    expect(dumped("after:hoist,after:defer", ["hoist"])).toEqual(["// after defer"]);
    expect(dumped("after:fuse")).toEqual([]);
  });

  test("the environment asks for dumps too", () => {
    vi.stubEnv("WEFT_DUMP", "after:defer");
    expect(dumped(undefined)).toEqual(["// after defer"]);
  });

  test("a pass that breaks a jaxpr is blamed, in debug mode", () => {
    const right = PROGRAMS["branches, calls and updates"]!();
    const wrong = withEqns(right, right.eqns.slice(1));
    expect(() => prepare(wrong, { debug: true })).toThrow(/^After inline the jaxpr is broken: a .* is read/);
    vi.stubEnv("WEFT_DEBUG", "1");
    expect(() => prepare(wrong)).toThrow(/After inline/);
  });
});
