import { describe, expect, expectTypeOf, it } from "vitest";
import * as tree from "../../src/tree/index.ts";
import { Arr } from "./arbitrary.ts";

interface Layer {
  readonly w: Arr;
  readonly b?: Arr;
}
interface Params {
  layers: readonly Layer[];
  pair: [Arr, null];
  out: Layer | null;
}
type Alias = { w: Arr; nested: { b: Arr[] } };
interface Linked {
  value: number;
  next: Linked | null;
}

const params: Params = { layers: [{ w: new Arr() }], pair: [new Arr(), null], out: null };
const alias: Alias = { w: new Arr(), nested: { b: [new Arr()] } };

describe("the types of trees", () => {
  it("map keeps interfaces, optional and readonly properties, tuples and null", () => {
    const shapes = tree.map((x) => x.shape.length, params);
    expectTypeOf(shapes.layers).toEqualTypeOf<readonly { readonly w: number; readonly b?: number }[]>();
    expectTypeOf(shapes.pair).toEqualTypeOf<[number, null]>();
    expectTypeOf(shapes.out).toEqualTypeOf<{ readonly w: number; readonly b?: number } | null>();
    expect(shapes).toEqual({ layers: [{ w: 0 }], pair: [0, null], out: null });
  });

  it("map to the leaf type itself gives the user's own type", () => {
    const same = tree.map((x) => new Arr(x.shape), params);
    expectTypeOf(same).toExtend<Params>();
    expectTypeOf(tree.map((x) => x, alias)).toEqualTypeOf<Alias>();
  });

  it("map types the further trees by what stands at the leaves", () => {
    const sums = tree.map(
      (x, y, z) => {
        expectTypeOf(x).toEqualTypeOf<number>();
        expectTypeOf(y).toEqualTypeOf<string>();
        expectTypeOf(z).toEqualTypeOf<number[] | boolean>();
        return [x, y, z];
      },
      { a: 1, b: [2] },
      { a: "1", b: ["2"] },
      { a: [3, 3], b: [true] },
    );
    expect(sums).toEqual({ a: [1, "1", [3, 3]], b: [[2, "2", true]] });
  });

  it("leaves", () => {
    expectTypeOf(tree.leaves(params)).toEqualTypeOf<Arr[]>();
    expectTypeOf(tree.leaves({ a: 1, b: "x", c: [true, null] })).toEqualTypeOf<
      (number | string | boolean)[]
    >();
    expectTypeOf<tree.LeafOf<Float32Array | (() => number)>>().toEqualTypeOf<Float32Array | (() => number)>();
    expectTypeOf<tree.LeafOf<Linked>>().toEqualTypeOf<number>();
    expectTypeOf<tree.LeafOf<tree.Tree<Arr>>>().toEqualTypeOf<Arr>();
    expectTypeOf<tree.LeafOf<unknown>>().toEqualTypeOf<unknown>();
    expectTypeOf<tree.MapTree<unknown, number>>().toEqualTypeOf<unknown>();
    expectTypeOf<tree.MapTree<Linked, string>["next"]>().toExtend<{ value: string } | null>();
    expect(tree.leaves(params)).toHaveLength(2);
  });

  it("unflatten remembers the tree of the definition", () => {
    const [leaves, treedef] = tree.flatten(alias);
    expectTypeOf(tree.unflatten(treedef, leaves)).toEqualTypeOf<Alias>();
    const names = tree.unflatten(treedef, ["u", "v"]);
    expectTypeOf(names).toEqualTypeOf<{ w: string; nested: { b: string[] } }>();
    expectTypeOf(treedef).toExtend<tree.TreeDef>();
    expect(names).toEqual({ w: "v", nested: { b: ["u"] } });
  });

  it("transpose swaps the structures", () => {
    const t = tree.transpose(tree.structure([0, 0]), tree.structure({ a: 0 }), [{ a: "x" }, { a: "y" }]);
    expectTypeOf(t).toEqualTypeOf<{ a: string[] }>();
    expect(t).toEqual({ a: ["x", "y"] });
  });

  it("TreeOf accepts interfaces and refuses wrong leaves", () => {
    const count = <T extends tree.TreeOf<T, Arr>>(t: T): number => tree.leaves(t as unknown).length;
    expect(count<Params>(params)).toBe(2);
    expect(count(params)).toBe(2);
    expect(count({ w: new Arr() })).toBe(1);
    expect([count(null), count(new Arr()), count([new Arr(), [new Arr()]])]).toEqual([0, 1, 2]);
    // @ts-expect-error a string is not an array
    expect(count({ w: new Arr(), oops: "text" })).toBe(2);
    const both = <T extends tree.TreeOf<T, Arr>>(t: T): T[] => {
      const [first, second] = [t, t];
      return [first, second];
    };
    expect(both(params)).toEqual([params, params]);
  });

  it("map refuses a function for other leaves", () => {
    // @ts-expect-error the leaves are arrays
    expect(() => tree.map((x: string) => x.trim(), alias)).toThrow();
  });
});
