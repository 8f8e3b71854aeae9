/** One program on all sides. */
import { compareErrors, compareTypes, type Difference, judge, suspects } from "./compare.ts";
import { cannotStep, isKnown } from "./differences.ts";
import type { Jax } from "./jax.ts";
import type { Program } from "./program.ts";
import { hasFailed, isRefusal, type Outcome, outcome, type Result } from "./results.ts";
import { withRoundingErrors } from "./rounding.ts";
import { compileNoisy, inputArray, type Noise } from "./run.ts";
import { EAGER_INTERPRETER, INTERPRETER, runVariant, type Variant } from "./variants.ts";

export interface Finding {
  readonly program: Program;
  /** "jit" against "JAX". */
  readonly actual: string;
  readonly expected: string;
  readonly difference: Difference;
  readonly results: { readonly actual: Outcome; readonly expected: Outcome };
}

export interface Checked {
  readonly findings: readonly Finding[];
  /** Elements compared, and those of which nothing is known. */
  readonly elements: number;
  readonly unknown: number;
  readonly refused: boolean;
}

const SEEDS = [0.3, 1.7, 2.9];

/** weft's own results with errors on purpose: in what the program says, and in the equations that its transformations make of it. */
function rerun(program: Program, noise: Noise): Result[] {
  const f = compileNoisy(program, noise);
  const inputs = program.inputs.map(inputArray);
  const whole = outcome(() => INTERPRETER.run(withRoundingErrors(f, noise.seed), inputs));
  const made = hasFailed(whole) ? outcome(() => EAGER_INTERPRETER.run(f, inputs)) : whole;
  return hasFailed(made) ? [] : [...made.outs];
}

/** JAX flushes subnormal results to zero. */
function flushed(program: Program): Result[] {
  const f = compileNoisy(program, { amount: 0, seed: 0, flush: true });
  const made = outcome(() => EAGER_INTERPRETER.run(f, program.inputs.map(inputArray)));
  return hasFailed(made) ? [] : [...made.outs];
}

/** What is taken for right. */
export interface Side {
  readonly name: string;
  readonly outcome: Outcome;
  /** Results of the same side with errors on purpose. */
  reruns(): Promise<readonly (readonly Result[])[]>;
}

const count = (results: readonly Result[]): number => results.reduce((n, r) => n + r.values.length, 0);

export async function compare(program: Program, name: string, actual: Outcome, side: Side): Promise<Checked> {
  const elements = hasFailed(actual) ? 0 : count(actual.outs);
  const base = { elements, unknown: 0, refused: hasFailed(actual) };
  const found = (difference: Difference | undefined, unknown = 0): Checked => ({
    ...base,
    unknown,
    findings: difference
      ? [
          {
            program,
            actual: name,
            expected: side.name,
            difference,
            results: { actual, expected: side.outcome },
          },
        ]
      : [],
  });
  const errors = compareErrors(actual, side.outcome, isRefusal);
  if (errors || hasFailed(actual) || hasFailed(side.outcome)) return found(errors);
  const types = compareTypes(actual.outs, side.outcome.outs, true);
  if (types) return found(types);
  if (suspects(actual.outs, side.outcome.outs).length === 0) return found(undefined);
  const { difference, unknown } = judge(actual.outs, side.outcome.outs, await side.reruns());
  return found(difference, unknown);
}

/** One of weft's ways against JAX. */
export async function checkAgainstJax(program: Program, variant: Variant, jax: Jax): Promise<Checked> {
  const answer = jax.run(program);
  const actual = runVariant(variant, program);
  const side: Side = {
    name: "JAX",
    outcome: await answer,
    reruns: async () => [...(await jax.rerun(program, SEEDS)), flushed(program)],
  };
  if (isKnown(program, actual, side.outcome)) return { findings: [], elements: 0, unknown: 0, refused: true };
  return compare(program, variant.name, actual, side);
}

/** One of weft's ways as what is right. */
export function weftSide(program: Program, variant: Variant): Side {
  let reruns: Result[][] | undefined;
  return {
    name: variant.name,
    outcome: runVariant(variant, program),
    reruns: async () => (reruns ??= SEEDS.map((seed) => rerun(program, { amount: 1, seed, flush: false }))),
  };
}

/** weft's ways against the first of them that can run the program. */
export async function checkItself(program: Program, variants: readonly Variant[]): Promise<Checked> {
  const [first, ...others] = variants;
  const side = weftSide(program, first!);
  if (cannotStep(side.outcome)) return checkItself(program, others);
  const parts: Checked[] = [];
  for (const variant of others)
    parts.push(await compare(program, variant.name, runVariant(variant, program), side));
  return {
    findings: parts.flatMap((p) => p.findings),
    elements: parts.reduce((n, p) => n + p.elements, 0),
    unknown: parts.reduce((n, p) => n + p.unknown, 0),
    refused: hasFailed(side.outcome),
  };
}
