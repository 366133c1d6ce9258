// What an explanation looks like to a person, whatever shows it.

import { softmaxRows, type ExplainedWord, type Explanation } from "../../train/index.ts";

/** Share of a text's strongest word from which on a word is shown as weak, medium and strong. */
const LEVELS = [0.05, 0.2, 0.5] as const;

/** How strongly each word is marked, in order: 0 not at all, up to 3; below 0 where it pushes away from the class. */
export function markedWords(words: readonly ExplainedWord[]): { text: string; level: number }[] {
  const most = words.reduce((most, { attribution }) => Math.max(most, Math.abs(attribution)), 0);
  return words.map(({ text, attribution }) => {
    const share = most === 0 ? 0 : Math.abs(attribution) / most;
    const level = LEVELS.filter((least) => share >= least).length;
    return { text, level: attribution < 0 ? 0 - level : level };
  });
}

/** The words that weigh most, either way. */
export function strongest(words: readonly ExplainedWord[], most: number): ExplainedWord[] {
  return words
    .filter(({ attribution }) => attribution !== 0)
    .toSorted((a, b) => Math.abs(b.attribution) - Math.abs(a.attribution))
    .slice(0, most);
}

/** "+1.23". */
export function signed(value: number, digits = 2): string {
  return `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(digits)}`;
}

/** What explanations are told in: the classes, and what stands for a score. */
export interface View {
  readonly names: readonly string[];
  readonly maxLength: number;
}

/** The legend's two directions, and the name of the score. */
export function directions({ names }: View, classId: number): { towards: string; away: string } {
  const name = names[classId]!;
  const other = names.length === 2 ? `to ${names[1 - classId]!}` : `away from ${name}`;
  return { towards: `to ${name}`, away: other };
}

/** "log-odds" for two classes. */
function scoreName({ names }: View): string {
  return names.length === 2 ? "log-odds" : "logit above the others' mean";
}

/** Probability of each class. */
export function probabilitiesOf({ logits }: Explanation): Float32Array {
  return softmaxRows(logits, logits.length);
}

/** One line: verdict, and what its score is made of. */
export function verdict(view: View, explanation: Explanation): string {
  const { names } = view;
  const { predicted, classId, score, baseline } = explanation;
  const said = `${names[predicted]} ${probabilitiesOf(explanation)[predicted]!.toFixed(3)}`;
  const explained = classId === predicted ? "" : `, explained for ${names[classId]}`;
  return `${said}${explained}: ${scoreName(view)} ${signed(score)}, of which ${signed(baseline)} without words and ${signed(score - baseline)} by them`;
}

/** One line: how well the attributions add up. */
export function proof({
  sum,
  score,
  baseline,
  error,
  bound,
  complete,
  points,
}: Explanation): string {
  const added = `sum ${signed(sum, 3)} of ${signed(score - baseline, 3)}, ${points} gradients`;
  return complete
    ? added
    : `warning: ${added}: it misses by ${error.toFixed(3)}, more than ${bound.toFixed(3)}. Raise --max-points.`;
}
