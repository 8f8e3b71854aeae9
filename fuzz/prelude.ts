/** What the programs that print.ts writes call besides weft itself; prelude.py says the same in Python. */
export const PRELUDE = `const isFloat = (x) => np.issubdtype(np.asarray(x).dtype, "floating");
const probe = (x, step, period) =>
  np.array(Array.from({ length: x.size }, (_, k) => (((k * step + 3) % period) - period / 2) / 2), { dtype: x.dtype, shape: x.shape });
const tangent = (x) => probe(x, 7, 5);
const cotangent = (x) => probe(x, 5, 9);
const floats = (outs) => outs.map((x) => np.asarray(x)).filter(isFloat);
const total = (outs) => floats(outs).reduce((s, x) => np.add(s, np.sum(np.multiply(x, cotangent(x)))), np.array(0, { dtype: "float32" }));
const restricted = (g, xs, wrt) => (...ys) => floats(g(...xs.map((x, i) => (wrt.includes(i) ? ys[wrt.indexOf(i)] : x))));
const chosen = (xs, wrt) => wrt.map((i) => xs[i]);
const lst = (x) => (Array.isArray(x) ? x : [x]);`;

/** Rounding errors on purpose: see prelude.py. The errors are made on the host, so that they do not change what is compiled. */
export const NOISE = `const EPSILON = { float32: 2 ** -19, float64: 2 ** -48 };
const wave = (x, k) =>
  np.array(Array.from({ length: x.size }, (_, i) => amount * EPSILON[x.dtype] * Math.sin(i * 12.9898 + k * 78.233 + seed)), { dtype: x.dtype, shape: x.shape });
const each = (x, f) => (Array.isArray(x) ? x.map((y) => each(y, f)) : typeof x === "object" && isFloat(x) ? f(x) : x);
const flushed = jit((x) => np.where(np.less(np.absolute(x), 1.1754943508222875e-38), np.multiply(x, 0), x));
const isShort = (x) => np.logicalAnd(np.equal(np.multiply(x, 1024), np.rint(np.multiply(x, 1024))), np.less(np.absolute(x), 8192));
const moved = jit((x, w) => np.multiply(x, np.add(1, np.where(isShort(x), 0, w))));
const movedAll = jit((x, w) => np.multiply(x, np.add(1, w)));
const noise = (v, k) => each(v, (x) => (flush ? flushed(x) : moved(x, wave(x, k))));
const shaken = (v, k) => each(v, (x) => (flush ? x : movedAll(x, wave(x, k))));`;
