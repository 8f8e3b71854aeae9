/** What each loop pass makes of a small program, as text: before is the program as it is written, after is that pass alone. */
import { expect, test } from "vitest";
import { prepare } from "../../src/compiler/prepare.ts";
import { lax, makeJaxpr, numpy as np } from "../../src/index.ts";
import { LOOP_PASSES, type LoopPass } from "../../src/transforms/loops/index.ts";

type A = np.Array;
const names = Object.keys(LOOP_PASSES) as LoopPass[];
const after = (pass: LoopPass, f: (...args: A[]) => unknown, ...shapes: number[][]): string => {
  const { jaxpr } = makeJaxpr(f as never)(...(shapes.map((s) => np.zeros(s)) as never[]));
  return `\n${prepare(jaxpr, { off: names.filter((name) => name !== pass) })}\n`;
};

test("interchange", () => {
  const layers = (ws: A, hs: A, xs: A): unknown =>
    lax.scan(
      (states: A, x: A) => {
        const [top, next] = lax.scan(
          (signal: A, [w, h]: [A, A]) => {
            const out = signal.matmul(w).add(h);
            return [out, out];
          },
          x,
          [ws, states] as [A, A],
        );
        return [next, top];
      },
      hs,
      xs,
    );
  expect(after("interchange", layers, [2, 4, 4], [2, 3, 4], [5, 3, 4])).toMatchInlineSnapshot(`
    "
    { lambda ; a:f32[2,4,4] b:f32[2,3,4] c:f32[5,3,4]. let
        d:f32[5,3,4] e:f32[2,3,4] = scan[
          jaxpr={ lambda ; f:f32[5,3,4] g:f32[3,4] h:f32[4,4]. let
              i:f32[3,4] j:f32[5,3,4] = scan[
                jaxpr={ lambda ; k:f32[4,4] l:f32[3,4] m:f32[3,4]. let
                    n:f32[3,4] = dot_general[
                      dimension_numbers=(([1], [0]), ([], []))
                      preferred_element_type=float32
                    ] m k
                    o:f32[3,4] = add n l
                  in (o, o) }
                length=5
                num_carry=1
                num_consts=1
                reverse=False
                unroll=1
              ] h g f
            in (j, i) }
          length=2
          num_carry=1
          num_consts=0
          reverse=False
          unroll=1
        ] c b a
      in (e, d) }
    "
  `);
});

test("share", () => {
  const copies = (c: A, xs: A): unknown =>
    lax.scan(
      (s: A, x: A) => {
        const next = s.add(x);
        return [next, [next, x, next]];
      },
      c,
      xs,
    );
  expect(after("share", copies, [4], [5, 4])).toMatchInlineSnapshot(`
    "
    { lambda ; a:f32[4] b:f32[5,4]. let
        c:f32[4] d:f32[5,4] = scan[
          jaxpr={ lambda ; e:f32[4] f:f32[4]. let g:f32[4] = add e f in (g, g) }
          length=5
          num_carry=1
          num_consts=0
          reverse=False
          unroll=1
        ] a b
      in (c, d, b, d) }
    "
  `);
});

test("hoist", () => {
  const recurrence = (h: A, xs: A, w: A): unknown =>
    lax.scan((s: A, x: A) => [np.tanh(x.matmul(w).add(s)), null], h, xs)[0];
  expect(after("hoist", recurrence, [2, 32], [5, 2, 64], [64, 32])).toMatchInlineSnapshot(`
    "
    { lambda ; a:f32[2,32] b:f32[5,2,64] c:f32[64,32]. let
        d:f32[5,2,32] = dot_general[
          dimension_numbers=(([2], [0]), ([], []))
          preferred_element_type=float32
        ] b c
        e:f32[2,32] = scan[
          jaxpr={ lambda ; f:f32[2,32] g:f32[2,32]. let
              h:f32[2,32] = add g f
              i:f32[2,32] = tanh h
            in (i,) }
          length=5
          num_carry=1
          num_consts=0
          reverse=False
          unroll=1
        ] a d
      in (e,) }
    "
  `);
});

test("sink", () => {
  const projection = (h: A, xs: A, w: A): unknown =>
    lax.scan((s: A, x: A) => [s.add(x), s.mul(x).matmul(w)], h, xs)[1];
  expect(after("sink", projection, [3, 4], [5, 3, 4], [4, 8])).toMatchInlineSnapshot(`
    "
    { lambda ; a:f32[3,4] b:f32[5,3,4] c:f32[4,8]. let
        _:f32[3,4] d:f32[5,3,4] = scan[
          jaxpr={ lambda ; e:f32[3,4] f:f32[3,4]. let
              g:f32[3,4] = add e f
              h:f32[3,4] = mul e f
            in (g, h) }
          length=5
          num_carry=1
          num_consts=0
          reverse=False
          unroll=1
        ] a b
        i:f32[5,3,8] = dot_general[
          dimension_numbers=(([2], [0]), ([], []))
          preferred_element_type=float32
        ] d c
      in (i,) }
    "
  `);
});

test("defer", () => {
  const sum = (c: A, xs: A, ys: A): unknown =>
    lax.scan((s: A, [x, y]: [A, A]) => [s.add(x.T.matmul(y)), null], c, [xs, ys] as [A, A])[0];
  expect(after("defer", sum, [4, 4], [5, 3, 4], [5, 3, 4])).toMatchInlineSnapshot(`
    "
    { lambda ; a:f32[4,4] b:f32[5,3,4] c:f32[5,3,4]. let
        d:f32[5,4,3] = scan[
          jaxpr={ lambda ; e:f32[3,4]. let
              f:f32[4,3] = transpose[permutation=(1, 0)] e
            in (f,) }
          length=5
          num_carry=0
          num_consts=0
          reverse=False
          unroll=1
        ] b
        g:f32[4,4] = dot_general[
          dimension_numbers=(([0, 2], [0, 1]), ([], []))
          preferred_element_type=float32
        ] d c
        h:f32[4,4] = add_any a g
      in (h,) }
    "
  `);
});
