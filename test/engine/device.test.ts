import { describe, expect, it } from "vitest";
import { prepareDriver } from "../../cli/setup/driver.ts";
import { adapterName, askedLanes, matrixShapes, openDevice } from "../../engine/device.ts";
import { DeviceError } from "../../engine/errors.ts";

prepareDriver();

describe("openDevice", () => {
  it("opens an adapter with all the limits it offers, and says which it is", async () => {
    const { device, info } = await openDevice();
    expect(info.name.length).toBeGreaterThan(0);
    const { limits, features } = info;
    expect(device.limits.maxStorageBufferBindingSize).toBe(limits["maxStorageBufferBindingSize"]);
    expect(device.limits.maxBufferSize).toBe(limits["maxBufferSize"]);
    expect(device.features.has("subgroups")).toBe(features.includes("subgroups"));
    if (/llvmpipe|SwiftShader/i.test(info.name)) expect(info.software).toBe(true);
    if (info.subgroupSize !== 0) expect(Number.isInteger(Math.log2(info.subgroupSize))).toBe(true);
    device.destroy();
  });

  it("opens the adapter whose name is asked for", async () => {
    // The names are Dawn's own; it lists them where none matches.
    const refusal = await openDevice({ adapter: "no such adapter" }).then(() => "opened", String);
    const [, name = "unlisted"] = /name: '([^']+)'/.exec(refusal) ?? [];
    const { device } = await openDevice({ adapter: name.slice(0, 6) });
    expect(device.limits.maxBufferSize).toBeGreaterThan(0);
    device.destroy();
  });

  it("throws a DeviceError that names an adapter there is none of, and what to do", async () => {
    const opening = openDevice({ adapter: "no such adapter" });
    await expect(opening).rejects.toBeInstanceOf(DeviceError);
    await expect(opening).rejects.toThrow(/no such adapter.*albert-gpu doctor/s);
  });

  it("says of the null backend that it is the null backend", async () => {
    const { device, info } = await openDevice({ backend: "null" });
    device.destroy();
    expect(info.name).toContain("null");
    expect(info.backend).toBe("null");
  });

  it("opens several devices at once, each of its own", async () => {
    const opened = await Promise.all([
      openDevice({ backend: "null" }),
      openDevice({ backend: "null" }),
    ]);
    const [a, b] = opened.map(({ device }) => device);
    expect(a).not.toBe(b);
    a!.destroy();
    b!.createBuffer({ size: 4, usage: GPUBufferUsage.STORAGE });
    b!.destroy();
  });
});

describe("an adapter's name", () => {
  const llvmpipe = "llvmpipe: Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6) 0.0.1";
  it.each([
    ["llvmpipe-llvm-15-0-6-256-bits-", llvmpipe, true, llvmpipe],
    ["swiftshader-device-subzero-", "SwiftShader driver 5.0.0", true, "SwiftShader driver 5.0.0"],
    // The driver begins with the vendor's name, as the device does, and says nothing of the device.
    ["nvidia-h100", "NVIDIA: 570.1", false, "nvidia-h100, NVIDIA: 570.1"],
    ["amd-radeon-radv-navi31-", "radv: Mesa 25", false, "amd-radeon-radv-navi31, radv: Mesa 25"],
    ["some-cpu", "", true, "some-cpu"],
    ["", "Null backend", false, "Null backend"],
    ["", "", true, "unnamed adapter"],
  ])("of device %j and driver %j (software: %s) is %j", (device, description, software, name) => {
    expect(adapterName({ device, description, software })).toBe(name);
  });
});

describe("matrixShapes", () => {
  const features = ["chromium-experimental-subgroup-matrix", "shader-f16", "subgroups"];
  const shape = { M: 8, N: 8, K: 8 };
  const config = { ...shape, componentType: "f16", resultComponentType: "f32" };

  it.each([
    { of: "a GPU", subgroupSize: 32, software: false, shapes: [shape] },
    { of: "a GPU of 16 lanes", subgroupSize: 16, software: false, shapes: [shape] },
    { of: "a GPU whose subgroups vary", subgroupSize: 0, software: false, shapes: [] },
    { of: "a software adapter", subgroupSize: 8, software: true, shapes: [shape] },
    // lavapipe crashes on them.
    { of: "a software adapter of 16 lanes", subgroupSize: 16, software: true, shapes: [] },
  ])("of $of are $shapes", ({ subgroupSize, software, shapes }) => {
    const configs = [config, { ...config, resultComponentType: "f16" }];
    expect(matrixShapes({ subgroupSize, software, features }, configs)).toEqual(shapes);
    expect(matrixShapes({ subgroupSize, software, features: [] }, configs)).toEqual([]);
  });
});

describe("askedLanes", () => {
  const device = (vendor: string, ...features: string[]): GPUDevice =>
    ({
      features: new Set(features),
      adapterInfo: { vendor, subgroupMinSize: 8, subgroupMaxSize: 32 },
    }) as unknown as GPUDevice;

  it.each([
    { vendor: "intel", lanes: "fewest", asked: 8 },
    { vendor: "amd", lanes: "fewest", asked: undefined },
    { vendor: "amd", lanes: 32, asked: 32 },
    { vendor: "intel", lanes: undefined, asked: undefined },
  ] as const)("of $vendor's for $lanes are $asked", ({ vendor, lanes, asked }) => {
    const kernel = { lanes };
    expect(askedLanes(device(vendor, "subgroup-size-control"), kernel)).toBe(asked);
    expect(askedLanes(device(vendor, "subgroups"), kernel)).toBeUndefined();
  });
});
