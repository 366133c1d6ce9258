// Inference in a server of your own: requests that arrive together share a batch.
//   node server.js MODEL [PORT]     MODEL: a folder, or a hub id
//   curl localhost:8000 -d 'Senate passes budget after long debate'

import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import {
  downloadModel,
  isHubId,
  loadPretrained,
  openGpu,
  PredictionQueue,
  QueueFullError,
} from "albert-gpu";
import { existsSync } from "node:fs";

const [name = "run", port = "8000"] = process.argv.slice(2);
const folder = !existsSync(name) && isHubId(name) ? await downloadModel(name) : name;

const gpu = await openGpu();
const { model, tokenizer } = await loadPretrained(gpu, folder);
const queue = new PredictionQueue(gpu, model, tokenizer, { maxBatch: 32, maxWaiting: 500 });

const server = createServer((request, response) => {
  const answer = async (): Promise<void> => {
    const verdict = await queue.predict(await text(request));
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(verdict));
  };
  answer().catch((error: unknown) => {
    response.statusCode = error instanceof QueueFullError ? 429 : 500;
    response.end();
  });
});
server.listen(Number(port), "127.0.0.1", () => {
  const address = server.address();
  const at = typeof address === "object" ? address?.port : address;
  console.log(`http://127.0.0.1:${at} on ${gpu.info.name}`);
});

process.once("SIGTERM", () => {
  server.close(() => {
    void queue.close().then(() => gpu.close());
  });
});
