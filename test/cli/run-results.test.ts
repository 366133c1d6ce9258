import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { shellCommand, versionsHere } from "../../cli/run-results.ts";

const ARGS = [
  "train",
  "--data",
  "my news.csv",
  "it's",
  '$HOME `id` "x"',
  "",
  "a\nb",
  "*",
  "é",
  "--x=1,2",
];

it.skipIf(!existsSync("/bin/sh"))(
  "a command is quoted as a shell takes it apart again (needs /bin/sh)",
  () => {
    const list = shellCommand(ARGS).replace(/^albert-gpu /, "");
    const said = execFileSync("/bin/sh", ["-c", `printf '%s\\0' ${list}`], { encoding: "utf8" });
    expect(said.split("\0").slice(0, -1)).toEqual(ARGS);
  },
);

it("a command without special characters is as it was typed", () => {
  expect(shellCommand(["report", "./run_1/a-b"])).toBe("albert-gpu report ./run_1/a-b");
});

it("versions are those of this process and its packages", () => {
  expect(versionsHere("1.2.3")).toEqual({
    "albert-gpu": "1.2.3",
    node: process.versions.node,
    webgpu: expect.stringMatching(/^\d+\.\d+\.\d+/),
    platform: `${process.platform} ${process.arch}`,
  });
});
