/** Checks programs one after the other until so many were tried or the time is up, and cuts down what disagrees. */
import { type Checked, checkAgainstJax, checkItself, type Finding } from "./check.ts";
import { type GenerateOptions, generate, Refused } from "./generate.ts";
import { BATCH, type Jax } from "./jax.ts";
import type { Program } from "./program.ts";
import { hasFailed } from "./results.ts";
import { Rng } from "./rng.ts";
import { shrink } from "./shrink.ts";
import { chooseVariants, EAGER, JIT, runVariant, STEPWISE, type Variant, variantNamed } from "./variants.ts";

export interface SearchOptions extends GenerateOptions {
  readonly seed: number;
  readonly programs: number;
  /** The number of the first program of the seed. */
  readonly from?: number;
  /** Without it, weft is compared with itself. */
  readonly jax?: Jax | undefined;
  /** The share of programs that are compiled natively as well. */
  readonly native?: number;
  readonly seconds?: number;
  /** As soon as a program disagrees, before it is cut down. */
  onDisagreement?(index: number, finding: Finding): void;
  onFinding?(index: number, finding: Finding): void;
  onProgress?(totals: Totals): void;
}

export interface Totals {
  programs: number;
  /** Of the seed, all programs before this one are done. */
  next: number;
  findings: number;
  /** Programs that all sides refuse. */
  refused: number;
  /** How many programs each reason on the list of differences explains. */
  explained: Map<string, number>;
  /** Elements compared, and those of which nothing is known. */
  elements: number;
  unknown: number;
}

function add(totals: Totals, { refused, explained, elements, unknown }: Checked): void {
  totals.programs++;
  totals.refused += Number(refused);
  totals.elements += elements;
  totals.unknown += unknown;
  if (explained) totals.explained.set(explained, (totals.explained.get(explained) ?? 0) + 1);
}

export function programOf(seed: number, index: number, options: GenerateOptions): Program {
  try {
    return generate(Rng.of(seed, index), options);
  } catch (error) {
    if (error instanceof Refused) return error.program;
    throw error;
  }
}

/** Errors are alike when they say the same but for numbers. */
const likeness = (text: string): string => text.replace(/[\d.,()[\]]+/g, "").slice(0, 40);

const alike = (a: Finding | undefined, b: Finding): a is Finding =>
  a?.difference.kind === b.difference.kind &&
  (b.difference.kind !== "error" || likeness(a.difference.what) === likeness(b.difference.what));

/** weft refuses a cut program as it refused the whole: asked first, since JAX takes longer to answer. */
function refusesAlike(p: Program, variant: Variant, { results }: Finding): boolean {
  if (!hasFailed(results.actual)) return true;
  const made = runVariant(variant, p);
  return hasFailed(made) && likeness(made.message) === likeness(results.actual.message);
}

/** The smallest program that disagrees in the same way. */
async function smallest(finding: Finding, jax: Jax | undefined): Promise<Finding> {
  const actual = variantNamed(finding.actual)!;
  const again = (p: Program): Promise<Checked> =>
    jax ? checkAgainstJax(p, actual, jax) : checkItself(p, [variantNamed(finding.expected)!, actual]);
  let best = finding;
  await shrink(finding.program, async (p) => {
    if (!refusesAlike(p, actual, finding)) return false;
    const [found] = (await again(p)).findings;
    if (!alike(found, finding)) return false;
    best = found;
    return true;
  });
  return best;
}

export async function search(options: SearchOptions): Promise<Totals> {
  const { seed, programs, from = 0, jax, native = 0.05, seconds = Number.POSITIVE_INFINITY } = options;
  const counts = { programs: 0, findings: 0, refused: 0, elements: 0, unknown: 0 };
  const totals: Totals = { ...counts, next: from, explained: new Map() };
  const done = new Set<number>();
  const end = Date.now() + 1000 * seconds;
  let next = from;

  async function one(index: number): Promise<void> {
    const program = programOf(seed, index, options);
    const rng = Rng.of(seed, -index);
    const checked = jax
      ? await checkAgainstJax(program, rng.chance(0.8) ? JIT : EAGER, jax)
      : await checkItself(program, [STEPWISE, ...chooseVariants(rng, native)]);
    add(totals, checked);
    const [finding] = checked.findings;
    if (!finding) return;
    totals.findings++;
    options.onDisagreement?.(index, finding);
    options.onFinding?.(index, await smallest(finding, jax));
  }

  async function work(): Promise<void> {
    while (next < from + programs && Date.now() < end) {
      const index = next++;
      await one(index);
      done.add(index);
      while (done.delete(totals.next)) totals.next++;
      options.onProgress?.(totals);
    }
  }
  // While Python works on some, weft runs others.
  await Promise.all(Array.from({ length: jax ? 2 * BATCH : 1 }, work));
  return totals;
}
