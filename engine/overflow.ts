import { grid } from "../kernels/kernel.ts";
import { matmulHalf } from "../kernels/matmul.ts";
import { PrecisionError } from "./errors.ts";
import type { Gpu } from "./gpu.ts";

const INFINITIES = [0x7c00, 0xfc00];

/**
 * Throws PrecisionError, and closes the GPU, where a number too large for f16 becomes a finite one, as Vulkan allows:
 * gradients would be cut off and the loss scale, which goes by infinities, would never know.
 */
export async function requireOverflow(
  gpu: Pick<Gpu, "info" | "upload" | "empty" | "launch" | "read" | "release" | "close">,
): Promise<void> {
  if (gpu.info.backend === "null") return; // it runs nothing
  const a = gpu.upload(Float32Array.of(1e6, -1e6, 70_000, -70_000));
  const h = gpu.empty([2]);
  gpu.launch(matmulHalf, "rounded", { a, h }, { N: a.size }, grid(1));
  const halves = new Uint16Array((await gpu.read(h)).buffer);
  for (const tensor of [a, h]) gpu.release(tensor);
  if (halves.every((half, i) => half === INFINITIES[i % 2])) return;
  gpu.close();
  throw new PrecisionError(
    `gpu: precision f16 needs an adapter where 1e6 becomes an infinity; ${gpu.info.name} makes it a number. Use f32.`,
  );
}
