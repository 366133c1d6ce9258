import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { EventFile } from "../../train/event-file.ts";
import { temporaryFolder } from "../cli/news.ts";
import { readEvents } from "../support/events.ts";

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
afterAll(() => files.remove());

const STEPS = [1, 127, 128, 16_384, 300_000, 5_000_000_000];

function write(name: string): string {
  const events = EventFile.create(path(name));
  events.text("args", "seed: 42 – ä");
  for (const step of STEPS) events.scalars(step, { "train/loss": 1 / step, "eval/f1": 0.5 });
  events.close();
  return path(name);
}

describe("an event file", () => {
  it("holds what was added, by TensorFlow's formats", () => {
    const before = Date.now() / 1000;
    const [version, text, ...scalars] = readEvents(write("events"));
    expect(version).toMatchObject({ version: "brain.Event:2", step: 0 });
    expect(version!.wallTime).toBeGreaterThan(before - 1);
    expect(version!.wallTime).toBeLessThan(Date.now() / 1000 + 1);
    expect(text).toMatchObject({ step: 0, texts: { "args/text_summary": "seed: 42 – ä" } });
    expect(scalars.map(({ step, scalars }) => [step, scalars])).toEqual(
      STEPS.map((step) => [step, { "train/loss": Math.fround(1 / step), "eval/f1": 0.5 }]),
    );
  });

  it.each([
    [0, 2],
    [127, 4],
    [16_383, 5],
    [6_000_000_000, 8],
  ])("goes on after step %i, without what is later", (step, kept) => {
    const file = write(`from-${step}`);
    const before = readEvents(file);
    const events = EventFile.goOn(file, step, kept)!;
    events.scalars(step + 1, { "train/loss": 7 });
    events.close();
    const after = readEvents(file);
    expect(after.slice(0, -1)).toEqual(before.slice(0, kept));
    expect(after.at(-1)).toMatchObject({ step: step + 1, scalars: { "train/loss": 7 } });
  });

  it("goes on after a record that a crash left half written", () => {
    const file = write("torn");
    const { size } = statSync(file);
    appendFileSync(file, readFileSync(file).subarray(0, 30));
    EventFile.goOn(file, 6_000_000_000, 8)!.close();
    expect(statSync(file).size).toBe(size);
    appendFileSync(file, Buffer.alloc(40, 1));
    EventFile.goOn(file, 6_000_000_000, 8)!.close();
    expect(readEvents(file)).toHaveLength(8);
  });
});

const python = process.env["PYTHON"] ?? "python3";
const hasTensorBoard =
  spawnSync(python, ["-c", "import tensorboard"], { stdio: "ignore" }).status === 0;

it.skipIf(!hasTensorBoard)(
  "is read by TensorBoard itself (needs Python with tensorboard; PYTHON names it)",
  () => {
    write("events.out.tfevents.1.host.1.0");
    const script = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
a = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0}).Reload()
print(json.dumps({"tags": a.Tags()["scalars"], "loss": [[s.step, s.value] for s in a.Scalars("train/loss")],
  "text": a.Tensors("args/text_summary")[0].tensor_proto.string_val[0].decode(),
  "plugin": a.SummaryMetadata("args/text_summary").plugin_data.plugin_name}))`;
    const ended = spawnSync(python, ["-c", script, path("events.out.tfevents.1.host.1.0")], {
      encoding: "utf8",
    });
    expect(ended.status, ended.stderr).toBe(0);
    expect(JSON.parse(ended.stdout)).toEqual({
      tags: ["train/loss", "eval/f1"],
      loss: STEPS.map((step) => [step, Math.fround(1 / step)]),
      text: "seed: 42 – ä",
      plugin: "text",
    });
  },
);
