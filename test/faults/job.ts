/** The program of `npm start`, from outside. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { io } from "../../src/index.ts";
import type { Fault, Section } from "./table.ts";

const START = fileURLToPath(new URL("../../scripts/start.mjs", import.meta.url));
const SIZES = ["--layers", "1", "--hidden", "8", "--batch", "2", "--length", "8"];
const BOOK = "the quick brown fox jumps over the lazy dog\n".repeat(20);
const ENDLESS = ["--steps", "1000000"];

/** The program learns a text of its folder and writes to `out` there. */
function job(folder: string, options: readonly string[], text = BOOK): string[] {
  writeFileSync(join(folder, "text"), text);
  return [START, "--file", "text", "--out", "out", ...SIZES, ...options];
}

/** Makes functions of the file system fail for names that match, in processes started with this environment. */
function withoutSpace(folder: string, pattern: string): NodeJS.ProcessEnv {
  const script = join(folder, "full.cjs");
  writeFileSync(
    script,
    `const fs = require("node:fs"); const { renameSync } = fs;
     fs.renameSync = (from, to) => {
       if (/${pattern}/.test(to)) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
       renameSync(from, to);
     };
     require("node:module").syncBuiltinESMExports();`,
  );
  return { ...process.env, NODE_OPTIONS: `--require ${script}`, TMPDIR: folder };
}

function run(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, env, encoding: "utf8" });
  return `${stderr.replace(/moby-dick-\w{6}/g, "moby-dick-…")}exit code ${status}`;
}

/** Runs a shell's command line, in which $job is the program. */
function shell(folder: string, args: readonly string[], line: string): string {
  const quoted = [process.execPath, ...args].map((arg) => `"${arg}"`).join(" ");
  const { stderr } = spawnSync("sh", ["-c", `job() { ${quoted}; }; ${line}`], {
    cwd: folder,
    encoding: "utf8",
  });
  return stderr.trim();
}

/** Does something when the program has saved for the first time; how it ended. */
async function whenSaved(
  folder: string,
  args: readonly string[],
  act: (child: ChildProcess) => void,
): Promise<string> {
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const end = new Promise<string>((resolve) =>
    child.on("exit", (code, signal) => resolve(`${signal ?? `exit code ${code}`}`)),
  );
  let errors = "";
  child.stderr!.on("data", (data) => (errors += data));
  while (child.exitCode === null && !existsSync(join(folder, "out", "weights.safetensors"))) await pause(20);
  act(child);
  return errors + (await end);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether what was learned can be used. */
function kept(folder: string, path = join(folder, "out", "weights.safetensors")): string {
  if (!existsSync(path)) return "nothing is kept";
  const { status, stdout } = spawnSync(process.execPath, [START, "--resume", path, "--sample", "5"], {
    encoding: "utf8",
  });
  return status === 0 && stdout.length === 6 ? "the weights are kept" : "the weights are damaged";
}

const signalled = (signal: NodeJS.Signals, what: string): Fault => ({
  what,
  happens: async (folder) =>
    `${await whenSaved(folder, job(folder, ENDLESS), (child) => child.kill(signal))}; ${kept(folder)}`,
});

const refused = (what: string, options: readonly string[]): Fault => ({
  what,
  happens: (folder) => run(folder, job(folder, options)),
});

const faults: readonly Fault[] = [
  signalled("SIGINT", "Ctrl-C (SIGINT)"),
  signalled("SIGTERM", "SIGTERM"),
  signalled("SIGHUP", "the terminal is closed (SIGHUP)"),
  signalled("SIGKILL", "it is killed"),
  {
    what: "whoever reads its output ends (`npm start | head -1`)",
    happens: (folder) =>
      `${shell(folder, job(folder, ["--steps", "60"]), "{ job; echo exit code $? >&2; } | head -1 > head")}; ${kept(folder)}`,
  },
  {
    what: "its output goes to a full disk",
    happens: (folder) =>
      `${shell(folder, job(folder, ["--steps", "60"]), "job > /dev/full; echo exit code $? >&2")}; ${kept(folder)}`,
  },
  {
    what: "the disk for the result is full",
    happens: (folder) => {
      const outcome = run(folder, job(folder, ["--steps", "60"]), withoutSpace(folder, "out.weights"));
      const path =
        /moby-dick-\S+/.exec(outcome) &&
        spawnSync("sh", ["-c", "ls -d moby-dick-*/*"], { cwd: folder, encoding: "utf8" }).stdout.trim();
      return `${outcome}; there ${kept(folder, join(folder, path ?? ""))}`;
    },
  },
  {
    what: "all disks are full",
    happens: (folder) => run(folder, job(folder, ["--steps", "10"]), withoutSpace(folder, ".")),
  },
  {
    what: "its folder is removed while it learns",
    happens: async (folder) => {
      const args = job(folder, ["--steps", "300"]);
      const outcome = await whenSaved(folder, args, () => rmSync(join(folder, "out"), { recursive: true }));
      return `${outcome}; ${kept(folder)}`;
    },
  },
  refused("its folder cannot be made", ["--out", "text/deeper"]),
  refused("a model that fits no memory", ["--hidden", "99999"]),
  refused("a billion layers", ["--layers", "999999999"]),
  {
    what: "a text with control characters, which it learns and repeats",
    happens: (folder) => {
      const args = job(folder, ["--steps", "20"], "\u001b[2J\u001b]0;title\u0007\u009b31m\r".repeat(120));
      const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
      const obeyed = [...stdout].filter((c) => c !== "\n" && c < " ").length;
      return `samples show ${/[\u241b\u2407\ufffd]/.test(stdout) ? "pictures of them" : "nothing of them"}; ${obeyed} reach the terminal`;
    },
  },
  {
    what: "learning goes on from saved weights",
    happens: (folder) => {
      const first = run(folder, job(folder, ["--steps", "20"]));
      const weights = join(folder, "out", "weights.safetensors");
      const second = run(folder, job(folder, ["--steps", "20", "--resume", weights]));
      const { tensors } = io.loadSafetensors(weights);
      const count = Object.entries(tensors).find(([name]) => /optimizer.*count/.test(name))![1];
      return `${first}, ${second}; Adam has counted ${count.js()} updates in ${readFileSync(weights).length > 0 ? "one file" : ""}`;
    },
  },
];

export const mainJob: Section = {
  title: "The main job",
  intro:
    "`npm start` trains for minutes: what it has learned is saved every 50 steps and at the end, whatever happens.",
  faults,
};
