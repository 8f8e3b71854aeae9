import { execFileSync } from "node:child_process";
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

const NAMES = ["cc", "gcc", "clang"] as const;
/** Code for this very CPU: GCC and Clang on x86, on other machines, and compilers that know neither. */
const CPU_FLAGS: readonly (readonly string[])[] = [["-march=native"], ["-mcpu=native"], []];
const PROBE_MS = 20_000;
export const WINDOWS: boolean = process.platform === "win32";
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

export const isTimeout = (error: Error | undefined): boolean =>
  error !== undefined && "code" in error && error.code === "ETIMEDOUT";

/** `__AVX2__` is `avx2`. */
export const cpuFlagsOf = (macros: string): ReadonlySet<string> =>
  new Set(
    [...macros.matchAll(/^#define __(?:ARM_)?([A-Za-z0-9_]+?)__ 1$/gm)].map((m) => m[1]!.toLowerCase()),
  );
