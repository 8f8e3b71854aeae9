/** The browser's side of `#platform`; see `node.ts` for what the functions promise. */

/** Pages have no environment: the defaults hold until `config` is written. */
export const hasEnvironment: boolean = false;
export const env = (_name: string): string | undefined => undefined;

export function print(line: string): void {
  console.log(line);
}

export const warn = (message: string): void => console.warn(message);

export const canShareMemory = (): boolean => globalThis.crossOriginIsolated === true;

export const cores = (): number => globalThis.navigator?.hardwareConcurrency ?? 1;

export const canBlock = (): boolean => !("document" in globalThis);

export function startWorker(program: string, data: unknown, onEnd: (reason: string) => void): void {
  const text = `onmessage = ({ data }) => (${program})({ ...data, threadId: -1 });`;
  const worker = createWorker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  // An error without a message is that of a script which was not loaded, and a blob always can be.
  worker.onerror = ({ message }) => onEnd(message ?? blocked("worker-src blob:"));
  worker.postMessage(data);
}

const blocked = (directive: string): string =>
  `blocked by the page's Content-Security-Policy (it needs \`${directive}\`)`;

function createWorker(url: string): Worker {
  try {
    return new Worker(trusted(url));
  } catch (error) {
    // Nothing else is a matter of types here.
    throw error instanceof TypeError ? new Error(blocked("trusted-types weft")) : error;
  }
}

interface TrustedTypes {
  createPolicy(name: string, rules: Policy): Policy;
}
interface Policy {
  createScriptURL(url: string): string;
}

/** Once made, for a name is given once. */
let policy: Policy | undefined;

/** A script's address as pages take it that enforce Trusted Types. Pages that do not may forbid the policy, and take any text. */
function trusted(url: string): string {
  try {
    const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
    policy ??= trustedTypes?.createPolicy("weft", { createScriptURL: (text) => text });
  } catch {}
  return policy?.createScriptURL(url) ?? url;
}

/** A page waits for nothing that its workers do. */
export const onProcessEnd: undefined = undefined;

/** Threads have no names here, and nobody else can end them. */
export const threadExists: undefined = undefined;

/** Browsers have no flags to turn on from inside. */
export function prepareEngine(): void {}

/** Pages have no such view of shared memory. */
export const byteStrings: undefined = undefined;

export const inspectSymbol: symbol = Symbol.for("nodejs.util.inspect.custom");

/** Pages have no files. */
export const fileSystem: undefined = undefined;
