import type { NDArray } from "./array.ts";
import type { ShapedArray } from "./aval.ts";
import { InternalError } from "./errors.ts";

/** The few array operations that the transforms themselves need. lax implements them; transforms must not import lax. */
interface CoreOps {
  add(x: NDArray, y: NDArray): NDArray;
  zeros(type: ShapedArray): NDArray;
  sum(x: NDArray, axis: number): NDArray;
  /** Elements of `yes` where `which` holds (it may be a scalar), else of `no`. */
  select(which: NDArray, yes: NDArray, no: NDArray): NDArray;
  moveAxis(x: NDArray, from: number, to: number): NDArray;
  /** Inserts a new axis of `size` at `axis`. */
  broadcastAxis(x: NDArray, size: number, axis: number): NDArray;
}

let installed: CoreOps | undefined;

export function installOps(ops: CoreOps): void {
  installed = ops;
}
export function ops(): CoreOps {
  if (!installed) throw new InternalError("lax is not loaded: import weft through its index.");
  return installed;
}
