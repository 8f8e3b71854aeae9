/** Runs the compiler on a program: once for a small one; for the units of a large one side by side, and then to link them. */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, constants } from "node:os";
import process from "node:process";
import type { CText } from "../../../backends/c/index.ts";
import { isTimeout, type Toolchain, WINDOWS } from "./toolchain.ts";

interface Compilation {
  /** What went wrong; undefined when the output is there. */
  readonly failure: string | undefined;
  /** It was stopped: the next program would be no better off. */
  readonly timedOut: boolean;
  readonly log: string;
}

/** A compiler that takes longer hangs: some 100 times what it takes on an idle machine. */
const COMPILE_MS = 60_000;
const COMPILE_MS_PER_BYTE = 1;
const MOST_OUTPUT = 64 * 2 ** 20;

/** Not among the types, but in Node: the leader of a group of its own. */
const GROUP = { detached: !WINDOWS };

/** Starts several compilers, which a synchronous call cannot. */
const SHELL = "/bin/sh";
const hasShell = (): boolean => !WINDOWS && existsSync(SHELL);

/** What makes one more compiler worth its start: a quarter of a second of GCC. */
const LEAST_WORK = 25_000;
const MOST_COMPILERS = 8;

export type Units = Pick<CText, "source" | "units">;

/** `most`: how many compilers may run at the same time. */
export function compile(
  tools: Toolchain,
  text: Units,
  output: string,
  limitMs: number = COMPILE_MS + COMPILE_MS_PER_BYTE * text.source.length,
  most: number = hasShell() ? availableParallelism() : 1,
): Compilation {
  const masks = divide(text.units, most);
  return masks.length > 1
    ? compileUnits(tools, text.source, masks, output, limitMs)
    : compileWhole(tools, text.source, output, limitMs);
}

/** The source is given on standard input, so that no name of a file gets into the result. */
function compileWhole(
  { path, flags, libraries }: Toolchain,
  source: string,
  output: string,
  limitMs: number,
): Compilation {
  const args = [...flags, "-x", "c", "-", "-o", output, ...libraries];
  return run({ path, args, input: source, limitMs });
}

function compileUnits(
  { path, flags, libraries }: Toolchain,
  source: string,
  masks: readonly string[],
  output: string,
  limitMs: number,
): Compilation {
  const objects = masks.map((_, i) => `${output}.${i}`);
  try {
    writeFileSync(`${output}.c`, source, { mode: 0o600, flag: "wx" });
    const args = ["-c", sideBySide(masks.length), output, ...masks, path, ...flags];
    const compiled = run({ path: SHELL, args, input: "", limitMs });
    if (compiled.failure !== undefined) return compiled;
    return run({ path, args: [...flags, "-o", output, ...objects, ...libraries], input: "", limitMs });
  } finally {
    for (const file of [`${output}.c`, ...objects]) rmSync(file, { force: true });
  }
}

/**
 * A script `output mask… compiler flag…`, which makes `output.0`, `output.1`, … of `output.c`. It waits for all compilers and
 * ends as one of those does that failed. Names and flags are arguments, never text of the script.
 */
function sideBySide(count: number): string {
  const each = (line: (i: number) => string): string[] => Array.from({ length: count }, (_, i) => line(i));
  return [
    ...each((i) => `m${i}=$1; shift`),
    ...each((i) => `"$@" -DUNITS="$m${i}" -c -x c - -o "$0.${i}" <"$0.c" & p${i}=$!`),
    "status=0",
    ...each((i) => `wait "$p${i}" || status=$?`),
    'exit "$status"',
  ].join("\n");
}

/** Which units each compiler takes, as masks: the longest first, each to whoever has least to do. */
export function divide(units: readonly number[], most: number): string[] {
  const total = units.reduce((sum, n) => sum + n, 0);
  const count = Math.min(
    most,
    MOST_COMPILERS,
    Math.floor(total / LEAST_WORK),
    Math.ceil(total / Math.max(...units)),
  );
  const compilers = Array.from({ length: Math.max(1, count) }, () => ({ work: 0, mask: 0n }));
  const longestFirst = [...units.entries()].sort(([, a], [, b]) => b - a);
  for (const [unit, work] of longestFirst) {
    const idle = compilers.reduce((a, b) => (b.work < a.work ? b : a));
    idle.work += work;
    idle.mask |= 1n << BigInt(unit);
  }
  return compilers.map(({ mask }) => `0x${mask.toString(16)}`);
}

interface Command {
  readonly path: string;
  readonly args: readonly string[];
  readonly input: string;
  readonly limitMs: number;
}

function run({ path, args, input, limitMs }: Command): Compilation {
  // Compilers start others, which only end with their group.
  const { pid, error, status, signal, stdout, stderr } = spawnSync(path, args, {
    ...GROUP,
    input,
    encoding: "utf8",
    timeout: limitMs,
    killSignal: "SIGKILL",
    maxBuffer: MOST_OUTPUT,
  });
  const timedOut = isTimeout(error);
  if (timedOut && !WINDOWS) killGroup(pid);
  const failure = timedOut ? `it took longer than ${limitMs / 1000} s` : failureOf(error, status, signal);
  const log = [[path, ...args].join(" "), stdout ?? "", stderr ?? "", failure ?? "done"].join("\n");
  return { failure, timedOut, log };
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}

/** A compiler that ends early also breaks the pipe to it: how it ended says more than that error. */
function failureOf(
  error: Error | undefined,
  status: number | null,
  signal: string | null,
): string | undefined {
  const ended = signal ?? signalIn(status);
  if (ended) return `it was ended by ${ended}`;
  if (status) return `it exited with status ${status}`;
  return status === 0 ? undefined : error?.message;
}

/** How a shell reports the signal that ended a process which it started. */
const signalIn = (status: number | null): string | undefined =>
  Object.entries(constants.signals).find(([, number]) => number + 128 === status)?.[0];
