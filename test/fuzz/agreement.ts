/** What tests of random programs have in common: which programs they draw, and what must hold of all of them. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, vi } from "vitest";
import type { Finding } from "../../fuzz/check.ts";
import { asFile } from "../../fuzz/report.ts";
import { type SearchOptions, search } from "../../fuzz/search.ts";

const FOLDERS: readonly string[] = ["src", "fuzz/ops"].map((name) =>
  fileURLToPath(new URL(`../../${name}`, import.meta.url)),
);

/** Every change of the library or of what programs are made of draws others, not one of how they are judged; what a state of them draws is always the same. */
function seedOfSources(): number {
  const hash = createHash("sha256");
  for (const folder of FOLDERS)
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort())
      if (/\.(ts|py)$/.test(file))
        hash.update(readFileSync(`${folder}/${file}`, "utf8").replaceAll("\r\n", "\n"));
  return hash.digest().readUInt32BE() % 1e9;
}

export const SEED: number = Number(process.env["FUZZ_SEED"] ?? seedOfSources());
const TIMES = Number(process.env["FUZZ_TIMES"] ?? 1);
vi.setConfig({ testTimeout: 1_800_000 * TIMES });

/** Of so many elements that are compared, at most one may say nothing. */
const KNOWN = 50;

/** `FUZZ_TIMES` times as many programs of `FUZZ_SEED`, or of a seed of their own, agree. */
export async function expectAgreement(options: Omit<SearchOptions, "seed">): Promise<void> {
  const found: Finding[] = [];
  const programs = options.programs * TIMES;
  const onFinding = (_: number, finding: Finding): unknown => found.push(finding);
  const totals = await search({ seed: SEED, ...options, programs, onFinding });
  const explained = [...totals.explained.values()].reduce((sum, n) => sum + n, 0);
  console.log(
    `seed ${SEED}: ${totals.programs} programs (${explained} differ on purpose), ` +
      `${totals.elements} elements, ${totals.unknown} unknown`,
  );
  expect(found.map(asFile).join("\n\n")).toBe("");
  expect(totals.unknown * KNOWN).toBeLessThanOrEqual(totals.elements);
  expect((totals.refused + explained) * 10).toBeLessThan(totals.programs);
}
