/** The native tier on Node: a compiler from the PATH, a cache on the disk, and koffi to call what was compiled. */
import { existsSync, statSync } from "node:fs";
import module from "node:module";
import { join } from "node:path";
import process from "node:process";
import { type CText, emitC } from "../../../backends/c/index.ts";
import { nativeTarget } from "../../../compiler/target.ts";
import { HERE } from "../../../util/frames.ts";
import { reasonOf } from "../../../util/reason.ts";
import { compile } from "./compile.ts";
import { CacheEntry, cacheFolder } from "./disk-cache.ts";
import { elfFault } from "./elf.ts";
import {
  type NativeCode,
  NativeFailure,
  type NativeFunction,
  type NativeHost,
  type NativeLibrary,
} from "./host.ts";
import { prune } from "./prune.ts";
import { cpuFlagsOf, findToolchain, type Toolchain } from "./toolchain.ts";

/** The part of koffi that is used. */
interface Koffi {
  load(path: string): {
    func(name: string, result: string, args: readonly string[]): NativeFunction;
    unload(): void;
  };
  address(view: Uint8Array): bigint;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const HELP_ARGS = ["uintptr_t", "uint", "int", "int", "int"];

/** Where packages may be found: from weft, from the program's main file, which may have weft inside, and from where it was started. */
const requirers = once(() =>
  [HERE, process.argv[1], join(process.cwd(), "program.js")]
    .filter((file) => file !== undefined && /^(?:file:|\/|[A-Z]:)/i.test(file))
    .map((file) => module.createRequire(file!)),
);

/** Where a package is that need not be installed. Bundlers do not follow: they would refuse to build without it. */
function locate(name: string): string {
  for (const { resolve } of requirers())
    try {
      return resolve(name);
    } catch {}
  throw Object.assign(new Error(`There is no package ${name}.`), { code: "MODULE_NOT_FOUND" });
}

/** The package, or what is wrong with it. */
const loadKoffi: () => Koffi | string = once(() => {
  try {
    const koffi = requirers()[0]!(locate("koffi")) as Koffi;
    koffi.address(new Uint8Array(8));
    return koffi;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND";
    return missing ? KOFFI : `${KOFFI}, which is there but fails (${firstLine(error)})`;
  }
});
const koffi = (): Koffi => loadKoffi() as Koffi;

const firstLine = (error: unknown): string => reasonOf(error).split("\n")[0]!;

/** Addresses go as numbers, the cheapest kind of argument: 30 ns a call. */
function bind(path: string, help: string | undefined): NativeCode {
  const library = koffi().load(path);
  // Asked for here, too: in a worker, its absence would only show as help that never comes.
  if (help !== undefined) library.func(help, "int", HELP_ARGS);
  const run = library.func("weft_run", "void", ["uintptr_t", "uintptr_t"]);
  const threaded = help === undefined ? undefined : forWorkers({ library: path, help });
  return { run, threaded, bytes: statSync(path).size, unload: () => library.unload() };
}

function forWorkers(library: Omit<NativeLibrary, "koffi">): NativeCode["threaded"] {
  const text = JSON.stringify({ koffi: locate("koffi"), ...library } satisfies NativeLibrary);
  return { kind: "native", bytes: new TextEncoder().encode(text) };
}

/** Undefined where there are no processes. */
export const nativeHost: NativeHost | undefined = createNativeHost();

/**
 * Looks for a compiler at the first use, then keeps to it.
 * @param limitMs how long a program may take to compile, if not what its size suggests
 */
export function createNativeHost(limitMs?: number): NativeHost {
  const toolchain = once(findToolchain);
  const target = once(() => nativeTarget(cpuFlagsOf(toolchain()?.macros ?? "")));
  return {
    missing: () => {
      const package_ = loadKoffi();
      const parts = [typeof package_ === "string" ? [package_] : [], toolchain() ? [] : [COMPILER]].flat();
      return parts.length > 0 ? parts.join(" and ") : undefined;
    },
    compiler: () => toolchain()!.path,
    emit: emitC,
    target,
    load: (text, folder) => loadSource(toolchain()!, text, folder, limitMs),
    addressOf: (view) => Number(koffi().address(view)),
  };
}

const KOFFI = "the package koffi (npm install koffi)";
const COMPILER = "a C compiler (GCC or Clang as cc, gcc or clang in the PATH, or the path of one in WEFT_CC)";

/** The functions of a C text: from the cache, or compiled. Whatever the system refuses is a {@link NativeFailure}. */
export function loadSource(tools: Toolchain, text: CText, folder: string, limitMs?: number): NativeCode {
  try {
    return loadOrBuild(tools, text, cacheFolder(folder), limitMs);
  } catch (error) {
    if (error instanceof NativeFailure) throw error;
    throw new NativeFailure(
      `Compiled code cannot be stored in ${folder || "the cache folder"}: ${firstLine(error)}.`,
    );
  }
}

function loadOrBuild(tools: Toolchain, text: CText, cache: string, limitMs?: number): NativeCode {
  const { source, help } = text;
  const entry = entryFor(tools, source, cache);
  if (entry.isValid()) {
    try {
      const code = bind(entry.library, help);
      entry.touch();
      return code;
    } catch {
      // Made on a machine that looks the same but is not, or deleted just now: compile it here.
    }
  }
  build(entry, tools, text, limitMs);
  if (entry.isMilestone) prune(cache);
  return bindNew(entry.library, tools, help);
}

/** A library that was compiled just now. */
function bindNew(path: string, tools: Toolchain, help: string | undefined): NativeCode {
  try {
    return bind(path, help);
  } catch (error) {
    const reason = firstLine(error);
    const mounted = /failed to map|not permitted/i.test(reason)
      ? " Is its folder mounted noexec? Set config.cacheDir (WEFT_CACHE_DIR)."
      : "";
    throw new NativeFailure(`What ${tools.path} made of a program cannot be loaded: ${reason}.${mounted}`);
  }
}

/** Where the library of a C text lies. */
export const entryFor = (tools: Toolchain, source: string, folder: string): CacheEntry =>
  new CacheEntry(folder, [source, tools.path, [...tools.flags, ...tools.libraries].join(" "), tools.macros]);

function build(entry: CacheEntry, tools: Toolchain, text: CText, limitMs?: number): void {
  entry.write(entry.source, text.source);
  entry.store((path) => {
    const { failure, timedOut, log } = compile(tools, text, path, limitMs);
    if (failure !== undefined) {
      entry.write(entry.log, log);
      throw new NativeFailure(
        `The C compiler ${tools.path} failed: ${failure}; see ${entry.log}.`,
        !timedOut,
      );
    }
    if (!existsSync(path))
      throw new NativeFailure(`The C compiler ${tools.path} reports success, but it wrote nothing.`);
  }, checkLibrary(tools));
}

const checkLibrary =
  (tools: Toolchain) =>
  (library: Uint8Array): void => {
    const fault = process.platform === "linux" ? elfFault(library, process.arch) : undefined;
    if (fault !== undefined)
      throw new NativeFailure(`The C compiler ${tools.path} reports success, but what it wrote ${fault}.`);
  };
