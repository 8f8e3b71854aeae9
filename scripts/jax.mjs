// A Python with the JAX that weft follows, for the tests that compare with it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSION = "0.10.2";
const folder = fileURLToPath(new URL(`../node_modules/.cache/jax-${VERSION}`, import.meta.url));
const inside = process.platform === "win32" ? join("Scripts", "python.exe") : join("bin", "python");

export const LEFT_OUT = `left out: programs against JAX (no jax ${VERSION}; WEFT_PYTHON may name a Python that has it)`;

/** The path of a Python that has it, or undefined. `WEFT_PYTHON` names one, or is empty where none is wanted. */
export function findJax(env = process.env) {
  const named = env.WEFT_PYTHON;
  const candidates = named === undefined ? [join(folder, inside)] : [named];
  return candidates.find((python) => python !== "" && hasJax(python));
}

function hasJax(python) {
  if (python.includes("/") && !existsSync(python)) return false;
  const check = `import importlib.metadata as m; assert m.version("jax") == "${VERSION}"`;
  return spawnSync(python, ["-c", check]).status === 0;
}

/** Makes an environment with it in the cache folder, if there is none and it can be done. */
export function ensureJax(env = process.env) {
  if (env.WEFT_PYTHON !== undefined || findJax(env)) return;
  const steps = [
    ["python3", ["-m", "venv", folder]],
    [
      join(folder, inside),
      ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `jax==${VERSION}`],
    ],
  ];
  for (const [command, args] of steps)
    if (spawnSync(command, args, { timeout: 300_000 }).status !== 0) return;
}
