import fc from "fast-check";
import { register } from "../../src/tree/index.ts";

/** A class that trees do not know: a leaf. */
export class Arr {
  readonly shape: readonly number[];
  readonly dtype = "float32";
  constructor(shape: readonly number[] = []) {
    this.shape = shape;
  }
}

/** A registered class with attribute paths and metadata. */
export class Point {
  x: unknown;
  y: unknown;
  readonly unit: string;
  constructor(x: unknown, y: unknown, unit = "m") {
    this.x = x;
    this.y = y;
    this.unit = unit;
  }
}

register(Point, {
  flatten: (p: Point) => [[p.x, p.y], p.unit],
  unflatten: (unit, [x, y]) => new Point(x, y, unit),
  keys: ["x", "y"],
});

/** Any tree: lists, dicts with awkward keys, empty nodes, registered instances, leaves of several types. */
export const anyTree: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.integer(),
      fc.string(),
      fc.boolean(),
      fc.constantFrom(null, undefined),
      fc.constant(new Arr()),
      fc.constant(new Float32Array(2)),
    ),
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("__proto__", "10", "9", "a'b")), tie("tree"), {
      maxKeys: 4,
    }),
    fc.tuple(tie("tree"), tie("tree")).map(([x, y]) => new Point(x, y)),
  ),
})).tree;
