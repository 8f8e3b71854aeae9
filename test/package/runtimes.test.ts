/** The package runs in the runtimes that users have, as a module and as CommonJS, with permissions and without. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findTool, VERSIONS } from "../../scripts/toolchains.mjs";
import { COMMON, GRADIENT, KOFFI, MODULE, User } from "../support/packed.ts";

const user = new User();
beforeAll(async () => {
  await user.install();
  user.link("koffi", KOFFI);
});
afterAll(() => user.remove());

type Runtime = readonly [name: string, path: string, args: readonly string[]];
const installed = (name: string, tool: string, ...args: string[]): Runtime[] => {
  const path = findTool(tool);
  return path === undefined ? [] : [[`${name} ${VERSIONS[tool]}`, path, args]];
};
const RUNTIMES: readonly Runtime[] = [
  ["the Node of this machine", process.execPath, []],
  ...["20", "22", "24", "26"].flatMap((major) => installed("Node", `node-${major}`)),
  ...installed("Deno", "deno", "run", "--no-prompt", "--allow-all"),
  ...installed("Bun", "bun", "run"),
];
const FORMS = [
  ["a module", "program.mjs", MODULE],
  ["CommonJS", "program.cjs", COMMON],
  ["the file for pages", "page.mjs", MODULE.replace("weftjs", "./node_modules/weftjs/dist/weft.js")],
] as const;
/** Deno asks the network for nothing, and keeps what it knows here. */
const env = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  DENO_DIR: user.out("deno"),
  DENO_NO_UPDATE_CHECK: "1",
  ...more,
});

describe.each(RUNTIMES)("%s runs", (_, path, args) => {
  test.each(FORMS)("%s", async (form, name, program) => {
    const file = user.write(name, program);
    const expected = form === "the file for pages" ? "wasm" : user.tier;
    expect(await user.result(path, [...args, file], env())).toEqual([GRADIENT, expected]);
  });
});

/** What Deno may do besides; nothing shows what the environment asks for where it may not be read. */
const PERMISSIONS: readonly [what: string, flags: readonly string[], wanted: string][] = [
  ["none", [], "native"],
  ["those to read", ["--allow-read"], "native"],
  ["those to read and to ask the system", ["--allow-read", "--allow-sys"], "native"],
  ["all but those for the environment", ["--allow-all", "--deny-env"], "native"],
  ["those for the environment", ["--allow-env"], "auto"],
];
for (const [name, path, [command, noPrompt]] of installed("Deno", "deno", "run", "--no-prompt"))
  describe(`${name} runs with permissions`, () => {
    test.each(PERMISSIONS)("%s", async (_, flags, wanted) => {
      const file = user.write("program.mjs", MODULE);
      const args = [command!, noPrompt!, ...flags, file];
      expect(await user.result(path, args, env({ WEFT_TIER: wanted }))).toEqual([GRADIENT, "wasm"]);
    });
  });
