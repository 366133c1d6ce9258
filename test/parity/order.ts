// Prints the order in which our Trainer takes the examples of the parity run, for test/parity/trainer.py to follow:
// npx tsx test/parity/order.ts > test/parity/golden/order.json

import { mix, Random } from "../../engine/index.ts";
import { planEpoch } from "../../train/batches.ts";

// 29 batches of 4 and fewer, the last of 3: 15 steps of two batches, the last of one.
const run = { count: 115, batchSize: 4, epochs: 2, seed: 42, maxLength: 24 };

const random = new Random(mix(run.seed, 99));
const lengths = Array.from({ length: run.count }, () => 3 + random.int(run.maxLength - 2));
const order = Array.from({ length: run.epochs }, (_, epoch) => {
  const { count, batchSize, seed } = run;
  return planEpoch({ count, batchSize, seed, epoch }).flat();
});
process.stdout.write(`${JSON.stringify({ ...run, lengths, order })}\n`);
