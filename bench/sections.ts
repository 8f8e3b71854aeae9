/** Text of documents: replacing what stands between markers, and what must not get into it. */

/** `text` with what stands between `<!-- name:begin -->` and `<!-- name:end -->` replaced. */
export function replaceSection(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the markers ${begin} and ${end} are missing`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

/** Error texts name files by where they lie on one machine; the name alone says enough. */
export const withoutPaths = (text: string): string =>
  text.replace(/(?:file:\/\/)?(?:[A-Za-z]:)?(?:[\\/][\w.@+-]+)+[\\/]/g, "");
