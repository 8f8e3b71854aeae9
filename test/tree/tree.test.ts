import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as tree from "../../src/tree/index.ts";
import { WeftTypeError } from "../../src/util/errors.ts";
import { Arr, anyTree, Point } from "./arbitrary.ts";

const { flatten, keystr, structure, unflatten } = tree;

describe("flatten and unflatten", () => {
  it("round-trip any tree", () => {
    fc.assert(
      fc.property(anyTree, (t) => {
        const [found, treedef] = flatten(t);
        const again = unflatten(treedef, found);
        expect(found).toHaveLength(treedef.numLeaves);
        expect(again).toEqual(t);
        const [foundAgain, treedefAgain] = flatten(again);
        expect(treedefAgain).toBe(treedef);
        expect(foundAgain.every((leaf, i) => Object.is(leaf, found[i]))).toBe(true);
      }),
    );
  });

  it.each([
    ["a leaf", 5, [5]],
    ["lists by index", [1, [2, 3]], [1, 2, 3]],
    ["dicts by sorted key", { b: 2, a: 1, c: 3 }, [1, 2, 3]],
    [
      "keys as strings, by code unit",
      { 10: "b", 9: "c", B: "d", "-1": "a", a: "e" },
      ["a", "b", "c", "d", "e"],
    ],
    ["empty nodes", [null, undefined, [], {}], []],
    ["prototype-less objects", Object.assign(Object.create(null), { a: 1 }), [1]],
    ["registered instances", new Point(1, [2, 3]), [1, 2, 3]],
    ["symbol keys are ignored", { a: 1, [Symbol("s")]: 2 }, [1]],
    ["holes are undefined", Object.assign(new Array(3), { 0: 1, 2: 3 }), [1, 3]],
  ])("order: %s", (_, t, expected) => {
    expect(tree.leaves(t)).toEqual(expected);
  });

  it.each([
    [new Arr()],
    [new Map([[1, 2]])],
    [new Float32Array(2)],
    [() => 0],
    ["ab"],
    [1n],
    [true],
    [new Date()],
  ])("%# is a leaf", (leaf) => {
    expect(tree.leaves([leaf])).toEqual([leaf]);
    expect(tree.leaves([leaf])[0]).toBe(leaf);
  });

  it("keeps null and undefined apart", () => {
    const again = tree.map((x) => x, { a: null, b: undefined });
    expect(again).toStrictEqual({ a: null, b: undefined });
    expect(structure(null)).not.toBe(structure(undefined));
  });

  it("keeps a key named __proto__", () => {
    const t = JSON.parse('{"__proto__": [1], "a": 2}') as Record<string, unknown>;
    const again = tree.map((x) => x, t) as Record<string, unknown>;
    expect(Object.keys(again)).toEqual(["__proto__", "a"]);
    expect(Object.getPrototypeOf(again)).toBe(Object.prototype);
  });

  it("asks isLeaf about nodes, empty nodes and leaves", () => {
    const isNull = (x: unknown) => x === null;
    expect(tree.leaves([0, null, undefined], isNull)).toEqual([0, null]);
    expect(tree.leaves([[1, 2], [3]], (x) => Array.isArray(x) && x.length === 1)).toEqual([1, 2, [3]]);
    expect(structure({ a: [1] }, Array.isArray)).toBe(structure({ a: 1 }));
  });

  it.each([
    [[1], "tree.unflatten: PyTreeDef([*, *]) has 2 leaves, but 1 was given"],
    [[1, 2, 3], "tree.unflatten: PyTreeDef([*, *]) has 2 leaves, but 3 were given"],
  ])("refuses %j for a pair", (leaves, message) => {
    expect(() => unflatten(structure([0, 0]), leaves)).toThrow(new WeftTypeError(message));
  });

  it("names the cycle of a cyclic tree", () => {
    const cyclic: Record<string, unknown> = { x: 1 };
    cyclic.list = [cyclic, cyclic];
    expect(() => flatten({ root: cyclic })).toThrow(
      /it is cyclic, (\['list'\]\[0\]|\[0\]\['list'\]) of a node leads back/,
    );
    let deep: unknown = 0;
    for (let i = 0; i < 5000; i++) deep = [deep];
    expect(() => flatten(deep)).toThrow("nested more than 1000 levels deep: a tree may not be that deep");
  });

  it("handles lists of many leaves", () => {
    const many = Array.from({ length: 50_000 }, (_, i) => i);
    const [found, treedef] = flatten(many);
    expect(treedef.numLeaves).toBe(50_000);
    expect(unflatten(treedef, found)).toEqual(many);
  });
});

