/** Whole files on the disk. */
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { dirname, join } from "node:path";

/** Some systems move at most 2 GiB in one call, and so does Node. */
const PIECE = 2 ** 30;

const MODE = 0o777;

/** How names of files begin that are not complete yet. */
export const SCRATCH = ".weft-";

export function readFile(path: string): Uint8Array {
  return withFile(path, "r", undefined, (file) => {
    const { size } = fs.fstatSync(file);
    // Pipes and devices have no size.
    if (size === 0) return fs.readFileSync(file);
    const bytes = new Uint8Array(size);
    let at = 0;
    for (let n = -1; n !== 0 && at < size; at += n)
      n = fs.readSync(file, bytes, at, Math.min(PIECE, size - at), null);
    return bytes.subarray(0, at);
  });
}

/**
 * The file has its old content or all of the new one, whatever happens meanwhile and whoever else writes it. An old file's
 * permissions stay. A symbolic link is replaced, not followed; what is no file (a device, a pipe) is written to as it is.
 */
export function writeAtomic(path: string, bytes: Uint8Array, mode: number | undefined = modeOf(path)): void {
  if (isStream(path) && writeToStream(path, bytes)) return;
  replaceFile(path, (scratch) =>
    withFile(scratch, "wx", mode, (file) => {
      // What the process forbids new files by default says nothing about this one.
      if (mode !== undefined) fs.fchmodSync(file, mode);
      writeAll(file, bytes);
      fs.fsyncSync(file);
    }),
  );
}

/** Lets `make` fill in a new file, under a name that nobody can foresee, which then takes the place of `path`. */
export function replaceFile(path: string, make: (scratch: string) => void): void {
  // In the same folder: a rename is atomic only within a file system.
  const scratch = join(dirname(path), `${SCRATCH}${randomBytes(8).toString("hex")}.tmp`);
  try {
    make(scratch);
    fs.renameSync(scratch, path);
  } catch (error) {
    fs.rmSync(scratch, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

function withFile<T>(
  path: string,
  flags: string | number,
  mode: number | undefined,
  use: (file: number) => T,
): T {
  const file = fs.openSync(path, flags, mode);
  try {
    return use(file);
  } finally {
    fs.closeSync(file);
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; )
    at += fs.writeSync(file, bytes, at, Math.min(PIECE, bytes.length - at));
}

/** The permissions of a file that will be replaced; undefined for those of any new file. */
function modeOf(path: string): number | undefined {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() ? stat.mode & MODE : undefined;
}

function isStream(path: string): boolean {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && !stat.isFile() && !stat.isDirectory();
}

/** False when it has become a file meanwhile, which is then not touched. */
const writeToStream = (path: string, bytes: Uint8Array): boolean =>
  withFile(path, fs.constants.O_WRONLY, undefined, (file) => {
    if (fs.fstatSync(file).isFile()) return false;
    writeAll(file, bytes);
    return true;
  });

/** So that the new name, too, outlives a crash of the machine. Some systems cannot: their renames are safe without. */
function syncFolder(path: string): void {
  try {
    withFile(path, "r", undefined, fs.fsyncSync);
  } catch {
    // The content is safe under the old name or the new one in any case.
  }
}
