// `albert-gpu explain`: which words made the model say so, text by text, or over a whole set.

import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DataError, FileError, type Gpu, Random } from "../../engine/index.ts";
import { labelNames } from "../../model/index.ts";
import {
  argmaxRows,
  DEFAULT_ARGUMENTS,
  explain,
  type ExplainOptions as HowToExplain,
  type Explanation,
  type WordPush,
  WordPushes,
} from "../../train/index.ts";
import { listed, listedCounts, shortName } from "../../train/listed.ts";
import { requireFile, type RecordOptions } from "../data.ts";
import { openAndTell } from "../device.ts";
import { UsageError } from "../errors.ts";
import { flagsGiven } from "../option-name.ts";
import { explanationSection, page, pushesSection } from "../explain/html.ts";
import { explanationText, legend, pushRows } from "../explain/terminal.ts";
import { probabilitiesOf, type View } from "../explain/view.ts";
import type { Markup } from "../report/markup.ts";
import { excerpt, Printer } from "../printer.ts";
import { checkInputOptions, inputTexts } from "../texts.ts";
import { modelFolder } from "../model-folder.ts";
import { openTrained, type Trained } from "../trained-model.ts";
import { writeAside } from "../write-aside.ts";

export interface ExplainCommandOptions extends RecordOptions {
  readonly model: string;
  /** Texts to explain one by one: a file, or "-" for standard input. */
  readonly input?: string | undefined;
  /** A file of texts to explain together, instead. */
  readonly data?: string | undefined;
  /** Name of the class to explain; by default each text's predicted one. */
  readonly class?: string | undefined;
  readonly html?: string | undefined;
  readonly maxLength?: number | undefined;
  readonly batchSize: number;
  readonly maxPoints: number;
  /** Texts of `data` at most, drawn at random by `seed`; 0 for all. */
  readonly limit?: number | undefined;
  readonly seed?: number | undefined;
  /** Words of `data` to show for each class, and how many texts a word must stand in. */
  readonly top?: number | undefined;
  readonly minTexts?: number | undefined;
  readonly adapter?: string | undefined;
  readonly json: boolean;
  readonly output: Writable;
}

/** What --json prints of a set. */
interface Results {
  readonly texts: number;
  readonly of: number;
  /** Texts whose end the model did not see, and texts whose attributions miss the difference by more than 1 %. */
  readonly truncated: number;
  readonly incomplete: number;
  /** How many texts get each class when their words are taken away: what the model says of nothing. */
  readonly withoutWords: Readonly<Record<string, number>>;
  /** The words that push each class most. */
  readonly classes: Readonly<Record<string, readonly WordPush[]>>;
}

const OF_SETS = ["limit", "seed", "top", "minTexts"] as const;
const DEFAULT_LIMIT = 200;
const DEFAULT_TOP = 20;
const DEFAULT_MIN_TEXTS = 3;

interface Session extends Trained {
  readonly gpu: Gpu;
  readonly printer: Printer;
  readonly view: View;
  readonly how: HowToExplain;
  readonly options: ExplainCommandOptions;
}

/** Throws UsageError for options that do not go together, before any work. */
async function check(options: ExplainCommandOptions): Promise<void> {
  const { input, data, html } = options;
  if (input !== undefined && data !== undefined) {
    throw new UsageError("explain: give either a file of texts to explain, or --data; got both.");
  }
  const ofSets = data === undefined ? flagsGiven(options, OF_SETS) : [];
  if (ofSets.length > 0) {
    throw new UsageError(`explain: ${ofSets.join(", ")} must go with --data FILE; got none.`);
  }
  checkInputOptions("explain", { ...options, input: data ?? input ?? "-" });
  for (const path of [input, data]) {
    if (path !== undefined && path !== "-") await requireFile(path);
  }
  if (html === undefined) return;
  if ((await stat(html).catch(() => undefined))?.isDirectory()) {
    throw new FileError(html, "must be a file to write; it is a folder.");
  }
  const folder = dirname(html);
  await access(folder, constants.W_OK).catch((cause: unknown) => {
    throw new FileError(html, `must be in a folder that can be written to; got ${folder}.`, {
      cause,
    });
  });
}

function classIdOf(names: readonly string[], name: string | undefined): number | undefined {
  if (name === undefined) return undefined;
  const id = names.indexOf(name);
  if (id !== -1) return id;
  throw new UsageError(
    `explain: --class must be one of ${listed(names)}; got "${shortName(name)}".`,
  );
}

/** An explanation as a JSON line has it. */
function jsonOf({ names }: View, explanation: Explanation): object {
  const { predicted, classId, words, tokens, score, baseline, sum, error } = explanation;
  const { bound, complete, points, truncated } = explanation;
  const probabilities = probabilitiesOf(explanation);
  return {
    label: names[predicted],
    score: probabilities[predicted],
    probabilities: Object.fromEntries(names.map((name, k) => [name, probabilities[k]])),
    explained: names[classId],
    words: words.map(({ text: word, start, end, attribution }) => ({
      word,
      start,
      end,
      attribution,
    })),
    tokens: tokens.map(({ id, piece, attribution }) => ({ id, piece, attribution })),
    logitDifference: score,
    baseline,
    sum,
    error,
    bound,
    complete,
    points,
    truncated,
  };
}

