/** What every test of a pass does: text before and after, and the same meaning for random programs. */
import fc from "fast-check";
import { expect } from "vitest";
import { verifyDefined } from "../../../src/compiler/ir/defined.ts";
import type { Program } from "../../../src/compiler/ir/nodes.ts";
import { verifyOrder } from "../../../src/compiler/ir/order.ts";
import { parseProgram } from "../../../src/compiler/ir/parse.ts";
import { printProgram } from "../../../src/compiler/ir/print.ts";
import { verify } from "../../../src/compiler/ir/verify.ts";
import type { Pass } from "../../../src/compiler/pipeline.ts";
import { type Target, wasmTarget } from "../../../src/compiler/target.ts";
import { programs, type RandomIrOptions } from "../../support/random-ir.ts";
import { expectSameMeaning } from "../../support/same-meaning.ts";
import { timed } from "../../support/times.ts";

export const target: Target = wasmTarget();

/** The text without the indentation of its first line, and without empty lines around it. */
export function dedent(text: string): string {
  const lines = text
    .replace(/^\s*\n/, "")
    .trimEnd()
    .split("\n");
  const indent = lines[0]!.length - lines[0]!.trimStart().length;
  return `${lines.map((line) => line.slice(indent)).join("\n")}\n`;
}

export const parsed = (text: string): Program => parseProgram(dedent(text));

/** The pass turns `before` into `after`, and both mean the same, up to a relative error where it adds in another order. */
export function expectPass(pass: Pass, before: string, after: string, tolerance = 0): void {
  const program = parsed(before);
  verify(program, "parsing");
  const result = pass(program, target);
  expect(printProgram(result)).toBe(dedent(after));
  verify(result, "the pass");
  verifyDefined(result, "the pass");
  expectSameMeaning(program, result, { tolerance });
}

/** The pass leaves this text as it is. */
export const expectUnchanged = (pass: Pass, text: string): void => expectPass(pass, text, text);

/** The pass keeps the meaning of random programs, some of which it changes, and leaves them valid. */
export function expectMeaningKept(
  pass: Pass,
  options: RandomIrOptions & { tolerance?: number; numRuns?: number } = {},
): void {
  const { tolerance = 0, numRuns = 150, ...random } = options;
  let changed = 0;
  fc.assert(
    fc.property(programs({ exact: true, stages: 8, ...random }), fc.nat(1000), (program, seed) => {
      const before = timed(program);
      const result = pass(before, target);
      changed += Number(result !== before);
      verify(result, "the pass");
      verifyDefined(result, "the pass");
      verifyOrder(result, "the pass");
      expectSameMeaning(program, result, { seed, tolerance });
    }),
    { numRuns },
  );
  expect(changed, "programs that the pass changes").toBeGreaterThan(0);
}
