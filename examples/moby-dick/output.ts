/** What the program says, to readers who may have gone: a closed pipe or a full disk does not end the work. */

export interface Output {
  /** Resolves when the text has been written, or never will be. */
  write(text: string): Promise<void>;
  /** Why nothing can be written any more. */
  readonly failure: string | undefined;
}

/**
 * Text without what a terminal would obey: control characters are shown as their pictures, and marks that change the order of
 * characters as one that stands for the unknown. Lines and tabs stay.
 */
export const printable = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
    .replace(/[\u0000-\u0008\u000b-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/\u007f/g, "\u2421")
    .replace(/[\u0080-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");

/** A stream that keeps its errors to itself and its one listener. */
export function tolerant(stream: NodeJS.WriteStream, onFailure: (code: string) => void): Output {
  let failure: string | undefined;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (failure !== undefined) return;
    failure = error.code ?? error.message;
    onFailure(failure);
  });
  return {
    get failure() {
      return failure;
    },
    write: (text) =>
      new Promise((resolve) => {
        if (failure === undefined) stream.write(text, () => setImmediate(resolve));
        else resolve();
      }),
  };
}
