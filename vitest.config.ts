import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: { "#platform": fileURLToPath(new URL("./src/runtime/platform-node.ts", import.meta.url)) },
  },
});
