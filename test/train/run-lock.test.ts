import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { FileError, TrainingError } from "../../engine/errors.ts";
import { LOCK, lockRun } from "../../train/run-lock.ts";
import { withFolder } from "../support/spiece.ts";

const lockIn = (folder: string): string => join(folder, LOCK);
const knowsStartTimes = existsSync("/proc/self/stat");

describe("the lock of a run's folder", () => {
  it("is there while it is held, alone, and gone afterwards", async () => {
    await withFolder(async (folder) => {
      const unlock = lockRun(folder);
      expect(readdirSync(folder)).toEqual([LOCK]);
      expect(readFileSync(lockIn(folder), "utf8")).toMatch(new RegExp(`^${process.pid} `));
      unlock();
      expect(readdirSync(folder)).toEqual([]);
      lockRun(folder)();
    });
  });

  it("cannot be taken twice", async () => {
    await withFolder(async (folder) => {
      const unlock = lockRun(folder);
      expect(() => lockRun(folder)).toThrow(TrainingError);
      expect(() => lockRun(folder)).toThrow(`process ${process.pid} does`);
      expect(readdirSync(folder)).toEqual([LOCK]);
      unlock();
    });
  });

  it("held by a living process is respected", async () => {
    await withFolder(async (folder) => {
      const other = spawn("sleep", ["30"]);
      try {
        writeFileSync(lockIn(folder), String(other.pid));
        expect(() => lockRun(folder)).toThrow(`process ${other.pid} does`);
      } finally {
        other.kill();
      }
    });
  });

  it.each([
    ["a process that has ended", () => String(spawnSync("true").pid)],
    ["nobody: the file is empty", () => ""],
    ["nobody: the file is damaged", () => "\0\0\0"],
  ])("left by %s is taken over", async (_, content) => {
    await withFolder(async (folder) => {
      writeFileSync(lockIn(folder), content());
      const unlock = lockRun(folder);
      expect(readFileSync(lockIn(folder), "utf8")).toMatch(new RegExp(`^${process.pid} `));
      expect(readdirSync(folder)).toEqual([LOCK]);
      unlock();
    });
  });

  it.skipIf(!knowsStartTimes)(
    "left by a process that has ended and that nobody waited for is taken over",
    async () => {
      await withFolder(async (folder) => {
        // The shell becomes a program that never asks for its child, which ends only then.
        const child = '(while [ "$(cat /proc/$$/comm)" != sleep ]; do :; done)';
        const parent = spawn("sh", ["-c", `${child} & echo $!; exec sleep 30`]);
        try {
          const [id] = (await once(parent.stdout, "data")) as [Buffer];
          const pid = id.toString().trim();
          const state = () => readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]![0];
          while (state() !== "Z") await pause(5);
          writeFileSync(lockIn(folder), pid);
          lockRun(folder)();
        } finally {
          parent.kill();
        }
      });
    },
  );

  it.skipIf(!knowsStartTimes)(
    "left by a process whose number is in use again is taken over (needs /proc)",
    async () => {
      await withFolder(async (folder) => {
        writeFileSync(lockIn(folder), `${process.ppid} 1`);
        lockRun(folder)();
      });
    },
  );

  it("is taken over by one process at a time", async () => {
    await withFolder(async (folder) => {
      const ended = String(spawnSync("true").pid);
      const turn = `${lockIn(folder)}.next`;
      writeFileSync(lockIn(folder), ended);
      writeFileSync(turn, ended); // it ended in the middle of it
      lockRun(folder)();
      expect(readdirSync(folder)).toEqual([]);
      writeFileSync(lockIn(folder), ended);
      writeFileSync(turn, String(process.ppid));
      expect(() => lockRun(folder)).toThrow(`process ${process.ppid} does`);
      expect(readdirSync(folder)).toEqual([LOCK, basename(turn)]);
    });
  });

  it("goes to one of many that find it left behind", async () => {
    await withFolder(async (folder) => {
      writeFileSync(lockIn(folder), String(spawnSync("true").pid));
      const code = `
        import { existsSync } from "node:fs";
        import { lockRun } from "${new URL("../../train/run-lock.ts", import.meta.url).href}";
        console.log("ready");
        while (!existsSync(${JSON.stringify(join(folder, "go"))}));
        try { lockRun(${JSON.stringify(folder)}); console.log("taken"); } catch { console.log("refused"); }
        process.stdin.resume(); // alive until its input ends`;
      const racers = Array.from({ length: 4 }, () =>
        spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code]),
      );
      try {
        const said = racers.map(({ stdout }) => createInterface(stdout)[Symbol.asyncIterator]());
        const next = async () => Promise.all(said.map(async (lines) => (await lines.next()).value));
        expect(await next()).toEqual(Array(4).fill("ready"));
        writeFileSync(join(folder, "go"), "");
        const outcomes = await next();
        expect(outcomes.filter((outcome) => outcome === "taken")).toHaveLength(1);
        expect(outcomes.filter((outcome) => outcome === "refused")).toHaveLength(3);
      } finally {
        for (const racer of racers) racer.kill();
      }
    });
  });

  it("cannot be made where there is no folder", () => {
    expect(() => lockRun("/dev/null/none")).toThrow(FileError);
    expect(() => lockRun("/dev/null/none")).toThrow("must be a folder to write to");
  });
});
