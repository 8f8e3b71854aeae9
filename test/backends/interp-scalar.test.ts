import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bitcast, fma, functionOf } from "../../src/backends/interp/index.ts";
import { takes } from "../../src/compiler/ir/functions.ts";
import { DTYPES, type DType } from "../../src/core/dtype.ts";
import { BINARY, conversion, UNARY, wrap } from "../../src/core/scalar.ts";
import { expansions } from "../../src/scalars/index.ts";
import { digamma, erf, erfc, erfInv, lgamma } from "../../src/scalars/reference.ts";

const DTYPE_NAMES = Object.keys(DTYPES) as DType[];
const NAMED: Readonly<Record<string, number>> = {
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
  nan: Number.NaN,
  int_min: -(2 ** 31),
  int_max: 2 ** 31 - 1,
  uint_max: 2 ** 32 - 1,
};
const number = (text: string): number => NAMED[text] ?? Number(text);

interface Row {
  readonly name: string;
  readonly types: readonly DType[];
  readonly cases: readonly { readonly args: readonly number[]; readonly want: number }[];
}

/** Reads lines `name dtype…: x y -> result; …`. */
function rows(table: string): Row[] {
  const lines = table.trim().split("\n");
  return lines.map((line) => {
    const [head, cases] = line.split(":") as [string, string];
    const [name, ...types] = head.trim().split(/\s+/) as [string, ...DType[]];
    const parsed = cases.split(";").map((text) => {
      const [args, want] = text.split("->") as [string, string];
      return { args: args.trim().split(/\s+/).map(number), want: number(want.trim()) };
    });
    return { name, types, cases: parsed };
  });
}

const UNARY_ROWS = `
  neg float32: 0 -> -0; -0 -> 0; inf -> -inf; 1.5 -> -1.5
  neg int32: int_min -> int_min; 0 -> 0; 5 -> -5
  neg uint8: 1 -> 255; 0 -> 0
  abs int8: -128 -> -128; -3 -> 3
  abs float64: -0 -> 0; -inf -> inf; nan -> nan
  not bool: 0 -> 1; 1 -> 0
  not int32: 0 -> -1; 5 -> -6
  not uint16: 0 -> 65535; 1 -> 65534
  rint float32: 0.5 -> 0; 1.5 -> 2; 2.5 -> 2; -0.5 -> -0; -1.5 -> -2; -2.5 -> -2; -0.2 -> -0; 0.49999997 -> 0; -0 -> -0; 1e30 -> 1e30; nan -> nan
  rint float64: 4503599627370495.5 -> 4503599627370496; 0.49999999999999994 -> 0; -inf -> -inf
  floor float32: -0.5 -> -1; -0 -> -0; 2.9 -> 2
  ceil float32: -0.5 -> -0; 0.2 -> 1
  trunc float32: -1.9 -> -1; -0.3 -> -0
  sqrt float32: 2 -> 1.4142135623730951; -1 -> nan; -0 -> -0
  exp float32: 0 -> 1; 88 -> 1.6516362549940018e+38; 89 -> inf; -inf -> 0; nan -> nan
  expm1 float64: 1e-20 -> 1e-20; -0 -> -0; -inf -> -1
  log float32: 0 -> -inf; -1 -> nan; 1 -> 0
  log1p float64: 1e-20 -> 1e-20; -1 -> -inf
  tanh float32: 100 -> 1; -inf -> -1; 1e-20 -> 1e-20
  logistic float32: 0 -> 0.5; -200 -> 0; 200 -> 1; -inf -> 0; inf -> 1; -80 -> 1.8048513878454153e-35
  sin float64: 0.5235987755982989 -> 0.5; inf -> nan
  cbrt float64: 27 -> 3; -8 -> -2
  erf float32: inf -> 1; -0 -> -0
  erfc float32: 12 -> 0; -inf -> 2
  popcount int32: -1 -> 32; 0 -> 0; 6 -> 2
  popcount int8: -1 -> 8; -128 -> 1
  clz int32: 0 -> 32; 1 -> 31; -1 -> 0
  clz uint16: 1 -> 15; 0 -> 16; 65535 -> 0
  clz int8: -1 -> 0; 1 -> 7
`;

