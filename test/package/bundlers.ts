/** What bundlers make of a user's program: each writes `program.js`. */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build, type InlineConfig } from "vite";
import { findTool } from "../../scripts/toolchains.mjs";
import { run, type User } from "../support/packed.ts";

/** A file of the user's, alone in its folder, and the folder that takes what is made of it. */
interface Job {
  readonly entry: string;
  readonly outDir: string;
}
export type Bundler = (job: Job) => Promise<unknown>;

/** Bundles a program for a user; the result lies in a folder that is not the package's. */
export async function bundle(user: User, name: string, bundler: Bundler, program: string): Promise<string> {
  const outDir = user.out(name);
  await bundler({ entry: user.write(`${name}/program.mjs`, program), outDir });
  return join(outDir, "program.js");
}

/** Vite's own bundler is Rolldown. */
export const vite =
  (options: InlineConfig = {}): Bundler =>
  ({ entry, outDir }) =>
    build({
      configFile: false,
      logLevel: "error",
      root: dirname(entry),
      ...options,
      build: {
        outDir,
        emptyOutDir: true,
        target: "es2022",
        ...options.build,
        rollupOptions: {
          input: entry,
          ...options.build?.rollupOptions,
          output: { entryFileNames: "program.js", ...options.build?.rollupOptions?.output },
        },
      },
    });

export const viteForNode = (format: "es" | "cjs"): Bundler =>
  vite({
    ssr: { noExternal: true },
    build: { ssr: true, minify: true, rollupOptions: { output: { format } } },
  });

const tool = (name: string) => createRequire(import.meta.url)(findTool(name)!);

/** Its minifier takes four times as long as all the rest; others minify as well. */
export const webpack =
  (options: { output?: object; [key: string]: unknown }): Bundler =>
  ({ entry, outDir }) =>
    new Promise((resolve, reject) =>
      tool("webpack")(
        {
          mode: "production",
          context: dirname(entry),
          entry,
          optimization: { minimize: false },
          ...options,
          output: { path: outDir, filename: "program.js", ...options.output },
        },
        (error: unknown, stats: { hasErrors(): boolean }) =>
          error || stats.hasErrors() ? reject(error ?? new Error(String(stats))) : resolve(stats),
      ),
    );

/** With what its users resolve packages with. */
export const rollup =
  (resolve: { browser?: boolean; exportConditions?: string[] }, format: "es" | "cjs"): Bundler =>
  async ({ entry, outDir }) => {
    const plugins = [tool("@rollup/plugin-node-resolve").nodeResolve(resolve)];
    const made = await tool("rollup").rollup({ input: entry, external: /^node:/, plugins });
    await made.write({ file: join(outDir, "program.js"), format });
  };

export const esbuild =
  (platform: "node" | "browser", format: "esm" | "cjs"): Bundler =>
  ({ entry, outDir }) =>
    tool("esbuild").build({
      entryPoints: [entry],
      outfile: join(outDir, "program.js"),
      bundle: true,
      minify: true,
      platform,
      format,
    });

/** Takes its settings from the user's package.json. */
export const parcel =
  (settings: object): Bundler =>
  ({ entry, outDir }) => {
    const cwd = dirname(entry);
    writeFileSync(join(cwd, "package.json"), JSON.stringify({ private: true, ...settings }));
    const args = ["build", entry, "--no-cache", "--no-source-maps", "--dist-dir", outDir];
    return run(process.execPath, [join(findTool("parcel")!, "lib", "bin.js"), ...args], cwd);
  };