/** Explains each text of the input as it comes. */
async function explainTexts(session: Session): Promise<void> {
  const { gpu, model, tokenizer, trainedColumns, view, how, options, printer } = session;
  const sections: Markup[] = [];
  const output = options.output as NodeJS.WriteStream;
  async function* blocks(): AsyncGenerator<string> {
    const input = options.input ?? "-";
    let shown: number | undefined;
    let number = 0;
    for await (const text of inputTexts({ ...options, input, trainedColumns })) {
      number++;
      const explanation = await explain(gpu, model, tokenizer, text, how);
      if (options.html !== undefined) sections.push(explanationSection(view, explanation, number));
      if (options.json) yield `${JSON.stringify(jsonOf(view, explanation))}\n`;
      else {
        if (shown !== explanation.classId) {
          yield `${legend(output, view, explanation.classId)}\n\n`;
          shown = explanation.classId;
        }
        yield explanationText(output, view, explanation);
      }
    }
  }
  await pipeline(Readable.from(blocks()), output, { end: false });
  await writePage(session, sections, [`${sections.length} texts`]);
  if (options.html !== undefined) printer.line(`wrote        ${options.html}`);
}

/** All texts of `data`, or a random sample in the file's order. */
async function sampleOf(
  { options, trainedColumns }: Session,
  seed: number,
): Promise<{ texts: string[]; of: number }> {
  const texts: string[] = [];
  const input = options.data!;
  for await (const text of inputTexts({ ...options, input, trainedColumns })) {
    texts.push(Buffer.from(text).toString()); // not a view into its block of the file
  }
  const of = texts.length;
  const limit = options.limit ?? DEFAULT_LIMIT;
  if (limit === 0 || limit >= of) return { texts, of };
  const order = new Random(seed).shuffle(Array.from({ length: of }, (_, i) => i));
  const chosen = order.slice(0, limit).sort((a, b) => a - b);
  return { texts: chosen.map((i) => texts[i]!), of };
}

/** Explains a set together: the words that push each class most. */
async function explainSet(session: Session): Promise<Results> {
  const { gpu, model, tokenizer, view, how, options, printer } = session;
  const { names } = view;
  const { seed = DEFAULT_ARGUMENTS.seed, top = DEFAULT_TOP } = options;
  const { minTexts = DEFAULT_MIN_TEXTS } = options;
  const { texts, of } = await sampleOf(session, seed);
  if (of === 0) throw new DataError(`${options.data}: must have texts; it has none.`);
  const part = texts.length < of ? `, drawn by seed ${seed} (--limit 0 takes all)` : "";
  printer.line(`data         ${texts.length} of ${of} texts${part}`);
  const foldCase = tokenizer.options.do_lower_case;
  const pushes = new WordPushes({ K: names.length, foldCase });
  let [truncated, incomplete] = [0, 0];
  const wordless = new Uint32Array(names.length);
  const progress = printer.progress("explain", texts.length);
  for (const [i, text] of texts.entries()) {
    const explanation = await explain(gpu, model, tokenizer, text, how);
    pushes.add(explanation);
    if (explanation.truncated) truncated++;
    if (!explanation.complete) incomplete++;
    const [nothing = 0] = argmaxRows(explanation.baselineLogits, names.length);
    wordless[nothing]!++;
    progress.update(i + 1);
  }
  progress.stop();
  const lists = names.map((_, k) => pushes.towards(k, minTexts).slice(0, top));
  const met = names.flatMap((_, k) => (wordless[k] === 0 ? [] : [k]));
  const said = listedCounts(
    met.map((k) => names[k]!),
    met.map((k) => wordless[k]!),
  );
  const facts = [
    `${texts.length} of ${of} texts; words in at least ${minTexts} texts${foldCase ? ", case folded" : ""}`,
    `without words they get: ${said}`,
    ...(truncated > 0 ? [`${truncated} texts were cut at ${view.maxLength} tokens`] : []),
    ...(incomplete > 0
      ? [`warning: in ${incomplete} texts the attributions miss the difference by more than 1 %`]
      : []),
  ];
  for (const fact of facts.slice(1)) printer.line(`             ${fact}`);
  // One scale for all classes: a class may have no word of weight at all.
  const longest = Math.max(...lists.map(([first]) => first?.total ?? 0));
  for (const [k, list] of lists.entries()) {
    printer.line();
    printer.line(`words that push to ${names[k]}`);
    printer.table(pushRows(list, longest));
  }
  const sections = lists.map((list, k) => pushesSection(names[k]!, list, longest));
  await writePage(session, sections, facts);
  const classes = Object.fromEntries(names.map((name, k) => [name, lists[k]!]));
  const withoutWords = Object.fromEntries(names.map((name, k) => [name, wordless[k]!]));
  return { texts: texts.length, of, truncated, incomplete, withoutWords, classes };
}

async function writePage(
  { options }: Session,
  sections: readonly Markup[],
  facts: readonly string[],
): Promise<void> {
  const { html } = options;
  if (html === undefined) return;
  const title = `What ${excerpt(options.model, 60)} goes by`;
  await writeAside(html, page(title, facts, sections)).catch((cause: Error) => {
    throw new FileError(html, `must be written whole; got ${cause.message}.`, { cause });
  });
}

/** Explains texts one by one, or a set together. Throws typed errors for what is wrong with options, model or texts. */
export async function explainCommand(options: ExplainCommandOptions): Promise<Results | undefined> {
  await check(options);
  const printer = new Printer(options.json || options.data === undefined);
  const folder = await modelFolder(printer, options.model);
  const gpu = await openAndTell(printer, options.adapter);
  try {
    const opened = await openTrained(gpu, folder, "explain", options.maxLength);
    const { maxLength } = opened;
    const names = labelNames(opened.model.config);
    const { batchSize, maxPoints } = options;
    const how = { maxLength, batchSize, maxPoints, classId: classIdOf(names, options.class) };
    const session = { ...opened, gpu, printer, how, options, view: { names, maxLength } };
    if (options.data !== undefined) return await explainSet(session);
    await explainTexts(session);
    return undefined;
  } finally {
    gpu.close();
  }
}