const BINARY_ROWS = `
  add int32: int_max 1 -> int_min
  add uint8: 255 1 -> 0
  add bool: 1 1 -> 1; 0 0 -> 0
  add float32: 16777216 1 -> 16777216; 1 1e-9 -> 1; -0 -0 -> -0
  sub uint32: 0 1 -> uint_max
  mul int32: 65537 65537 -> 131073; int_max int_max -> 1
  mul uint32: uint_max uint_max -> 1
  mul int16: 300 300 -> 24464
  mul bool: 1 0 -> 0; 1 1 -> 1
  div int32: 7 -2 -> -3; -7 2 -> -3; 5 0 -> -1; int_min -1 -> int_min; 0 -5 -> 0
  div uint32: 5 0 -> uint_max; uint_max 2 -> int_max
  div uint8: 9 0 -> 255
  div float32: 1 0 -> inf; -1 0 -> -inf; 0 0 -> nan; 1 3 -> 0.3333333432674408
  rem int32: -7 3 -> -1; 7 -3 -> 1; 5 0 -> 5; int_min -1 -> 0; -6 3 -> 0
  rem uint16: 9 0 -> 9; 9 4 -> 1
  rem float64: -5.5 2 -> -1.5; 5 inf -> 5; 5 0 -> nan; -4 2 -> -0
  max float32: nan 1 -> nan; 1 nan -> nan; -0 0 -> 0
  min float32: nan -inf -> nan; 0 -0 -> -0
  max uint32: uint_max 1 -> uint_max
  max bool: 1 0 -> 1
  pow float64: 1 nan -> 1; -1 inf -> 1; 0 0 -> 1; nan 0 -> 1; -8 3 -> -512; -8 0.5 -> nan
  atan2 float64: 0 -0 -> 3.141592653589793; -0 -1 -> -3.141592653589793; 1 0 -> 1.5707963267948966
  copysign float32: 3 -0 -> -3; -3 2 -> 3; 0 -inf -> -0; inf -1 -> -inf
  and uint32: uint_max 0x80000001 -> 0x80000001
  xor bool: 1 1 -> 0; 1 0 -> 1
  or int8: -128 1 -> -127
  shl int32: 1 31 -> int_min; 1 32 -> 0; 1 -1 -> 0; 3 0 -> 3
  shl uint8: 255 4 -> 240; 255 8 -> 0
  shrLogical int32: -1 28 -> 15; -1 32 -> 0; -1 0 -> -1
  shrLogical int8: -1 4 -> 15; -1 8 -> 0
  shrArith int32: -8 1 -> -4; -8 40 -> -1; 8 40 -> 0; -8 -1 -> -1
  shrArith uint8: 0x80 1 -> 0xc0; 0x80 9 -> 0xff; 0x7f 9 -> 0
  lt float32: nan 1 -> 0; -0 0 -> 0; 1 2 -> 1
  ne float32: nan nan -> 1; 0 -0 -> 0
  ge uint32: uint_max 0 -> 1
  eq bool: 1 1 -> 1
`;

const CONVERT_ROWS = `
  convert float32 int32: 1.9 -> 1; -1.9 -> -1; 1e10 -> int_max; -inf -> int_min; nan -> 0; -0.5 -> 0
  convert float32 uint32: -3 -> 0; inf -> uint_max; 4e9 -> 4e9
  convert float64 int8: 200 -> 127; -200 -> -128
  convert float32 bool: 0 -> 0; -0 -> 0; 0.1 -> 1; nan -> 1
  convert int32 uint8: -1 -> 255; 256 -> 0
  convert uint32 int32: uint_max -> -1
  convert int32 int16: 40000 -> -25536
  convert int32 float32: 16777217 -> 16777216
  convert float64 float32: 0.1 -> 0.10000000149011612; 1e300 -> inf
  convert bool float32: 1 -> 1
  convert int8 bool: -4 -> 1
  bitcast float32 int32: -0 -> int_min
  bitcast float32 uint32: 1 -> 0x3f800000
  bitcast int32 float32: 0x7f800000 -> inf
  bitcast int8 uint8: -1 -> 255
`;

// Computed with 40 digits and rounded to double precision.
const SPECIAL_ROWS = `
  erf: 1e-300 -> 1.1283791670955126e-300; 0.5 -> 0.5204998778130465; 1 -> 0.8427007929497149; 1.5 -> 0.9661051464753108; -2 -> -0.9953222650189527; 3 -> 0.9999779095030014; 6 -> 1
  erfc: -1 -> 1.8427007929497148; 0.25 -> 0.7236736098317631; 0.75 -> 0.28884436634648486; 1 -> 0.15729920705028513; 2 -> 0.004677734981047266; 5 -> 1.537459794428035e-12; 10 -> 2.088487583762545e-45; 25 -> 8.300172571196523e-274; inf -> 0; -inf -> 2
  erfInv: 1e-10 -> 8.862269254527581e-11; 0.1 -> 0.08885599049425769; 0.5 -> 0.4769362762044699; -0.9 -> -1.1630871536766743; 0.999999 -> 3.458910737275499; 1 -> inf; -1 -> -inf; 1.5 -> nan
  lgamma: 1 -> 0; 2 -> 0; 0.5 -> 0.5723649429247001; 1.5 -> -0.12078223763524522; 1.0000001 -> -5.772155829918507e-08; 10 -> 12.801827480081469; 0.001 -> 6.907178885383853; 100 -> 359.1342053695754; 1e6 -> 12815504.569147611; 1e200 -> 4.595170185988091e+202
  lgamma: -0.5 -> 1.2655121234846454; -2.5 -> -0.056243716497674054; 0 -> inf; -3 -> inf; inf -> inf; -inf -> inf
  digamma: 1 -> -0.5772156649015329; 0.5 -> -1.9635100260214235; 2 -> 0.42278433509846713; 10 -> 2.251752589066721; 0.001 -> -1000.5755719318103; -0.5 -> 0.03648997397857652; -3.25 -> 4.46627587235028; 0 -> nan; -4 -> nan; inf -> inf; -inf -> nan
`;

