/** Keeping what was learned: results go to the folder that was asked for, or, when that fails, to another one. */
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why a result is not where it should be. */
export class NotKept extends Error {}

/** A file that appears complete or not at all. */
export function writeWhole(path: string, text: string): void {
  const scratch = `${path}.${randomUUID()}.tmp`;
  try {
    writeFileSync(scratch, text, { flag: "wx" });
    renameSync(scratch, path);
  } catch (error) {
    rmSync(scratch, { force: true });
    throw error;
  }
}

const reason = (error: unknown): string => (error as Error).message.replace(/\.$/, "");

/**
 * Lets `save` write into a folder, which is made anew if it has vanished. Returns the path of what it wrote.
 * @throws the error of `save`
 */
export function saveTo(folder: string, name: string, save: (path: string) => void): string {
  const path = join(folder, name);
  mkdirSync(folder, { recursive: true });
  save(path);
  return path;
}

/** As {@link saveTo}, but a last resort is tried. Throws {@link NotKept} that says where the result is, if anywhere. */
export function saveAnywhere(folder: string, name: string, save: (path: string) => void): string {
  try {
    return saveTo(folder, name, save);
  } catch (error) {
    throw new NotKept(`Cannot write ${join(folder, name)}: ${reason(error)}. ${elsewhere(name, save)}`);
  }
}

function elsewhere(name: string, save: (path: string) => void): string {
  try {
    const path = saveTo(mkdtempSync(join(tmpdir(), "moby-dick-")), name, save);
    return `What was learned is in ${path} instead.`;
  } catch (error) {
    return `It cannot be kept elsewhere either (${reason(error)}): what was learned since the last save is lost.`;
  }
}
