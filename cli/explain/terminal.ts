// Explanations as coloured text. Colours only where the stream shows them, or NO_COLOR and FORCE_COLOR say so.

import { styleText } from "node:util";
import type { Explanation, WordPush } from "../../train/index.ts";
import { legible } from "../report/markup.ts";
import { directions, markedWords, proof, signed, strongest, verdict, type View } from "./view.ts";

type Style = Exclude<Parameters<typeof styleText>[0], readonly unknown[]>;

// Blue and red differ for those who cannot tell red from green. Strong words are told by bold too.
const TOWARDS: readonly Style[][] = [["blue"], ["bold", "blue"], ["bold", "white", "bgBlue"]];
const AWAY: readonly Style[][] = [["red"], ["bold", "red"], ["bold", "white", "bgRed"]];
const BAR = 24;
const STRONGEST = 8;

function paint(stream: NodeJS.WritableStream, text: string, level: number): string {
  const styles = (level < 0 ? AWAY : TOWARDS)[Math.abs(level) - 1] ?? [];
  // One by one: for a list of styles Node 20 does not ask the stream.
  return styles.reduce((styled, style) => styleText(style, styled, { stream }), text);
}

/** A bar and what follows it, as long as its share of the longest. */
function bar(value: number, longest: number): string {
  const length = Math.max(1, Math.round((Math.abs(value) / longest) * BAR));
  return (value < 0 ? "░" : "█").repeat(length).padEnd(BAR);
}

/** Which colour means what. */
export function legend(stream: NodeJS.WritableStream, view: View, classId: number): string {
  const { towards, away } = directions(view, classId);
  return `words push ${paint(stream, towards, 3)} (█) or ${paint(stream, away, -3)} (░); the strongest colour marks half of the strongest word's push and more`;
}

/** One text: verdict, its words in colour, bars for the strongest ones. */
export function explanationText(
  stream: NodeJS.WritableStream,
  view: View,
  explanation: Explanation,
): string {
  const marked = markedWords(explanation.words);
  const text =
    marked.map(({ text, level }) => paint(stream, legible(text), level)).join(" ") || "(no words)";
  const cut = explanation.truncated ? ` … (cut at ${explanation.tokens.length} tokens)` : "";
  const top = strongest(explanation.words, STRONGEST);
  const longest = Math.abs(top[0]?.attribution ?? 1);
  const bars = top.map(({ text, attribution }) => {
    const line = `${signed(attribution).padStart(8)} ${bar(attribution, longest)}`;
    return `${line} ${legible(text)}`;
  });
  return [verdict(view, explanation), `${text}${cut}`, ...bars, `  ${proof(explanation)}`, ""]
    .map((line) => `${line}\n`)
    .join("");
}

/** Rows of a table of the words that push a class, under their heads. `longest` is the total of the longest bar. */
export function pushRows(pushes: readonly WordPush[], longest: number): string[][] {
  return [
    ["word", "total", "mean", "count", "texts", "".padEnd(BAR)],
    ...pushes.map(({ word, texts, count, total, mean }) => [
      legible(word),
      signed(total, 1),
      signed(mean),
      count.toLocaleString("en"),
      texts.toLocaleString("en"),
      bar(total, longest),
    ]),
  ];
}
