/** What the compiler made of a function, in numbers and words. */

import { type Decision, type DecisionKind, listen } from "../core/journal.ts";
import { explainProgram, type ProgramFacts } from "../devices/index.ts";
import { formatBytes, formatCount } from "../util/units.ts";
import { type AnyFunction, checkCallable } from "./functions.ts";
import { traceAnew } from "./jit.ts";

/** See {@link explain}. */
export interface Explanation extends ProgramFacts {
  toString(): string;
}

/**
 * Compiles `f` for arguments like these under the present settings and says what it became: on which tier it would run and why,
 * its loops, its matrix products with their FLOPs, what was interchanged, hoisted, sunk, deferred, recomputed, fused, done in
 * place and split over threads, and the bytes of arguments, results, temporaries and, among these, residuals. Nothing is run.
 * Of a jitted function, static arguments stay static, and donated ones may hold results.
 *
 * @returns data with a `toString()` for the terminal
 * @throws as {@link jit} for arguments that are no arrays, and as running it would when `config.tier` is "native" and cannot be
 * @example
 * const e = explain((x) => np.dot(x, x))(np.ones([8, 8]));
 * e.flops; // => 1024
 * console.log(String(e));
 */
export function explain<F extends AnyFunction>(f: F): (...args: unknown[]) => Explanation {
  checkCallable(f, "explain");
  return (...args) => {
    const [{ jaxpr, donated }, traced] = listen(() => traceAnew("explain", f, args));
    const facts = explainProgram(jaxpr, donated);
    const all = { ...facts, decisions: [...traced, ...facts.decisions] };
    return { ...all, toString: () => describe(all) };
  };
}

const TIERS: Readonly<Record<ProgramFacts["tier"], string>> = {
  wasm: "WebAssembly",
  native: "native code",
  interp: "loop IR, interpreted",
};

const TITLES: Readonly<Record<DecisionKind, string>> = {
  accumulated: "added in place",
  masked: "updates under a condition",
  interchanged: "loops that changed places",
  sunk: "done after the loop",
  deferred: "summed after the loop",
  recomputed: "computed again",
  history: "stored once",
  promoted: "kept in registers",
  inPlace: "updated in place",
  hoisted: "moved out of loops",
  fused: "fused",
  joined: "row by row",
  parallel: "split over threads",
};

function describe(facts: ProgramFacts): string {
  const { bytes } = facts;
  const lines = [
    `runs as ${TIERS[facts.tier]}: ${facts.why}`,
    `${threadsText(facts)}, ${formatCount(facts.work, "op")} a run`,
    ...(facts.switchedOff.length ? [`switched off: ${facts.switchedOff.join(", ")}`] : []),
    `one program: ${formatBytes(bytes.module)} of ${facts.tier === "native" ? "C" : "WebAssembly"}, made in ${facts.compileMs.toFixed(0)} ms`,
    ...facts.loops.map((l) => `${"  ".repeat(l.depth + 1)}loop of ${l.length}${repeated(l.times)}`),
    `matrix products: ${facts.matmuls.length}, ${formatCount(facts.flops, "FLOP")}`,
    ...facts.matmuls.map((m) => `  ${shape(m)}${repeated(m.times)}: ${formatCount(m.flops, "FLOP")}`),
    ...decisionLines(facts.decisions),
    `memory: arguments ${formatBytes(bytes.arguments)}, results ${formatBytes(bytes.results)}, ` +
      `temporaries ${formatBytes(bytes.temporaries)}, of these residuals ${formatBytes(bytes.residuals)}`,
    ...facts.largest.map((b) => `  ${b.name}: ${formatBytes(b.bytes)}`),
  ];
  return lines.join("\n");
}

function threadsText({ threads, readyThreads, whyFewer, parallelLoops }: ProgramFacts): string {
  if (threads > 1 && parallelLoops === 0) return "one thread (none of its loops is split)";
  const count = readyThreads < threads ? `${readyThreads} of ${threads} threads` : counted(threads);
  return whyFewer === undefined ? count : `${count} (${whyFewer})`;
}

const counted = (threads: number): string => (threads === 1 ? "one thread" : `${threads} threads`);

const repeated = (times: number): string => (times > 1 ? `, ${times} times` : "");

const shape = (m: { batch: number; m: number; n: number; k: number }): string =>
  `${m.batch > 1 ? `${m.batch} x ` : ""}[${m.m} x ${m.k}] · [${m.k} x ${m.n}]`;

function decisionLines(decisions: readonly Decision[]): string[] {
  return (Object.keys(TITLES) as DecisionKind[]).flatMap((kind) => {
    const own = decisions.filter((d) => d.kind === kind).map((d) => d.what);
    const lines = [...counts(own)].map(([what, times]) => `  ${what}${repeated(times)}`);
    return own.length ? [`${TITLES[kind]}: ${own.length}`, ...lines] : [];
  });
}

/** How often each occurs, in the order of first occurrence. */
function counts(texts: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const text of texts) found.set(text, (found.get(text) ?? 0) + 1);
  return found;
}
