/** The browser's side of `#platform`; see `platform-node.ts` for what the functions promise. */

/** Pages have no environment: the defaults hold until `config` is written. */
export const env = (_name: string): string | undefined => undefined;

export function print(line: string): void {
  console.log(line);
}

export const canShareMemory = (): boolean => globalThis.crossOriginIsolated === true;

/** Browsers have no flags to turn on from inside. */
export function prepareEngine(): void {}

export const inspectSymbol: symbol = Symbol.for("nodejs.util.inspect.custom");

/** Pages have no files. */
export const fileSystem: undefined = undefined;
