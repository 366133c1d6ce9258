// The choice of a driver on machines of every kind, played through without root, network or a download.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cacheFolder, readDecision, writeDecision } from "../../cli/setup/decision.ts";
import { prepareDriver, provideDriver, type Machine } from "../../cli/setup/driver.ts";
import { environmentFor, probeAdapter, type DriverSetting } from "../../cli/setup/probe.ts";
import { swiftShaderFiles } from "../../cli/setup/swiftshader.ts";
import { systemDrivers } from "../../cli/setup/system-drivers.ts";
import { bestVectorWidth } from "../../cli/setup/vector-width.ts";

const GPU = { name: "some-gpu", software: false };
const LAVAPIPE = { name: "llvmpipe", software: true };
const SWIFT = { name: "swiftshader", software: true };
const LVP_ICD = "/usr/share/vulkan/icd.d/lvp_icd.json";

let home: string;
let cache: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "albert-gpu-driver-"));
  cache = join(home, ".cache", "albert-gpu");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A machine without driver, root and cache, that keeps a diary of what the set-up does to it. */
function machineWith(traits: Partial<Machine>) {
  const diary: string[] = [];
  const machine: Machine = {
    env: { HOME: home },
    runsSwiftShader: true,
    cpuinfo: () => "",
    probe: () => undefined,
    apply: (setting) => void diary.push(`apply ${describeSetting(setting)}`),
    findLavapipe: () => undefined,
    canInstallMesa: () => false,
    installMesa: async () => void diary.push("apt"),
    isComplete: () => diary.includes("fetch"),
    isIntact: () => diary.includes("fetch"),
    fetchSwiftShader: async () => void diary.push("fetch"),
    ...traits,
  };
  return { machine, diary };
}

function describeSetting({ loader, icd }: DriverSetting): string {
  return [loader && "loader", icd === LVP_ICD ? "lavapipe" : icd && "swiftshader"]
    .filter(Boolean)
    .join("+");
}

/** Answers a probe by the parts of its setting, as a machine with such a driver would. */
function probing(answers: Readonly<Record<string, typeof GPU>>): Machine["probe"] {
  return (setting) => answers[describeSetting(setting)];
}

function collect(): { lines: string[]; log: (line: string) => void } {
  const lines: string[] = [];
  return { lines, log: (line) => void lines.push(line) };
}

