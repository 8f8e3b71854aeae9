/**
 * Bytes in memory that is not shared: `Uint8Array<ArrayBuffer>` in a way that declarations can say it to a TypeScript that knows
 * no parameters of typed arrays (before 5.7).
 */
export type Bytes = ReturnType<typeof Uint8Array.of>;
