/**
 * What is loaded is run, so nobody else may have written it. That is asked at every load, of the opened file and of all folders
 * on the way to it. It says nothing about the past: a folder that is private now may have been open to all an hour ago, with its
 * files. So every library has a checksum that takes a secret, which lies elsewhere, and names the program it belongs to.
 */
import { createHmac, randomBytes } from "node:crypto";
import fs from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import process from "node:process";
import { writeAtomic } from "../../../platform/files.ts";
import { reasonOf } from "../../../util/reason.ts";

const OTHERS_WRITE = 0o022;
const OTHERS = 0o077;
const STICKY = 0o1000;

/** The user's number; undefined on systems without. */
const me = (): number | undefined => process.getuid?.();
const isRoots = (stat: fs.Stats): boolean => stat.uid === 0;
const isMine = (stat: fs.Stats): boolean => stat.uid === me();

/** What speaks against trusting what lies in a folder; undefined when nobody else can change it. */
export function objectionTo(folder: string): string | undefined {
  try {
    const stat = fs.lstatSync(folder);
    if (!stat.isDirectory()) return "is not a folder";
    if (me() === undefined) return undefined;
    if (!isMine(stat)) return "belongs to another user";
    if (stat.mode & OTHERS_WRITE) return "can be written by others";
    return objectionToParents(fs.realpathSync(folder));
  } catch (error) {
    return `cannot be looked at: ${reasonOf(error)}`;
  }
}

/** In a folder with the sticky bit, only owners move what is theirs. */
function objectionToParents(path: string): string | undefined {
  for (let at = dirname(path), last = path; at !== last; last = at, at = dirname(at)) {
    const stat = fs.lstatSync(at);
    if (!isMine(stat) && !isRoots(stat)) return `lies in ${at}, which belongs to another user`;
    if (stat.mode & OTHERS_WRITE && !(stat.mode & STICKY))
      return `lies in ${at}, which can be written by others`;
  }
  return undefined;
}

/**
 * The contents of a file of the user's own that nobody else can write to; undefined for any other.
 * @param forbidden permissions that others must not have
 */
export function readOwn(path: string, forbidden: number = OTHERS_WRITE): Uint8Array | undefined {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
  let file: number | undefined;
  try {
    file = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stat = fs.fstatSync(file);
    const trusted = me() === undefined || (isMine(stat) && !(stat.mode & forbidden));
    return stat.isFile() && trusted ? fs.readFileSync(file) : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
}

/** A folder under the user's home, or what the system has in its place; undefined where there is none. */
export function userFolder(kind: "cache" | "state"): string | undefined {
  const variable = process.env[{ cache: "XDG_CACHE_HOME", state: "XDG_STATE_HOME" }[kind]];
  try {
    if (process.platform === "darwin")
      return join(homedir(), "Library", kind === "cache" ? "Caches" : "Application Support", "weft");
    if (process.platform === "win32")
      return join(process.env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "weft", kind);
    if (variable && isAbsolute(variable)) return join(variable, "weft");
    return join(homedir(), kind === "cache" ? ".cache" : join(".local", "state"), "weft");
  } catch {
    return undefined;
  }
}

/** A folder for this process alone, which goes when the process ends. */
export function makePrivateFolder(): string {
  const made = fs.mkdtempSync(join(tmpdir(), "weft-"));
  process.once("exit", () => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

const SECRET_BYTES = 32;
let known: Uint8Array | undefined;

/** The user's secret. Where it cannot be kept, it is new in every process, and what others have compiled counts for nothing. */
function secret(): Uint8Array {
  known ??= storedSecret(userFolder("state")) ?? randomBytes(SECRET_BYTES);
  return known;
}

function storedSecret(folder: string | undefined): Uint8Array | undefined {
  if (folder === undefined) return undefined;
  const path = join(folder, "key");
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (objectionTo(folder) !== undefined) return undefined;
    const found = readOwn(path, OTHERS);
    if (found?.length === SECRET_BYTES) return found;
    writeAtomic(path, randomBytes(SECRET_BYTES), 0o600);
    // Of two processes that do so at the same time, the later one is right.
    return readOwn(path, OTHERS);
  } catch {
    return undefined;
  }
}

/** What only this user can say about the bytes of a file of this name. */
export const seal = (name: string, bytes: Uint8Array): string =>
  createHmac("sha256", secret()).update(`${name.length}:${name}`).update(bytes).digest("hex");
