/**
 * A document printer after Wadler's "A prettier printer", with the layout rule JAX uses for jaxprs: a group is printed
 * flat if and only if its own flat text fits into what is left of the line. Text that follows the group does not count.
 */

export type Doc =
  | { readonly kind: "text"; readonly text: string; readonly flat: number }
  | { readonly kind: "brk"; readonly text: string; readonly flat: number }
  | { readonly kind: "concat"; readonly docs: readonly Doc[]; readonly flat: number }
  | { readonly kind: "group"; readonly doc: Doc; readonly flat: number }
  | { readonly kind: "nest"; readonly indent: number; readonly doc: Doc; readonly flat: number };

/** Literal text; it must not contain a line break. */
export function text(value: string): Doc {
  return { kind: "text", text: value, flat: value.length };
}

/** `value` in a flat group, else a new line at the current indentation. */
export function brk(value = " "): Doc {
  return { kind: "brk", text: value, flat: value.length };
}

export function concat(docs: readonly Doc[]): Doc {
  return { kind: "concat", docs, flat: docs.reduce((width, doc) => width + doc.flat, 0) };
}

/** Makes the breaks directly inside act together: all flat, or all new lines. */
export function group(doc: Doc): Doc {
  return { kind: "group", doc, flat: doc.flat };
}

/** Indents the new lines inside `doc` by `indent` more columns. */
export function nest(indent: number, doc: Doc): Doc {
  return { kind: "nest", indent, doc, flat: doc.flat };
}

/** The documents with `separator` between each two. */
export function join(separator: Doc, docs: readonly Doc[]): Doc {
  return concat(docs.flatMap((doc, i) => (i === 0 ? [doc] : [separator, doc])));
}

interface Item {
  readonly doc: Doc;
  readonly indent: number;
  readonly flat: boolean;
}

/**
 * Lays a document out. Breaks outside every group become new lines.
 * @example render(group(concat([text("a"), brk(), text("b")])), 3) // => "a b", and "a\nb" at width 2
 */
export function render(doc: Doc, width = 80): string {
  const agenda: Item[] = [{ doc, indent: 0, flat: false }];
  let out = "";
  let lineStart = 0;
  for (let item = agenda.pop(); item !== undefined; item = agenda.pop()) {
    const { doc, indent, flat } = item;
    switch (doc.kind) {
      case "text":
        out += doc.text;
        break;
      case "brk":
        if (flat) {
          out += doc.text;
        } else {
          lineStart = out.length + 1;
          out += `\n${" ".repeat(indent)}`;
        }
        break;
      case "concat":
        for (let i = doc.docs.length - 1; i >= 0; i--) agenda.push({ doc: doc.docs[i]!, indent, flat });
        break;
      case "group":
        agenda.push({ doc: doc.doc, indent, flat: flat || doc.flat <= width - (out.length - lineStart) });
        break;
      case "nest":
        agenda.push({ doc: doc.doc, indent: indent + doc.indent, flat });
        break;
    }
  }
  return out;
}
