/** Whether bytes can be a shared library for this machine: loaders trust what a file says about itself, and crash. */

const MACHINES: Readonly<Record<string, number>> = {
  x64: 62,
  arm64: 183,
  ppc64: 21,
  s390x: 22,
  riscv64: 243,
  loong64: 258,
};
const SHARED_OBJECT = 3;
const LOAD = 1;
const HEADER = 64;
const PROGRAM_HEADER = 56;

/** What is wrong with a 64-bit library of Linux for a processor (`process.arch`); undefined when nothing is. */
export function elfFault(bytes: Uint8Array, arch: string): string | undefined {
  if (bytes.length === 0) return "is empty";
  const magic = [0x7f, 0x45, 0x4c, 0x46].every((b, i) => bytes[i] === b);
  if (!magic || bytes.length < HEADER) return "is no library";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = bytes[5] === 1;
  const [type, machine, count] = [16, 18, 56].map((at) => view.getUint16(at, little)) as [
    number,
    number,
    number,
  ];
  if (machine !== (MACHINES[arch] ?? machine) || bytes[4] !== 2) return `is not for this processor (${arch})`;
  if (type !== SHARED_OBJECT) return "is no shared library";
  const table = Number(view.getBigUint64(32, little));
  if (count === 0 || table + count * PROGRAM_HEADER > bytes.length) return "is cut short";
  const ends = Array.from({ length: count }, (_, i) => segmentEnd(view, table + i * PROGRAM_HEADER, little));
  return ends.some((end) => end > bytes.length) ? "is cut short" : undefined;
}

function segmentEnd(view: DataView, at: number, little: boolean): number {
  if (view.getUint32(at, little) !== LOAD) return 0;
  return Number(view.getBigUint64(at + 8, little)) + Number(view.getBigUint64(at + 32, little));
}
