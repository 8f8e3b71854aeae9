/** What a process may have of the system, cut down. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { isPossible } from "../devices/cpu/threads-support.ts";
import { bundle } from "../support/bundle.ts";
import type { Fault, Section } from "./table.ts";

/** Runs a program with the library's names at hand under limits of the shell; what it prints and its warnings. */
async function under(
  folder: string,
  limits: string,
  script: string,
  { flags = "", tier = "wasm" } = {},
): Promise<string> {
  await bundle(folder);
  writeFileSync(
    join(folder, "main.mjs"),
    `import fs from "node:fs";
    import { config, io, jit, numpy as np } from "./weft.mjs";
    config.threads = 3;
    const thrown = (act) => { try { return act(); } catch (error) { return error.message; } };
    const sum = jit((x) => np.sum(np.matmul(x, x)));
    const sums = async () => {
      for (let i = 0; i < 20; i++) { sum(np.ones([256, 256])); await new Promise((next) => setTimeout(next, 5)); }
      return sum(np.ones([256, 256])).item() === 2 ** 24 ? "right results" : "WRONG RESULTS";
    };
    ${script}`,
  );
  const line = `ulimit -c 0; ulimit ${limits}; exec "${process.execPath}" ${flags} main.mjs`;
  const { status, signal, stdout, stderr } = spawnSync("bash", ["-c", line], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, WEFT_TIER: tier, WEFT_CACHE_DIR: join(folder, "cache") },
  });
  const warnings = [...stderr.matchAll(/WeftWarning: (.*)/g)].map(([, text]) => `; warning "${text}"`);
  return status === 0
    ? stdout.trim() + warnings.join("")
    : `${stdout}${stderr} ${signal ?? `exit code ${status}`}`;
}

/** No file can be opened while `act` runs. */
const withoutFiles = (act: string): string => `
  const files = [];
  try { for (;;) files.push(fs.openSync("/dev/null")); } catch {}
  ${act}
  for (const file of files) fs.closeSync(file);`;

/** Kilobytes: fewer than the engine's guards of one memory take; enough for them, but not for threads besides. */
const [NO_GUARDS, NO_THREADS] = [9_000_000, 12_000_000];

const faults: readonly Fault[] = [
  {
    what: "the process may have too few addresses for a WebAssembly.Memory (ulimit -v)",
    happens: (folder) => under(folder, `-v ${NO_GUARDS}`, "console.log(thrown(() => np.ones([3])));"),
  },
  {
    what: "the same, but the engine checks bounds itself (node --disable-wasm-trap-handler)",
    happens: (folder) =>
      under(folder, `-v ${NO_GUARDS}`, "console.log(await sums());", {
        flags: "--disable-wasm-trap-handler",
      }),
  },
  {
    what: "the process has addresses for a WebAssembly.Memory, but not for threads",
    happens: (folder) => under(folder, `-v ${NO_THREADS}`, "console.log(await sums());"),
  },
  {
    what: "no more files can be opened (ulimit -n)",
    happens: (folder) =>
      under(
        folder,
        "-n 64",
        withoutFiles(`console.log(await sums());
          console.log(thrown(() => io.saveSafetensors("w", { w: np.ones([3]) })));
          console.log(thrown(() => io.loadSafetensors("w")));`),
      ),
  },
  {
    what: "the same, when native code is to be compiled",
    happens: (folder) =>
      under(folder, "-n 64", `np.ones([3]).dataSync(); ${withoutFiles("console.log(await sums());")}`, {
        tier: "native",
      }),
    impossible: !isPossible("native"),
  },
];

export const limits: Section = {
  title: "Limits of the system",
  intro:
    "Most engines reserve 8 GiB of addresses and more for one WebAssembly.Memory, and half a GiB for each thread. What the library has " +
    "of programs is bounded (1024 of them), and so are its maps of memory: some 2000 with WebAssembly, 3000 with native code, of the " +
    "65 530 that Linux allows. Where other code of the process takes nearly all of those, the engine itself ends the process: that " +
    "cannot be had as an error.",
  faults,
  lacks: process.platform === "linux" ? undefined : "the limits of Linux",
};
