/** What the native tier needs of the machine; `#tiers` has it where there are processes and shared libraries. */
import type { CText, emitC } from "../../../backends/c/index.ts";
import type { ThreadedCode } from "../../../backends/common/handover.ts";
import type { Target } from "../../../compiler/target.ts";

/** The exported function of a loaded program; both are addresses in the process. */
export type NativeFunction = (mem: number, frame: number) => void;

/** What a worker needs to load a program. */
export interface NativeLibrary {
  /** The path of koffi. */
  readonly koffi: string;
  /** The path of the shared library. */
  readonly library: string;
  /** The name of the function `(mem, control, me, module, seen) → seen` that takes part in the program's parallel loops. */
  readonly help: string;
}

/** A loaded program. */
export interface NativeCode {
  readonly run: NativeFunction;
  /** Has a {@link NativeLibrary}; undefined when there are no parallel loops. */
  readonly threaded: ThreadedCode | undefined;
  /** The size of the library. */
  readonly bytes: number;
  /** Gives the library back. `run` must not be called any more. */
  unload(): void;
}

export interface NativeHost {
  /** What is not there and how to get it; undefined when native code can be compiled and called. Asked once per process. */
  missing(): string | undefined;
  /** The path of the compiler, when nothing is missing. */
  compiler(): string;
  /** The C text of a program that went through all passes. The printer is the host's, for pages have no use for it. */
  readonly emit: typeof emitC;
  /** The CPU, as the compiler sees it. */
  target(): Target;
  /**
   * Compiles a text, unless the folder has the result of an earlier time, and loads it.
   * @param folder the cache; an empty string stands for the user's own.
   * @throws NativeFailure, and nothing else
   */
  load(text: CText, folder: string): NativeCode;
  /** Where the bytes of a view are in the process. */
  addressOf(view: Uint8Array): number;
}

/** A program could not be compiled, stored or loaded; the message says why and is for the user. */
export class NativeFailure extends Error {
  /** Whether it was this program's fault; else no other one can be expected to fare better. */
  readonly onlyThis: boolean;

  constructor(message: string, onlyThis = false) {
    super(message);
    this.onlyThis = onlyThis;
  }
}
