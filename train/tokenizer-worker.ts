// A thread of tokenizer-threads.ts: makes a tokeniser of its own, says that it is ready, and answers each block of texts.

import { parentPort, workerData } from "node:worker_threads";
import { Tokenizer, type TokenizerSource } from "../model/tokenizer.ts";
import { encodeBlock } from "./encoded-block.ts";

const port = parentPort!;
const { source, maxLength } = workerData as { source: TokenizerSource; maxLength: number };
const tokenizer = await Tokenizer.from(source);
port.on("message", (texts: readonly string[]) => {
  const block = encodeBlock(texts, tokenizer, maxLength);
  port.postMessage(block, [block.flat.buffer, block.lengths.buffer]);
});
port.postMessage("ready");
