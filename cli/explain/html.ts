// Explanations as one HTML file that needs nothing else: no script, no network, light and dark.

import { createHash } from "node:crypto";
import type { Explanation, WordPush } from "../../train/index.ts";
import { directions, markedWords, proof, signed, strongest, verdict, type View } from "./view.ts";

const STYLE = `
:root { color-scheme: light dark; --towards: 37 99 235; --away: 220 38 38; --line: #8886; }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: CanvasText; background: Canvas; }
h1 { font-size: 1.4rem; } h2 { font-size: 1rem; margin: 0; }
article { border-top: 1px solid var(--line); padding: 1rem 0; }
mark { color: inherit; background: none; border-radius: .2em; padding: .05em .15em; }
.t1 { background: rgb(var(--towards) / .15); } .a1 { background: rgb(var(--away) / .15); }
.t2 { background: rgb(var(--towards) / .35); } .a2 { background: rgb(var(--away) / .35); }
.t3 { background: rgb(var(--towards) / .6); font-weight: 600; }
.a3 { background: rgb(var(--away) / .6); font-weight: 600; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .1rem .6rem; text-align: right; } th:first-child, td:first-child { text-align: left; }
rect.t { fill: rgb(var(--towards)); } rect.a { fill: rgb(var(--away)); }
.note, footer { opacity: .75; font-size: .875rem; } .warning { font-weight: 600; opacity: 1; }
`;
const BAR = 160;
const STRONGEST = 12;

function escape(text: string): string {
  const names: Record<string, string> = {
    "&": "amp",
    "<": "lt",
    ">": "gt",
    '"': "quot",
    "'": "#39",
  };
  return text.replaceAll(/[&<>"']/g, (character) => `&${names[character]};`);
}

function bar(value: number, longest: number): string {
  const width = Math.max(1, (Math.abs(value) / longest) * BAR).toFixed(1);
  const side = value < 0 ? "a" : "t";
  return `<svg width="${BAR}" height="10" aria-hidden="true"><rect class="${side}" width="${width}" height="10"/></svg>`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = heads.map((text) => `<th scope="col">${text}</th>`).join("");
  const body = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`);
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table>`;
}

/** The whole page around `sections`, which are HTML already. */
export function page(title: string, facts: readonly string[], sections: Iterable<string>): string {
  const hash = createHash("sha256").update(STYLE).digest("base64");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(title)}</h1>
${facts.map((fact) => `<p class="note">${escape(fact)}</p>`).join("\n")}
<main>
${[...sections].join("\n")}
</main>
<footer>Attributions by integrated gradients (Sundararajan, Taly and Yan 2017), in logits; they add up to what the words change the score by. albert-gpu explain</footer>
</body>
</html>
`.toWellFormed();
}

/** One text. */
export function explanationSection(view: View, explanation: Explanation, number: number): string {
  const { towards, away } = directions(view, explanation.classId);
  const marked = markedWords(explanation.words).map(({ text, level }, i) => {
    if (level === 0) return escape(text);
    const name = `${level < 0 ? "a" : "t"}${Math.abs(level)}`;
    const value = signed(explanation.words[i]!.attribution, 3);
    return `<mark class="${name}" title="${value}">${escape(text)}</mark>`;
  });
  const top = strongest(explanation.words, STRONGEST);
  const longest = Math.abs(top[0]?.attribution ?? 1);
  const rows = top.map(({ text, attribution }) => [
    escape(text),
    signed(attribution, 3),
    bar(attribution, longest),
  ]);
  const cut = explanation.truncated ? " … <em>cut here</em>" : "";
  const note = explanation.complete ? "note" : "note warning";
  return `<article>
<h2>${number}. ${escape(verdict(view, explanation))}</h2>
<p class="note"><mark class="t3">${escape(towards)}</mark> <mark class="a3">${escape(away)}</mark></p>
<p>${marked.join(" ")}${cut}</p>
<details><summary>strongest words</summary>
${table(["word", "push", ""], rows)}
<p class="${note}">${escape(proof(explanation))}</p>
</details>
</article>`;
}

/** The words that push a class. `longest` is the total of the longest bar. */
export function pushesSection(name: string, pushes: readonly WordPush[], longest: number): string {
  const rows = pushes.map(({ word, texts, count, total, mean }) => [
    escape(word),
    signed(total, 1),
    signed(mean),
    count.toLocaleString("en"),
    texts.toLocaleString("en"),
    bar(total, longest),
  ]);
  return `<article>
<h2>pushes to ${escape(name)}</h2>
${table(["word", "total", "mean", "count", "texts", ""], rows)}
</article>`;
}
