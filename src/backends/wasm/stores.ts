/** Stores of scalars and of values that have lanes. */
import { byteSize, type DType } from "../../core/dtype.ts";
import type { Site } from "./address.ts";
import { lanesPerVector } from "./classes.ts";
import type { FuncBuilder } from "./encoder/index.ts";
import type { Node } from "./machine.ts";
import { STORE } from "./select-scalar.ts";
import { extract, pack } from "./select-vector.ts";

/** One instruction that writes memory. */
interface Write {
  readonly address: Node;
  readonly value: Node;
  readonly write: (f: FuncBuilder) => void;
}

/** The write of one scalar. */
export const storeScalar =
  (dtype: DType, offset: number): Write["write"] =>
  (f) =>
    f.store(STORE[dtype], offset);

/** Stores of so many bytes from the low end of a v128. */
const STORE_BYTES: Readonly<Record<number, (f: FuncBuilder, offset: number) => void>> = {
  2: (f, offset) => f.storeLane("v128.store16_lane", 0, offset),
  4: (f, offset) => f.storeLane("v128.store32_lane", 0, offset),
  8: (f, offset) => f.storeLane("v128.store64_lane", 0, offset),
  16: (f, offset) => f.store("v128.store", offset),
};

/** One store per register, or one per lane when elements are not neighbours. */
export function storeParts(dtype: DType, parts: readonly Node[], site: Site, lanes: number): Write[] {
  const { address, offset, stride } = site;
  const perPart = Math.min(lanesPerVector(dtype), lanes);
  return parts.flatMap((part, i) => {
    const at = offset + i * perPart * stride;
    if (stride === byteSize(dtype)) {
      return [
        {
          address,
          value: pack(part, dtype),
          write: (f) => STORE_BYTES[stride * perPart]!(f, at),
        } satisfies Write,
      ];
    }
    return Array.from({ length: perPart }, (_, lane): Write => {
      return { address, value: extract(part, lane, dtype), write: storeScalar(dtype, at + lane * stride) };
    });
  });
}
