/** The command line of the differential fuzzer: `npm run fuzz -- --help`. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Checked, checkAgainstJax, checkItself, type Finding } from "./check.ts";
import { generate, Refused } from "./generate.ts";
import { Jax } from "./jax.ts";
import { python, typescript } from "./print.ts";
import type { Program } from "./program.ts";
import { Rng } from "./rng.ts";
import { chooseVariants, EAGER, JIT } from "./variants.ts";

const HELP = `npm run fuzz -- [options]
  --programs N     how many (default 1000)
  --seed S         where to start (default: from the clock; printed)
  --against X      "self": weft's ways to run a program against each other (default); "jax": against JAX
  --x64            with JAX's 64-bit types on
  --only a,b       only operations whose names begin so
  --modes a,b      only these transformations ("none": none)
  --native P       share of programs that are compiled natively as well (default 0.05)
  --out FOLDER     write disagreements there`;

const { values: options } = parseArgs({
  options: {
    programs: { type: "string", default: "1000" },
    seed: { type: "string", default: String(Date.now() % 1e9) },
    against: { type: "string", default: "self" },
    x64: { type: "boolean", default: false },
    only: { type: "string" },
    modes: { type: "string" },
    native: { type: "string", default: "0.05" },
    out: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}

const seed = Number(options.seed);
const list = (text: string | undefined): string[] | undefined =>
  text?.split(",").filter((x) => x && x !== "none");
const jaxes = (): Jax[] => {
  const path = process.env["WEFT_PYTHON"] ?? "python3";
  return [new Jax(path, join(process.cwd(), "fuzz"), options.x64)];
};

function make(index: number): Program {
  const rng = Rng.of(seed, index);
  try {
    return generate(rng, { x64: options.x64, only: list(options.only), modes: list(options.modes) });
  } catch (error) {
    if (error instanceof Refused) return error.program;
    throw error;
  }
}

const totals = { programs: 0, refused: 0, findings: 0, elements: 0, unknown: 0 };
const kinds = new Map<string, number>();

function report(index: number, { program, actual, expected, difference }: Finding): void {
  totals.findings++;
  const text = `#${index}: ${actual} against ${expected}: ${difference.kind}: ${difference.what}`;
  const key = `${difference.kind} ${difference.what.replace(/-?[\d.]+(e-?\d+)?/g, "#").slice(0, 90)}`;
  kinds.set(key, (kinds.get(key) ?? 0) + 1);
  console.log(text);
  if (options.out) {
    mkdirSync(options.out, { recursive: true });
    const body = [text, typescript(program), python(program), JSON.stringify(program.inputs)].join("\n\n");
    writeFileSync(join(options.out, `${seed}-${index}.txt`), body);
    writeFileSync(
      join(options.out, `${seed}-${index}.json`),
      JSON.stringify({ program, actual, expected, difference }),
    );
  }
}

function add(index: number, checked: Checked): void {
  totals.programs++;
  totals.refused += Number(checked.refused);
  totals.elements += checked.elements;
  totals.unknown += checked.unknown;
  for (const finding of checked.findings.slice(0, 1)) report(index, finding);
}

const [jax] = options.against === "jax" ? jaxes() : [];
const count = Number(options.programs);
console.log(`seed ${seed}, ${count} programs against ${options.against}`);
const started = Date.now();
const QUEUE = jax ? 6 : 1;
let next = 0;
async function work(): Promise<void> {
  while (next < count) {
    const index = next++;
    const program = make(index);
    const rng = Rng.of(seed, index);
    const checked = jax
      ? await checkAgainstJax(program, rng.chance(0.8) ? JIT : EAGER, jax)
      : await checkItself(program, [
          EAGER,
          ...chooseVariants(rng, Number(options.native)).filter((v) => v !== EAGER),
        ]);
    add(index, checked);
    if (totals.programs % 100 === 0)
      console.error(
        `${totals.programs} programs, ${totals.findings} disagree, ${((Date.now() - started) / totals.programs).toFixed(0)} ms each`,
      );
  }
}
await Promise.all(Array.from({ length: QUEUE }, work));
jax?.stop();
for (const [key, n] of [...kinds].sort(([, a], [, b]) => b - a)) console.log(`${n} × ${key}`);
console.log(
  `${totals.programs} programs (seed ${seed}): ${totals.findings} disagree; ${totals.refused} refused by both; ` +
    `${totals.elements} elements, ${totals.unknown} of which nothing is known; ${((Date.now() - started) / 1000).toFixed(0)} s`,
);
process.exitCode = totals.findings > 0 && existsSync(".") ? 1 : 0;
