/** What the compiler made of a function, in numbers and words. */

import { type Decision, type DecisionKind, listen } from "../core/journal.ts";
import { stage } from "../core/stage.ts";
import { type ProgramFacts, programFacts } from "../runtime/explain.ts";
import { type AnyFunction, arrayLeaves, checkCallable, flatten } from "./functions.ts";

/** See {@link explain}. */
export interface Explanation extends ProgramFacts {
  toString(): string;
}

/**
 * Compiles `f` for arguments like these and says what it became: loops, matrix products with their FLOPs, what was fused,
 * hoisted, deferred and recomputed, what is split over threads, and the bytes of arguments, results and temporaries. Nothing is run.
 *
 * @returns data with a `toString()` for the terminal
 * @throws as {@link jit} for arguments that are no arrays
 * @example console.log(String(explain((x) => np.dot(x, x))(np.ones([8, 8]))))
 */
export function explain<F extends AnyFunction>(f: F): (...args: unknown[]) => Explanation {
  checkCallable(f, "explain");
  return (...args) => {
    const parts = args.map((a, i) => arrayLeaves(a, `explain: argument ${i}`));
    const flat = flatten(
      f,
      parts.map(([, def]) => def),
      false,
      "explain",
    );
    const [{ jaxpr }, traced] = listen(() =>
      stage(
        flat,
        parts.flatMap(([leaves]) => leaves.map((x) => x.aval)),
      ),
    );
    const facts = programFacts(jaxpr);
    const all = { ...facts, decisions: [...traced, ...facts.decisions] };
    return { ...all, toString: () => describe(all) };
  };
}

const TITLES: Readonly<Record<DecisionKind, string>> = {
  sunk: "done after the loop",
  deferred: "summed after the loop",
  recomputed: "computed again",
  history: "stored once",
  inPlace: "updated in place",
  hoisted: "moved out of loops",
  fused: "fused",
  parallel: "split over threads",
};

function describe(facts: ProgramFacts): string {
  const lines = [
    `one program: ${bytes(facts.bytes.module)} of WebAssembly, compiled in ${facts.compileMs.toFixed(0)} ms`,
    ...facts.loops.map(
      (l) => `${"  ".repeat(l.depth + 1)}loop of ${l.length}${l.times > 1 ? `, run ${l.times} times` : ""}`,
    ),
    `${facts.matmuls.length} matrix products, ${count(facts.flops)}FLOP`,
    ...facts.matmuls.map(
      (m) => `  ${shape(m)}${m.times > 1 ? `, ${m.times} times` : ""}: ${count(m.flops)}FLOP`,
    ),
    ...decisionLines(facts.decisions),
    `${facts.parallelLoops} nests can be split over threads`,
    `memory: arguments ${bytes(facts.bytes.arguments)}, results ${bytes(facts.bytes.results)}, temporaries ${bytes(facts.bytes.temporaries)}`,
    ...facts.largest.map((b) => `  ${b.name}: ${bytes(b.bytes)}`),
  ];
  return lines.join("\n");
}

const shape = (m: { batch: number; m: number; n: number; k: number }): string =>
  `${m.batch > 1 ? `${m.batch} x ` : ""}[${m.m} x ${m.k}] · [${m.k} x ${m.n}]`;

function decisionLines(decisions: readonly Decision[]): string[] {
  return (Object.keys(TITLES) as DecisionKind[]).flatMap((kind) => {
    const own = decisions.filter((d) => d.kind === kind);
    return own.length ? [`${TITLES[kind]}: ${own.length}`, ...own.map((d) => `  ${d.what}`)] : [];
  });
}

function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  return n < 2 ** 20 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 2 ** 20).toFixed(1)} MiB`;
}

function count(n: number): string {
  const units = ["", "k", "M", "G", "T"];
  const step = n < 1 ? 0 : Math.min(Math.floor(Math.log10(n) / 3), units.length - 1);
  return `${(n / 1000 ** step).toFixed(step ? 2 : 0)} ${units[step]}`;
}
