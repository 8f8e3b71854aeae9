/** The command line of the differential fuzzer: `npm run fuzz -- --help`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Finding } from "./check.ts";
import { Jax } from "./jax.ts";
import { python, typescript } from "./print.ts";
import { savedProgress, saveProgress } from "./progress.ts";
import { asFile, signature } from "./report.ts";
import { search, type Totals } from "./search.ts";

const HELP = `npm run fuzz -- [options]
  --programs N     how many (default 1000)
  --seed S         of the random numbers (default: from the clock; printed)
  --from I         leave out the first I programs of the seed
  --nightly        100000 programs; goes on with the search that was stopped, if --out is the folder of one
  --against X      "self": weft's ways to run a program against each other (default); "jax": against JAX, by the Python that
                   WEFT_PYTHON names
  --x64            with JAX's 64-bit types on
  --only a,b       only operations whose names begin so
  --modes a,b      only these transformations ("none": none)
  --steps N        at most so many steps (default 7)
  --native P       share of programs that are compiled natively as well (default 0.05)
  --out FOLDER     write a file that runs by itself for each kind of disagreement`;

const { values: options } = parseArgs({
  options: {
    programs: { type: "string", default: "1000" },
    seed: { type: "string", default: String(Date.now() % 1e9) },
    from: { type: "string", default: "0" },
    nightly: { type: "boolean", default: false },
    against: { type: "string", default: "self" },
    x64: { type: "boolean", default: false },
    only: { type: "string" },
    modes: { type: "string" },
    steps: { type: "string", default: "7" },
    native: { type: "string", default: "0.05" },
    out: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const NIGHT = 100_000;
const { against, x64, out, nightly } = options;
const stopped = nightly && out ? savedProgress(out, { against, x64 }, NIGHT) : undefined;
const seed = stopped?.seed ?? Number(options.seed);
const from = stopped?.next ?? Number(options.from);
const programs = nightly ? NIGHT - from : Number(options.programs);
const list = (text: string | undefined): string[] | undefined =>
  text?.split(",").filter((x) => x && x !== "none");
const kinds = new Map<string, number>();

function onFinding(index: number, finding: Finding): void {
  const key = signature(finding);
  const count = (kinds.get(key) ?? 0) + 1;
  kinds.set(key, count);
  const { program } = finding;
  console.log(`${textOf(index, finding)} [${key}]`);
  if (count > 1) return;
  console.log(`${typescript(program)}\n${python(program)}`);
  if (out === undefined) return;
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, `${seed}-${index}.mjs`), asFile(finding));
}

const textOf = (index: number, { actual, expected, difference }: Finding): string =>
  `#${index}: ${actual} against ${expected}: ${difference.kind}: ${difference.what}`;

function printCounts(counts: ReadonlyMap<string, number>): void {
  for (const [key, n] of [...counts].sort(([, a], [, b]) => b - a)) console.log(`${n} × ${key}`);
}

let reported = 0;
function onProgress({ programs, findings, next }: Totals): void {
  if (programs < reported + 100) return;
  reported = programs;
  console.error(`${programs} programs, ${findings} disagree`);
  if (nightly && out) saveProgress(out, { seed, against, x64, next });
}

async function main(): Promise<void> {
  if (options.help) return console.log(HELP);
  const path = process.env["WEFT_PYTHON"] ?? "python3";
  const jax = against === "jax" ? new Jax(path, x64) : undefined;
  console.log(`seed ${seed}, ${programs} programs from ${from} against ${against}`);
  const started = Date.now();
  const totals = await search({
    seed,
    programs,
    from,
    x64,
    only: list(options.only),
    modes: list(options.modes),
    steps: Number(options.steps),
    native: Number(options.native),
    jax,
    onDisagreement: (index, finding) => console.error(textOf(index, finding)),
    onFinding,
    onProgress,
  });
  jax?.stop();
  if (nightly && out) saveProgress(out, { seed, against, x64, next: totals.next });
  printCounts(kinds);
  if (totals.explained.size > 0) console.log("differences on purpose, with their reasons:");
  printCounts(totals.explained);
  console.log(
    `${totals.programs} programs (seed ${seed}): ${totals.findings} disagree; ${totals.refused} refused by both; ` +
      `${totals.elements} elements, ${totals.unknown} of which nothing is known; ${((Date.now() - started) / 1000).toFixed(0)} s`,
  );
  process.exitCode = totals.findings > 0 ? 1 : 0;
}

await main();
