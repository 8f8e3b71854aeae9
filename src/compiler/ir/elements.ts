/** Sets of elements of buffers that grow in boxes, `from + Σ step·i` for all 0 ≤ i < extent, and can go back to what they were. */

/** Sets are not made of larger buffers: those do not fit into memory either. */
export const MAX_ELEMENTS: number = 2 ** 30;

/** One axis of a box. */
export interface Walk {
  readonly step: number;
  readonly extent: number;
}

/** Neighbours that were added to a set together. */
export interface Run {
  readonly set: Elements;
  readonly from: number;
  readonly to: number;
}

/** What was added to sets, in order. */
export class Trail {
  readonly #runs: Run[] = [];

  get length(): number {
    return this.#runs.length;
  }
  add(run: Run): void {
    this.#runs.push(run);
  }
  /** Takes back what was added since the trail had this length, and returns it. */
  undo(length: number): Run[] {
    const undone = this.#runs.splice(length);
    for (const { set, from, to } of undone) set.remove(from, to);
    return undone;
  }
}

export class Elements {
  readonly #bits: Uint8Array;
  #missing: number;

  constructor(size: number) {
    this.#bits = new Uint8Array(size);
    this.#missing = size;
  }

  /** Whether all elements of the buffer are in the set. */
  get complete(): boolean {
    return this.#missing === 0;
  }
  get empty(): boolean {
    return this.#missing === this.#bits.length;
  }

  /** Adds a box. */
  fill(from: number, walks: readonly Walk[], trail?: Trail): void {
    if (this.complete) return;
    everyRun(from, walks, (first, end) => {
      this.#add(first, end, trail);
      return !this.complete;
    });
  }

  #add(from: number, to: number, trail?: Trail): void {
    for (let i = this.#bits.indexOf(0, from); i >= 0 && i < to; i = this.#bits.indexOf(0, i)) {
      const end = this.#bits.indexOf(1, i);
      const next = end < 0 || end > to ? to : end;
      this.#bits.fill(1, i, next);
      this.#missing -= next - i;
      trail?.add({ set: this, from: i, to: next });
      i = next;
    }
  }

  remove(from: number, to: number): void {
    this.#bits.fill(0, from, to);
    this.#missing += to - from;
  }

  /** Whether every element of a box, as far as it lies in the buffer, is in the set. */
  holds(from: number, walks: readonly Walk[]): boolean {
    if (this.complete) return true;
    return everyRun(from, walks, (first, end) => {
      const gap = this.#bits.indexOf(0, Math.max(0, first));
      return gap < 0 || gap >= end;
    });
  }
}

/** Whether `visit` is true of every run of neighbours in the box; stops at the first one of which it is not. */
function everyRun(
  from: number,
  walks: readonly Walk[],
  visit: (from: number, to: number) => boolean,
): boolean {
  if (walks.some((w) => w.extent <= 0)) return true;
  const first = walks.reduce((sum, w) => sum + Math.min(0, w.step * (w.extent - 1)), from);
  const forward = walks
    .filter((w) => w.step !== 0 && w.extent > 1)
    .map((w) => ({ step: Math.abs(w.step), extent: w.extent }))
    .sort((a, b) => b.step - a.step);
  return runsFrom(first, forward, 0, visit);
}

function runsFrom(
  from: number,
  walks: readonly Walk[],
  depth: number,
  visit: (from: number, to: number) => boolean,
): boolean {
  const walk = walks[depth];
  if (!walk) return visit(from, from + 1);
  if (walk.step === 1 && depth === walks.length - 1) return visit(from, from + walk.extent);
  for (let i = 0; i < walk.extent; i++)
    if (!runsFrom(from + i * walk.step, walks, depth + 1, visit)) return false;
  return true;
}

/** What is in all of several lists of runs. */
export const commonRuns = ([first = [], ...others]: readonly (readonly Run[])[]): readonly Run[] =>
  others.reduce((common, list) => common.flatMap((run) => partsOf(run, list)), first);

const partsOf = ({ set, from, to }: Run, list: readonly Run[]): Run[] =>
  list.flatMap((run) => {
    const [start, end] = [Math.max(from, run.from), Math.min(to, run.to)];
    return run.set === set && start < end ? [{ set, from: start, to: end }] : [];
  });
