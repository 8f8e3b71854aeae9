import { EncodeError } from "./bytes.ts";

export type LabelKind = "function" | "block" | "loop" | "if";

/** A structured instruction a branch may name. Branching to a loop repeats it; to anything else, leaves it. */
export interface Label {
  /** Nesting height: 0 is the function body. */
  readonly height: number;
}

interface OpenBlock extends Label {
  readonly kind: LabelKind;
}

/** The structured instructions open at the current point, outermost first. */
export class ControlStack {
  readonly #open: OpenBlock[] = [{ height: 0, kind: "function" }];

  push(kind: LabelKind): Label {
    const frame = { height: this.#open.length, kind };
    this.#open.push(frame);
    return frame;
  }

  /** Closes the innermost frame; with `label`, that frame has to be the labelled one. */
  pop(label?: Label): void {
    const top = this.#open.pop();
    if (top && (!label || top === label)) return;
    const due = label ? `the body of the block at height ${label.height} returned` : "end";
    throw new EncodeError(`unbalanced control: ${due}, innermost is ${top?.kind} at height ${top?.height}`);
  }

  /** Throws EncodeError when nothing inside the function body is open. */
  requireOpen(): void {
    if (this.#open.length < 2) throw new EncodeError("unbalanced control: end without an open block");
  }

  /** Relative depth of a branch target. */
  depth(target: Label): number {
    const open = this.#open.length;
    const depth = open - 1 - target.height;
    if (this.#open[target.height] !== target)
      throw new EncodeError(`unknown label: depth ${depth} with ${open} open; its block may have ended`);
    return depth;
  }

  /** Throws EncodeError unless only the function body is open. */
  requireOnlyFunction(): void {
    const [, ...open] = this.#open;
    if (open.length === 0) return;
    throw new EncodeError(`unbalanced control: ${open.map((frame) => frame.kind).join(" > ")} still open`);
  }
}
