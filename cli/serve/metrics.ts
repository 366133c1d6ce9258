// What the server counts, for Prometheus.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Gpu } from "../../engine/index.ts";

export class Metrics {
  readonly registry = new Registry();
  readonly requests = new Counter({
    name: "albert_gpu_requests_total",
    help: "Answers by route and status.",
    labelNames: ["route", "status"],
    registers: [this.registry],
  });
  readonly seconds = new Histogram({
    name: "albert_gpu_request_seconds",
    help: "Time from a request's headers to its answer.",
    labelNames: ["route"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [this.registry],
  });
  readonly texts = new Counter({
    name: "albert_gpu_texts_total",
    help: "Texts classified.",
    registers: [this.registry],
  });
  readonly batchTexts = new Histogram({
    name: "albert_gpu_batch_texts",
    help: "Texts in a batch.",
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    registers: [this.registry],
  });
  readonly batchSeconds = new Histogram({
    name: "albert_gpu_batch_seconds",
    help: "Time of a batch on the device.",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [this.registry],
  });

  /** @param waiting texts that are not on the device yet */
  constructor(gpu: Gpu, waiting: () => number) {
    const gauge = (name: string, help: string, read: () => number): void => {
      const made: Gauge = new Gauge({
        name: `albert_gpu_${name}`,
        help,
        registers: [],
        collect: () => made.set(read()),
      });
      this.registry.registerMetric(made);
    };
    gauge("waiting_texts", "Texts that wait for the device.", waiting);
    gauge("pool_bytes", "GPU memory of activations and copies.", () => gpu.poolBytes);
    gauge("pool_buffers", "GPU buffers of activations and copies.", () => gpu.poolBuffers);
    gauge("bind_groups", "Bind groups made.", () => gpu.calls.bindGroups);
    collectDefaultMetrics({ register: this.registry });
  }
}
