/** Programs that every backend has to get right, as text; tests run them against the interpreter. */

export interface ProgramCase {
  readonly title: string;
  readonly texts: readonly string[];
  /** Largest accepted difference of floats, where the order of operations is free. */
  readonly tolerance: number;
}

const rows = new Map<string, { title: string; texts: string[]; tolerance: number }>();
function add(title: string, text: string, tolerance = 0): void {
  const row = rows.get(title) ?? { title, texts: [], tolerance };
  row.texts.push(text);
  rows.set(title, row);
}

// ---------------------------------------------------------------------------------------------- conversions

for (const extent of [3, 8, 16])
  add(
    "a zero that was an integer is positive",
    `program(x: f32[16]) -> (y: f32[16], z: f32[16]) {
      for i < 16 { y[i] = f32.neg(f32.min(f32.abs(x[i]), f32(0.75))) }
      for i < 16 { z[i] = f32(1) }
      for i < ${extent} { z[i] = f32.convert(i32.convert(y[i])) }
    }`,
  );
add(
  "a zero that was an integer is positive",
  `program(x: f32[16]) -> (y: f32[16], z: f32[3]) {
    for i < 16 { y[i] = f32.neg(f32.min(f32.abs(x[i]), f32(0.75))) }
    for i < 3 { z[i] = f32.min(f32.max(f32.convert(i32.convert(y[2*i + 6])), f32(-1000)), f32(1000)) }
  }`,
);

// ---------------------------------------------------------------------------------------------- addresses

const loads: readonly (readonly [name: string, index: string])[] = [
  ["next to each other", "i"],
  ["with a constant", "i + 5"],
  ["apart", "3*i"],
  ["backwards", "31 - i"],
  ["backwards and apart", "47 - 2*i"],
  ["all at one place", "4"],
];
for (const [name, index] of loads) {
  const title = `loads and stores ${name}`;
  for (const lanes of [1, 2, 4, 8, 16]) {
    for (const dtype of ["f32", "f64", "i32", "i16", "u8", "bool"]) {
      add(
        title,
        `program(x: ${dtype}[48]) -> (y: ${dtype}[16], z: ${dtype}[48]) {
          for i < 48 { z[i] = ${dtype}(0) }
          for i < 16 independent lanes ${lanes} { y[i] = x[${index}] }
          ${index === "4" ? "" : `for i < 16 independent lanes ${lanes} { z[${index}] = x[i] }`}
        }`,
      );
    }
  }
}

add(
  "terms of several loops, of which one counts down",
  `program(x: f32[210]) -> (y: f32[210]) {
      for i < 5 independent { for j < 6 independent { for k < 7 { y[209 - 42*i - 7*j - k] = x[42*i + 35 - 7*j + k] } } }
    }`,
);

add(
  "indices that are computed, assigned and below a constant",
  `program(x: f32[40], p: i32[8]) -> (y: f32[40], z: f32[8]) {
      for i < 40 { y[i] = f32(0) }
      for i < 8 {
        let a: i32 = i32.and(p[i], i32(7))
        var b: i32 = i32(0)
        for k < 6 {
          y[4*a + k] = f32.add(x[34 - 4*a - k], x[2*a])
          set b = i32.add(b, i32(1))
          y[b + 33] = x[10 - b]
        }
        z[a] = f32.add(y[8 - b + a], x[2*a])
      }
      for i < 8 { z[i] = x[i + 3] }
    }`,
);

for (const lanes of [1, 4] as const)
  add(
    `a computed index minus that of ${lanes} lanes`,
    `program(x: f32[40], p: i32[8]) -> (y: f32[8]) {
      let a: i32 = i32.add(i32.and(p[0], i32(7)), i32(20))
      for i < 8 independent lanes ${lanes} { y[i] = f32.add(x[a - i + 1], x[a - 3*i + 2]) }
    }`,
  );

add(
  "an index out of range in a branch that is not taken",
  `program(x: f32[8]) -> (y: f32[8]) {
      for i < 8 {
        switch i32.min(index(i), i32(1)) { case { y[i] = x[i] } case { y[i] = f32.add(x[i - 1], x[i]) } }
      }
    }`,
);

add(
  "temporaries share one base address",
  `program(x: f32[8]) -> (y: f32[8]) {
      temp s: f32[8]
      temp t: i32[8]
      for i < 8 { s[i] = f32.mul(x[i], f32(2))  t[i] = i32.convert(x[i]) }
      for i < 8 { y[i] = f32.add(s[7 - i], f32.convert(t[i])) }
    }`,
);

// ---------------------------------------------------------------------------------------------- lanes

for (const lanes of [2, 4, 8, 16] as const)
  add(
    `${lanes} of them mix dtypes, scalars and loop variables`,
    `program(x: f32[16], n: i32[16], d: f64[16], m: u8[16]) -> (y: f32[16], e: f64[16], p: i32[16], q: bool[16], r: u8[16]) {
      for j < 3 {
        for i < 16 independent lanes ${lanes} {
          let a: f64 = f64.add(f64.convert(x[i]), d[3*j])
          let b: bool = f64.lt(a, d[i])
          e[i] = f64.select(b, a, f64.convert(n[i]))
          p[i] = i32.add(i32.div(n[i], n[j]), index(2*i + j))
          q[i] = bool.or(b, f32.lt(x[j], x[i]))
          r[i] = u8.add(m[i], u8.convert(b))
          y[i] = f32.select(b, f32.convert(a), f32.select(f32.lt(x[j], f32(0)), x[i], x[15 - i]))
        }
      }
    }`,
  );

