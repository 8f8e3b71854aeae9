import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { PROJECTS } from "./scripts/projects.mjs";

const resolve = {
  alias: {
    "#internal": fileURLToPath(new URL("./src", import.meta.url)),
    "#platform": fileURLToPath(new URL("./src/runtime/platform-node.ts", import.meta.url)),
    // As users name the library.
    weftjs: fileURLToPath(new URL("./src/index.ts", import.meta.url)),
  },
};
const processors = availableParallelism();

export default defineConfig({
  test: {
    projects: PROJECTS.filter(({ lacks }) => lacks?.() === undefined).map(
      ({ name, env, include, exclude, busy }) => ({
        resolve,
        test: {
          name,
          env,
          include: [...include],
          exclude: [...exclude],
          // Long enough that a busy machine decides no test.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: busy ? processors : Math.max(1, processors - 1),
          // Projects of several numbers of workers run one after the other.
          sequence: { groupOrder: busy ? 0 : 1 },
        },
      }),
    ),
  },
});
