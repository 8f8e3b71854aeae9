import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Long enough that a busy machine decides no test.
  test: { testTimeout: 120_000, hookTimeout: 120_000 },
  resolve: {
    alias: {
      "#internal": fileURLToPath(new URL("./src", import.meta.url)),
      "#platform": fileURLToPath(new URL("./src/runtime/platform-node.ts", import.meta.url)),
      // As users name the library.
      weftjs: fileURLToPath(new URL("./src/index.ts", import.meta.url)),
    },
  },
});
