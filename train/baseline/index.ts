// The bag-of-words baseline: what a transformer has to beat.

export { BagOfWords, wordsOf } from "./bag-of-words.ts";
export {
  fitLogistic,
  type LinearModel,
  logisticLogits,
  strongestFeatures,
} from "./logistic-regression.ts";
