import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { aliases } from "./scripts/aliases.mjs";
import { PROJECTS } from "./scripts/projects.mjs";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const SRC = here("./src/");
const DIST = here("./dist/");

interface Resolving {
  resolve(source: string, importer?: string, options?: object): Promise<{ id: string } | null>;
}

/** Modules of src/ as they were built, which Node reads by itself: imports take two thirds of the time. */
const asBuilt = {
  name: "built",
  enforce: "pre" as const,
  async resolveId(this: Resolving, source: string, importer: string | undefined, options: object) {
    const found = await this.resolve(source, importer, { ...options, skipSelf: true });
    return found?.id.startsWith(SRC) ? `${DIST}${found.id.slice(SRC.length, -".ts".length)}.js` : undefined;
  },
};

const resolve = {
  alias: {
    "#internal": here("./src"),
    ...aliases("node", here("./src"), "ts"),
    // As users name the library.
    weftjs: here("./src/index.ts"),
  },
};
/** `npm test` builds first; who watches wants what was written last. */
const built = Boolean(process.env.WEFT_TEST_BUILT);
const processors = availableParallelism();

export default defineConfig({
  test: {
    projects: PROJECTS.filter(({ lacks }) => lacks?.() === undefined).map(
      ({ name, env, include, exclude, busy }) => ({
        resolve,
        // The others put something in the place of modules, which only those that Vitest reads allow.
        plugins: built && busy ? [asBuilt] : [],
        test: {
          name,
          env,
          include: [...include],
          exclude: [...exclude],
          server: { deps: { external: [/\/dist\/.*\.js$/] } },
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
