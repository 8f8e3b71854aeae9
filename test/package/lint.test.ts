/** The rule for Biome that the package brings: which conditions it finds, and which it leaves alone. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = resolve(fileURLToPath(new URL("../..", import.meta.url)));
const FOUND = [
  "if (x.greater(0)) n++;",
  "if (x.less(0)) n++; else n--;",
  "while (np.any(x)) n++;",
  "do n++; while (x.sum().lessEqual(10));",
  "for (; x.notEqual(3); ) n++;",
  "if (!x.equal(np.maximum(x, 1))) n++;",
  "n = x.sum().greaterEqual(0) ? 1 : 2;",
  "if (np.isnan(x) && n) n++;",
];
const LEFT = [
  "if (x.greater(0).item()) n++;",
  "if (n > 3 && np.all(x).item()) n++;",
  "x = bias ? x.add(bias) : x;",
  "x = np.where(x.greater(0), 1, 2);",
];

test("conditions.grit", () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-lint-"));
  const config = {
    plugins: [join(ROOT, "docs/lint/conditions.grit")],
    linter: { rules: { preset: "none" } },
  };
  writeFileSync(join(folder, "biome.json"), JSON.stringify(config));
  writeFileSync(join(folder, "code.ts"), [...FOUND, ...LEFT].join("\n"));
  const biome = join(ROOT, "node_modules/@biomejs/biome/bin/biome");
  const run = spawnSync(
    process.execPath,
    [biome, "lint", "--reporter=github", "--max-diagnostics=100", "."],
    {
      cwd: folder,
      encoding: "utf8",
    },
  );
  rmSync(folder, { recursive: true });
  const lines = [...run.stdout.matchAll(/title=plugin,.*?line=(\d+)/g)].map(([, line]) => Number(line));
  expect(lines.sort((a, b) => a - b)).toEqual(FOUND.map((_, i) => i + 1));
});
