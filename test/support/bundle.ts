/** The library as its users have it, for processes and threads of their own: one file of plain JavaScript. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { aliases } from "../../scripts/aliases.mjs";

const here = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Builds `weft.mjs` in a folder, beside a link to the packages. */
export async function bundle(folder: string): Promise<void> {
  symlinkSync(here("node_modules"), join(folder, "node_modules"));
  await build({
    configFile: false,
    logLevel: "error",
    resolve: { alias: aliases("node", here("src"), "ts") },
    build: {
      ssr: here("src/index.ts"),
      outDir: folder,
      minify: true,
      // Which files do something when they are loaded, the package tells of dist/ only.
      rollupOptions: {
        output: { entryFileNames: "weft.mjs" },
        treeshake: false,
      },
    },
  });
}
