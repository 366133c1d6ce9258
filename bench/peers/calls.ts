// Counts calls of the WebGPU API by wrapping the binding's prototypes: the same count for every library, ours included.

export interface CallCounts {
  dispatches: number;
  bindGroups: number;
  buffers: number;
  submits: number;
  writes: number;
}

/** Wraps the prototypes from now on. Returns the counts, which go on rising. Call once per process. */
export function countCalls(): CallCounts {
  const counts: CallCounts = { dispatches: 0, bindGroups: 0, buffers: 0, submits: 0, writes: 0 };
  const wrap = (prototype: object, method: string, name: keyof CallCounts): void => {
    const original = Reflect.get(prototype, method) as (...args: unknown[]) => unknown;
    Reflect.set(prototype, method, function (this: unknown, ...args: unknown[]) {
      counts[name]++;
      return original.apply(this, args);
    });
  };
  wrap(GPUComputePassEncoder.prototype, "dispatchWorkgroups", "dispatches");
  wrap(GPUComputePassEncoder.prototype, "dispatchWorkgroupsIndirect", "dispatches");
  wrap(GPUDevice.prototype, "createBindGroup", "bindGroups");
  wrap(GPUDevice.prototype, "createBuffer", "buffers");
  wrap(GPUQueue.prototype, "submit", "submits");
  wrap(GPUQueue.prototype, "writeBuffer", "writes");
  return counts;
}

/** What was called between two states of the counts. */
export function callsBetween(before: CallCounts, after: CallCounts): CallCounts {
  return {
    dispatches: after.dispatches - before.dispatches,
    bindGroups: after.bindGroups - before.bindGroups,
    buffers: after.buffers - before.buffers,
    submits: after.submits - before.submits,
    writes: after.writes - before.writes,
  };
}
