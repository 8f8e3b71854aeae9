/** A stable merge sort and a selection, written with the emitter's loops: the order of every lane, or its begin, as positions. */
import { aval } from "../core/aval.ts";
import { isFloat } from "../core/dtype.ts";
import type { Emitter, Index, Operand, Register, Scalar, ScalarBuilder } from "../core/lowering.ts";
import { insert, without } from "./axes.ts";
import { clampIndex } from "./windows.ts";

/** Whether element a must come before element b. */
export type Order = (s: ScalarBuilder, a: Scalar, b: Scalar) => Scalar;

/** Ascending, NaN last; all NaNs are equal, and so are 0 and -0. */
export const ascending: Order = (s, a, b) => {
  if (a.dtype === "bool") return s.binary("and", s.unary("not", a), b);
  const less = s.binary("lt", a, b);
  if (!isFloat(a.dtype)) return less;
  const isNumber = (x: Scalar): Scalar => s.binary("eq", x, x);
  return s.binary("or", less, s.binary("and", isNumber(a), s.unary("not", isNumber(b))));
};

/** {@link ascending} with -0 before 0. */
const ascendingZeros: Order = (s, a, b) => {
  const before = ascending(s, a, b);
  if (!isFloat(a.dtype)) return before;
  const zero = s.const(0, a.dtype);
  const isNegative = (x: Scalar): Scalar => s.binary("lt", s.binary("div", s.const(1, x.dtype), x), zero);
  const conditions = [
    s.binary("eq", a, zero),
    s.binary("eq", b, zero),
    isNegative(a),
    s.unary("not", isNegative(b)),
  ];
  return s.binary(
    "or",
    before,
    conditions.reduce((p, q) => s.binary("and", p, q)),
  );
};

/** NaN first, then from the largest to the smallest, 0 before -0. */
export const descending: Order = (s, a, b) => ascendingZeros(s, b, a);

/** The first key decides, then the second, … */
function lexicographic(s: ScalarBuilder, order: Order, as: readonly Scalar[], bs: readonly Scalar[]): Scalar {
  const [a, b] = [as[0]!, bs[0]!];
  const first = order(s, a, b);
  if (as.length === 1) return first;
  const rest = lexicographic(s, order, as.slice(1), bs.slice(1));
  return s.binary("or", first, s.binary("and", s.unary("not", order(s, b, a)), rest));
}

/**
 * For every lane along `axis` the positions of its elements in sorted order: int32, in the shape of the keys.
 * Bottom-up: pass p merges sorted runs of 2^p positions from one half of a scratch array into the other, so there are
 * O(n log n) comparisons in one flat loop.
 */
export function sortedPositions(
  emit: Emitter,
  keys: readonly Operand[],
  axis: number,
  order: Order,
): Operand {
  const { s, ix } = emit;
  const { shape } = keys[0]!.aval;
  const n = shape[axis]!;
  const passes = n > 1 ? Math.ceil(Math.log2(n)) : 0;
  const stored = keys.map((key) => emit.materialize(key));
  const lanes = without(shape, [axis]);
  const scratch = emit.build(aval([...lanes, 2, n], "int32"), (halves) => {
    emit.loop(lanes, (lane) => {
      const keysAt = (position: Scalar): Scalar[] =>
        stored.map((key) => key.at(insert(lane, axis, ix.dynamic(position))));
      const comesFirst = (a: Scalar, b: Scalar): Scalar => lexicographic(s, order, keysAt(a), keysAt(b));
      const width = emit.cell(s.const(1, "int32"));
      emit.loop([2, n], ([half, k]) => halves.store([...lane, half!, k!], s.fromIndex(k!, "int32")));
      emit.loop(
        [passes],
        ([pass]) => {
          const from = ix.mod(pass!, 2, 32);
          const read = (i: Scalar): Scalar => halves.at([...lane, from, ix.dynamic(i)]);
          const write = (k: Index, value: Scalar): void => halves.store([...lane, ix.sub(1, from), k], value);
          mergePairs(emit, n, width.get(), comesFirst, read, write);
          width.set(s.binary("add", width.get(), width.get()));
        },
        "serial",
      );
    });
  });
  return emit.lazy(aval(shape, "int32"), (i) => scratch.at([...without(i, [axis]), passes % 2, i[axis]!]));
}

/**
 * Merges neighbouring runs of `width`: positions [left, middle) with [middle, end), `right` walking through the latter.
 * A new pair of runs starts where k reaches `end`. An element of the right run goes first only if it must (stability).
 */
