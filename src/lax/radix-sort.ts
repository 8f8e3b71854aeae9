/** A stable radix sort, written with the emitter's loops: the order of every lane as positions. */
import { aval } from "../core/aval.ts";
import { byteSize, type DType, isFloat, kindOf } from "../core/dtype.ts";
import type { Emitter, Index, Operand, Scalar, ScalarBuilder, Target } from "../core/lowering.ts";
import { insert, without } from "./axes.ts";
import { clampIndex } from "./windows.ts";

/** The bits of a key as an unsigned number that is larger the later the key comes. */
export type Rank = (s: ScalarBuilder, x: Scalar) => Scalar;

const SIGN = 0x80000000;
const ALL = 0xffffffff;
const word = (s: ScalarBuilder, value: number): Scalar => s.const(value, "uint32");
const int = (s: ScalarBuilder, value: number): Scalar => s.const(value, "int32");
const widthOf = (dtype: DType): number => 8 * byteSize(dtype);

/** Positive floats are in the order of their bits, negative ones in the opposite order. */
function rankOfFloat(s: ScalarBuilder, x: Scalar): Scalar {
  const bits = s.bitcast(x, "uint32");
  const isNegative = s.binary("ge", bits, word(s, SIGN));
  const turned = s.binary("xor", bits, s.select(isNegative, word(s, ALL), word(s, SIGN)));
  return s.select(s.binary("eq", x, x), turned, word(s, ALL));
}

/** As many bits as the dtype has. */
const onesOf = (s: ScalarBuilder, x: Scalar): Scalar => word(s, 2 ** widthOf(x.dtype) - 1);

function rankOfInteger(s: ScalarBuilder, x: Scalar): Scalar {
  const bits = s.binary("and", s.convert(x, "uint32"), onesOf(s, x));
  return kindOf(x.dtype) === "int" ? s.binary("xor", bits, word(s, 2 ** (widthOf(x.dtype) - 1))) : bits;
}

/** Ascending, -0 before 0, NaN last. */
const ascendingZeros: Rank = (s, x) => (isFloat(x.dtype) ? rankOfFloat(s, x) : rankOfInteger(s, x));

/** Ascending, NaN last; all NaNs are equal, and so are 0 and -0. */
export const ascendingRank: Rank = (s, x) => {
  const rank = ascendingZeros(s, x);
  if (!isFloat(x.dtype)) return rank;
  return s.select(s.binary("eq", x, s.const(0, x.dtype)), word(s, SIGN), rank);
};

/** NaN first, then from the largest to the smallest, 0 before -0. */
export const descendingRank: Rank = (s, x) => s.binary("xor", ascendingZeros(s, x), onesOf(s, x));

/** In shorter lanes, counting takes longer than comparing. */
const SHORTEST = 256;
/** From this length on larger digits pay: fewer passes over the lane for more counters. */
const LONG: number = 1 << 14;

/** Whether keys fit into words, and lanes are long enough. */
export const canRank = (keys: readonly DType[], n: number): boolean =>
  n >= SHORTEST && keys.every((dtype) => widthOf(dtype) <= 32);

/**
 * One lane, in rows of a scratch array: positions and ranks on two sides, which passes go to and fro between, and a counter for
 * each digit.
 */
class Lane {
  readonly #emit: Emitter;
  readonly #target: Target;
  readonly #lane: readonly Index[];
  readonly #n: number;
  readonly #bits: number;

