/** Saving and loading arrays. */
import { spawnSync } from "node:child_process";
import fs, {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { vi } from "vitest";
import { io, type NDArray, numpy as np } from "../../src/index.ts";
import { bundle } from "../support/bundle.ts";
import { type Fault, type Section, thrown } from "./table.ts";

const value = (): { w: NDArray } => ({ w: np.array([1, 2, 3]) });
const sum = (path: string): number => Number(io.loadSafetensors(path).tensors.w!.sum().item());
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

type Call = "writeSync" | "fsyncSync" | "renameSync" | "openSync";

/** Runs `act` while a function of the file system fails. */
function broken<T>(name: Call, code: string, text: string, act: () => T): T {
  const spy = vi.spyOn(fs, name).mockImplementation(() => {
    throw Object.assign(new Error(`${code}: ${text}, ${name}`), { code });
  });
  try {
    return act();
  } finally {
    spy.mockRestore();
  }
}

/** Saves over a good file while one function of the file system fails; what is there afterwards. */
const failing =
  (name: Call, code: string, text: string): Fault["happens"] =>
  (folder) => {
    const path = join(folder, "w.safetensors");
    io.saveSafetensors(path, value());
    const error = broken(name, code, text, () =>
      thrown(() => io.saveSafetensors(path, { w: np.zeros([3]) })),
    );
    return `${error} Left: ${readdirSync(folder)}, with the old contents: ${sum(path) === 6}`;
  };

/** Saves to one path from so many threads of each of two processes while another one loads it all the time. */
async function crowd(folder: string): Promise<string> {
  await bundle(folder);
  const script = `
    import { Worker, isMainThread } from "node:worker_threads";
    import { io, numpy as np } from "./weft.mjs";
    const path = "w.safetensors";
    if (isMainThread) {
      const ends = [1, 2].map(() => new Promise((end) => new Worker(new URL(import.meta.url)).on("exit", end)));
      let torn = 0;
      for (let i = 0; i < 20; i++) {
        const { w } = io.loadSafetensors(path).tensors;
        if (w.size !== 50000 || new Set(w.dataSync()).size !== 1) torn++;
        await new Promise((next) => setTimeout(next, 1));
      }
      process.exit(torn + (await Promise.all(ends)).filter((code) => code !== 0).length);
    } else for (let i = 0; i < 20; i++) io.saveSafetensors(path, { w: np.full([50000], i) });`;
  writeFileSync(join(folder, "main.mjs"), script);
  io.saveSafetensors(join(folder, "w.safetensors"), { w: np.ones([50000]) });
  const both = `"${process.execPath}" main.mjs & "${process.execPath}" main.mjs; mine=$?; wait $! && exit $mine`;
  const { status, stderr } = spawnSync("sh", ["-c", both], { cwd: folder, encoding: "utf8" });
  const left = readdirSync(folder).filter((name) => name.includes("tmp") || name.endsWith(".safetensors"));
  return status === 0 ? `every save and every load is whole; left: ${left}` : stderr;
}

const faults: readonly Fault[] = [
  { what: "the disk is full", happens: failing("writeSync", "ENOSPC", "no space left on device") },
  { what: "the disk fails when the data is to reach it", happens: failing("fsyncSync", "EIO", "i/o error") },
  {
    what: "the new file may not take its place",
    happens: failing("renameSync", "EPERM", "operation not permitted"),
  },
  { what: "the folder may not be written to", happens: failing("openSync", "EACCES", "permission denied") },
  {
    what: "the folder does not exist",
    happens: (folder) => thrown(() => io.saveSafetensors(join(folder, "no", "w"), value())),
  },
  {
    what: "the path is a folder",
    happens: (folder) =>
      `${thrown(() => io.saveSafetensors(folder, value()))} ${thrown(() => io.loadSafetensors(folder))}`,
  },
  {
    what: "the file to load does not exist",
    happens: (folder) => thrown(() => io.loadSafetensors(join(folder, "w"))),
  },
  {
    what: "the path is no text, or has a zero byte",
    happens: () =>
      `${thrown(() => io.saveSafetensors(5 as never, value()))} ${thrown(() => io.loadSafetensors("a\0b"))}`,
  },
  { what: "two threads of each of two processes save to one path while both load it", happens: crowd },
  {
    what: "a symbolic link stands where temporary files of earlier versions were",
    happens: (folder) => {
      const [victim, path] = [join(folder, "victim"), join(folder, "w")];
      writeFileSync(victim, "precious");
      symlinkSync(victim, `${path}.${process.pid}.tmp`);
      io.saveSafetensors(path, value());
      return `what it points to still says "${readFileSync(victim, "utf8")}"`;
    },
  },
  {
    what: "the path is a symbolic link to a file of somebody else's",
    happens: (folder) => {
      const [victim, path] = [join(folder, "victim"), join(folder, "w")];
      writeFileSync(victim, "precious");
      symlinkSync(victim, path);
      io.saveSafetensors(path, value());
      return `the link is replaced (a link still: ${lstatSync(path).isSymbolicLink()}); what it pointed to still says "${readFileSync(victim, "utf8")}"`;
    },
  },
  {
    what: "the old file is private (mode 600), or open to all (666)",
    happens: (folder) =>
      [0o600, 0o666]
        .map((mode) => {
          const path = join(folder, `w${mode}`);
          writeFileSync(path, "");
          chmodSync(path, mode);
          io.saveSafetensors(path, value());
          return `it stays ${modeOf(path)}`;
        })
        .join("; "),
  },
  {
    what: "the path is a device",
    happens: () => {
      io.saveSafetensors("/dev/null", value());
      const full = thrown(() => io.saveSafetensors("/dev/full", value()));
      return `it is written to, not replaced: ${statSync("/dev/null").isCharacterDevice()}; ${full}`;
    },
  },
  {
    what: "20 000 tensors are saved and loaded",
    happens: (folder) => {
      const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`t${i}`, np.array([i])]));
      const path = join(folder, "many");
      io.saveSafetensors(path, many);
      return `the tree has ${Object.keys(io.loadSafetensors(path, many)).length} arrays again`;
    },
  },
];

export const files: Section = {
  title: "Files",
  intro:
    "`io.saveSafetensors` writes a temporary file of a random name beside the old one, which it then replaces.",
  faults,
};
