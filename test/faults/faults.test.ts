/** Every fault of the tables is caused, and docs/robustness.md tells what happens. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { files } from "./files.ts";
import { mainJob } from "./job.ts";
import { limits } from "./limits.ts";
import { memory } from "./memory.ts";
import { native } from "./native.ts";
import { observe, outcomesIn, render, type Section } from "./table.ts";
import { threads } from "./threads.ts";

const SECTIONS: readonly Section[] = [files, memory, limits, native, threads, mainJob];

const page = fileURLToPath(new URL("../../docs/robustness.md", import.meta.url));
const update = process.env.WEFT_UPDATE === "1";
const written = existsSync(page) ? readFileSync(page, "utf8") : "";
const documented = outcomesIn(written);
const observed = new Map<string, string>();

describe.each(SECTIONS)("$title", ({ title, faults, lacks }) => {
  const possible = faults.filter((fault) => !fault.impossible);
  test.runIf(lacks === undefined).each(possible)("$what", async (fault) => {
    const outcome = await observe(fault);
    observed.set(`${title}: ${fault.what}`, outcome);
    if (!update) expect(outcome).toBe(documented.get(`${title}: ${fault.what}`));
  });
});

/** Rows that could not be tried here stand as they were. */
const outcomeOf = (title: string, what: string): string =>
  (update ? observed.get(`${title}: ${what}`) : undefined) ??
  documented.get(`${title}: ${what}`) ??
  "not tried";

afterAll(() => {
  if (update) writeFileSync(page, render(SECTIONS, outcomeOf));
});

test.runIf(!update)("the page has these rows and no others", () => {
  expect(written).toBe(render(SECTIONS, outcomeOf));
});
