// `albert-gpu doctor`: is there an adapter, does it compute right, and what to do when not.

import { availableParallelism, totalmem } from "node:os";
import { AlbertGpuError, type Gpu, matmul, Random } from "../../engine/index.ts";
import { adapterFacts, openAndTell } from "../device.ts";
import { Printer } from "../printer.ts";
import { provideDriver } from "../setup/driver.ts";

export interface DoctorOptions {
  readonly adapter?: string | undefined;
  /** Install or unpack a software driver when no adapter works. */
  readonly fix: boolean;
  readonly json: boolean;
}

export interface DoctorResults {
  readonly adapter: ReturnType<typeof adapterFacts>;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  readonly matmul: { readonly largestError: number; readonly gflops: number };
}

const SHOWN_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxStorageBuffersPerShaderStage",
  "maxImmediateSize",
];

/** Largest error a sum of K products of numbers below 1 may have in f32, with room for any order of adding. */
const bound = (K: number): number => K * 2 ** -24 * 4;

/** A product on the device against the same on the CPU, and the best of several timed runs. */
async function selfTest(gpu: Gpu): Promise<DoctorResults["matmul"]> {
  const [M, N, K] = [256, 256, 256];
  const random = new Random(1);
  const values = (): Float32Array =>
    Float32Array.from({ length: 256 * 256 }, () => random.uniform() - 0.5);
  const [a, b] = [values(), values()];
  let best = Infinity;
  let found = new Float32Array();
  for (let run = 0; run < 8; run++) {
    const start = performance.now();
    const product = gpu.step("doctor", () =>
      gpu.readLater(matmul(gpu, "NT", gpu.upload(a, [M, K]), gpu.upload(b, [N, K]))),
    );
    found = (await gpu.settle(product)) as Float32Array<ArrayBuffer>;
    if (run > 0) best = Math.min(best, performance.now() - start); // the first run compiles
  }
  let largestError = 0;
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let want = 0;
      for (let k = 0; k < K; k++) want += a[m * K + k]! * b[n * K + k]!;
      const error = Math.abs(found[m * N + n]! - want);
      if (!(error <= largestError)) largestError = error;
    }
  }
  if (!(largestError <= bound(K))) {
    throw new AlbertGpuError(
      `doctor: a ${M} x ${N} x ${K} product must be right to ${bound(K)}; its largest error is ${largestError}. Update the graphics driver, or choose another one with --adapter.`,
    );
  }
  return { largestError, gflops: (2 * M * N * K) / best / 1e6 };
}

/** Throws DeviceError with the remedy when there is no adapter, AlbertGpuError when it computes wrong values. */
export async function doctorCommand(options: DoctorOptions): Promise<DoctorResults> {
  const printer = new Printer(options.json);
  printer.line(`node         ${process.version} on ${process.platform}-${process.arch}`);
  printer.line(
    `machine      ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
  );
  if (options.fix) await provideDriver({ log: (line) => printer.line(line) });
  const gpu = await openAndTell(printer, options.adapter);
  try {
    const { limits, features } = gpu.info;
    printer.line(`features     ${features.join(", ")}`);
    for (const name of SHOWN_LIMITS) printer.line(`limit        ${name} ${limits[name]}`);
    const result = await selfTest(gpu);
    printer.line(
      `self-test    256 x 256 x 256 product, largest error ${result.largestError.toExponential(1)}, ${result.gflops.toFixed(1)} GFLOP/s with its round trip`,
    );
    printer.line("all is well");
    return { adapter: adapterFacts(gpu), features, limits, matmul: result };
  } finally {
    gpu.close();
  }
}
