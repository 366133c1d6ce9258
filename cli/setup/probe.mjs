// Opens Dawn's best adapter and a device on it, in a process of its own: a driver that crashes takes only this process
// along, and the caller is free to try another. Prints one line of JSON: the adapter, or null.
// Argument: the path of a Vulkan loader to load first (optional).
import { constants } from "node:os";
import { create } from "webgpu";

const RTLD_NODELETE = 0x1000;

const [loader] = process.argv.slice(2);
if (loader) {
  try {
    process.dlopen({ exports: {} }, loader, constants.dlopen.RTLD_LAZY | RTLD_NODELETE);
  } catch {
    // Always throws, for a loader is no Node module; if it was not loaded either, no adapter is found below.
  }
}

// Dawn crashes when this object is collected while a device is in use.
const gpu = create([]);
const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
let found = null;
if (adapter) {
  const device = await adapter.requestDevice();
  const { description, device: name, vendor, isFallbackAdapter } = adapter.info;
  found = { name: (name || description || vendor).replace(/-+$/, ""), software: isFallbackAdapter };
  device.destroy();
}
globalThis.gpu = gpu;
process.stdout.write(`\n${JSON.stringify(found)}\n`);
