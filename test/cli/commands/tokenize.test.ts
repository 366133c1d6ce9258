import { Readable, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { tokenizeCommand } from "../../../cli/commands/tokenize.ts";
import { Tokenizer } from "../../../model/tokenizer.ts";

const tokenizer = new URL("../../../cli/sample/spiece.model", import.meta.url).pathname;

async function run(input: string, maxLength = 512): Promise<string> {
  let written = "";
  // A slow reader: each line is taken on a later turn, so the command has to wait for it.
  const output = new Writable({
    highWaterMark: 16,
    write(chunk: Buffer, _encoding, done) {
      written += chunk.toString();
      setImmediate(done);
    },
  });
  await tokenizeCommand({
    tokenizer,
    maxLength,
    input: Readable.from([Buffer.from(input)]),
    output,
  });
  expect(output.writableEnded).toBe(false);
  return written;
}

describe("tokenize", () => {
  it("writes the ids of each line, in order", async () => {
    const own = await Tokenizer.load(tokenizer);
    const texts = ["The minister said.", "", "Second line"];
    const want = texts
      .map((text) => `${JSON.stringify({ ids: own.encode(text, 512) })}\n`)
      .join("");
    expect(await run(`${texts.join("\n")}\n`)).toBe(want);
    expect(await run(texts.map((text) => `${JSON.stringify({ text })}\n`).join(""))).toBe(want);
    expect(JSON.parse(want.split("\n")[1] ?? "")).toEqual({ ids: [own.clsId, own.sepId] });
  });

  it("truncates to the maximum length", async () => {
    const { ids } = JSON.parse(await run("one two three four five six seven eight", 5)) as {
      ids: number[];
    };
    expect(ids).toHaveLength(5);
  });

  it("says when there is no tokeniser", async () => {
    const options = { maxLength: 8, input: Readable.from([]), output: new Writable() };
    await expect(tokenizeCommand({ tokenizer: "/none/spiece.model", ...options })).rejects.toThrow(
      "/none/spiece.model",
    );
  });
});
