// Set-up shared by the commands of the README: a fresh clone needs nothing but Node and npm.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs a program with the terminal attached; ends this process when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** The newest modification below a folder, in milliseconds. */
function newest(path) {
  if (!existsSync(path)) return 0;
  const info = statSync(path);
  if (!info.isDirectory()) return info.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** Installs the development dependencies when they are missing. */
export function ensureInstalled() {
  const stamp = join(root, "node_modules", ".package-lock.json");
  if (existsSync(stamp)) return;
  console.log("weft: installing development dependencies (npm ci) …");
  run("npm", ["ci", "--no-audit", "--no-fund"], { shell: process.platform === "win32" });
}

/** Compiles src/ and examples/ when their sources are newer than the result. */
export function ensureBuilt() {
  ensureInstalled();
  // Written last, so that a build that failed or was interrupted does not count.
  const stamp = join(root, "build", ".stamp");
  const complete = ["dist/weft.node.js", "build/moby-dick/main.js"].every((file) =>
    existsSync(join(root, file)),
  );
  const sources = [
    "src",
    "examples",
    "scripts/build.mjs",
    "tsconfig.json",
    "tsconfig.build.json",
    "tsconfig.examples.json",
  ];
  if (complete && newest(stamp) > Math.max(...sources.map((s) => newest(join(root, s))))) return;
  console.log("weft: building …");
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  run(process.execPath, [join(root, "scripts", "build.mjs")]);
  run(process.execPath, [tsc, "-p", "tsconfig.examples.json"]);
  writeFileSync(stamp, "");
}
