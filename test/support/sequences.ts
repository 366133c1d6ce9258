import type { Gpu } from "../../engine/gpu.ts";
import { sequenceRows } from "../../engine/ops/attention.ts";

/** Sequences one after another; each owns `owned` rows and `real` of them are tokens. */
export function layout(sequences: readonly (readonly [owned: number, real: number])[]) {
  let R = 0;
  const placed = sequences.map(([owned, real]) => {
    const first = R;
    R += owned;
    return { first, owned, real };
  });
  const column = (name: "first" | "owned" | "real"): Uint32Array =>
    Uint32Array.from(placed, (sequence) => sequence[name]);
  const upload = (gpu: Gpu) => sequenceRows(gpu, column("first"), column("real"), column("owned"));
  const span = Math.max(...column("owned"));
  return { R, sequences: placed, upload, span };
}
