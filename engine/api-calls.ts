/** Calls made to the WebGPU API so far: what a steady training step must not make is visible here. */
export interface ApiCalls {
  dispatches: number;
  submits: number;
  buffers: number;
  bindGroups: number;
  pipelines: number;
  writes: number;
}

/** Before the first call. */
export const noCalls = (): ApiCalls => ({
  dispatches: 0,
  submits: 0,
  buffers: 0,
  bindGroups: 0,
  pipelines: 0,
  writes: 0,
});
