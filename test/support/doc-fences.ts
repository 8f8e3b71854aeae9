/**
 * Code in prose, made executable. Comments after a statement are assertions:
 * - `// => value`    the statement's value: text as String() gives it, or a JavaScript literal (numbers to the digits written)
 * - `// throws text` the error that the statement throws, as `name: message`
 * - `// prints text` what console.log was given since the last such comment
 * Lines that follow with `//` and at least two spaces continue the text.
 */
import { parseSync } from "vite";

/** A program out of a document, or an error that names the line. Line numbers are those of the document. */
export interface Example {
  readonly line: number;
  readonly code: string;
}

/** The ```ts fences of a Markdown text as one program; everything else becomes blank lines. */
export function markdownProgram(text: string): string {
  let inside = false;
  const lines = text.split("\n").map((line) => {
    const fence = /^\s*```(\w*)\s*$/.exec(line);
    if (!fence) return inside ? line : "";
    inside = !inside && fence[1] === "ts";
    return "";
  });
  return lines.join("\n");
}

const DOC_COMMENT = /\/\*\*[\s\S]*?\*\//g;

/** The `@example` parts of the doc comments of a source text. */
export function docExamples(source: string): Example[] {
  return [...source.matchAll(DOC_COMMENT)].flatMap((comment) => {
    const at = comment[0].indexOf("@example");
    if (at < 0) return [];
    const line = source.slice(0, comment.index + at).split("\n").length;
    const body = comment[0].slice(at + "@example".length, -2);
    const code = body
      .split("\n")
      .map((l) => l.replace(/^\s*\* ?/, ""))
      .join("\n");
    return [{ line, code: code.split(/^@\w+/m)[0]! }];
  });
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}
interface Statement extends Node {
  readonly expression?: Node;
  readonly declarations?: readonly { readonly init: Node | null }[];
}
type Kind = "check" | "throws" | "prints";
interface Assertion {
  readonly kind: Kind;
  readonly text: string;
  readonly start: number;
}

const MARKS: Readonly<Record<Kind, RegExp>> = {
  check: /^\s*=>\s?/,
  throws: /^\s*throws /,
  prints: /^\s*prints /,
};

export interface InstrumentOptions {
  /** Whether a plain comment that is a JSON value is an assertion, too, as in doc comments. */
  readonly bare: boolean;
}

/** The program with its assertions as calls of `__doc`; lines stay where they are. */
export function instrument(code: string, firstLine: number, options: InstrumentOptions): string {
  const { program, comments, errors } = parseSync("example.ts", code);
  if (errors.length > 0) throw new SyntaxError(`line ${firstLine}: ${errors[0]!.message}`);
  const statements = allStatements(program);
  const edits = assertions(code, comments, options).flatMap((a) => {
    const line = firstLine + code.slice(0, a.start).split("\n").length - 1;
    const owner = precedingStatement(code, statements, a.start);
    if (!owner) throw new SyntaxError(`line ${line}: the assertion follows no statement`);
    return wrap(owner, a, line);
  });
  edits.sort((a, b) => b.at - a.at);
  return edits.reduce((text, e) => text.slice(0, e.at) + e.insert + text.slice(e.at), code);
}

function assertions(
  code: string,
  comments: readonly (Node & { value: string })[],
  options: InstrumentOptions,
): Assertion[] {
  const found: Assertion[] = [];
  comments.forEach((comment, i) => {
    const kind = (Object.keys(MARKS) as Kind[]).find((k) => MARKS[k].test(comment.value));
    const bare = options.bare ? bareValue(comment.value) : undefined;
    if (!kind && bare === undefined) return;
    const lines = [kind ? comment.value.replace(MARKS[kind], "") : bare!];
    for (let k = i + 1; k < comments.length && continues(code, comments[k - 1]!, comments[k]!); k++)
      lines.push(comments[k]!.value);
    found.push({ kind: kind ?? "check", text: lines.join("\n"), start: comment.start });
  });
  return found;
}

const continues = (code: string, before: Node, next: Node & { value: string }): boolean =>
  code.slice(before.end, next.start).trim() === "" && (/^ {2}/.test(next.value) || next.value.trim() === "");

/** `[1, 2]` and `1, 2` are values, `the rows` is not. */
function bareValue(text: string): string | undefined {
  return [text.trim(), `[${text}]`].find((candidate) => {
    try {
      JSON.parse(candidate);
      return candidate !== "[]" || text.trim() === "[]";
    } catch {
      return false;
    }
  });
}

/** Every statement of a program, nested ones too. */
function allStatements(node: unknown): Statement[] {
  if (typeof node !== "object" || node === null) return [];
  if (Array.isArray(node)) return node.flatMap(allStatements);
  const inner = Object.values(node).flatMap(allStatements);
  const { type } = node as { type?: unknown };
  return typeof type === "string" && /Statement$|Declaration$/.test(type)
    ? [...inner, node as Statement]
    : inner;
}

/** The statement that ends last before `at`, with nothing but comments in between. */
function precedingStatement(
  code: string,
  statements: readonly Statement[],
  at: number,
): Statement | undefined {
  const before = statements.filter((s) => s.end <= at).sort((a, b) => b.end - a.end || b.start - a.start);
  const last = before[0];
  return last && /^(\s|;|\/\/.*)*$/.test(code.slice(last.end, at)) ? last : undefined;
}

interface Edit {
  readonly at: number;
  readonly insert: string;
}

function wrap(owner: Statement, { kind, text }: Assertion, line: number): Edit[] {
  const quoted = JSON.stringify(text);
  const around = (n: Node, open: string, close: string): Edit[] => [
    { at: n.start, insert: open },
    { at: n.end, insert: close },
  ];
  if (kind === "prints") return [{ at: owner.end, insert: `;__doc.prints(${line}, ${quoted});` }];
  if (kind === "throws") return around(owner, `__doc.throws(${line}, ${quoted}, () => {`, "});");
  const value = owner.expression ?? owner.declarations?.at(-1)?.init;
  return value ? around(value, `__doc.check(${line}, ${quoted}, (`, "))") : [];
}

/** Collects what is wrong while an instrumented program runs. */
export class Recorder {
  readonly failures: string[] = [];
  checks = 0;
  private printed: string[] = [];

  log(...values: unknown[]): void {
    this.printed.push(values.map(String).join(" "));
  }

  check<T>(line: number, expected: string, value: T): T {
    this.expect(line, matches(value, expected), show(value), expected);
    return value;
  }

  throws(line: number, expected: string, run: () => void): void {
    let got = "nothing was thrown";
    try {
      run();
    } catch (error) {
      got = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    }
    this.expect(line, squash(got) === squash(expected), got, expected);
  }

  prints(line: number, expected: string): void {
    const got = this.printed.splice(0).join("\n");
    this.expect(line, squash(got) === squash(expected), got, expected);
  }

  private expect(line: number, ok: boolean, got: string, expected: string): void {
    this.checks++;
    if (!ok) this.failures.push(`line ${line}: expected ${expected.trim()}\ngot ${got}`);
  }
}

const squash = (text: string): string => text.replace(/\s+/g, " ").trim();

interface Readable {
  js(): unknown;
}
const isArray = (x: object): x is Readable => "aval" in x && "js" in x && typeof x.js === "function";

/** Arrays of the library, at any depth, as plain JavaScript values. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isArray(value)) return value.js();
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>);
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
}

const show = (value: unknown): string =>
  typeof value === "object" && value !== null && isArray(value)
    ? String(value)
    : (JSON.stringify(plain(value)) ?? String(value));

export function matches(value: unknown, expected: string): boolean {
  if (squash(String(value)) === squash(expected)) return true;
  try {
    return close(plain(value), new Function(`return (${expected});`)());
  } catch {
    return false;
  }
}

/** Numbers agree to the digits that are written, everything else exactly. */
function close(a: unknown, b: unknown): boolean {
  if (typeof a === "number" && typeof b === "number") {
    const decimals = /e/.test(String(b)) ? 0 : (String(b).split(".")[1] ?? "").length;
    const written = decimals === 0 ? 0 : 0.5 * 10 ** -decimals;
    return Object.is(a, b) || Math.abs(a - b) <= Math.max(written, 1e-6 * Math.abs(b));
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return (
    Array.isArray(a) === Array.isArray(b) &&
    left.length === right.length &&
    right.every(([k, v]) => k in a && close((a as Record<string, unknown>)[k], v))
  );
}
