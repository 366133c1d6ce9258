// HTML from templates, markup`…`, in which every text is escaped.

/** Markup that is safe to put into a page as it is. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Part = Markup | string | number | readonly Markup[];

/** A template: markup goes in as it is, anything else as text. */
export function markup(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const texts = parts.map((part, i) => textOf(part) + literals[i + 1]!);
  return new Markup(literals[0]! + texts.join(""));
}

function textOf(part: Part): string {
  if (part instanceof Markup) return part.text;
  if (typeof part === "object") return part.map(({ text }) => text).join("");
  return escape(legible(String(part)));
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (c) => ESCAPES[c]!);

/** A text without what neither HTML nor XML may hold: control characters and halves of surrogate pairs become U+FFFD. */
export function legible(text: string): string {
  return text.toWellFormed().replaceAll(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, "\ufffd");
}
