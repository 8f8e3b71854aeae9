import fc from "fast-check";
import { expect, it } from "vitest";
import { interpret } from "../../src/backends/interp/index.ts";
import { WORK_LIMITS, type WorkLimits } from "../../src/backends/wasm/work.ts";
import type { Program } from "../../src/compiler/ir/nodes.ts";
import { contract } from "../../src/compiler/passes/contract.ts";
import { wasmTarget } from "../../src/compiler/target.ts";
import type { HostFn } from "../../src/core/lowering.ts";
import { expectSameOutputs, programs, randomArgs } from "../support/random-ir.ts";
import { compileProgram } from "./wasm-run.ts";

const target = wasmTarget();
/** Small programs, too, have functions, and loops in blocks. */
const MANY_KERNELS: WorkLimits = { trivial: 0, call: 8, block: 8, longSerial: 40, long: 100, piece: 8 };

function expectEmitted(source: Program, seed: number): void {
  const program = contract(source, target);
  const args = randomArgs(program, seed);
  const want = interpret(program, args);
  for (const limits of [WORK_LIMITS, MANY_KERNELS])
    expectSameOutputs(program, want, compileProgram(program, target, { limits }).run(args));
}

it("random programs mean what the interpreter says", () => {
  fc.assert(
    fc.property(programs({ exact: true }), fc.nat(), (p, seed) => expectEmitted(p, seed)),
    { numRuns: 150 },
  );
});

it("random programs with lanes mean what the interpreter says", () => {
  fc.assert(
    fc.property(programs({ exact: true, lanes: true }), fc.nat(), (p, seed) => expectEmitted(p, seed)),
    { numRuns: 150 },
  );
});

it("host statements see the same values in the same order", () => {
  const seen: number[][] = [];
  const record: HostFn = (values) => seen.push(...values.map(({ data }) => Array.from(data)));
  fc.assert(
    fc.property(programs({ exact: true, hosts: [record] }), fc.nat(), (source, seed) => {
      const program = contract(source, target);
      const args = randomArgs(program, seed);
      const run = (f: () => unknown): number[][] => {
        seen.length = 0;
        f();
        return [...seen];
      };
      const want = run(() => interpret(program, args));
      expect(run(() => compileProgram(program, target).run(args))).toEqual(want);
    }),
    { numRuns: 60 },
  );
});