describe("provideDriver", () => {
  it("does nothing and says nothing where an adapter works", async () => {
    const { machine, diary } = machineWith({ probe: () => GPU, canInstallMesa: () => true });
    const { lines, log } = collect();
    expect(await provideDriver({ log }, machine)).toEqual({ way: "system", adapter: GPU });
    expect(diary).toEqual([]);
    expect(lines).toEqual([]);
    expect(existsSync(cache)).toBe(false);
  });

  it("installs Mesa where there is root and apt, and downloads nothing", async () => {
    const installed: string[] = [];
    const { machine, diary } = machineWith({
      canInstallMesa: () => true,
      installMesa: async () => void installed.push("mesa"),
      probe: () => (installed.length > 0 ? LAVAPIPE : undefined),
    });
    const state = await provideDriver({ log: collect().log }, machine);
    expect(state).toEqual({ way: "system", adapter: LAVAPIPE });
    expect(diary).toEqual([]);
  });

  it("fetches SwiftShader without root, and nothing the second time", async () => {
    const { machine, diary } = machineWith({ probe: probing({ "loader+swiftshader": SWIFT }) });
    const first = collect();
    const state = await provideDriver({ log: first.log }, machine);
    expect(state).toEqual({ way: "swiftshader", adapter: SWIFT });
    expect(diary).toEqual(["fetch", "apply loader+swiftshader"]);
    expect(first.lines).toEqual(["setup: found swiftshader (software)"]);

    const second = collect();
    await provideDriver({ log: second.log }, machine);
    expect(diary).toEqual(["fetch", "apply loader+swiftshader", "apply loader+swiftshader"]);
    expect(second.lines).toEqual([]);
  });

  it("fetches SwiftShader when apt fails, and says why apt did", async () => {
    const { machine, diary } = machineWith({
      canInstallMesa: () => true,
      installMesa: () => Promise.reject(new Error("the mirror is away")),
      probe: probing({ "loader+swiftshader": SWIFT }),
    });
    const { lines, log } = collect();
    expect((await provideDriver({ log }, machine)).way).toBe("swiftshader");
    expect(diary).toContain("fetch");
    expect(lines.join("\n")).toContain("the mirror is away");
  });

  it("prefers a GPU that only lacked a loader to SwiftShader", async () => {
    const { machine, diary } = machineWith({
      probe: probing({ loader: GPU, "loader+swiftshader": SWIFT }),
    });
    const state = await provideDriver({ log: collect().log }, machine);
    expect(state).toEqual({ way: "loader", adapter: GPU });
    expect(diary).toEqual(["fetch", "apply loader"]);
    expect(prepareDriver(machine).way).toBe("loader");
  });

  it("returns to the machine's own driver once there is one", async () => {
    const answers: Record<string, typeof GPU> = { "loader+swiftshader": SWIFT };
    const { machine } = machineWith({ probe: probing(answers) });
    await provideDriver({ log: collect().log }, machine);
    expect(readDecision(cache)?.way).toBe("swiftshader");
    answers[""] = GPU;
    expect((await provideDriver({ log: collect().log }, machine)).way).toBe("system");
    expect(readDecision(cache)).toBeUndefined();
  });

  it("names every failure and the remedy when no way leads to an adapter", async () => {
    const { machine } = machineWith({
      canInstallMesa: () => true,
      installMesa: () => Promise.reject(new Error("apt is locked")),
      fetchSwiftShader: () => Promise.reject(new Error("no network")),
    });
    const failure = provideDriver({ log: collect().log }, machine);
    await expect(failure).rejects.toThrow(
      /no GPU adapter.*apt is locked.*no network.*mesa-vulkan-drivers/s,
    );
  });

  it("does not fetch SwiftShader for a processor it is not built for", async () => {
    const { machine, diary } = machineWith({ runsSwiftShader: false });
    await expect(provideDriver({ log: collect().log }, machine)).rejects.toThrow("no GPU adapter");
    expect(diary).toEqual([]);
  });

  it("uses SwiftShader beside a GPU when told so", async () => {
    const { machine, diary } = machineWith({
      env: { HOME: home, ALBERT_GPU_DRIVER: "swiftshader" },
      probe: probing({ "": GPU, "loader+swiftshader": SWIFT }),
    });
    expect((await provideDriver({ log: collect().log }, machine)).adapter).toEqual(SWIFT);
    expect(diary).toEqual(["fetch", "apply loader+swiftshader"]);
    expect(readDecision(cache)).toBeUndefined();
  });

  it("uses lavapipe beside a GPU when told so", async () => {
    const { machine, diary } = machineWith({
      env: { HOME: home, ALBERT_GPU_DRIVER: "mesa" },
      findLavapipe: () => LVP_ICD,
      probe: probing({ "": GPU, lavapipe: LAVAPIPE }),
    });
    expect(await provideDriver({ log: collect().log }, machine)).toEqual({
      way: "mesa",
      adapter: LAVAPIPE,
    });
    expect(diary).toEqual(["apply lavapipe"]);
  });
});

describe("prepareDriver", () => {
  it("does nothing where nothing was provided", () => {
    const { machine, diary } = machineWith({});
    expect(prepareDriver(machine)).toEqual({ way: "system", adapter: undefined });
    expect(diary).toEqual([]);
  });

  it("follows the decision without a probe while the machine's drivers are the same", () => {
    const { machine, diary } = machineWith({
      isComplete: () => true,
      probe: () => expect.unreachable("no probe is needed"),
    });
    writeDecision(cache, { way: "swiftshader", drivers: systemDrivers(machine.env) });
    expect(prepareDriver(machine).way).toBe("swiftshader");
    expect(diary).toEqual(["apply loader+swiftshader"]);
  });

  it("looks again when the machine's drivers have changed, and takes a new GPU", () => {
    const { machine, diary } = machineWith({ isComplete: () => true, probe: () => GPU });
    writeDecision(cache, { way: "swiftshader", drivers: systemDrivers(machine.env) });
    const manifests = join(home, ".local/share/vulkan/icd.d");
    mkdirSync(manifests, { recursive: true });
    writeFileSync(join(manifests, "new_gpu.json"), "{}");
    expect(prepareDriver(machine)).toEqual({ way: "system", adapter: GPU });
    expect(diary).toEqual([]);
    expect(readDecision(cache)).toBeUndefined();
  });

  it("keeps to SwiftShader, and remembers, when a changed driver gives no adapter either", () => {
    const { machine, diary } = machineWith({ isComplete: () => true });
    writeDecision(cache, { way: "swiftshader", drivers: "of another day" });
    expect(prepareDriver(machine).way).toBe("swiftshader");
    expect(diary).toEqual(["apply loader+swiftshader"]);
    expect(readDecision(cache)?.drivers).toBe(systemDrivers(machine.env));
  });

  it("does not use a cache that lacks a file", () => {
    const { machine, diary } = machineWith({ isComplete: () => false });
    writeDecision(cache, { way: "swiftshader", drivers: systemDrivers(machine.env) });
    expect(prepareDriver(machine).way).toBe("system");
    expect(diary).toEqual([]);
  });

  it("follows the parent process that chose SwiftShader", () => {
    const { icd } = swiftShaderFiles(cache);
    const { machine, diary } = machineWith({
      env: { HOME: home, VK_ICD_FILENAMES: icd },
      isComplete: () => true,
    });
    expect(prepareDriver(machine).way).toBe("swiftshader");
    expect(diary).toEqual(["apply loader+swiftshader"]);
  });

  it.each(["mesa", "swiftshader"])("says what to do when %s is forced and missing", (way) => {
    const { machine } = machineWith({ env: { HOME: home, ALBERT_GPU_DRIVER: way } });
    expect(() => prepareDriver(machine)).toThrow(new RegExp(`ALBERT_GPU_DRIVER=${way}.*doctor`));
  });

  it("refuses an unknown driver by name", () => {
    const { machine } = machineWith({ env: { HOME: home, ALBERT_GPU_DRIVER: "cuda" } });
    expect(() => prepareDriver(machine)).toThrow(
      'ALBERT_GPU_DRIVER: must be system, mesa or swiftshader; got "cuda".',
    );
  });
});

