// A training loop of your own: batches, a schedule, steps, and what the model says at the end.
//   node training-loop.js spiece.model

import { fileURLToPath } from "node:url";
import {
  AdamW,
  AlbertForSequenceClassification,
  collate,
  encodeText,
  InFlight,
  logitsOf,
  openGpu,
  planEpoch,
  presetConfig,
  Random,
  Tokenizer,
  trainStep,
  verdictsOf,
} from "albert-gpu";

const sample = fileURLToPath(new URL("../../cli/sample/spiece.model", import.meta.url));
const tokenizer = await Tokenizer.load(process.argv[2] ?? sample);

const names = ["complaint", "praise"];
const data = [
  { text: "The parcel came late and the box was broken", label: 0 },
  { text: "I waited an hour and nobody answered", label: 0 },
  { text: "The lamp stopped working after two days", label: 0 },
  { text: "They sent the wrong size and kept my money", label: 0 },
  { text: "A lovely lamp, bright and easy to set up", label: 1 },
  { text: "Quick answer and a kind voice on the phone", label: 1 },
  { text: "The box came early and all was in it", label: 1 },
  { text: "Best chair I ever had, worth the money", label: 1 },
];
const MAX_LENGTH = 32;
const EPOCHS = 20;
const BATCH_SIZE = 4;
const PEAK_RATE = 3e-3;
const ids = data.map(({ text }) => tokenizer.encode(text, MAX_LENGTH));
const layout = { maxLength: MAX_LENGTH, padId: tokenizer.padId };

const gpu = await openGpu();
console.log(`on ${gpu.info.name}`);
const config = presetConfig("tiny", {
  vocabSize: tokenizer.vocabSize,
  labels: names,
  padId: tokenizer.padId,
  clsId: tokenizer.clsId,
  sepId: tokenizer.sepId,
});
const model = new AlbertForSequenceClassification(gpu, config);
model.initialise(new Random(42));
const optimiser = new AdamW(gpu, model.parameters, {
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0.01,
});

// One step is on the device while the next is prepared: its loss comes a step late, and nothing waits.
const inFlight = new InFlight<{ epoch: number; loss: number }>(gpu);
const losses = new Float64Array(EPOCHS);
const note = (done: { epoch: number; loss: number }[]): void => {
  for (const { epoch, loss } of done) losses[epoch]! += (loss * BATCH_SIZE) / data.length;
};
const steps = EPOCHS * Math.ceil(data.length / BATCH_SIZE);
let step = 0;
for (let epoch = 0; epoch < EPOCHS; epoch++) {
  const plan = planEpoch({ count: data.length, batchSize: BATCH_SIZE, seed: 42, epoch });
  for (const indices of plan) {
    const batch = collate(
      indices.map((i) => ids[i]!),
      layout,
    );
    const labels = Uint32Array.from(indices, (i) => data[i]!.label);
    const learningRate = (PEAK_RATE * (1 + Math.cos((Math.PI * step) / steps))) / 2;
    const options = { learningRate, maxGradNorm: 1, dropoutSeed: [42, step] };
    const done = trainStep(gpu, model, optimiser, [{ ...batch, labels }], options);
    note(await inFlight.push(done.then(({ loss }) => ({ epoch, loss }))));
    step++;
  }
}
note(await inFlight.drain());
for (const epoch of [0, 4, 9, 19]) {
  console.log(`epoch ${epoch + 1}: loss ${losses[epoch]!.toFixed(4)}`);
}

const asked = ["The parcel was broken and late", "A kind answer, and quick"];
const encoded = asked.map((text) => encodeText(tokenizer, text, MAX_LENGTH));
const batch = collate(
  encoded.map((one) => one.ids),
  layout,
);
const logits = await gpu.settle(logitsOf(gpu, model, batch));
verdictsOf(logits, names, encoded).forEach(({ label, score }, i) =>
  console.log(`${asked[i]}: ${label} ${score.toFixed(3)}`),
);
optimiser.destroy();
model.destroy();
gpu.close();
