// What the set-up puts on a machine: the SwiftShader cache from a small package made here, and apt's backports source.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readDecision } from "../../cli/setup/decision.ts";
import {
  backportsLine,
  needsBackports,
  parseOsRelease,
  parseSources,
} from "../../cli/setup/mesa.ts";
import {
  fetchSwiftShader,
  isComplete,
  isIntact,
  swiftShaderFiles,
  type DriverPin,
} from "../../cli/setup/swiftshader.ts";

let home: string;
let cache: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "albert-gpu-driver-"));
  cache = join(home, ".cache", "albert-gpu");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function expectLogLine(line: string): void {
  expect(line).toMatch(/^setup: /);
}

async function fetched(tarball: string, pin: DriverPin): Promise<void> {
  await fetchSwiftShader(cache, expectLogLine, pin, () => Promise.resolve(tarball));
}

function release(id: string, version: string): Record<string, string> {
  return parseOsRelease(`PRETTY_NAME="X Y"\nID=${id}\nVERSION_ID="${version}"\n`);
}

function tar(folder: string, names: readonly string[]): Buffer {
  const { status, stdout, stderr } = spawnSync("tar", ["-cC", folder, "--format=ustar", ...names]);
  expect(status, stderr.toString()).toBe(0);
  return stdout;
}

describe("the SwiftShader cache", () => {
  const contents = { "libvulkan.so.1": "loader", "vk_swiftshader_icd.json": "{}" };

  /** A package like the real one, with two small files in its archive, and the pin that fits it. */
  function makePackage(): { tarball: string; pin: DriverPin } {
    const inner = join(home, "inner");
    const archive = join(home, "package", "bin", "driver.tar.br");
    mkdirSync(inner);
    mkdirSync(join(home, "package", "bin"), { recursive: true });
    for (const [name, text] of Object.entries(contents)) writeFileSync(join(inner, name), text);
    writeFileSync(archive, brotliCompressSync(tar(inner, Object.keys(contents))));
    const tarball = join(home, "driver.tgz");
    writeFileSync(tarball, gzipSync(tar(home, ["package/bin/driver.tar.br"])));
    const files = Object.entries(contents).map(([name, text]) => [
      name,
      { bytes: text.length, sha256: createHash("sha256").update(text).digest("hex") },
    ]);
    const sha512 = createHash("sha512").update(readFileSync(tarball)).digest("base64");
    const pin = {
      spec: "driver@1.0.0",
      sha512,
      archive: "package/bin/driver.tar.br",
      files: Object.fromEntries(files) as DriverPin["files"],
    };
    return { tarball, pin };
  }

  it("unpacks the pinned files and leaves nothing else behind", async () => {
    const { tarball, pin } = makePackage();
    await fetched(tarball, pin);
    expect(readdirSync(cache)).toEqual(["swiftshader"]);
    expect(readdirSync(join(cache, "swiftshader")).sort()).toEqual(Object.keys(contents).sort());
    expect(readFileSync(swiftShaderFiles(cache).loader, "utf8")).toBe("loader");
    expect(isIntact(cache, pin)).toBe(true);
  });

  it("refuses a tarball with another checksum and keeps the cache as it was", async () => {
    const { tarball, pin } = makePackage();
    await fetched(tarball, pin);
    const other = join(home, "other.tgz");
    writeFileSync(other, gzipSync("something else"));
    await expect(fetched(other, pin)).rejects.toThrow(/sha512 of driver@1.0.0 must be/);
    expect(isIntact(cache, pin)).toBe(true);
    expect(readdirSync(cache)).toEqual(["swiftshader"]);
  });

  it("refuses an archive whose file is not the pinned one", async () => {
    const { tarball, pin } = makePackage();
    const files = { ...pin.files, "libvulkan.so.1": { bytes: 6, sha256: "0".repeat(64) } };
    await expect(fetched(tarball, { ...pin, files })).rejects.toThrow(/libvulkan.so.1 must have/);
    expect(existsSync(join(cache, "swiftshader"))).toBe(false);
  });

  it("notices a file that was cut short or changed, and a new fetch repairs it", async () => {
    const { tarball, pin } = makePackage();
    await fetched(tarball, pin);
    const { loader } = swiftShaderFiles(cache);
    writeFileSync(loader, "LOADER");
    expect(isComplete(cache, pin)).toBe(true);
    expect(isIntact(cache, pin)).toBe(false);
    truncateSync(loader, 3);
    expect(isComplete(cache, pin)).toBe(false);
    await fetched(tarball, pin);
    expect(isIntact(cache, pin)).toBe(true);
    expect(statSync(loader).size).toBe(6);
  });

  it("takes a damaged decision for none", () => {
    mkdirSync(cache, { recursive: true });
    writeFileSync(join(cache, "driver.json"), '{"way": "swift');
    expect(readDecision(cache)).toBeUndefined();
    writeFileSync(join(cache, "driver.json"), '{"way": "teapot", "drivers": ""}');
    expect(readDecision(cache)).toBeUndefined();
  });
});

describe("the apt way", () => {
  const targets =
    "http://mirror.example/debian/ bookworm\nhttp://mirror.example/debian-security/ bookworm-security\n";

  it("takes backports from the mirror that carries the release", () => {
    expect(backportsLine(parseSources(targets), "bookworm")).toBe(
      "deb http://mirror.example/debian/ bookworm-backports main",
    );
  });

  it("adds no source when backports are there already", () => {
    const sources = parseSources(`${targets}http://mirror.example/debian/ bookworm-backports\n`);
    expect(backportsLine(sources, "bookworm")).toBeUndefined();
  });

  it("says which suites there are when none is the release", () => {
    expect(() => backportsLine(parseSources(targets), "trixie")).toThrow(
      "apt: sources must name the suite trixie; got bookworm, bookworm-security. Check the network and /etc/apt.",
    );
  });

  it("needs backports on Debian 12 only", () => {
    expect(needsBackports(release("debian", "12"))).toBe(true);
    expect(needsBackports(release("debian", "13"))).toBe(false);
    expect(needsBackports(release("ubuntu", "24.04"))).toBe(false);
  });
});
