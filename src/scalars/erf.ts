/** The error function, its complement and its inverse. */
import type { Scalar, UnaryExpansion } from "../core/lowering.ts";
import { high, roundExponent } from "./bits.ts";
import { assemble, expParts } from "./exp.ts";
import { defineUnary } from "./expansion.ts";
import { logOfPair } from "./log.ts";
import {
  abs,
  add,
  atMost,
  type Coefficients,
  constantLike,
  copysign,
  div,
  eq,
  floatOf,
  fma,
  horner,
  lt,
  mul,
  neg,
  odd,
  type PerFloat,
  pick,
  polynomial,
  select,
  sqrt,
  sub,
} from "./ops.ts";
import * as reference from "./reference.ts";

/** erf(x)/x in x² for |x| <= 0.875 and ½: 2^-27 and 2^-58. */
const ERF: Coefficients = {
  float32: [-0.00062012847, 0.005031842, -0.026791262, 0.11282451, -0.3761255, 1.1283791],
  float64: [
    1.4722559172738813e-6, -1.4845522183924684e-5, 0.00012053321978880397, -0.0008548297478535936,
    0.005223977369830637, -0.026866170632686922, 0.11283791670924731, -0.37612638903183465,
    1.1283791670955126,
  ],
};

/** (a + k)·exp(a²)·erfc(a) in (a - k)/(a + k), for a from ½ to where erfc underflows: 2^-28 and 2^-59. */
const ERFCX: Coefficients = {
  float32: [
    0.000119825505, -0.0005447973, -0.0008940448, 0.0030545655, 0.0064933863, -0.021506106, -0.03644358,
    0.2794719, -0.6871607, 1.0215827,
  ],
  float64: [
    -1.1869077546039763e-8, 1.325894474217414e-9, 1.1869653330935693e-7, -7.612558063367043e-8,
    -8.416240132588706e-7, 1.4245928189769842e-6, 4.6920712209585615e-6, -1.8861038292331773e-5,
    -3.634408295898111e-6, 0.00017681285195133596, -0.000455052843008809, -0.00028095886963273924,
    0.0061120556764027376, -0.026370053340077106, 0.0763815149077279, -0.17401093723993794,
    0.33085158787807417, -0.5408538313132353, 0.7732087022652362, -0.976548729080882, 1.095995661000491,
  ],
};
const ERFCX_CENTRE: PerFloat<number> = { float32: 2, float64: 4 };
const ERFC_END: PerFloat<number> = { float32: 10.2, float64: 27.3 };

/** erfc(a) for a >= ½. The square in the exponent is that of a = h + (a - h): -h² exactly, and a small rest. */
function erfcTail(x: Scalar): Scalar {
  const a = atMost(x, pick(ERFC_END, x));
  const h = high(a);
  const { p, power } = expParts(neg(mul(h, h)), mul(sub(h, a), add(h, a)));
  const centre = pick(ERFCX_CENTRE, x);
  const sum = add(a, centre);
  const u = div(sub(a, centre), sum);
  return assemble(div(mul(p, polynomial(u, ERFCX)), sum), power);
}

/** From here on 1 - erf would lose more than the tail does. */
const ERFC_TAIL: PerFloat<number> = { float32: 0.65, float64: 0.5 };

/** float32: up to 5 ulp in the tail, where it is a product of three rounded factors. */
export const erfc: UnaryExpansion = defineUnary("erfc", reference.erfc, (x) => {
  const a = abs(x);
  const tail = erfcTail(a);
  return select(lt(a, pick(ERFC_TAIL, x)), sub(1, odd(x, ERF)), select(lt(x, 0), sub(2, tail), tail));
});

/** log2(erfc(a)) for a from 0.875 to where erf is 1: 2^-29 of erf. */
const LOG2_ERFC = [
  0.00029011062, -0.0044625327, 0.03235062, -0.1505231, -0.91860616, -1.6272745, -0.00019114505,
];
const ERF_END = 3.95;
/** 2^r, |r| <= ½: 2^-23, of which erf takes a quarter. */
const EXP2 = [0.0013276194, 0.009675772, 0.05550716, 0.24022116, 0.69314694, 1];

export const erf: UnaryExpansion = defineUnary("erf", reference.erf, (x) =>
  floatOf(x) === "float32" ? erf32(x) : erf64(x),
);