describe("scalar table", () => {
  const names = [...Object.keys(UNARY), ...Object.keys(BINARY), ...expansions.keys()];

  test.each(DTYPE_NAMES)("%s has exactly the functions that the verifier lets through", (dtype) => {
    const there = names.filter((fn) => functionOf(fn, dtype));
    expect(there).toEqual(names.filter((fn) => takes(fn, dtype)));
    expect(there.length).toBeGreaterThan(8);
  });

  test.each(rows(UNARY_ROWS))("$name of $types", ({ name, types: [dtype], cases }) => {
    const f = functionOf(name, dtype!)!;
    const fix = wrap(dtype!);
    for (const { args, want } of cases) expect([...args, f(fix(args[0]!), 0)]).toEqual([...args, fix(want)]);
  });

  test.each(rows(BINARY_ROWS))("$name of $types", ({ name, types: [dtype], cases }) => {
    const f = functionOf(name, dtype!)!;
    for (const { args, want } of cases) expect([...args, f(args[0]!, args[1]!)]).toEqual([...args, want]);
  });

  test.each(rows(CONVERT_ROWS))("$name $types", ({ name, types: [from, to], cases }) => {
    const f = { convert: conversion, bitcast }[name]!(from!, to!);
    for (const { args, want } of cases) expect([...args, f(args[0]!)]).toEqual([...args, want]);
  });

  test("fma keeps the product exact in float32", () => {
    const x = 1 + 2 ** -12;
    expect(fma("float32", x, x, -1)).toBe(2 ** -11 + 2 ** -24);
    expect(Math.fround(x * x) - 1).toBe(2 ** -11);
  });

  test("results stay in their dtype", () => {
    const bits = fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(fc.constantFrom(...DTYPE_NAMES), bits, bits, (dtype, a, b) => {
        const [x, y] = [wrap(dtype)(a), wrap(dtype)(b)];
        const results = [
          ...names
            .filter((fn) => !BINARY[fn as "eq"]?.compares)
            .flatMap((fn) => functionOf(fn, dtype)?.(x, y) ?? []),
          ...DTYPE_NAMES.map((from) => conversion(from, dtype)(wrap(from)(a))),
        ];
        for (const r of results) expect(wrap(dtype)(r)).toBe(r);
      }),
      { numRuns: 300 },
    );
  });
});

describe("special functions", () => {
  test.each(rows(SPECIAL_ROWS))("$name", ({ name, cases }) => {
    const f = { erf, erfc, erfInv, lgamma, digamma }[name]!;
    for (const { args, want } of cases) {
      const got = f(args[0]!);
      const near = Object.is(got, want) || Math.abs(got - want) <= 2e-15 * Math.abs(want) || got === want;
      expect(near || `${name}(${args}) is ${got}, wanted ${want}`).toBe(true);
    }
    expect(f(Number.NaN)).toBeNaN();
  });

  test("erfInv undoes erf, and erf is odd", () => {
    fc.assert(
      fc.property(fc.double({ min: -2, max: 2, noNaN: true }), (x) => {
        expect(erfInv(erf(x))).toBeCloseTo(x, 12);
        expect(erf(-x)).toBe(-erf(x));
      }),
    );
  });

  test("lgamma and digamma keep their recurrences", () => {
    const noninteger = fc
      .double({ min: -20, max: 40, noNaN: true })
      .filter((x) => Math.abs(x - Math.round(x)) > 1e-3);
    fc.assert(
      fc.property(noninteger, (x) => {
        expect(lgamma(x + 1) - lgamma(x)).toBeCloseTo(Math.log(Math.abs(x)), 9);
        expect(digamma(x + 1) - digamma(x)).toBeCloseTo(1 / x, 7);
      }),
    );
  });
});
