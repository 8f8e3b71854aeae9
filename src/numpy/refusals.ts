/** What JavaScript would do with an array as if it were a list or a record, silently or in the engine's words: here it says what to do instead. */
import { NDArray } from "../core/array.ts";
import { WeftTypeError } from "../core/errors.ts";

/** Further places are no property: reading one gives undefined, and writing one is refused by the engine, as arrays are not extensible. */
const PLACES = 64;

/** What to use instead of assigning to an attribute. */
const REMEDIES: Readonly<Record<string, string>> = {
  ...{ shape: "x.reshape(shape)", ndim: "x.reshape(shape)", size: "x.reshape(shape)" },
  ...{ dtype: "x.astype(dtype)", weakType: "x.astype(dtype)" },
  ...{ T: "x.transpose(axes)", mT: "x.swapaxes(a, b)", device: "a function of it" },
};

const refusal = (text: (x: NDArray) => string): ((this: NDArray) => never) =>
  function refuse(this: NDArray): never {
    throw new WeftTypeError(text(this));
  };

const immutable = (name: string, remedy: string): ((this: NDArray) => never) =>
  refusal(
    (x) =>
      `An array of type ${x.aval} is immutable: x${name} cannot be assigned. Use ${remedy}, which gives a new array.`,
  );

const place = (i: number): PropertyDescriptor => ({
  get: refusal(
    (x) =>
      `An array of type ${x.aval} is no list: use x.slice(${i}) for x[${i}], and x.slice([start, stop]) for a part of it.`,
  ),
  set: immutable(`[${i}]`, `x.at(${i}).set(value)`),
});

const length: PropertyDescriptor = {
  get: refusal(
    (x) =>
      `An array of type ${x.aval} has no length: x.shape[0] is the size of its first axis, x.size the number of its elements.`,
  ),
  set: immutable(".length", "x.slice([0, length]) or np.pad"),
};

function attribute(name: string, remedy: string): PropertyDescriptor {
  const { get } = Object.getOwnPropertyDescriptor(NDArray.prototype, name)!;
  return { get: get!, set: immutable(`.${name}`, remedy) };
}

type Property = [name: string, descriptor: PropertyDescriptor];

/** Properties of the prototype; asked for when all getters are installed. */
export const refusals = (): Property[] => [
  ...Array.from({ length: PLACES }, (_, i): Property => [String(i), place(i)]),
  ["length", length],
  ...Object.entries(REMEDIES).map(([name, remedy]): Property => [name, attribute(name, remedy)]),
];
