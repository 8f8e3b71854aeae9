import type { Jaxpr } from "../../../core/jaxpr.ts";
import { FrameExecutable, type MemoryNeeds } from "../executable.ts";
import type { Runtime } from "../runtime.ts";
import type { NativeCode, NativeHost } from "./host.ts";

/** A loaded shared library over the linear memory. */
export class NativeExecutable extends FrameExecutable {
  readonly #host: NativeHost;
  readonly #native: NativeCode;
  /** The view of the memory that `base` was asked of: growth replaces it, although the bytes stay where they are. */
  #view: Uint8Array | undefined;
  #base = 0;

  constructor(
    host: NativeHost,
    native: NativeCode,
    needs: Omit<MemoryNeeds, "threaded">,
    jaxpr: Jaxpr,
    runtime: Runtime,
  ) {
    super({ ...needs, threaded: native.threaded }, jaxpr, runtime);
    this.#host = host;
    this.#native = native;
  }

  override get codeBytes(): number {
    return this.#native.bytes;
  }

  override release(): void {
    super.release();
    this.#native.unload();
  }

  protected override enter(frame: number): void {
    const { u8 } = this.runtime.memory;
    if (this.#view !== u8) {
      this.#view = u8;
      this.#base = this.#host.addressOf(u8);
    }
    this.#native.run(this.#base, this.#base + frame);
  }
}
