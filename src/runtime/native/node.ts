/** The native tier on Node: a compiler from the PATH, a cache on the disk, and koffi to call what was compiled. */
import { createRequire } from "node:module";
import { type CText, emitC } from "../../backends/c/index.ts";
import { nativeTarget } from "../../compiler/target.ts";
import { CacheEntry, cacheFolder } from "./disk-cache.ts";
import {
  CompileFailure,
  type NativeCode,
  type NativeFunction,
  type NativeHost,
  type NativeLibrary,
} from "./host.ts";
import { prune } from "./prune.ts";
import { compile, cpuFlagsOf, findToolchain, type Toolchain } from "./toolchain.ts";

/** The part of koffi that is used. */
interface Koffi {
  load(path: string): { func(name: string, result: string, args: readonly string[]): NativeFunction };
  address(view: Uint8Array): bigint;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const require = createRequire(import.meta.url);

const koffi: () => Koffi | undefined = once(() => {
  try {
    return require("koffi") as Koffi;
  } catch {
    return undefined;
  }
});

/** Addresses go as numbers, the cheapest kind of argument: 30 ns a call. */
function bind(library: string, help: string | undefined): NativeCode {
  const run = koffi()!.load(library).func("weft_run", "void", ["uintptr_t", "uintptr_t"]);
  return { run, threaded: help === undefined ? undefined : forWorkers({ library, help }) };
}

function forWorkers(library: Omit<NativeLibrary, "koffi">): NativeCode["threaded"] {
  const text = JSON.stringify({ koffi: require.resolve("koffi"), ...library } satisfies NativeLibrary);
  return { kind: "native", bytes: new TextEncoder().encode(text) };
}

/** Undefined where there are no processes. */
export const nativeHost: NativeHost | undefined = createNativeHost();

/** Looks for a compiler at the first use, then keeps to it. */
export function createNativeHost(): NativeHost {
  const toolchain = once(findToolchain);
  const target = once(() => nativeTarget(cpuFlagsOf(toolchain()!.macros)));
  return {
    missing: () => {
      const parts = [koffi() ? [] : [KOFFI], toolchain() ? [] : [COMPILER]].flat();
      return parts.length > 0 ? parts.join(" and ") : undefined;
    },
    compiler: () => toolchain()!.path,
    source: (program, plan) => emitC(program, plan, target()).source,
    target,
    load: (program, plan, folder) => loadSource(toolchain()!, emitC(program, plan, target()), folder),
    addressOf: (view) => Number(koffi()!.address(view)),
  };
}

const KOFFI = "the package koffi (npm install koffi)";
const COMPILER = "a C compiler (GCC or Clang as cc, gcc or clang in the PATH, or the path of one in WEFT_CC)";

/** The functions of a C text: from the cache, or compiled. */
export function loadSource(tools: Toolchain, { source, help }: CText, folder: string): NativeCode {
  const cache = cacheFolder(folder);
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
  build(entry, tools, source);
  if (entry.isMilestone) prune(cache);
  return bind(entry.library, help);
}

/** Where the library of a C text lies. */
export const entryFor = (tools: Toolchain, source: string, folder: string): CacheEntry =>
  new CacheEntry(folder, [source, tools.path, [...tools.flags, ...tools.libraries].join(" "), tools.macros]);

function build(entry: CacheEntry, tools: Toolchain, source: string): void {
  entry.write(entry.source, source);
  entry.store((path) => {
    const { failure, log } = compile(tools, source, path);
    if (failure === undefined) return;
    entry.write(entry.log, log);
    throw new CompileFailure(`The C compiler failed: ${failure}.`, entry.log);
  });
}
