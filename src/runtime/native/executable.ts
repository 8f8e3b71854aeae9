import type { Jaxpr } from "../../core/jaxpr.ts";
import { FrameExecutable, type MemoryNeeds } from "../executable.ts";
import type { Runtime } from "../runtime.ts";
import type { NativeFunction, NativeHost } from "./host.ts";

/** A loaded shared library over the linear memory. */
export class NativeExecutable extends FrameExecutable {
  private readonly host: NativeHost;
  private readonly entry: NativeFunction;
  /** The view of the memory that `base` was asked of: growth replaces it, although the bytes stay where they are. */
  private view: Uint8Array | undefined;
  private base = 0;

  constructor(host: NativeHost, entry: NativeFunction, code: MemoryNeeds, jaxpr: Jaxpr, runtime: Runtime) {
    super(code, jaxpr, runtime);
    this.host = host;
    this.entry = entry;
  }

  protected override enter(frame: number): void {
    const { u8 } = this.runtime.memory;
    if (this.view !== u8) {
      this.view = u8;
      this.base = this.host.addressOf(u8);
    }
    this.entry(this.base, this.base + frame);
  }
}
