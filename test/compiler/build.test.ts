/** Constructors of expressions: equal expressions are one object, and what folds disappears. */
import { describe, expect, test } from "vitest";
import {
  binaryExpr,
  bitcastExpr,
  constant,
  constExpr,
  convertExpr,
  indexExpr,
  loadExpr,
  localExpr,
  newBuffer,
  newLocal,
  newLoopVar,
  scaledAtom,
  selectExpr,
  unaryExpr,
} from "../../src/compiler/ir/build.ts";
import type { Expr } from "../../src/compiler/ir/nodes.ts";
import { printExpr } from "../../src/compiler/ir/print.ts";

const [a, n] = [newBuffer("a", "float32", 8), newBuffer("n", "int32", 8)];
const i = newLoopVar("i");
const l = newLocal("l", "int32");
const x = loadExpr(a, scaledAtom(i));
const k = loadExpr(n, constant(0));
const b = binaryExpr("lt", x, constExpr(0, "float32"));
const f = (value: number): Expr => constExpr(value, "float32");
const z = (value: number): Expr => constExpr(value, "int32");

const same: [string, Expr, Expr][] = [
  ["loads of one element", loadExpr(a, scaledAtom(i)), x],
  [
    "equal operations",
    binaryExpr("mul", unaryExpr("tanh", x), f(2)),
    binaryExpr("mul", unaryExpr("tanh", x), f(2)),
  ],
  ["x + 0", binaryExpr("add", x, f(0)), x],
  ["0 + x", binaryExpr("add", f(0), x), x],
  ["x - 0", binaryExpr("sub", x, f(0)), x],
  ["x * 1", binaryExpr("mul", x, f(1)), x],
  ["k * 0", binaryExpr("mul", k, z(0)), z(0)],
  ["x / 1", binaryExpr("div", x, f(1)), x],
  ["max(x, x)", binaryExpr("max", x, x), x],
  ["b and true", binaryExpr("and", b, constExpr(true, "bool")), b],
  ["b and false", binaryExpr("and", b, constExpr(false, "bool")), constExpr(false, "bool")],
  ["b or false", binaryExpr("or", constExpr(false, "bool"), b), b],
  ["k or 0", binaryExpr("or", k, z(0)), k],
  ["--x", unaryExpr("neg", unaryExpr("neg", x)), x],
  ["select of a constant", selectExpr(constExpr(false, "bool"), x, f(3)), f(3)],
  ["select of one value", selectExpr(b, x, x), x],
  ["convert to the same type", convertExpr(x, "float32"), x],
  ["bitcast there and back", bitcastExpr(bitcastExpr(x, "int32"), "float32"), x],
  ["an index that is a local", indexExpr(scaledAtom(l)), localExpr(l)],
];
const folded: [string, Expr, number][] = [
  ["float32 rounds", binaryExpr("add", f(0.1), f(0.2)), Math.fround(Math.fround(0.1) + Math.fround(0.2))],
  ["int32 wraps", binaryExpr("add", z(2147483647), z(1)), -2147483648],
  ["int32 products wrap", binaryExpr("mul", z(65537), z(65537)), 131073],
  ["uint32 wraps", binaryExpr("sub", constExpr(0, "uint32"), constExpr(1, "uint32")), 4294967295],
  ["division by zero", binaryExpr("div", z(7), z(0)), -1],
  ["remainder by zero", binaryExpr("rem", z(7), z(0)), 7],
  ["division truncates", binaryExpr("div", z(-7), z(2)), -3],
  ["bool add is or", binaryExpr("add", constExpr(true, "bool"), constExpr(true, "bool")), 1],
  ["max keeps NaN", binaryExpr("max", f(Number.NaN), f(1)), Number.NaN],
  ["float to int saturates", convertExpr(f(1e20), "int32"), 2147483647],
  ["NaN to int", convertExpr(f(Number.NaN), "int32"), 0],
  ["float to int truncates", convertExpr(f(-2.7), "int32"), -2],
  ["int to int wraps", convertExpr(z(300), "uint8"), 44],
  ["to bool", convertExpr(f(0.5), "bool"), 1],
  ["no negative zero in integers", unaryExpr("neg", z(0)), 0],
  ["constant index", indexExpr(constant(5)), 5],
];

describe("expressions", () => {
  test.each(same)("%s", (_, got, want) => {
    expect(got === want, `${printExpr(got)} is not ${printExpr(want)}`).toBe(true);
  });
  test.each(folded)("%s", (_, got, want) => {
    expect(got.op === "const" && Object.is(got.value, want), printExpr(got)).toBe(true);
  });
  test("zeros of both signs are two constants", () => {
    expect(f(0)).not.toBe(f(-0));
  });
  test("transcendental functions are left to the backends, 0 * x to the hardware", () => {
    expect(unaryExpr("exp", f(1)).op).toBe("unary");
    expect(binaryExpr("mul", x, f(0)).op).toBe("binary");
  });
  test("operands of different types are refused", () => {
    expect(() => binaryExpr("add", x, k)).toThrow(/add of float32 and int32/);
  });
});
