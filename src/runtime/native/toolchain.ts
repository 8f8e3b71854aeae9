import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import process from "node:process";
import { flagsFor } from "./flags.ts";

/** A C compiler as it was found. */
export interface Toolchain {
  readonly path: string;
  readonly flags: readonly string[];
  /** What stands behind the source. */
  readonly libraries: readonly string[];
  /** Every macro that the compiler defines with these flags: its version and the CPU show in them. */
  readonly macros: string;
}

export interface Compilation {
  /** What went wrong; undefined when the output is there. */
  readonly failure: string | undefined;
  /** It was stopped: the next program would be no better off. */
  readonly timedOut: boolean;
  readonly log: string;
}

const NAMES = ["cc", "gcc", "clang"] as const;
/** Code for this very CPU: GCC and Clang on x86, on other machines, and compilers that know neither. */
const CPU_FLAGS: readonly (readonly string[])[] = [["-march=native"], ["-mcpu=native"], []];
const PROBE_MS = 20_000;
/** A compiler that takes longer hangs: some 100 times what it takes on an idle machine. */
const COMPILE_MS = 60_000;
const COMPILE_MS_PER_BYTE = 1;
const MOST_OUTPUT = 64 * 2 ** 20;

/** Not among the types, but in Node: the leader of a group of its own. */
const GROUP = { detached: process.platform !== "win32" };

const WINDOWS = process.platform === "win32";
const SHARED = WINDOWS ? ["-shared", "-static-libgcc"] : ["-shared", "-fPIC"];
/** The compiler that `WEFT_CC` names, or the first of cc, gcc, clang in the PATH that works. */
export function findToolchain(): Toolchain | undefined {
  const wanted = process.env.WEFT_CC;
  for (const name of wanted ? [wanted] : NAMES) {
    const path = locate(name);
    const found = path && probe(path);
    if (found) return found;
  }
  return undefined;
}

/** The full path of an executable, so that what runs is what the cache is keyed by. */
function locate(name: string): string | undefined {
  const file = WINDOWS && !/\.\w+$/.test(name) ? `${name}.exe` : name;
  if (isAbsolute(file) || /[\\/]/.test(file)) return isExecutable(resolve(file)) ? resolve(file) : undefined;
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  return folders.map((folder) => join(folder, file)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Asks the compiler which macros it defines, with the first flags for the CPU that it accepts. */
function probe(path: string): Toolchain | undefined {
  for (const cpu of CPU_FLAGS) {
    const plain = listMacros(path, cpu);
    if (plain === "") return undefined;
    if (!plain?.includes("__GNUC__")) continue;
    const flags = [...cpu, ...flagsFor(plain), ...SHARED];
    const macros = listMacros(path, flags);
    return macros ? { path, flags, macros, libraries: librariesFor(macros) } : undefined;
  }
  return undefined;
}

/**
 * Programs have no start code and call the mathematical library only. Leaving out the rest is a seventh of the time that a
 * small program takes. Other systems need their start code, and Clang comes without GCC's library at times.
 */
const librariesFor = (macros: string): readonly string[] =>
  process.platform === "linux" && !macros.includes("__clang__") ? ["-nostdlib", "-lm", "-lgcc"] : ["-lm"];

/** Empty when the compiler hangs, which it will do with any flags; undefined when it refuses these. */
function listMacros(path: string, flags: readonly string[]): string | undefined {
  try {
    return execFileSync(path, [...flags, "-dM", "-E", "-x", "c", "-"], {
      input: "",
      encoding: "utf8",
      stdio: ["pipe", "pipe", "ignore"],
      timeout: PROBE_MS,
    });
  } catch (error) {
    return isTimeout(error as Error) ? "" : undefined;
  }
}

/** `__AVX2__` is `avx2`. */
export const cpuFlagsOf = (macros: string): ReadonlySet<string> =>
  new Set(
    [...macros.matchAll(/^#define __(?:ARM_)?([A-Za-z0-9_]+?)__ 1$/gm)].map((m) => m[1]!.toLowerCase()),
  );

/** Compiles a source that is given on standard input, so that no name of a file gets into the result. */
export function compile(
  { path, flags, libraries }: Toolchain,
  source: string,
  output: string,
  limitMs: number = COMPILE_MS + COMPILE_MS_PER_BYTE * source.length,
): Compilation {
  const args = [...flags, "-x", "c", "-", "-o", output, ...libraries];
  // Compilers start others, which only end with their group.
  const { pid, error, status, signal, stdout, stderr } = spawnSync(path, args, {
    ...GROUP,
    input: source,
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

const isTimeout = (error: Error | undefined): boolean =>
  error !== undefined && "code" in error && error.code === "ETIMEDOUT";

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
  if (signal) return `it was ended by ${signal}`;
  if (status) return `it exited with status ${status}`;
  return status === 0 ? undefined : error?.message;
}
