// Writes the sample set, or with `--corpus` the text its SentencePiece model is trained on, to standard output.
// Usage: tsx cli/sample/generate.ts > cli/sample/news.csv
import { COMMON_WORDS } from "./common-words.ts";
import { sampleItems, toCsv } from "./items.ts";
import { makeRandom, pick } from "./random.ts";

// The set is the same in every copy of the project; test/cli/sample.test.ts compares news.csv with these two.
const ITEMS = 1_500;
const SEED = 2_026;
const CORPUS_ITEMS = 12_000;
const CORPUS_SEED = 7;
const WORDS_PER_LINE = 2;

if (process.argv.includes("--corpus")) {
  const random = makeRandom(CORPUS_SEED);
  for (const { title, text } of sampleItems(CORPUS_ITEMS, CORPUS_SEED)) {
    const words = Array.from({ length: WORDS_PER_LINE }, () => pick(COMMON_WORDS, random));
    process.stdout.write(`${title}\n${text}\n${words.join(" ")}\n`.toLowerCase());
  }
} else {
  process.stdout.write(toCsv(sampleItems(ITEMS, SEED)));
}
