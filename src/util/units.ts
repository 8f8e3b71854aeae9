/** Numbers for people. */

/** @example formatBytes(1536) // => "1.5 KiB" */
export function formatBytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  const step = n < 1 ? 0 : Math.min(Math.floor(Math.log2(n) / 10), units.length - 1);
  return `${(n / 1024 ** step).toFixed(step ? 1 : 0)} ${units[step]}`;
}

/** @example formatCount(2_500_000, "FLOP") // => "2.50 MFLOP" */
export function formatCount(n: number, unit: string): string {
  const prefixes = ["", "k", "M", "G", "T"];
  const step = n < 1 ? 0 : Math.min(Math.floor(Math.log10(n) / 3), prefixes.length - 1);
  return `${(n / 1000 ** step).toFixed(step ? 2 : 0)} ${prefixes[step]}${unit}`;
}
