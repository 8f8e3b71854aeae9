import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as tree from "../../src/tree/index.ts";
import { anyTree, Point } from "./arbitrary.ts";

const { broadcastPrefix, equalityErrors, flattenUpTo, keystr, prefixErrors, structure } = tree;

const flat = (errors: readonly tree.StructureError[]) =>
  errors.map(({ path, whatA, whatB, explanation }) => [keystr(path), whatA, whatB, explanation]);

const TYPES = "their types differ";
const LENGTHS = "the lengths do not match";

describe("equalityErrors", () => {
  it.each<[string, unknown, unknown, string[][]]>([
    ["equal", { a: [1, null] }, { a: [2, null] }, []],
    ["lengths", [1, 2], [1, 2, 3], [["", "an array of length 2", "an array of length 3", LENGTHS]]],
    [
      "list and dict",
      { c: [1] },
      { c: { a: 1 } },
      [["['c']", "an array of length 1", "an object with keys {a}", TYPES]],
    ],
    [
      "leaf and node",
      [1, [2]],
      [[1], 2],
      [
        ["[0]", "a leaf", "an array of length 1", TYPES],
        ["[1]", "an array of length 1", "a leaf", TYPES],
      ],
    ],
    ["null and leaf", [null], [1], [["[0]", "null", "a leaf", TYPES]]],
    ["null and undefined", [null], [undefined], [["[0]", "null", "undefined", TYPES]]],
    [
      "more keys",
      { a: 1, b: 2 },
      { a: 1, b: 2, c: 3 },
      [
        [
          "",
          "an object with keys {a, b}",
          "an object with keys {a, b, c}",
          "the numbers of children do not match, with the symmetric difference of key sets: {c}",
        ],
      ],
    ],
    [
      "other keys",
      { t: 1 },
      { T: 1 },
      [
        [
          "",
          "an object with keys {t}",
          "an object with keys {T}",
          "the keys do not match, with the symmetric difference of key sets: {t, T}",
        ],
      ],
    ],
    ["no keys", {}, [], [["", "an object without keys", "an array of length 0", TYPES]]],
    [
      "metadata",
      [new Point(1, 2)],
      [new Point(1, 2, "km")],
      [
        [
          "[0]",
          'a Point with 2 children and metadata "m"',
          'a Point with 2 children and metadata "km"',
          "the metadata of the nodes do not match",
        ],
      ],
    ],
    [
      "inside an instance",
      new Point(1, 2),
      new Point(1, []),
      [[".y", "a leaf", "an array of length 0", TYPES]],
    ],
  ])("%s", (_, a, b, expected) => {
    expect(flat(equalityErrors(a, b))).toEqual(expected);
    expect(flat(equalityErrors(structure(a), structure(b)))).toEqual(expected);
  });

  it("is empty exactly for equal structures", () => {
    fc.assert(
      fc.property(anyTree, anyTree, (a, b) => {
        expect(equalityErrors(a, b).length === 0).toBe(structure(a) === structure(b));
        expect(equalityErrors(a, a)).toEqual([]);
      }),
    );
  });
});

const uses: readonly ((prefix: unknown, full: unknown) => unknown[])[] = [
  (prefix, full) => broadcastPrefix(prefix, full),
  (prefix, full) => flattenUpTo(structure(prefix), full),
];

describe("prefixes", () => {
  it.each<[string, unknown, unknown, string[]]>([
    ["a leaf covers anything", 0, { a: [1] }, []],
    ["a leaf covers an empty node", [0], [null], []],
    ["equal", [0, { a: 0 }], [1, { a: [2, 3] }], []],
    ["too short", [0], [1, 2], [""]],
    ["full is a leaf", [[0]], [1], ["[0]"]],
    ["null must meet null", [null], [1], ["[0]"]],
    ["two errors", { a: [0], b: { c: 0 } }, { a: 1, b: { d: 1 } }, ["['a']", "['b']"]],
  ])("%s", (_, prefix, full, paths) => {
    expect(prefixErrors(prefix, full).map((error) => keystr(error.path))).toEqual(paths);
    const ok = paths.length === 0;
    for (const use of uses) {
      if (ok) expect(() => use(prefix, full)).not.toThrow();
      else expect(() => use(prefix, full)).toThrow(`the trees do not match: at ${paths[0] || "the root"}, `);
    }
  });

  it("flattenUpTo stops at the leaves of the definition", () => {
    expect(flattenUpTo(structure([0, { a: 0 }]), [[1, 2], { a: 3 }])).toEqual([[1, 2], 3]);
    expect(flattenUpTo(structure(new Point(0, 0)), new Point([1], null))).toEqual([[1], null]);
    expect(flattenUpTo(structure([]), [])).toEqual([]);
  });

  it("broadcastPrefix repeats each leaf over what it covers", () => {
    const isNull = (x: unknown) => x === null;
    expect(broadcastPrefix([0, null], [{ a: 1, b: 2 }, 3], isNull)).toEqual([0, 0, null]);
    expect(broadcastPrefix(7, structure([1, [2, 3]]))).toEqual([7, 7, 7]);
    expect(broadcastPrefix([1, 2], [[], 3])).toEqual([2]);
    fc.assert(
      fc.property(anyTree, (t) => {
        expect(broadcastPrefix(t, t)).toEqual(tree.leaves(t));
        expect(flattenUpTo(structure(t), t)).toEqual(tree.leaves(t));
        expect(broadcastPrefix("x", t)).toEqual(tree.leaves(t).map(() => "x"));
      }),
    );
  });
});
