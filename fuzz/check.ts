/** One program on all sides. */
import { compareErrors, compareTypes, type Difference, judge, suspects } from "./compare.ts";
import { cannotStep, explain, isReadLess, isUndecided, meantIn } from "./differences.ts";
import type { Jax } from "./jax.ts";
import { allSteps, type Program, widened } from "./program.ts";
import { hasFailed, isRefusal, type Outcome, outcome, type Result } from "./results.ts";
import { flushed, withRoundingErrors } from "./rounding.ts";
import { type Compiled, compile, inputArray } from "./run.ts";
import { EAGER_INTERPRETER, INTERPRETER, runVariant, STEPWISE, unfused, type Variant } from "./variants.ts";

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
  /** The reason on the list of differences for which it was not compared. */
  readonly explained?: string;
}

const SEEDS = [0.3, 1.7, 2.9];
/** For what those do not explain: near an edge, few errors fall on the other side. */
const MORE_SEEDS = Array.from({ length: 40 }, (_, k) => 4.1 + 1.3 * k);

const resultsOf = (o: Outcome): readonly Result[] => (hasFailed(o) ? [] : o.outs);

/** weft's own results with errors on purpose in every equation that its transformations make of a program. */
function rerun(program: Program, change: (f: Compiled) => Compiled): Outcome {
  const made = outcome(() => INTERPRETER.run(change(compile(program)), program.inputs.map(inputArray)));
  if (hasFailed(made)) console.error(`weft cannot run a program with errors in it: ${made.message}`);
  return made;
}

const withErrors = (program: Program, seed: number): readonly Result[] =>
  resultsOf(rerun(program, (f) => withRoundingErrors(f, seed)));

/**
 * Another side's results, moved by what errors move weft's own by: its equations are others, and what they round is as right. They
 * are all there is where XLA ends its process, as it does where it folds a division of integers by 0.
 */
function movedAsWeft(results: readonly Result[], program: Program, seeds: readonly number[]): Result[][] {
  const still = resultsOf(runVariant(INTERPRETER, program));
  const moved = (r: Result, { values }: Result, from: Result): Result => ({
    ...r,
    values: Array.from(r.values, (x, k) =>
      Object.is(values[k], from.values[k]) ? x : x + (values[k]! - from.values[k]!),
    ),
  });
  return seeds.map((seed) => withErrors(program, seed).map((r, i) => moved(results[i]!, r, still[i]!)));
}

/** What is taken for right. */
export interface Side {
  readonly name: string;
  readonly outcome: Outcome;
  /** Whether results tell what is typed weakly. */
  readonly weak: boolean;
  /** Results of the same side with errors on purpose. */
  reruns(seeds: readonly number[]): Promise<readonly (readonly Result[])[]>;
  /** Which numbers are meant to differ. */
  isMeant(actual: number, expected: number): boolean;
  /** Results on wider numbers; none where there are none. */
  exact(): Promise<readonly Result[]>;
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
  const types = compareTypes(actual.outs, side.outcome.outs, side.weak);
  if (types) return found(types);
  if (suspects(actual.outs, side.outcome.outs).length === 0) return found(undefined);
  const reruns = await side.reruns(SEEDS);
  const first = judge(actual.outs, side.outcome.outs, reruns, [], side.isMeant);
  if (!first.difference) return found(undefined, first.unknown);
  const more = [...reruns, ...(await side.reruns(MORE_SEEDS))];
  const { difference, unknown } = judge(
    actual.outs,
    side.outcome.outs,
    more,
    await side.exact(),
    side.isMeant,
  );
  return difference && isUndecided(program, difference)
    ? found(undefined, unknown + 1)
    : found(difference, unknown);
}

/** Another run, as right as the first where the two differ in the way that it is for. */
interface Other {
  explains(difference: Difference): boolean;
  run(): Outcome;
}

/** The first run that agrees with the side, of a way and of others that are as right as that; else that of the way. */
async function compareAny(
  program: Program,
  name: string,
  actual: Outcome,
  side: Side,
  others: readonly Other[],
): Promise<Checked> {
  const checked = await compare(program, name, actual, side);
  const [finding] = checked.findings;
  if (!finding) return checked;
  for (const other of others.filter((o) => o.explains(finding.difference))) {
    const again = await compare(program, name, other.run(), side);
    if (again.findings.length === 0) return again;
  }
  return checked;
}

/** Where a product overflows that is added to something depends on whether both are one operation, which XLA, too, chooses by itself. */
function runsUnfused(program: Program, variant: Variant): Other[] {
  const other = unfused(variant);
  return other ? [{ explains: (d) => d.overflow === true, run: () => runVariant(other, program) }] : [];
}

/** Without subnormal numbers, which JAX has not: infinity times one of them is NaN there. */
const runFlushed = (program: Program): Other => ({
  explains: (d) => d.kind === "value",
  run: () => rerun(program, flushed),
});

/** One of weft's ways against JAX. */
export async function checkAgainstJax(program: Program, variant: Variant, jax: Jax): Promise<Checked> {
  const answer = jax.run(program);
  const actual = runVariant(variant, program);
  const outcomeOfJax = await answer;
  const side: Side = {
    name: "JAX",
    outcome: outcomeOfJax,
    weak: true,
    isMeant: meantIn(program, outcomeOfJax),
    reruns: async (seeds) => [
      ...(await jax.rerun(program, seeds)),
      ...movedAsWeft(resultsOf(outcomeOfJax), program, seeds),
    ],
    exact: async () => (program.x64 ? [] : resultsOf(await jax.exact(program))),
  };
  const explained = explain(program, actual, side.outcome);
  if (explained) return { findings: [], elements: 0, unknown: 0, refused: false, explained };
  const others = [...runsUnfused(program, variant), runFlushed(program)];
  return compareAny(program, variant.name, actual, side, others);
}

/** One of weft's ways as what is right. */
export function weftSide(program: Program, variant: Variant): Side {
  const reruns = new Map<number, readonly Result[]>();
  const own = (seed: number): readonly Result[] => {
    const made = reruns.get(seed) ?? withErrors(program, seed);
    reruns.set(seed, made);
    return made;
  };
  return {
    name: variant.name,
    outcome: runVariant(variant, program),
    // Step by step a branch gives its own weak types, as in JAX; compiled, all give those of the first.
    weak: variant !== STEPWISE || allSteps(program.main).every((s) => s.bodies.length === 0),
    isMeant: () => false,
    reruns: async (seeds) => seeds.map(own),
    exact: async () => (program.x64 ? [] : resultsOf(runVariant(EAGER_INTERPRETER, widened(program)))),
  };
}

/** weft's ways against the first of them that can run the program. */
export async function checkItself(program: Program, variants: readonly Variant[]): Promise<Checked> {
  const [first, ...others] = variants;
  const side = weftSide(program, first!);
  if (cannotStep(side.outcome)) return checkItself(program, others);
  const parts: Checked[] = [];
  for (const variant of others) {
    const made = runVariant(variant, program);
    if (!isReadLess(made, side.outcome))
      parts.push(await compareAny(program, variant.name, made, side, runsUnfused(program, variant)));
  }
  return {
    findings: parts.flatMap((p) => p.findings),
    elements: parts.reduce((n, p) => n + p.elements, 0),
    unknown: parts.reduce((n, p) => n + p.unknown, 0),
    refused: hasFailed(side.outcome),
  };
}
