import { createHash, randomBytes } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** The user's own folder for what can be made again. */
function userFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "weft");
  if (process.platform === "win32") return join(LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "weft");
  return join(XDG_CACHE_HOME || join(homedir(), ".cache"), "weft");
}

const checked = new Map<string, string>();

/**
 * The folder to keep compiled code in. What lies there is run, so it must be the user's own, with nobody else allowed to
 * write: in place of any other folder, a private one serves until the process ends, and a warning says so.
 * @param wanted an empty string stands for the user's cache folder.
 */
export function cacheFolder(wanted: string): string {
  const folder = wanted === "" ? userFolder() : wanted;
  const known = checked.get(folder);
  if (known !== undefined) return known;
  const objection = prepare(folder);
  const used = objection === undefined ? folder : privateFolder();
  if (objection !== undefined)
    process.emitWarning(
      `The cache folder ${folder} ${objection}. Compiled code is kept in ${used} until this process ends. ` +
        "Repair the folder or set config.cacheDir (WEFT_CACHE_DIR).",
      "WeftWarning",
    );
  checked.set(folder, used);
  return used;
}

/** Makes the folder; what speaks against using it. */
function prepare(folder: string): string | undefined {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stat = lstatSync(folder);
    if (!stat.isDirectory()) return "is not a folder";
    if (process.getuid && stat.uid !== process.getuid()) return "belongs to another user";
    if (process.getuid && (stat.mode & 0o022) !== 0) return "can be written by others";
    return undefined;
  } catch (error) {
    return `cannot be made (${(error as Error).message})`;
  }
}

let temporary: string | undefined;

function privateFolder(): string {
  if (temporary === undefined) {
    const made = mkdtempSync(join(tmpdir(), "weft-"));
    process.once("exit", () => rmSync(made, { recursive: true, force: true }));
    temporary = made;
  }
  return temporary;
}

const digest = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex");
};

/** The end of the name of a file that has the checksum of a library. */
export const CHECKSUM = ".sha256";
const DIGITS = 32;

/** The digest of the key of the program that a file belongs to; undefined for a file of others. */
export const digestIn = (name: string): string | undefined => /^([0-9a-f]{32})\./.exec(name)?.[1];

/** The files of one program: its C text, what the compiler said when it failed, the library and the library's checksum. */
export class CacheEntry {
  readonly source: string;
  readonly log: string;
  readonly library: string;
  /** True for one in 256 programs, drawn by lot: when it is stored, it is time to look how large the folder is. */
  readonly isMilestone: boolean;
  readonly #sum: string;

  /** `key`: everything that the library depends on. */
  constructor(folder: string, key: readonly string[]) {
    const own = digest(...key).slice(0, DIGITS);
    const name = join(folder, own);
    const suffix = { win32: "dll", darwin: "dylib" }[process.platform as string] ?? "so";
    this.source = `${name}.c`;
    this.log = `${name}.log`;
    this.library = `${name}.${suffix}`;
    this.isMilestone = own.startsWith("00");
    this.#sum = `${name}${CHECKSUM}`;
  }

  /** Whether a complete library is there. The checksum also tells of files that a crash of the machine cut short. */
  isValid(): boolean {
    try {
      return readFileSync(this.#sum, "utf8") === digest(readFileSync(this.library));
    } catch {
      return false;
    }
  }

  /** Notes that the library was used now. */
  touch(): void {
    try {
      const now = new Date();
      utimesSync(this.library, now, now);
    } catch {
      // Another process has deleted it.
    }
  }

  /**
   * Fills in the library, which `make` writes to the path it gets. Other processes see the old state or the new one: each
   * file appears under its name when it is complete, the checksum last.
   */
  store(make: (path: string) => void): void {
    const path = scratchName(this.library);
    try {
      make(path);
      const sum = digest(readFileSync(path));
      renameSync(path, this.library);
      this.write(this.#sum, sum);
    } finally {
      rmSync(path, { force: true });
    }
  }

  write(path: string, text: string): void {
    const scratch = scratchName(path);
    writeFileSync(scratch, text, { mode: 0o600 });
    renameSync(scratch, path);
  }
}

/** In the same folder, because a rename is atomic only within a file system. */
const scratchName = (path: string): string => `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
