import type { FuncBuilder, FuncRef, ModuleBuilder } from "./encoder/index.ts";

/**
 * Defines the remainder of two f64 as C's `fmod` has it: exact, with the sign of x; NaN for infinite x or for y = 0, x for infinite y.
 *
 * Long division in binary: y is doubled until twice that exceeds x, then subtracted where it fits while it is halved
 * again. Each step is exact.
 */
export function defineRemainder(module: ModuleBuilder): FuncRef {
  return module.func("remainder", ["f64", "f64"], ["f64"], (f) => {
    const [x, y] = [0, 1];
    const [rest, divisor, part] = [f.local("f64"), f.local("f64"), f.local("f64")];
    absolute(f, x, rest);
    absolute(f, y, divisor);
    returnUnlessFinite(f, rest, divisor);
    compare(f, "f64.ge", () => f.get(rest), divisor);
    f.if_(() => divide(f, rest, divisor, part));
    f.get(rest);
    f.get(x);
    f.op("f64.copysign");
  });
}

/** The dividend is at least the divisor, and finite. */
function divide(f: FuncBuilder, rest: number, divisor: number, part: number): void {
  copy(f, divisor, part);
  f.block((exit) =>
    f.loop((again) => {
      compare(f, "f64.gt", () => twice(f, part), rest);
      f.br_if(exit);
      twice(f, part);
      f.set(part);
      f.br(again);
    }),
  );
  f.loop((again) => {
    compare(f, "f64.ge", () => f.get(rest), part);
    f.if_(() => subtract(f, rest, part));
    compare(f, "f64.ge", () => halve(f, part), divisor);
    f.br_if(again);
  });
}

function absolute(f: FuncBuilder, from: number, to: number): void {
  f.get(from);
  f.op("f64.abs");
  f.set(to);
}

function copy(f: FuncBuilder, from: number, to: number): void {
  f.get(from);
  f.set(to);
}

function twice(f: FuncBuilder, local: number): void {
  f.get(local);
  f.get(local);
  f.op("f64.add");
}

/** Leaves the new value on the stack, too. */
function halve(f: FuncBuilder, local: number): void {
  f.get(local);
  f.f64Const(0.5);
  f.op("f64.mul");
  f.tee(local);
}

function subtract(f: FuncBuilder, from: number, what: number): void {
  f.get(from);
  f.get(what);
  f.op("f64.sub");
  f.set(from);
}

function compare(f: FuncBuilder, name: "f64.gt" | "f64.ge", push: () => void, local: number): void {
  push();
  f.get(local);
  f.op(name);
}

/** x < infinity and y > 0 is what the division needs; NaN fails both. */
function returnUnlessFinite(f: FuncBuilder, rest: number, divisor: number): void {
  f.get(rest);
  f.f64Const(Number.POSITIVE_INFINITY);
  f.op("f64.lt");
  f.get(divisor);
  f.f64Const(0);
  f.op("f64.gt");
  f.op("i32.and");
  f.op("i32.eqz");
  f.if_(() => {
    f.f64Const(Number.NaN);
    f.return_();
  });
}