function erf32(x: Scalar): Scalar {
  const a = abs(x);
  const l = horner(atMost(a, ERF_END), LOG2_ERFC);
  const { n, power } = roundExponent(l, 1);
  const far = sub(1, mul(horner(sub(l, n), EXP2), power));
  return select(lt(a, 0.875), odd(x, ERF), copysign(far, x));
}

function erf64(x: Scalar): Scalar {
  const a = abs(x);
  return select(lt(a, 0.5), odd(x, ERF), copysign(sub(1, erfcTail(a)), x));
}

/** Giles (2010), "Approximating the erfinv function", single precision: the polynomials that XLA has. */
const GILES_CENTRE = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
];
const GILES_TAIL = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
  1.00167406, 2.83297682,
];

/** As Giles, with w = -log(1 - x²): erfInv(x)/x in w - 3.125 (w < 6.25), √w - 3.25 (w < 16), √w - 5; 2^-52. */
const ERFINV64_CENTRE = [
  -4.323283772042246e-21, -1.6926456082741723e-19, 1.3222057652271993e-18, 1.1197091997371204e-17,
  -1.34157208634883e-16, 2.0104156762370683e-17, 6.648594144585958e-15, -4.0534895908416304e-14,
  -8.160794910506717e-14, 2.633427501271768e-12, -1.2974673658228002e-11, -5.4153728055374684e-11,
  1.0512107454082679e-9, -4.112635160280268e-9, -2.9070366798960763e-8, 4.2347878041107626e-7,
  -1.3654692038817946e-6, -1.3882523364902755e-5, 0.00018673420803639023, -0.0007407025341653041,
  -0.006033670871430705, 0.2401581824255895, 1.653654562683103,
];
const ERFINV64_MIDDLE = [
  3.2321616672267508e-9, 9.087528479913312e-8, -2.777568381359673e-7, 1.7951266735947076e-8,
  1.5054686275070342e-6, -4.013579131029738e-6, 2.9218915035333793e-6, 1.2475151437855935e-5,
  -4.731771380272847e-5, 6.828489771339165e-5, 2.403101008036914e-5, -0.0003550375282923261,
  0.0009532893906984439, -0.0016882755553026501, 0.002491442095508416, -0.003751208507598684,
  0.005370914553602671, 1.0052589676941597, 3.0838856104922203,
];
const ERFINV64_TAIL = [
  -1.1392317606945424e-11, -2.4683575556087463e-10, 1.4468706624573183e-9, -3.822141654955748e-9,
  7.71031668885528e-9, -1.491129897437883e-8, 2.907219581613078e-8, -6.774880766969507e-8,
  2.290378852026942e-7, -9.929679375016533e-7, 4.526054934090326e-6, -1.9681781130587513e-5,
  7.599527787481874e-5, -0.00021503011903071978, -0.00013871931837003564, 1.0103004648645275,
  4.849906401408584,
];

/** Two polynomials of one degree and disjoint domains: the coefficients are selected, not the results. */
function giles(w: Scalar): Scalar {
  const central = lt(w, 5);
  const t = select(central, sub(w, 2.5), sub(sqrt(w), 3));
  const [first, ...rest] = GILES_CENTRE.map((c, i) => selectConstants(central, c, GILES_TAIL[i]!, t));
  return rest.reduce((sum, c) => fma(sum, t, c), first!);
}
const selectConstants = (cond: Scalar, x: number, y: number, like: Scalar): Scalar =>
  select(cond, constantLike(x, like), y);

/** -log(1 - x²), precise near ±1 as well, where the rounding of x² would be much of it. */
function negLog(x: Scalar): Scalar {
  const a = abs(x);
  const z = mul(x, x);
  const [rest, product] = [sub(1, z), mul(sub(1, a), add(1, a))];
  const small = lt(a, 0.5);
  return neg(logOfPair(select(small, rest, product), select(small, sub(sub(1, rest), z), 0)));
}

function ratio64(w: Scalar): Scalar {
  const root = sqrt(w);
  const outer = select(
    lt(w, 16),
    horner(sub(root, 3.25), ERFINV64_MIDDLE),
    horner(sub(root, 5), ERFINV64_TAIL),
  );
  return select(lt(w, 6.25), horner(sub(w, 3.125), ERFINV64_CENTRE), outer);
}

/** ±infinity at ±1, NaN outside. */
export const erfInv: UnaryExpansion = defineUnary("erfInv", reference.erfInv, (x) => {
  const ratio = (floatOf(x) === "float32" ? giles : ratio64)(negLog(x));
  return mul(x, select(eq(abs(x), 1), Number.POSITIVE_INFINITY, ratio));
});