describe("probeAdapter", () => {
  it("sees no adapter where the loader finds no driver", () => {
    const env = { ...process.env, VK_ICD_FILENAMES: "/nonexistent", VK_DRIVER_FILES: "" };
    expect(probeAdapter({}, env)).toBeUndefined();
  });

  it("names the adapter of this machine", () => {
    const state = prepareDriver();
    const { loader, icd } = swiftShaderFiles(cacheFolder(process.env));
    const settings = { system: {}, mesa: {}, loader: { loader }, swiftshader: { loader, icd } };
    expect(probeAdapter(settings[state.way], process.env)?.name).toMatch(/\w/);
  });

  it("takes our own SwiftShader, but not the user's driver, out of what a process inherited", () => {
    const ours = { VK_ICD_FILENAMES: swiftShaderFiles(cache).icd, HOME: home };
    expect(environmentFor({}, ours)).toEqual({ HOME: home });
    const theirs = { VK_ICD_FILENAMES: LVP_ICD };
    expect(environmentFor({}, theirs)).toEqual(theirs);
    expect(environmentFor({ icd: "/my.json" }, theirs)["VK_ICD_FILENAMES"]).toBe("/my.json");
  });
});

describe("the width of Mesa's vectors", () => {
  const cpuinfo = (vendor: string, flags: string): string =>
    `processor\t: 0\nvendor_id\t: ${vendor}\nflags\t\t: fpu ${flags} sse\n\nprocessor\t: 1\n`;
  const WIDE = cpuinfo("GenuineIntel", "avx512f avx512_fp16");

  it.each([
    { name: "Sapphire Rapids", text: WIDE, width: "512" },
    { name: "Ice Lake", text: cpuinfo("GenuineIntel", "avx2 avx512f"), width: undefined },
    { name: "one of AMD", text: cpuinfo("AuthenticAMD", "avx512_fp16"), width: undefined },
    { name: "no Linux", text: "", width: undefined },
  ])("on $name is $width", ({ text, width }) => expect(bestVectorWidth(text)).toBe(width));

  it("is set before an adapter is asked for", async () => {
    const seen: (string | undefined)[] = [];
    const { machine } = machineWith({
      cpuinfo: () => WIDE,
      probe: (_, env) => {
        seen.push(env["LP_NATIVE_VECTOR_WIDTH"]);
        return LAVAPIPE;
      },
    });
    await provideDriver({ log: () => {} }, machine);
    expect(seen).toEqual(["512"]);
    const prepared = machineWith({ cpuinfo: () => WIDE }).machine;
    prepareDriver(prepared);
    expect(prepared.env["LP_NATIVE_VECTOR_WIDTH"]).toBe("512");
  });

  it("stays the user's where there is one", () => {
    const cpuinfo = vi.fn(() => WIDE);
    const { machine } = machineWith({
      cpuinfo,
      env: { HOME: home, LP_NATIVE_VECTOR_WIDTH: "256" },
    });
    prepareDriver(machine);
    expect(machine.env["LP_NATIVE_VECTOR_WIDTH"]).toBe("256");
    expect(cpuinfo).not.toHaveBeenCalled();
  });
});
