import { EncodeError } from "./bytes.ts";

export type LabelKind = "function" | "block" | "loop" | "if" | "else";

/** A structured instruction a branch may name. Branching to a loop repeats it; to anything else, leaves it. */
export interface Label {
  /** Nesting height: 0 is the function body. */
  readonly height: number;
}

interface Frame extends Label {
  kind: LabelKind;
}

/** The structured instructions open at the current point, outermost first. */
export class ControlStack {
  readonly #frames: Frame[] = [{ height: 0, kind: "function" }];

  push(kind: LabelKind): Label {
    const frame = { height: this.#frames.length, kind };
    this.#frames.push(frame);
    return frame;
  }

  /** Closes the innermost frame; with `label`, that frame has to be the labelled one. */
  pop(label?: Label): void {
    const top = this.#frames.pop();
    if (top && (!label || top === label)) return;
    const due = label ? `the body of the block at height ${label.height} returned` : "end";
    throw new EncodeError(`unbalanced control: ${due}, innermost is ${top?.kind} at height ${top?.height}`);
  }

  /** Throws EncodeError when nothing inside the function body is open. */
  requireOpen(): void {
    if (this.#frames.length < 2) throw new EncodeError("unbalanced control: end without an open block");
  }

  /** Turns the innermost `if` into its `else` arm. */
  enterElse(): void {
    const top = this.#frames.at(-1);
    if (top?.kind !== "if")
      throw new EncodeError(`unbalanced control: else inside ${top?.kind ?? "nothing"}`);
    top.kind = "else";
  }

  /** Relative depth of a branch target, given as a label or already as a depth. */
  depth(target: Label | number): number {
    const open = this.#frames.length;
    const depth = typeof target === "number" ? target : open - 1 - target.height;
    const frame = this.#frames[open - 1 - depth];
    if (frame === undefined || (typeof target !== "number" && frame !== target)) {
      throw new EncodeError(`unknown label: depth ${depth} with ${open} open; its block may have ended`);
    }
    return depth;
  }

  /** Throws EncodeError unless only the function body is open. */
  requireOnlyFunction(): void {
    const [, ...open] = this.#frames;
    if (open.length === 0) return;
    throw new EncodeError(`unbalanced control: ${open.map((frame) => frame.kind).join(" > ")} still open`);
  }
}