describe("TreeDef", () => {
  it("is one object per structure", () => {
    expect(structure({ a: 1, b: [2, 3] })).toBe(structure({ b: ["x", {}.toString], a: 0 }));
    expect(structure(new Point(1, 2))).toBe(structure(new Point(3, 4)));
    const structures = [0, [], {}, null, undefined, [0], [[0]], [0, 0], { a: 0 }, { b: 0 }, { a: 0, b: 0 }];
    const points = [new Point(1, 2), new Point(1, 2, "km"), new Point(1, [2])];
    const defs = [...structures, ...points].map((t) => structure(t));
    expect(new Set(defs).size).toBe(defs.length);
    expect(new Set(defs.map((def) => def.id)).size).toBe(defs.length);
  });

  it.each([
    [1, "*"],
    [{ b: [1, 2], a: 0 }, "{'a': *, 'b': [*, *]}"],
    [null, "null"],
    [[undefined, {}, []], "[undefined, {}, []]"],
    [{ "it's": 1 }, "{'it\\'s': *}"],
    [[new Point(1, [2])], '[CustomNode(Point["m"], [*, [*]])]'],
  ])("prints %#", (t, expected) => {
    expect(String(structure(t))).toBe(`PyTreeDef(${expected})`);
  });

  it("has children and composes", () => {
    const def = structure([1, { a: 2 }]);
    expect(def.children()).toEqual([structure(1), structure({ a: 2 })]);
    expect(def.compose(structure([0, null]))).toBe(structure([[1, null], { a: [2, null] }]));
    expect(structure(0).isLeaf).toBe(true);
  });

  it("cannot be changed", () => {
    expect(() => Object.assign(structure([0]), { numLeaves: 7 })).toThrow(TypeError);
    expect(() => (structure([0]).children() as unknown[]).push(0)).toThrow(TypeError);
  });
});

describe("register", () => {
  it("refuses a class twice, and the built-in nodes", () => {
    const spec = { flatten: () => [[], null] as const, unflatten: () => new Point(0, 0) };
    expect(() => tree.register(Point, spec)).toThrow("the class Point is registered already");
    expect(() => tree.register(Object, spec)).toThrow("Object is a tree node already");
  });

  it.each([
    ["no pair", () => [1, 2, 3]],
    ["no array of children", () => [1, null]],
    ["nothing", () => undefined],
  ])("blames a flatten function that returns %s", (_, bad) => {
    class Bad {}
    tree.register(Bad, { flatten: bad as () => [[], null], unflatten: () => new Bad() });
    expect(() => flatten(new Bad())).toThrow(
      "the flatten function registered for Bad must return [children, aux]",
    );
  });

  it("blames keys that do not fit", () => {
    class Two {}
    tree.register(Two, { flatten: () => [[1, 2], null], unflatten: () => new Two(), keys: ["one"] });
    expect(() => flatten(new Two())).toThrow("Two is registered with 1 keys but flattens into 2 children");
  });

  it("works for a Map, with keys from the metadata, and not for subclasses", () => {
    class Bag extends Map<string, unknown> {}
    tree.register(Bag, {
      flatten: (bag) => [[...bag.values()], [...bag.keys()]],
      unflatten: (keys, values) => new Bag(keys.map((key, i) => [key, values[i]])),
      keys: (keys) => keys.map((key) => ({ kind: "key", key })),
    });
    const bag = new Bag([
      ["z", 1],
      ["a", [2]],
    ]);
    expect(tree.leavesWithPath(bag).map(([path, x]) => [keystr(path), x])).toEqual([
      ["['z']", 1],
      ["['a'][0]", 2],
    ]);
    expect(tree.map((x) => x, bag)).toEqual(bag);
    class Sub extends Bag {}
    expect(structure(new Sub()).isLeaf).toBe(true);
  });
});

