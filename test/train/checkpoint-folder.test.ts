import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileError } from "../../engine/errors.ts";
import {
  isPartial,
  removeFolder,
  clearLeftovers,
  verifyFolder,
  writeFilesInto,
  writeFolder,
} from "../../train/checkpoint-folder.ts";
import { withFolder } from "../support/spiece.ts";

const fill = (files: Record<string, string>) => async (folder: string) => {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
};
const fullDisk = (): Promise<void> =>
  Promise.reject(Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" }));

describe("a folder written whole", () => {
  it("passes its own check, and replaces an older one of its name", async () => {
    await withFolder(async (dir) => {
      const path = join(dir, "a");
      await writeFolder(path, fill({ x: "old", gone: "1" }));
      await writeFolder(path, fill({ x: "new", y: "" }));
      await verifyFolder(path, ["x", "y"]);
      expect(readdirSync(dir)).toEqual(["a"]);
      expect(readdirSync(path)).toEqual(["manifest.json", "x", "y"]);
      expect(readFileSync(join(path, "x"), "utf8")).toBe("new");
    });
  });

  it("is not there when writing fails, and an older one of its name stays", async () => {
    await withFolder(async (dir) => {
      const path = join(dir, "a");
      await expect(writeFolder(path, fullDisk)).rejects.toThrow(FileError);
      expect(readdirSync(dir)).toEqual([]);
      await writeFolder(path, fill({ x: "old" }));
      await expect(writeFolder(path, fullDisk)).rejects.toThrow(
        `${path}: must be written whole; the disk is full (ENOSPC).`,
      );
      await verifyFolder(path, ["x"]);
      expect(readdirSync(dir)).toEqual(["a"]);
    });
  });

  it("passes on errors that are not the disk's as they are", async () => {
    await withFolder(async (dir) => {
      const bug = new TypeError("a bug");
      await expect(writeFolder(join(dir, "a"), () => Promise.reject(bug))).rejects.toBe(bug);
    });
  });
});

describe("a process that dies while it replaces a folder", () => {
  // What is on disk after each of its steps; a checkpoint's folder takes long to delete.
  it.each([
    ["before the old one steps aside", ["a", "a.partial"], "old"],
    ["before the new one has the name", ["a.partial", "a.replaced.partial"], "old"],
    ["before the old one is deleted", ["a", "a.replaced.partial"], "new"],
  ])("leaves one of them whole: %s", async (_, left, want) => {
    await withFolder(async (dir) => {
      for (const name of left) {
        const old = name === "a" ? want === "old" : name.includes("replaced");
        await writeFolder(join(dir, "x"), fill({ x: old ? "old" : "new" }));
        renameSync(join(dir, "x"), join(dir, name));
      }
      await clearLeftovers(dir);
      expect(readdirSync(dir)).toEqual(["a"]);
      await verifyFolder(join(dir, "a"), ["x"]);
      expect(readFileSync(join(dir, "a", "x"), "utf8")).toBe(want);
    });
  });

  it("never has neither: a rename is all that happens between the two", async () => {
    await withFolder(async (dir) => {
      const path = join(dir, "a");
      await writeFolder(path, fill({ x: "old" }));
      const seen = new Set<string>();
      const watcher = setInterval(() => seen.add(readdirSync(dir).sort().join(" ")), 0);
      for (let i = 0; i < 20; i++) await writeFolder(path, fill({ x: `new ${i}` }));
      clearInterval(watcher);
      expect([...seen].filter((names) => !/(^| )a( |$)|replaced/.test(names))).toEqual([]);
    });
  });
});

describe("a damaged folder", () => {
  it.each<[string, RegExp, (path: string) => void]>([
    ["a file that is missing", /b: is missing/, (path) => rmSync(join(path, "b"))],
    [
      "a file cut short",
      /b: must have 5 bytes; has 4/,
      (path) => writeFileSync(join(path, "b"), "1234"),
    ],
    [
      "a file with another byte",
      /b: is damaged/,
      (path) => writeFileSync(join(path, "b"), "12346"),
    ],
    [
      "no manifest",
      /manifest\.json: cannot be read/,
      (path) => rmSync(join(path, "manifest.json")),
    ],
    [
      "a manifest that is no JSON",
      /cannot be read/,
      (path) => writeFileSync(join(path, "manifest.json"), "{"),
    ],
    [
      "a manifest of another kind",
      /cannot be read/,
      (path) => writeFileSync(join(path, "manifest.json"), "null"),
    ],
    [
      "a manifest without files",
      /cannot be read/,
      (path) => writeFileSync(join(path, "manifest.json"), '{"filez": {}}'),
    ],
    [
      "a manifest that names too few",
      /must list b/,
      (path) => writeFileSync(join(path, "manifest.json"), '{"files": {}}'),
    ],
  ])("is refused for %s", async (_, message, spoil) => {
    await withFolder(async (dir) => {
      const path = join(dir, "a");
      await writeFolder(path, fill({ b: "12345" }));
      spoil(path);
      await expect(verifyFolder(path, ["b"])).rejects.toThrow(message);
      await expect(verifyFolder(path, ["b"])).rejects.toThrow(FileError);
    });
  });
});

describe("files added to a folder", () => {
  it("replace those of their names; when writing fails all stay", async () => {
    await withFolder(async (dir) => {
      await writeFile(join(dir, "x"), "old");
      await writeFile(join(dir, "other"), "1");
      await expect(
        writeFilesInto(dir, async (folder) => {
          await fill({ x: "half" })(folder);
          return fullDisk();
        }),
      ).rejects.toThrow("the disk is full");
      expect(readdirSync(dir)).toEqual(["other", "x"]);
      expect(readFileSync(join(dir, "x"), "utf8")).toBe("old");
      await writeFilesInto(dir, fill({ x: "new", y: "2" }));
      expect(readdirSync(dir)).toEqual(["other", "x", "y"]);
      expect(readFileSync(join(dir, "x"), "utf8")).toBe("new");
    });
  });
});

it("a folder is deleted whole, or is a leftover", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "a");
    await writeFolder(path, fill({ x: "1", y: "2" }));
    const seen = new Set<string>();
    const watcher = setInterval(() => {
      try {
        seen.add(readdirSync(path).join(" "));
      } catch {
        seen.add(readdirSync(dir).join(" ")); // it has no longer the name
      }
    }, 0);
    await removeFolder(path);
    clearInterval(watcher);
    for (const names of seen) expect(["manifest.json x y", "a.partial", ""]).toContain(names);
    expect(readdirSync(dir)).toEqual([]);
    await expect(removeFolder(path)).rejects.toThrow(FileError);
  });
});

describe("what a dead process left half written", () => {
  it("is removed, and nothing else is", async () => {
    await withFolder(async (dir) => {
      for (const name of ["checkpoint-5", "checkpoint-9.partial", ".partial"]) {
        mkdirSync(join(dir, name));
        writeFileSync(join(dir, name, "x"), "");
      }
      await clearLeftovers(dir);
      expect(readdirSync(dir)).toEqual(["checkpoint-5"]);
      expect(["a.partial", ".partial", "partial", "a.partial.b"].map(isPartial)).toEqual([
        true,
        true,
        false,
        false,
      ]);
    });
  });
});