  constructor(emit: Emitter, target: Target, lane: readonly Index[], n: number, bits: number) {
    [this.#emit, this.#target, this.#lane, this.#n, this.#bits] = [emit, target, lane, n, bits];
  }

  /** As the elements lie. */
  begin(): void {
    const { s } = this.#emit;
    this.#emit.loop([this.#n], ([k]) => this.#target.store(this.#position(0, k!), s.fromIndex(k!, "int32")));
  }

  /** The ranks of the elements at the positions of a side. */
  rank(side: number, rankAt: (position: Index) => Scalar): void {
    const [emit, target] = [this.#emit, this.#target];
    emit.loop([this.#n], ([k]) => {
      const at = this.#place(target.at(this.#position(side, k!)));
      target.store(this.#ranked(side, k!), emit.s.bitcast(rankAt(at), "int32"));
    });
  }

  /** Deals positions and ranks out by digits, from the lowest to the highest. */
  sort(side: number, passes: number): void {
    const { s, ix } = this.#emit;
    const run = (pass: Index): void => {
      const from = ix.mod(ix.add(pass, side), 2, passes + 1);
      const shift = s.fromIndex(ix.mul(pass, this.#bits), "uint32");
      this.#count(from, shift);
      this.#sum();
      this.#deal(from, shift);
    };
    this.#emit.loop([passes], ([pass]) => run(pass!), "serial");
  }

  /** How many ranks have each digit. */
  #count(from: Index, shift: Scalar): void {
    const [emit, target] = [this.#emit, this.#target];
    emit.loop([2 ** this.#bits], ([digit]) => target.store(this.#counter(digit!), int(emit.s, 0)));
    const add = (k: Index): void => {
      const counter = this.#counter(this.#digit(target.at(this.#ranked(from, k)), shift));
      target.store(counter, this.#plus(target.at(counter), int(emit.s, 1)));
    };
    emit.loop([this.#n], ([k]) => add(k!), "serial");
  }

  /** Where each digit begins. */
  #sum(): void {
    const [emit, target] = [this.#emit, this.#target];
    const begin = emit.cell(int(emit.s, 0));
    const add = (digit: Index): void => {
      const count = emit.cell(target.at(this.#counter(digit))).get();
      target.store(this.#counter(digit), begin.get());
      begin.set(this.#plus(begin.get(), count));
    };
    emit.loop([2 ** this.#bits], ([digit]) => add(digit!), "serial");
  }

  /** Everything to the next free place of its digit on the other side. */
  #deal(from: Index, shift: Scalar): void {
    const [emit, target] = [this.#emit, this.#target];
    const to = emit.ix.sub(1, from);
    const move = (k: Index): void => {
      const rank = emit.cell(target.at(this.#ranked(from, k))).get();
      const counter = this.#counter(this.#digit(rank, shift));
      const free = emit.cell(target.at(counter)).get();
      target.store(counter, this.#plus(free, int(emit.s, 1)));
      const at = this.#place(free);
      target.store(this.#ranked(to, at), rank);
      target.store(this.#position(to, at), target.at(this.#position(from, k)));
    };
    emit.loop([this.#n], ([k]) => move(k!), "serial");
  }

  #digit(rank: Scalar, shift: Scalar): Index {
    const { s, ix } = this.#emit;
    const shifted = s.binary("shrLogical", s.bitcast(rank, "uint32"), shift);
    return ix.dynamic(s.convert(s.binary("and", shifted, word(s, 2 ** this.#bits - 1)), "int32"));
  }

  /** It is in the lane by itself: the clamp shows that no other one is touched. */
  #place(k: Scalar): Index {
    return this.#emit.ix.dynamic(clampIndex(this.#emit, k, this.#n - 1));
  }

  #plus(a: Scalar, b: Scalar): Scalar {
    return this.#emit.s.binary("add", a, b);
  }

  #position(side: Index, k: Index): Index[] {
    return this.#at(this.#emit.ix.mul(side, 2 * this.#n), k);
  }
  #ranked(side: Index, k: Index): Index[] {
    return this.#at(this.#emit.ix.add(this.#emit.ix.mul(side, 2 * this.#n), this.#n), k);
  }
  #counter(digit: Index): Index[] {
    return this.#at(4 * this.#n, digit);
  }
  #at(row: Index, k: Index): Index[] {
    return [...this.#lane, this.#emit.ix.add(row, k)];
  }
}

/** For every lane along `axis` the positions of its elements in sorted order: int32, in the shape of the keys. The last key is sorted by first. */
export function rankedPositions(emit: Emitter, keys: readonly Operand[], axis: number, rank: Rank): Operand {
  const { shape } = keys[0]!.aval;
  const n = shape[axis]!;
  const bits = n >= LONG ? 11 : 8;
  const stored = keys.map((key) => emit.materialize(key)).reverse();
  const passes = stored.map((key) => Math.ceil(widthOf(key.aval.dtype) / bits));
  /** On which side the lane lies when so many keys are done. */
  const sideAfter = (keysDone: number): number =>
    passes.slice(0, keysDone).reduce((sum, count) => sum + count, 0) % 2;
  const lanes = without(shape, [axis]);
  const scratch = emit.build(aval([...lanes, 4 * n + 2 ** bits], "int32"), (target) =>
    emit.loop(lanes, (index) => {
      const lane = new Lane(emit, target, index, n, bits);
      lane.begin();
      for (const [i, key] of stored.entries()) {
        const side = sideAfter(i);
        lane.rank(side, (at) => rank(emit.s, key.at(insert(index, axis, at))));
        lane.sort(side, passes[i]!);
      }
    }),
  );
  const first = 2 * n * sideAfter(stored.length);
  return emit.lazy(aval(shape, "int32"), (i) =>
    scratch.at([...without(i, [axis]), emit.ix.add(first, i[axis]!)]),
  );
}