function mergePairs(
  emit: Emitter,
  n: number,
  width: Scalar,
  comesFirst: (a: Scalar, b: Scalar) => Scalar,
  read: (i: Scalar) => Scalar,
  write: (k: Index, value: Scalar) => void,
): void {
  const { s } = emit;
  const int = (value: number): Scalar => s.const(value, "int32");
  const plus = (a: Scalar, b: Scalar): Scalar => s.binary("add", a, b);
  const atMost = (a: Scalar, last: number): Scalar => s.binary("min", a, int(last));
  const [left, middle, right, end] = [0, 0, 0, 0].map((start) => emit.cell(int(start))) as [
    Register,
    Register,
    Register,
    Register,
  ];
  const startPair = (): void => {
    left.set(end.get());
    middle.set(atMost(plus(left.get(), width), n));
    right.set(middle.get());
    end.set(atMost(plus(middle.get(), width), n));
  };
  const mergeOne = (k: Index): void => {
    emit.if(s.binary("eq", s.fromIndex(k, "int32"), end.get()), startPair);
    // Both are read, also where a run is used up: the clamp keeps that legal, and shows that no other lane is read.
    const a = emit.cell(read(clampIndex(emit, left.get(), n - 1))).get();
    const b = emit.cell(read(clampIndex(emit, right.get(), n - 1))).get();
    const leftIsEmpty = s.binary("ge", left.get(), middle.get());
    const hasRight = s.binary("lt", right.get(), end.get());
    const takeRight = s.binary("and", hasRight, s.binary("or", leftIsEmpty, comesFirst(b, a)));
    const step = emit.cell(s.convert(takeRight, "int32")).get();
    write(k, s.select(s.binary("ne", step, int(0)), b, a));
    left.set(plus(left.get(), s.binary("sub", int(1), step)));
    right.set(plus(right.get(), step));
  };
  emit.loop([n], ([k]) => mergeOne(k!), "serial");
}

/**
 * The positions of the `count` elements of every lane along the last axis that come first: int32, in their order; of equal elements
 * the first. One pass over a lane inserts into the list of the first so far, which few elements of a long lane get into.
 */
export function firstPositions(emit: Emitter, key: Operand, count: number, order: Order): Operand {
  const { s, ix } = emit;
  const lanes = key.aval.shape.slice(0, -1);
  const n = key.aval.shape.at(-1)!;
  const stored = emit.materialize(key);
  const int = (value: number): Scalar => s.const(value, "int32");
  const less = (j: Scalar): Scalar => s.binary("max", s.binary("sub", j, int(1)), int(0));
  return emit.build(aval([...lanes, count], "int32"), (first) =>
    emit.loop(lanes, (lane) => {
      const keyAt = (position: Scalar): Scalar => stored.at([...lane, ix.dynamic(position)]);
      // It is between the bounds by itself: the clamp shows that no other lane is touched.
      const entry = (j: Scalar): Index[] => [...lane, ix.dynamic(clampIndex(emit, j, count - 1))];
      const insertAt = (end: Scalar, position: Index): void => {
        const value = stored.at([...lane, position]);
        const j = emit.cell(end);
        const isBefore = (): Scalar => order(s, value, keyAt(first.at(entry(less(j.get())))));
        emit.while(
          () => s.binary("and", s.binary("gt", j.get(), int(0)), isBefore()),
          () => {
            first.store(entry(j.get()), first.at(entry(less(j.get()))));
            j.set(less(j.get()));
          },
        );
        first.store(entry(j.get()), s.fromIndex(position, "int32"));
      };
      emit.loop([count], ([k]) => first.store([...lane, k!], int(0)));
      emit.loop([count], ([k]) => insertAt(s.fromIndex(k!, "int32"), k!), "serial");
      const last = emit.cell(keyAt(first.at([...lane, count - 1])));
      const consider = (position: Index): void => {
        const value = stored.at([...lane, position]);
        // Cheap, and true of hardly any element; what it says of NaN and zeros, the order decides.
        const maybe =
          value.dtype === "bool"
            ? order(s, value, last.get())
            : s.unary("not", s.binary("lt", value, last.get()));
        emit.if(maybe, () =>
          emit.if(order(s, value, last.get()), () => {
            insertAt(int(count - 1), position);
            last.set(keyAt(first.at([...lane, count - 1])));
          }),
        );
      };
      emit.loop([n - count], ([k]) => consider(ix.add(k!, count)), "serial");
    }),
  );
}
