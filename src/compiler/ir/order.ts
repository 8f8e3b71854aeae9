/**
 * Proves that nothing is overwritten which is still to be read: accesses to one element, of which at least one is a store, happen in
 * the order in which they were meant.
 *
 *     for t < 8 times(4, 11) {
 *       for i < 4 independent { y[4*t + i]@6 = c[i]@4 }     reads c as it was when the iteration began
 *       for i < 4 independent { c[i]@9 = f(x[i]@0) }        stores the next c: later than 4, so it must come after that load
 *     }
 *
 * What is meant is known when a program is lowered, so it is written down: a store has the time at which it was written, a load the
 * time at which the value that it reads was complete. Loops have the times between which they were written; times are those of an
 * iteration of all loops around them.
 *
 * Of two accesses there must be no element that the younger one may touch first: in an earlier iteration of a loop around both,
 * unless both times lie in the loop; in any other iteration, if iterations have no order; or in the same iterations, if it stands
 * before the older one. Two things are not said by that:
 * - A row of a history, of ys or of a result is read by whoever comes after the loop. Until then it is {@link Kept}.
 * - What an update in place leaves alone is as old as what was updated. The result is a {@link Revision} of that: if that is a
 *   constant of a loop, an iteration must not find what another one's update stored.
 *
 * Whether two indices can be equal is a linear equation in bounded integers (`solve.ts`); what depends on data is between its bounds.
 * Where loops without order use such places, it is believed that their iterations are independent.
 *
 * Passes carry times along with loads and stores. What they add of their own has none, and nothing is proved of it here: temps that
 * they make are stored to right before they are read (`contract`), and `defined.ts` looks at those, too.
 */
import { InternalError } from "../../core/errors.ts";
import { type Access, Accesses, type Loop, loopsOf, type Step } from "./accesses.ts";
import { coeffOf } from "./affine.ts";
import type { Buffer, IndexAtom, Kept, Program, Revision, Span, Time } from "./nodes.ts";
import { printStmt } from "./print.ts";
import { gcd, multipleOf, solvable, type Unknown } from "./solve.ts";

/**
 * @param afterPass the pass that made the program: named in the error.
 * @param places results that lie in the memory of an argument.
 * @throws InternalError when a store may change what a later load is to find.
 */
export function verifyOrder(
  program: Program,
  afterPass: string,
  places: ReadonlyMap<Buffer, Buffer> = new Map(),
): void {
  const accesses = new Accesses(program, places);
  for (const list of accesses.of.values())
    for (const store of list.filter((a) => a.isStore))
      for (const other of list) {
        const way = wrongOrder(store, other, accesses);
        if (way) throw new InternalError(`loop IR is invalid after ${afterPass}: ${describe(way)}`);
      }
}

/** How two accesses can happen in the wrong order, if they can. */
function wrongOrder(store: Access, other: Access, accesses: Accesses): Way | undefined {
  const meeting = meetingOf(store, other);
  const [older, younger] = store.time < other.time ? [store, other] : [other, store];
  const ways = [
    ...outOfOrder(older, younger, meeting),
    ...(other.isStore ? store.kept.flatMap((kept) => overwritten(kept, store, other, meeting)) : []),
    ...accesses.revisionsOf(other).flatMap((r) => unrevised(r, store, other, meeting)),
  ];
  return ways.find((way) => mayMeet(way, accesses));
}

/** How two accesses stand to each other. */
interface Meeting {
  /** The loops around both. */
  readonly loops: readonly Loop[];
  /** Which is first in the same iterations of these. */
  readonly first: Access | "either" | "never both";
}

function meetingOf(a: Access, b: Access): Meeting {
  let depth = 0;
  const isCommon = (x: Step | undefined, y: Step | undefined): boolean =>
    x !== undefined && x.place === y?.place && x.part === y.part;
  while (isCommon(a.path[depth], b.path[depth])) depth++;
  const [x, y] = [a.path[depth], b.path[depth]];
  const loops = loopsOf(a.path.slice(0, depth));
  if (!x || !y) return { loops, first: "either" };
  if (x.place !== y.place) return { loops, first: x.place < y.place ? a : b };
  if (x.kind === "switch" && x.part > 0 && y.part > 0) return { loops, first: "never both" };
  if (x.kind === "contract") return { loops, first: "either" };
  // Head, condition and body of a `while` are one iteration.
  const shared = x.kind === "while" ? x.loops : [];
  return { loops: [...loops, ...shared], first: x.part < y.part ? a : b };
}

/** A way for two accesses to be in the wrong order: in the same iterations of some loops, but an earlier or another one of `apart`. */
interface Way {
  readonly early: Access;
  readonly late: Access;
  readonly same: readonly Loop[];
  readonly apart?: Loop;
}

