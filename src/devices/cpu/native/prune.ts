/** Bounds the folder of compiled code: what was used longest ago goes first. */
import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SCRATCH } from "../../../platform/files.ts";
import { CHECKSUM, digestIn } from "./disk-cache.ts";

/** Some 20 000 programs. */
const MOST_BYTES = 512 * 2 ** 20;
/** What is left, so that the next programs do not begin all over again. */
const KEPT = 0.75;
/** What was used so lately stays: a process may be about to load it. */
const SAFE_MS = 3_600_000;
/** Files take up whole blocks. */
const BLOCK = 4096;

/** The files of one program. */
interface Group {
  /** The checksum last: whoever sees it vanish and compiles anew finds nothing of it deleted any more. */
  readonly names: string[];
  bytes: number;
  lastUse: number;
}

/**
 * Deletes programs from the folder when it holds more than `most` bytes. Other processes may use it meanwhile: a program that
 * vanishes before they have loaded it is compiled again, and a loaded one needs no file. Files of others are left alone.
 */
export function prune(folder: string, most: number = MOST_BYTES, now: number = Date.now()): void {
  const groups = [...groupsIn(folder).values()].sort((a, b) => a.lastUse - b.lastUse);
  let bytes = groups.reduce((sum, group) => sum + group.bytes, 0);
  if (bytes <= most) return;
  for (const group of groups) {
    if (bytes <= KEPT * most || now - group.lastUse < SAFE_MS) return;
    for (const name of group.names) attempt(() => rmSync(join(folder, name), { force: true }));
    bytes -= group.bytes;
  }
}

/** By the digest that names of files begin with; what killed processes left goes one by one. */
function groupsIn(folder: string): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const name of attempt(() => readdirSync(folder)) ?? []) {
    const digest = digestIn(name) ?? (name.startsWith(SCRATCH) ? name : undefined);
    const stat = digest === undefined ? undefined : attempt(() => lstatSync(join(folder, name)));
    if (digest === undefined || !stat?.isFile()) continue;
    let group = groups.get(digest);
    if (!group) groups.set(digest, (group = { names: [], bytes: 0, lastUse: 0 }));
    if (name.endsWith(CHECKSUM)) group.names.push(name);
    else group.names.unshift(name);
    group.bytes += Math.ceil(stat.size / BLOCK) * BLOCK;
    group.lastUse = Math.max(group.lastUse, stat.mtimeMs);
  }
  return groups;
}

/** Undefined when another process was faster or the system refuses (a loaded library on Windows). */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
