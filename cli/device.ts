import { DeviceError, PrecisionError, type Gpu, openGpu, type Precision } from "../engine/index.ts";
import { UsageError } from "./errors.ts";
import type { Printer } from "./printer.ts";
import { prepareDriver } from "./setup/driver.ts";

/** Says which names there are, where Dawn lists them. */
function nameAdapters(asked: string, error: unknown): unknown {
  if (!(error instanceof DeviceError)) return error;
  const names = Array.from(error.message.matchAll(/name: '([^']*)'/g), ([, name]) => `"${name}"`);
  if (names.length === 0) return error;
  return new UsageError(
    `--adapter must be part of an adapter's name, ${names.join(" or ")}; got "${asked}".`,
    { cause: error },
  );
}

/**
 * Opens the preferred GPU and says which one it is. Where it has no f16, f32 is used and said so. Throws UsageError for an
 * adapter that is not among those there are, DeviceError where there is none.
 */
export async function openAndTell(
  printer: Printer,
  adapter: string | undefined,
  precision: Precision = "f32",
): Promise<Gpu> {
  prepareDriver();
  const gpu = await openGpu({ adapter, precision }).catch((error: unknown) => {
    if (error instanceof PrecisionError) {
      printer.line(`precision    f32, because ${error.message}`);
      return openGpu({ adapter });
    }
    throw adapter === undefined ? error : nameAdapters(adapter, error);
  });
  printer.line(`adapter      ${gpu.info.name} (${gpu.info.backend})`);
  if (gpu.info.software) {
    printer.line(
      "             a software adapter: the CPU does the GPU's work, slowly. Results are the same.",
    );
  }
  if (gpu.precision === "f16" && !gpu.info.software && gpu.info.matrixShapes.length === 0) {
    printer.line(
      "precision    f16, without tensor cores: WebGPU reaches none here. It will hardly be faster than f32.",
    );
  }
  return gpu;
}

/** What results.json says of the adapter. */
export function adapterFacts(gpu: Gpu): { name: string; backend: string; software: boolean } {
  const { name, backend, software } = gpu.info;
  return { name, backend, software };
}
