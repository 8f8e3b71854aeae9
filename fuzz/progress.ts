/** How far a long search has come: a file from which it goes on after it was stopped. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Progress {
  readonly seed: number;
  readonly against: string;
  readonly x64: boolean;
  /** All programs of the seed before this one are done. */
  readonly next: number;
}

const fileIn = (folder: string): string => join(folder, "progress.json");

export function saveProgress(folder: string, progress: Progress): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(fileIn(folder), `${JSON.stringify(progress)}\n`);
}

/** Of the search that was saved in a folder, if it is of this kind and not at its end. */
export function savedProgress(
  folder: string,
  { against, x64 }: Pick<Progress, "against" | "x64">,
  end: number,
): Progress | undefined {
  try {
    const saved = JSON.parse(readFileSync(fileIn(folder), "utf8")) as Progress;
    return saved.against === against && saved.x64 === x64 && saved.next < end ? saved : undefined;
  } catch {
    return undefined;
  }
}
