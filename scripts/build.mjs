// npm run build: dist/ has every module with its types, for bundlers, and all of it in one file, for Node and for pages without a
// bundler: 1 request instead of 250.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { aliases } from "./aliases.mjs";
import { ensureInstalled, root, run } from "./ensure.mjs";

ensureInstalled();
const dist = (path) => join(root, "dist", path);
rmSync(dist(""), { recursive: true, force: true });
run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.build.json"]);
for (const [file, platform] of Object.entries({ "weft.js": "browser", "weft.node.js": "node" }))
  await build({
    configFile: false,
    logLevel: "error",
    root,
    resolve: { alias: aliases(platform, dist(""), "js") },
    build: {
      ssr: dist("index.js"),
      outDir: dist(""),
      emptyOutDir: false,
      // A page loads as little as can be; on a server the names in traces are worth more.
      minify: platform === "browser",
      sourcemap: true,
      target: "es2022",
      rollupOptions: { output: { entryFileNames: file } },
    },
  });
