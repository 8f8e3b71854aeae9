/** Where figures were measured: nothing that identifies the machine, only what it is made of. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, type as system, totalmem } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  /** Processes that were running in the minute before: figures taken above a few tenths are disturbed. */
  readonly load: number;
}

export const machine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${system()} ${process.arch}`,
  load: Number(loadavg()[0]!.toFixed(1)),
});

export const describeMachine = (m: Machine): string =>
  `${m.cpu}, ${m.cores} cores, ${m.memoryGiB} GiB, ${m.system}, load before the run ${m.load}`;

/** Of weft and of what it runs on. */
export function ownVersions(): Readonly<Record<string, string>> {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(text) as { version: string };
  return { weft: version, node: process.versions.node };
}
