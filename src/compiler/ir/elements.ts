/** Sets of elements of buffers that change in boxes, `from + Σ step·i` for all 0 ≤ i < extent, and can go back to what they were. */

/** Sets are not made of larger buffers: those do not fit into memory either. */
export const MAX_ELEMENTS: number = 2 ** 30;

/** One axis of a box. */
export interface Walk {
  readonly step: number;
  readonly extent: number;
}

/** Elements side by side. */
export interface Run {
  readonly set: Elements;
  readonly from: number;
  readonly to: number;
}

/** Runs that are in their sets now, and were not before, and the reverse. */
export interface Change {
  readonly gained: readonly Run[];
  readonly lost: readonly Run[];
}

/** How sets changed, step by step. */
export class Trail {
  readonly #steps: { readonly run: Run; readonly isIn: boolean }[] = [];

  get length(): number {
    return this.#steps.length;
  }
  add(run: Run, isIn: boolean): void {
    this.#steps.push({ run, isIn });
  }
  /** What has become of sets since the trail had this length. */
  since(length: number): Change {
    const still = (isIn: boolean): Run[] =>
      this.#steps.slice(length).flatMap((s) => (s.isIn === isIn ? s.run.set.parts(s.run, isIn) : []));
    return { gained: still(true), lost: still(false) };
  }
  /** Takes back what happened since the trail had this length. */
  undo(length: number): void {
    for (const { run, isIn } of this.#steps.splice(length).reverse()) run.set.put(run, !isIn);
  }
}

/** How the elements of one buffer lie as seen from another one: `shift` bytes behind its beginning, of other sizes. */
export interface Overlap {
  readonly shift: number;
  readonly size: number;
  readonly otherSize: number;
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
      this.#change({ set: this, from: first, to: end }, true, trail);
      return !this.complete;
    });
  }
  /** Takes out what shares bytes with a box of another buffer. */
  clear(from: number, walks: readonly Walk[], { shift, size, otherSize }: Overlap, trail?: Trail): void {
    everyRun(from, walks, (first, end) => {
      const [start, stop] = [first * otherSize + shift, end * otherSize + shift];
      this.#change({ set: this, from: Math.floor(start / size), to: Math.ceil(stop / size) }, false, trail);
      return !this.empty;
    });
  }

  #change(run: Run, isIn: boolean, trail?: Trail): void {
    for (const part of this.parts(run, !isIn)) {
      this.put(part, isIn);
      trail?.add(part, isIn);
    }
  }

  /** The parts of a run that are in the set, or not. */
  parts({ from, to }: Run, isIn: boolean): Run[] {
    const [wanted, other] = isIn ? [1, 0] : [0, 1];
    const found: Run[] = [];
    const last = Math.min(to, this.#bits.length);
    let i = this.#bits.indexOf(wanted, Math.max(0, from));
    while (i >= 0 && i < last) {
      const end = this.#bits.indexOf(other, i);
      const next = end < 0 || end > last ? last : end;
      found.push({ set: this, from: i, to: next });
      i = this.#bits.indexOf(wanted, next);
    }
    return found;
  }

  /** Adds a run none of which is in the set, or takes out one that is. */
  put({ from, to }: Run, isIn: boolean): void {
    this.#bits.fill(isIn ? 1 : 0, from, to);
    this.#missing += isIn ? from - to : to - from;
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
