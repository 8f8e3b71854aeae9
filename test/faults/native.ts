/** Compilers, libraries and folders that fail, and files that somebody else could have written. */

import { createHash } from "node:crypto";
import fs, {
  chmodSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { vi } from "vitest";
import { compile } from "../../src/devices/cpu/backend.ts";
import { nativeBackend, nativeExecutors } from "../../src/devices/cpu/native/index.ts";
import { createNativeHost, loadSource } from "../../src/devices/cpu/native/node.ts";
import { findToolchain } from "../../src/devices/cpu/native/toolchain.ts";
import { wasmBackend } from "../../src/devices/cpu/wasm.ts";
import { clearCaches, setExecutor } from "../../src/devices/index.ts";
import { numpy as np } from "../../src/index.ts";
import { type Fault, type Section, thrown } from "./table.ts";

const tools = findToolchain();
const missing = createNativeHost().missing();

/** A stand-in for the compiler, which answers the question for macros as the real one does. Its output is `$out`. */
function fakeCompiler(folder: string, script: string): string {
  const path = join(folder, "fake-cc");
  const real = `real() { ${tools!.path} "$@"; }`;
  const probe = `case " $* " in *" -dM "*) exec ${tools!.path} "$@";; esac`;
  const output = 'out=; last=; for a in "$@"; do [ "$last" = -o ] && out=$a; last=$a; done';
  writeFileSync(path, ["#!/bin/sh", real, probe, output, script, ""].join("\n"));
  chmodSync(path, 0o755);
  return path;
}

/** Such a compiler is given a second. */
const HANGS = /sleep/;

/** Runs two programs on the native tier with a compiler; what they gave and which warnings there were. */
function twoPrograms(folder: string, script: string, between: () => void = () => {}): string {
  vi.stubEnv("WEFT_CC", fakeCompiler(folder, script));
  const warnings: string[] = [];
  const host = createNativeHost(HANGS.test(script) ? 1000 : undefined);
  const made = nativeExecutors({
    host,
    backend: nativeBackend(host, () => join(folder, "cache")),
    warn: (text) => void warnings.push(text),
    fallback: (source, runtime) => compile(wasmBackend, source, runtime),
  });
  setExecutor(made.native);
  try {
    const first = np.ones([4]).add(2).dataSync()[0];
    between();
    const values = [first, np.ones([5]).mul(4).dataSync()[0]];
    const right = String(values) === "3,4" ? "right results" : `WRONG RESULTS ${values}`;
    const path = /\/[0-9a-f]{32}\./g;
    return `${right}; ${warnings.map((w) => `warning "${w.replace(path, "/….")}"`).join(", ") || "no warning"}`;
  } finally {
    setExecutor(undefined);
    clearCaches();
    vi.unstubAllEnvs();
  }
}

const compiler = (what: string, script: string): Fault => ({
  what,
  happens: (folder) => twoPrograms(folder, script),
});

/** Runs two programs while one function of the file system fails. */
const failing = (
  what: string,
  name: "writeSync" | "openSync" | "mkdtempSync",
  code: string,
  text: string,
): Fault => ({
  what,
  happens: (folder) => {
    const original = fs[name] as (...args: unknown[]) => unknown;
    const spy = vi.spyOn(fs, name).mockImplementation(((...args: unknown[]) => {
      if (name === "openSync" && !String(args[1]).includes("x")) return original.apply(fs, args);
      throw Object.assign(new Error(`${code}: ${text}, ${name}`), { code });
    }) as never);
    try {
      return twoPrograms(folder, 'real "$@"');
    } finally {
      spy.mockRestore();
    }
  },
});

const ONE = "void weft_run(char *mem, const int *frame) { mem[0] += 1; }";
/** Unit 1 does what unit 0 asks for. */
const TWO_UNITS = `#ifndef UNITS
#define UNITS -1
#endif
void part(char *mem);
#if UNITS >> 1 & 1
void part(char *mem) { mem[0] += 1; }
#endif
#if UNITS & 1
void weft_run(char *mem, const int *frame) { part(mem); }
#endif`;
const EVIL = "void weft_run(char *mem, const int *frame) { mem[0] = 66; }";

/** A folder with the library of one program; `load` runs it again and tells whether it was compiled for that. */
class Cache {
  readonly folder: string;
  readonly warnings: string[] = [];
  readonly #count: string;

  constructor(folder: string) {
    this.folder = join(folder, "parent", "cache");
    this.#count = join(folder, "count");
    writeFileSync(this.#count, "");
    vi.stubEnv("WEFT_CC", fakeCompiler(folder, `echo >> ${this.#count}; real "$@"`));
    this.load();
  }

  run(source: string): number {
    const bytes = new Uint8Array(64).fill(1, 0, 1);
    const base = createNativeHost().addressOf(bytes);
    loadSource(findToolchain()!, { source, units: [], help: undefined }, this.folder).run(base, base + 4);
    return bytes[0]!;
  }

  load(): string {
    const before = readFileSync(this.#count).length;
    const spy = vi
      .spyOn(process, "emitWarning")
      .mockImplementation((text) => void this.warnings.push(String(text)));
    const value = this.run(ONE);
    spy.mockRestore();
    if (value !== 2) return `SOMEBODY ELSE'S CODE RAN (${value})`;
    return readFileSync(this.#count).length === before ? "loaded as it is" : "compiled again, not loaded";
  }

  file(end: string): string {
    return join(this.folder, readdirSync(this.folder).find((name) => name.endsWith(end))!);
  }

  /** Puts another library in place of the right one, with the checksum that earlier versions had. */
  forge(): void {
    const library = this.file(".so");
    const evil = join(dirname(this.#count), "evil.so");
    fs.writeFileSync(`${evil}.c`, EVIL);
    rmSync(library);
    execute(`${tools!.path} -shared -fPIC -o ${library} ${evil}.c`);
    const bytes = readFileSync(library);
    writeFileSync(
      this.file(".sha256"),
      createHash("sha256").update(`${bytes.length}:`).update(bytes).digest("hex"),
    );
  }
}

const execute = (command: string): void =>
  void createRequire(import.meta.url)("node:child_process").execSync(command);

/** Whether a program that two compilers share is there, and what of it lies in the cache, when one of them runs `script` instead. */
const oneOfTwo = (what: string, script: string): Fault => ({
  what: `of two compilers that share a program, ${what}`,
  happens: (folder) => {
    vi.stubEnv("WEFT_CC", fakeCompiler(folder, `case " $* " in ${script}; esac; real "$@"`));
    const cache = join(folder, "cache");
    try {
      const text = { source: TWO_UNITS, units: [1e6, 1e6], help: undefined };
      const limit = HANGS.test(script) ? 1000 : undefined;
      const outcome = thrown(() => loadSource(findToolchain()!, text, cache, limit)).replace(/; see .*/, "");
      const kept = readdirSync(cache).map((name) => name.replace(/^[0-9a-f]{32}/, "…"));
      return `${outcome.replace("Error:", "WebAssembly is used:")}; what is kept: ${kept.sort().join(", ")}`;
    } finally {
      vi.unstubAllEnvs();
    }
  },
  impossible: availableParallelism() === 1,
});

/** What comes of a library in the cache after `act`. */
const planted = (what: string, act: (cache: Cache, folder: string) => string | undefined): Fault => ({
  what,
  happens: (folder) => {
    try {
      const cache = new Cache(folder);
      const more = act(cache, folder);
      const outcome = more ?? cache.load();
      const warning = cache.warnings.map(
        (text) => `; warning "${/^.*? (is not|can|lies|belongs)[^.(]*/.exec(text)?.[0]}"`,
      );
      return outcome + warning.join("");
    } finally {
      vi.unstubAllEnvs();
      execute(`chmod -R u+rwX ${folder}`);
    }
  },
});

/** Lets files seem to be another user's. */
function foreign<T>(name: "fstatSync" | "lstatSync", matches: (path: unknown) => boolean, act: () => T): T {
  const original = fs[name] as (...args: unknown[]) => fs.Stats;
  const spy = vi.spyOn(fs, name).mockImplementation(((...args: unknown[]) => {
    const stat = original.apply(fs, args);
    return matches(args[0]) ? Object.assign(Object.create(fs.Stats.prototype), stat, { uid: 4711 }) : stat;
  }) as never);
  try {
    return act();
  } finally {
    spy.mockRestore();
  }
}

const faults: readonly Fault[] = [
  compiler("the compiler refuses", "echo unhappy >&2; exit 3"),
  compiler("it crashes", "kill -SEGV $$"),
  compiler("it is killed, as the system does for want of memory", "kill -KILL $$"),
  {
    ...compiler(
      "the same befalls the part of it that does the work",
      'mkdir "$out.d" && printf "#!/bin/sh\\nkill -KILL \\$\\$\\n" > "$out.d/cc1" && chmod +x "$out.d/cc1" && real -B "$out.d" "$@"',
    ),
    // Clang is one process.
    impossible: /__clang__/.test(tools?.macros ?? ""),
  },
  compiler("it hangs", "sleep 60"),
  compiler("it reports success and writes nothing", "exit 0"),
  compiler("it writes an empty file", ': > "$out"'),
  compiler("it writes text", 'echo "not a library, but long enough to have the header of one" > "$out"'),
  compiler(
    "it writes half a library",
    'real "$@"; n=$(wc -c < "$out"); head -c $((n / 2)) "$out" > "$out.half"; mv "$out.half" "$out"',
  ),
  compiler(
    "it writes a library for another processor",
    'real "$@"; printf "\\001\\001" | dd of="$out" bs=1 seek=18 conv=notrunc 2>/dev/null',
  ),
  compiler(
    "it writes a library without the function",
    'echo "int other;" | real "$@" -include /dev/null -Dweft_run=else_run',
  ),
  compiler(
    "it writes a library that needs a function which nobody has",
    'sed "1i void nobody(void); __attribute__((constructor)) void f(void) { nobody(); }" | real "$@"',
  ),
  oneOfTwo("none fails", '" "*) ;'),
  oneOfTwo("one refuses", "*UNITS=0x1*) echo unhappy >&2; exit 3;"),
  oneOfTwo("the other crashes", "*UNITS=0x2*) kill -SEGV $$;"),
  oneOfTwo("one is killed", "*UNITS=0x1*) kill -KILL $$;"),
  oneOfTwo("the other hangs", "*UNITS=0x2*) sleep 60;"),
  oneOfTwo("one reports success and writes nothing", "*UNITS=0x1*) exit 0;"),
  oneOfTwo("the other writes text", '*UNITS=0x2*) echo "not an object" > "$out"; exit 0;'),
  oneOfTwo("both write what does not fit together", '*UNITS*) real "$@" -UUNITS -DUNITS=-1; exit;'),
  failing("the disk is full", "writeSync", "ENOSPC", "no space left on device"),
  failing("the folder may not be written to", "openSync", "EACCES", "permission denied"),
  {
    what: "the folder is mounted so that nothing in it can be run",
    happens: (folder) => {
      const koffi = createRequire(import.meta.url)("koffi");
      const spy = vi.spyOn(koffi, "load").mockImplementation(() => {
        throw new Error("Failed to load shared library: failed to map segment from shared object");
      });
      try {
        return twoPrograms(folder, 'real "$@"');
      } finally {
        spy.mockRestore();
      }
    },
  },
  {
    what: "the folder is removed between two programs",
    happens: (folder) =>
      twoPrograms(folder, 'real "$@"', () => rmSync(join(folder, "cache"), { recursive: true })),
  },
  {
    what: "koffi is there, but fails",
    happens: async () => {
      const require = createRequire(import.meta.url);
      const found = require.cache[require.resolve("koffi")]!;
      const original = found.exports;
      found.exports = {
        address: () => {
          throw new Error("built for another version of Node");
        },
      };
      vi.resetModules();
      try {
        const { createNativeHost } = await import("../../src/devices/cpu/native/node.ts");
        return `config.tier "native" says what is missing: ${createNativeHost().missing()}; "auto" uses WebAssembly`;
      } finally {
        found.exports = original;
        vi.resetModules();
      }
    },
  },
  planted("a program is loaded a second time", () => undefined),
  planted("its library belongs to another user", (cache) => {
    return foreign(
      "fstatSync",
      (file) => typeof file === "number" && fs.readlinkSync(`/proc/self/fd/${file}`).endsWith(".so"),
      () => cache.load(),
    );
  }),
  planted("others may write to its library", (cache) => void chmodSync(cache.file(".so"), 0o666)),
  planted("others may write to its checksum", (cache) => void chmodSync(cache.file(".sha256"), 0o622)),
  planted("its library is a symbolic link", (cache, folder) => {
    const library = cache.file(".so");
    renameSync(library, join(folder, "moved.so"));
    symlinkSync(join(folder, "moved.so"), library);
    return undefined;
  }),
  planted("its library and checksum are those of another program", (cache) => {
    const [library, sum] = [cache.file(".so"), cache.file(".sha256")];
    for (const name of readdirSync(cache.folder)) rmSync(join(cache.folder, name));
    cache.run(EVIL);
    renameSync(cache.file(".so"), library);
    renameSync(cache.file(".sha256"), sum);
    return undefined;
  }),
  planted("somebody has put another library there, with its checksum", (cache) => void cache.forge()),
  planted("the folder and all in it was open to all, was changed, and is private again", (cache) => {
    execute(`chmod -R a+rwX ${cache.folder}`);
    cache.forge();
    execute(`chmod -R go-rwx ${cache.folder}`);
    return undefined;
  }),
  planted("the folder is open to all", (cache) => {
    chmodSync(cache.folder, 0o777);
    return `${cache.load()}, and what was in it is deleted: ${readdirSync(cache.folder).length === 0}`;
  }),
  planted("it is private again after that", (cache) => {
    chmodSync(cache.folder, 0o777);
    cache.load();
    cache.warnings.length = 0;
    cache.run(EVIL);
    chmodSync(cache.folder, 0o700);
    return undefined;
  }),
  planted("a folder above it is open to all", (cache) => void chmodSync(dirname(cache.folder), 0o777)),
  planted(
    "a folder above it is open to all, with the sticky bit",
    (cache) => void chmodSync(dirname(cache.folder), 0o1777),
  ),
  planted("a folder above it belongs to another user", (cache) =>
    foreign(
      "lstatSync",
      (path) => path === fs.realpathSync(dirname(cache.folder)),
      () => cache.load(),
    ),
  ),
  planted("the folder is a symbolic link", (cache, folder) => {
    renameSync(cache.folder, join(folder, "elsewhere"));
    symlinkSync(join(folder, "elsewhere"), cache.folder);
    return undefined;
  }),
  {
    what: "no folder is safe, neither the one that is set nor that for temporary files",
    happens: async (folder) => {
      vi.stubEnv("TMPDIR", folder);
      chmodSync(folder, 0o777);
      vi.resetModules();
      const spy = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
      try {
        const fresh = await import("../../src/devices/cpu/native/node.ts");
        const unit = { source: ONE, units: [], help: undefined };
        const error = thrown(() => fresh.loadSource(tools!, unit, join(folder, "cache")));
        return error.replace(/weft-\w{6} /, "weft-… ").replace("Error:", "WebAssembly is used:");
      } finally {
        spy.mockRestore();
        vi.unstubAllEnvs();
        vi.resetModules();
      }
    },
  },
];

export const native: Section = {
  title: "Native code",
  intro:
    "What goes wrong between a program and its native code ends in one warning, and WebAssembly. The folder of compiled code loads " +
    "nothing that another user could have written.",
  faults,
  lacks: tools === undefined || missing !== undefined ? (missing ?? "no compiler") : undefined,
};
