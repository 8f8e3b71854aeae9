import { createHash } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { replaceFile, writeAtomic } from "../../../platform/files.ts";
import { reasonOf } from "../../../util/reason.ts";
import { NativeFailure } from "./host.ts";
import { makePrivateFolder, objectionTo, readOwn, seal, userFolder } from "./trust.ts";

/** Folders that were open to others when they were last looked at, or were of no use for another reason. */
const refused = new Set<string>();
let temporary: string | undefined;

/**
 * The folder to keep compiled code in. What lies there is run, so it must be the user's own, with nobody else allowed to
 * write there or to move it: in place of any other folder, a private one serves until the process ends, and a warning says so.
 * A folder that has been open to others begins anew.
 * @param wanted an empty string stands for the user's cache folder.
 * @throws NativeFailure when no folder is safe
 */
export function cacheFolder(wanted: string): string {
  const folder = wanted === "" ? userFolder("cache") : wanted;
  if (folder === undefined) return privateFolder();
  const objection = prepare(folder);
  if (objection === undefined) {
    if (refused.delete(folder)) discard(folder);
    return folder;
  }
  const first = !refused.has(folder);
  refused.add(folder);
  discard(folder);
  const used = privateFolder();
  if (first)
    process.emitWarning(
      `The cache folder ${folder} ${objection}. Compiled code is kept in ${used} until this process ends. ` +
        "Repair the folder or set config.cacheDir (WEFT_CACHE_DIR).",
      "WeftWarning",
    );
  return used;
}

/** Makes the folder; what speaks against using it. */
function prepare(folder: string): string | undefined {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    return `cannot be made (${reasonOf(error)})`;
  }
  return objectionTo(folder);
}

function privateFolder(): string {
  try {
    if (temporary === undefined || !fs.existsSync(temporary)) temporary = makePrivateFolder();
  } catch (error) {
    throw new NativeFailure(`No folder can be made for compiled code: ${reasonOf(error)}.`);
  }
  const objection = objectionTo(temporary);
  if (objection === undefined) return temporary;
  throw new NativeFailure(`No folder is safe for compiled code: ${temporary} ${objection}.`);
}

/** Deletes all programs of a folder of the user's own. Names only: what links point to stays. */
function discard(folder: string): void {
  try {
    if (!fs.lstatSync(folder).isDirectory()) return;
    for (const name of fs.readdirSync(folder))
      if (digestIn(name) !== undefined) fs.rmSync(join(folder, name), { force: true });
  } catch {
    // Not ours to change; nothing is loaded from it.
  }
}

const digest = (...parts: readonly string[]): string => {
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
  readonly #own: string;
  readonly #sum: string;

  /** `key`: everything that the library depends on. */
  constructor(folder: string, key: readonly string[]) {
    this.#own = digest(...key).slice(0, DIGITS);
    const name = join(folder, this.#own);
    const suffix = { win32: "dll", darwin: "dylib" }[process.platform as string] ?? "so";
    this.source = `${name}.c`;
    this.log = `${name}.log`;
    this.library = `${name}.${suffix}`;
    this.isMilestone = this.#own.startsWith("00");
    this.#sum = `${name}${CHECKSUM}`;
  }

  /**
   * Whether a complete library is there that this user has compiled, of this very program. The checksum also tells of files
   * that a crash of the machine cut short.
   */
  isValid(): boolean {
    const [sum, library] = [readOwn(this.#sum), readOwn(this.library)];
    return (
      sum !== undefined && library !== undefined && Buffer.from(sum).toString() === seal(this.#own, library)
    );
  }

  /** Notes that the library was used now. */
  touch(): void {
    try {
      const now = new Date();
      fs.utimesSync(this.library, now, now);
    } catch {
      // Another process has deleted it.
    }
  }

  /**
   * Fills in the library, which `make` writes to the path it gets and `check` may refuse. Other processes see the old state or
   * the new one: each file appears under its name when it is complete, the checksum last.
   */
  store(make: (path: string) => void, check: (library: Uint8Array) => void = () => {}): void {
    let sum = "";
    replaceFile(this.library, (path) => {
      make(path);
      // A compiler leaves what the process allows files by default, maybe more than a library may allow.
      fs.chmodSync(path, 0o700);
      const library = fs.readFileSync(path);
      check(library);
      sum = seal(this.#own, library);
    });
    this.write(this.#sum, sum);
  }

  write(path: string, text: string): void {
    writeAtomic(path, new TextEncoder().encode(text), 0o600);
  }
}