describe("map, reduce, all", () => {
  it("map over one tree and several", () => {
    expect(tree.map((x) => x * 2, { a: 1, b: [2, null] })).toEqual({ a: 2, b: [4, null] });
    expect(tree.map((x, y, z) => x + y + z, { a: [1] }, { a: [10] }, { a: [100] })).toEqual({ a: [111] });
    expect(tree.map((x, sub) => [x, sub], [1, 2], [{ deep: 3 }, null])).toEqual([
      [1, { deep: 3 }],
      [2, null],
    ]);
  });

  it("is a functor", () => {
    fc.assert(
      fc.property(anyTree, (t) => {
        const [f, g] = [(x: unknown) => [x], (x: unknown) => `${String(x)}`];
        expect(structure(tree.map(g, t))).toBe(structure(t));
        expect(tree.leaves(tree.map((x) => g(f(x)), t))).toEqual(tree.leaves(t).map((x) => g(f(x))));
      }),
    );
  });

  it("names path and both nodes where trees do not match", () => {
    expect(() => tree.map((x) => x, { a: [1, 2] } as unknown, { a: [1, 2] }, { a: [1, 2, 3] })).toThrow(
      new WeftTypeError(
        "tree.map, tree 3: the trees do not match: at ['a'], an array of length 2 is expected but an array of " +
          "length 3 is given, so the lengths do not match. " +
          "Expected PyTreeDef({'a': [*, *]}), got PyTreeDef({'a': [*, *, *]}).",
      ),
    );
  });

  it("reduce and all", () => {
    expect(tree.reduce((total, x) => total + x, { a: 1, b: [2, 3] }, 0)).toBe(6);
    expect(tree.reduce((seen, x) => [...seen, x], { b: 1, a: 2 }, [] as number[])).toEqual([2, 1]);
    expect(tree.all([true, { a: 1 }, null])).toBe(true);
    expect(tree.all([true, { a: 0 }])).toBe(false);
    expect(tree.all([])).toBe(true);
    expect(tree.all([Object.assign(new Arr(), { item: () => false })])).toBe(false);
  });
});

describe("transpose", () => {
  it("turns a tree of trees inside out, and back", () => {
    const rows = [
      { a: 1, b: [2] },
      { a: 3, b: [4] },
    ];
    const [outer, inner] = [structure([0, 0]), structure({ a: 0, b: [0] })];
    const columns = tree.transpose(outer, inner, rows);
    expect(columns).toEqual({ a: [1, 3], b: [[2, 4]] });
    expect(tree.transpose(outer, null, rows)).toEqual(columns);
    expect(tree.transpose(inner, outer, columns)).toEqual(rows);
  });

  it("refuses a tree that is not outer of inner", () => {
    expect(() => tree.transpose(structure([0, 0]), structure([0]), [[1], [2, 3]])).toThrow(
      "tree.transpose: the tree is not PyTreeDef([*, *]) of PyTreeDef([*]): at [1], an array of length 1 is expected " +
        "but an array of length 2 is given, so the lengths do not match.",
    );
  });
});

describe("stackWith and unstackWith", () => {
  it("are inverse to each other", () => {
    const trees = [
      { a: 1, b: [2] },
      { a: 3, b: [4] },
    ];
    const stacked = tree.stackWith((xs) => new Map(xs.entries()), trees);
    expect(stacked).toEqual({
      a: new Map([
        [0, 1],
        [1, 3],
      ]),
      b: [
        new Map([
          [0, 2],
          [1, 4],
        ]),
      ],
    });
    expect(tree.unstackWith((xs) => [...xs.values()], stacked)).toEqual(trees);
  });

  it("blame what does not fit", () => {
    const join = (xs: unknown[]) => xs.join();
    expect(() => tree.stackWith(join, [])).toThrow("at least one tree");
    expect(() => tree.stackWith(join, [[1] as unknown, { a: 1 }])).toThrow(
      "tree.stack, tree 2: the trees do not match",
    );
    expect(() => tree.unstackWith((s) => [...s], { a: "xy", b: "xyz" })).toThrow(
      "the leaf at ['a'] has 2 parts, but the leaf at ['b'] has 3",
    );
    expect(() => tree.unstackWith(() => [], [null])).toThrow("at least one leaf");
  });
});
