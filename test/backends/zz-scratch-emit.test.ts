import fc from "fast-check";
import { it } from "vitest";
import { interpret } from "../../src/backends/interp/index.ts";
import { wasmTarget } from "../../src/compiler/target.ts";
import { contract } from "../../src/compiler/passes/contract.ts";
import { vectorize } from "../../src/compiler/passes/vectorize.ts";
import { expectSameOutputs, programs, randomArgs } from "../support/random-ir.ts";
import { compileProgram } from "./wasm-run.ts";
const target = wasmTarget();
for (const lanes of [false, true]) it(`many ${lanes}`, () => {
  fc.assert(fc.property(programs({ exact: true, lanes, stages: 8 }), fc.nat(), (p, seed) => {
    for (const q of lanes ? [contract(p, target)] : [contract(p, target), vectorize(contract(p, target), target)]) {
      const args = randomArgs(q, seed);
      expectSameOutputs(q, interpret(q, args), compileProgram(q, target, { limits: { trivial: 0, call: 8, block: 8, longSerial: 40, long: 100 } }).run(args));
    }
  }), { numRuns: 1500 });
}, 200000);
