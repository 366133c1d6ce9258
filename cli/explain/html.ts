// Explanations as one HTML file that needs nothing else: no script, no network, light and dark.

import { createHash } from "node:crypto";
import type { Explanation, WordPush } from "../../train/index.ts";
import { Markup, markup, type Part } from "../report/markup.ts";
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

function bar(value: number, longest: number): Markup {
  const width = Math.max(1, (Math.abs(value) / longest) * BAR).toFixed(1);
  const side = value < 0 ? "a" : "t";
  return markup`<svg width="${BAR}" height="10" aria-hidden="true"><rect class="${side}" width="${width}" height="10"/></svg>`;
}

function table(heads: readonly string[], rows: readonly (readonly Part[])[]): Markup {
  const head = heads.map((text) => markup`<th scope="col">${text}</th>`);
  const body = rows.map(
    (cells) => markup`<tr>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>`,
  );
  return markup`<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`;
}

/** The whole page around its sections. */
export function page(title: string, facts: readonly string[], sections: readonly Markup[]): string {
  const hash = createHash("sha256").update(STYLE).digest("base64");
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<h1>${title}</h1>
${facts.map((fact) => markup`<p class="note">${fact}</p>`)}
<main>${sections}</main>
<footer>Attributions by integrated gradients (Sundararajan, Taly and Yan 2017), in logits; they add up to what the words change the score by. albert-gpu explain</footer>
</body>
</html>
`.text;
}

/** One text. */
export function explanationSection(view: View, explanation: Explanation, number: number): Markup {
  const { towards, away } = directions(view, explanation.classId);
  const marked = markedWords(explanation.words).map(({ text, level }, i) => {
    if (level === 0) return markup`${text} `;
    const name = `${level < 0 ? "a" : "t"}${Math.abs(level)}`;
    const value = signed(explanation.words[i]!.attribution, 3);
    return markup`<mark class="${name}" title="${value}">${text}</mark> `;
  });
  const top = strongest(explanation.words, STRONGEST);
  const longest = Math.abs(top[0]?.attribution ?? 1);
  const rows = top.map(({ text, attribution }) => [
    text,
    signed(attribution, 3),
    bar(attribution, longest),
  ]);
  return markup`<article>
<h2>${number}. ${verdict(view, explanation)}</h2>
<p class="note"><mark class="t3">${towards}</mark> <mark class="a3">${away}</mark></p>
<p>${marked}${explanation.truncated ? markup`… <em>cut here</em>` : ""}</p>
<details><summary>strongest words</summary>
${table(["word", "push", ""], rows)}
<p class="note${explanation.complete ? "" : " warning"}">${proof(explanation)}</p>
</details>
</article>`;
}

/** The words that push a class. `longest` is the total of the longest bar. */
export function pushesSection(name: string, pushes: readonly WordPush[], longest: number): Markup {
  const rows = pushes.map(({ word, texts, count, total, mean }) => [
    word,
    signed(total, 1),
    signed(mean),
    count.toLocaleString("en"),
    texts.toLocaleString("en"),
    bar(total, longest),
  ]);
  return markup`<article>
<h2>pushes to ${name}</h2>
${table(["word", "total", "mean", "count", "texts", ""], rows)}
</article>`;
}