/** The ways in which the younger access comes first. */
function outOfOrder(older: Access, younger: Access, { loops, first }: Meeting): Way[] {
  if (older.time === younger.time) return [];
  const way = { early: younger, late: older };
  const crossed = loops.filter(
    ({ span, ordered }) =>
      !(within(older.time, span) && within(younger.time, span)) &&
      (ordered || !(older.isStore && younger.isStore)),
  );
  const across = crossed.map((apart) => ({ ...way, apart, same: loops.slice(0, loops.indexOf(apart)) }));
  return first === younger || first === "either" ? [...across, { ...way, same: loops }] : across;
}

/**
 * The ways in which a load finds in a value that was revised what was stored to the value before that: between the two, or when the
 * value before is a constant of a loop, by an earlier iteration's revision.
 */
function unrevised(
  { since, from, of, carried }: Revision,
  store: Access,
  load: Access,
  { loops }: Meeting,
): Way[] {
  if (store.time <= of) return [];
  const way = { early: store, late: load };
  if (store.time <= from) return [{ ...way, same: loops.filter(({ span }) => within(of, span)) }];
  if (carried) return [];
  const crossed = loops.filter(({ span }) => within(since, span) && !within(of, span));
  return crossed.map((apart) => ({ ...way, apart, same: loops.slice(0, loops.indexOf(apart)) }));
}

/** The ways in which what a store leaves is stored over while it is kept. */
function overwritten({ since, until }: Kept, store: Access, other: Access, { loops, first }: Meeting): Way[] {
  const way = { early: store, late: other };
  const around = loops.filter(({ span }) => within(since, span));
  const across = around
    .filter(({ span }) => span!.to <= until)
    .map((apart) => ({ ...way, apart, same: around.filter((l) => l.span!.to > apart.span!.to) }));
  const isLater = store !== other && first !== "never both" && since < other.time && other.time <= until;
  return isLater ? [...across, { ...way, same: around }] : across;
}

const within = (time: Time, span: Span | undefined): boolean =>
  span !== undefined && span.from <= time && time < span.to;

function describe({ early, late }: Way): string {
  const [first, then] = [early, late].map(({ stmt }) => printStmt(stmt).split("\n")[0]!);
  const what = !late.isStore
    ? "is overwritten before it has been read"
    : early.isStore
      ? "is overwritten while it is still to be read"
      : "is read before it is stored to";
  return `${late.buffer.name} ${what}:\n  ${first}\nruns before\n  ${then}`;
}

/** Whether there is an element that both touch. */
function mayMeet({ early, late, same, apart }: Way, accesses: Accesses): boolean {
  if (apart && apart.extent < 2) return false;
  const sum = new Sum(accesses);
  for (const atom of new Set([...early.index.terms, ...late.index.terms].map((t) => t.atom))) {
    const [x, y] = [coeffOf(late.index, atom), coeffOf(early.index, atom)];
    if (accesses.isShared(atom, same)) sum.add(atom, x - y);
    else if (apart && atom === apart.v && x === y) sum.addDistance(x, apart);
    // It is for the program to say that such iterations are independent.
    else if (atom.kind === "local" && apart && !apart.ordered) return false;
    else for (const coeff of [x, -y]) sum.add(atom, coeff);
  }
  return solvable(sum.unknowns, early.index.offset - late.index.offset);
}

/** What an index is more than another one. */
class Sum {
  readonly #accesses: Accesses;
  readonly #bounded: Unknown[] = [];
  /** Multiples of this may be added. */
  #step = 0;

  constructor(accesses: Accesses) {
    this.#accesses = accesses;
  }

  get unknowns(): Unknown[] {
    return this.#step > 0 ? [...this.#bounded, multipleOf(this.#step)] : this.#bounded;
  }

  add(atom: IndexAtom, coeff: number): void {
    const { low, high } = this.#accesses.interval(atom);
    this.#bound(coeff, low, high);
  }
  /** `coeff` times how far two iterations are apart, the second one being earlier if there is an order. */
  addDistance(coeff: number, { extent, ordered }: Loop): void {
    const last = extent - 1;
    if (ordered) this.#bound(coeff, 1, last);
    else this.#bounded.push({ coeff: Math.abs(coeff), low: -last, high: last, apart: true });
  }

  #bound(coeff: number, low: number, high: number): void {
    const by = Math.abs(coeff);
    if (coeff === 0) return;
    if (!Number.isFinite(high - low)) this.#step = gcd(this.#step, by);
    else this.#bounded.push(coeff > 0 ? { coeff: by, low, high } : { coeff: by, low: -high, high: -low });
  }
}