add(
  "variables become vectors by what is assigned to them later",
  `program(x: f32[64]) -> (y: f32[8]) {
      for i < 8 independent lanes 8 {
        var a: f32 = f32(1)
        var b: f32 = f32(2)
        for k < 8 {
          set a = f32.add(a, b)
          set b = f32.mul(x[8*k + i], f32(0.5))
        }
        y[i] = f32.add(a, b)
      }
    }`,
);

add(
  "lanes that take different branches run one after the other",
  `program(x: f32[8], n: i32[8]) -> (y: f32[8]) {
      for i < 8 independent lanes 4 {
        switch i32.and(n[i], i32(1)) { case { y[i] = x[i] } case { y[i] = f32.neg(x[i]) } }
      }
    }`,
);

add(
  "nor do lanes of a reduction index by what differs",
  `program(x: f32[8], n: i32[8]) -> (y: f32[1]) {
        reduce s: f32 = add(f32(0)) over (i < 8) lanes 4 { let j: i32 = i32.and(n[i], i32(7)) yield x[j] }
        y[0] = s
      }`,
  1e-5,
);

// ---------------------------------------------------------------------------------------------- reductions

for (const fn of ["add", "mul", "max", "min", "and", "or"] as const) {
  const title = `${fn} over one and two axes`;
  const [dtype, init] = fn === "and" ? ["i32", "-1"] : fn === "or" ? ["i32", "6"] : ["f32", "0.5"];
  for (const lanes of [1, 4, 8])
    add(
      title,
      `program(x: ${dtype}[96]) -> (y: ${dtype}[3]) {
          reduce a: ${dtype} = ${fn}(${dtype}(${init})) over (i < 32) lanes ${lanes} { yield x[i + 3] }
          y[0] = a
          reduce b: ${dtype} = ${fn}(a) over (i < 4, j < 24) lanes ${lanes} { let v: ${dtype} = x[24*i + j] yield v }
          y[1] = b
          reduce c: ${dtype} = ${fn}(b) over (i < 3, j < 8) lanes ${lanes} { yield x[3*j + i] }
          y[2] = c
        }`,
      1e-4,
    );
}

for (const dtype of ["bool", "i8", "u32", "f64"] as const) {
  const title = `reductions of ${dtype}`;
  for (const fn of ["add", "mul", "max", "min"])
    for (const lanes of [1, 4])
      add(
        title,
        `program(x: ${dtype}[12]) -> (y: ${dtype}[1]) {
            reduce a: ${dtype} = ${fn}(${dtype}(1)) over (i < 12) lanes ${lanes} { yield x[i] }
            y[0] = a
          }`,
        1e-12,
      );
}

add(
  "dot products, also of vectors of rows, and over nothing",
  `program(a: f32[64], b: f32[64]) -> (y: f32[1], z: f32[8], w: f32[1]) {
        reduce s: f32 = add(f32(0)) over (k < 64) lanes 4 { yield f32.mul(a[k], b[k]) }
        y[0] = s
        for i < 8 independent lanes 8 {
          reduce t: f32 = add(f32(1)) over (k < 8) { yield f32.mul(a[8*k + i], b[k]) }
          z[i] = t
        }
        reduce e: f32 = add(f32(3)) over (k < 0) { yield a[k] }
        w[0] = e
      }`,
  1e-5,
);

// ---------------------------------------------------------------------------------------------- control flow

add(
  "loops of no, one, few and many iterations",
  `program(x: f32[64]) -> (y: f32[64]) {
      for i < 64 { y[i] = f32(0) }
      for a < 0 { y[a] = f32(9) }
      for b < 1 { for c < 3 { for d < 9 { y[9*c + d + b] = f32.add(y[9*c + d], x[d]) } } }
      for e < 4 { y[e + 40] = f32.convert(index(7*e)) }
    }`,
);

add(
  "while, with a head whose locals live on",
  `program(n: i32[4]) -> (y: i32[4]) {
      for i < 4 {
        var x: i32 = i32.add(i32.abs(n[i]), i32(5))
        var steps: i32 = i32(0)
        while { let odd: i32 = i32.and(x, i32(1)) test i32.gt(x, i32(1)) } do {
          switch odd {
            case { set x = i32.div(x, i32(2)) }
            case { set x = i32.add(i32.mul(x, i32(3)), i32(1)) }
          }
          set steps = i32.add(steps, i32(1))
        }
        y[i] = steps
      }
    }`,
);

for (const count of [1, 2, 3, 5] as const) {
  const title = `switch of ${count} branches`;
  const cases = Array.from(
    { length: count },
    (_, k) => `case { y[i] = i32(${k + 10}) set s = i32.add(s, i32(${k})) }`,
  );
  add(
    title,
    `program(n: i32[16]) -> (y: i32[16], z: i32[1]) {
      var s: i32 = i32(0)
      for i < 16 { switch i32.rem(i32.abs(n[i]), i32(${count})) { ${cases.join(" ")} } }
      z[0] = s
    }`,
  );
}

export const PROGRAMS: readonly ProgramCase[] = [...rows.values()];
