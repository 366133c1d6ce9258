// Compiled kernels and their bind groups, each made once.

import { type Binding, type Constants, type Kernel, specialise } from "../kernels/kernel.ts";
import { askedLanes } from "./device.ts";
import { KernelError } from "./errors.ts";
import type { ApiCalls } from "./api-calls.ts";
import { BINDING_ALIGNMENT, requireUsable, type Tensor } from "./tensor.ts";

export interface Pipeline {
  readonly label: string;
  readonly gpu: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly layoutId: number;
  /** In the order of the declaration. */
  readonly bindings: readonly Binding[];
}

/** A specialisation of a kernel that will be needed. */
export interface PipelineRequest {
  readonly kernel: Kernel;
  readonly entry: string;
  readonly constants: Constants;
}

interface Described {
  readonly descriptor: GPUComputePipelineDescriptor & { readonly sourceLine: number };
  readonly made: (gpu: GPUComputePipeline) => Pipeline;
}

function keyOf(entry: string, constants: Constants): string {
  let key = entry;
  for (const name in constants) key += `,${name}=${constants[name]}`;
  return key;
}

/** Turns "…:LINE:COLUMN message" of the joined text into file:line of the part it came from. */
function locate(kernel: Kernel, sourceLine: number, message: string): string {
  return message.replace(/:(\d+):(\d+) (error|warning|note)/g, (whole, line, column, kind) => {
    const at = Number(line) - sourceLine;
    const file = kernel.files.findLast((candidate) => candidate.firstLine <= at);
    return file ? `${file.path}:${at - file.firstLine + 1}:${column} ${kind}` : whole;
  });
}

const isWhole = ({ buffer, offset }: Tensor): boolean => buffer.pool !== undefined && offset === 0;

/** Throws KernelError where what is written is read too: Dawn would drop the whole submit, and say so only then. */
function requireNoAlias(
  { label, bindings }: Pipeline,
  buffers: Readonly<Record<string, Tensor>>,
): void {
  for (const { name, access } of bindings) {
    if (access === "read") continue;
    const same = bindings.find(
      (other) => other.access === "read" && buffers[other.name]!.buffer === buffers[name]!.buffer,
    );
    if (same) {
      throw new KernelError(
        `${label}: "${name}" is written and must not lie in one buffer with "${same.name}", which is read. Give it a tensor of its own.`,
      );
    }
  }
}

export class PipelineCache {
  #device: GPUDevice;
  #calls: ApiCalls;
  #takeFailure: () => Error | undefined;
  #pipelines = new Map<Kernel, Map<string, Pipeline>>();
  #layouts = new Map<string, { id: number; gpu: GPUBindGroupLayout }>();
  #groups = new Map<string, GPUBindGroup>();
  #largestBinding: number;

  /** `takeFailure` returns and clears the last error the device reported; Dawn reports them within the call. */
  constructor(device: GPUDevice, calls: ApiCalls, takeFailure: () => Error | undefined) {
    this.#device = device;
    this.#calls = calls;
    this.#largestBinding = device.limits.maxStorageBufferBindingSize;
    this.#takeFailure = takeFailure;
  }

  get(kernel: Kernel, entry: string, constants: Constants): Pipeline {
    const cache = this.of(kernel);
    const key = keyOf(entry, constants);
    let pipeline = cache.get(key);
    if (!pipeline) {
      const { descriptor, made } = this.describe(kernel, entry, constants);
      pipeline = made(this.#device.createComputePipeline(descriptor));
      this.throwFailure(pipeline.label, kernel, descriptor.sourceLine);
      cache.set(key, pipeline);
    }
    return pipeline;
  }

  /**
   * Compiles what is not there yet, several at a time on Dawn's threads. What fails is left out: `get` compiles it again and
   * throws. `onProgress` gets the number done, 0 at first, of those that have to be compiled.
   */
  async prepare(
    wanted: readonly PipelineRequest[],
    onProgress?: (done: number, total: number) => void,
  ): Promise<void> {
    const missing = new Map<string, PipelineRequest>();
    for (const request of wanted) {
      const key = keyOf(request.entry, request.constants);
      if (!this.of(request.kernel).has(key)) missing.set(`${request.kernel.name}/${key}`, request);
    }
    let done = 0;
    onProgress?.(done, missing.size);
    const compile = async ({ kernel, entry, constants }: PipelineRequest): Promise<void> => {
      try {
        const { descriptor, made } = this.describe(kernel, entry, constants);
        const pipeline = made(await this.#device.createComputePipelineAsync(descriptor));
        this.of(kernel).set(keyOf(entry, constants), pipeline);
      } catch {
        // told by `get`
      }
      onProgress?.(++done, missing.size);
    };
    await Promise.all([...missing.values()].map(compile));
  }

  private of(kernel: Kernel): Map<string, Pipeline> {
    let cache = this.#pipelines.get(kernel);
    if (!cache) this.#pipelines.set(kernel, (cache = new Map()));
    return cache;
  }

  bindGroup(pipeline: Pipeline, buffers: Readonly<Record<string, Tensor>>): GPUBindGroup {
    let key = `${pipeline.layoutId}`;
    for (const { name } of pipeline.bindings) {
      const tensor = buffers[name];
      if (!tensor) {
        throw new KernelError(`${pipeline.label}: "${name}" must be given a buffer; got none.`);
      }
      requireUsable(pipeline.label, tensor, this.#device);
      // A pool buffer is bound whole, so that shapes may differ; parts of a buffer by their range.
      key += isWhole(tensor)
        ? `,${tensor.buffer.id}`
        : `,${tensor.buffer.id}:${tensor.offset}:${tensor.byteLength}`;
    }
    let group = this.#groups.get(key);
    if (!group) {
      requireNoAlias(pipeline, buffers);
      group = this.#device.createBindGroup({
        label: pipeline.label,
        layout: pipeline.layout,
        entries: pipeline.bindings.map(({ name, index }) => {
          const tensor = buffers[name]!;
          const { buffer, offset, byteLength } = tensor;
          if (offset % BINDING_ALIGNMENT !== 0) {
            throw new KernelError(
              `${pipeline.label}: "${name}" must start at a multiple of ${BINDING_ALIGNMENT} bytes; got ${offset}.`,
            );
          }
          const size = isWhole(tensor) ? Math.min(buffer.bytes, this.#largestBinding) : byteLength;
          return { binding: index, resource: { buffer: buffer.gpu, offset, size } };
        }),
      });
      this.#calls.bindGroups++;
      this.#groups.set(key, group);
    }
    return group;
  }

  /** Drops the bind groups that hold one of these buffers. */
  forget(buffers: readonly { readonly id: number }[]): void {
    const gone = new Set(buffers.map(({ id }) => id));
    for (const key of this.#groups.keys()) {
      const [, ...bound] = key.split(",");
      if (bound.some((part) => gone.has(Number.parseInt(part)))) this.#groups.delete(key);
    }
  }

  private layout(kernel: Kernel, entry: string): { id: number; gpu: GPUBindGroupLayout } {
    const bindings = kernel.entries[entry]!.map((name) => kernel.bindings.get(name)!);
    const key = bindings.map(({ index, access }) => `${index}${access}`).join();
    let layout = this.#layouts.get(key);
    if (!layout) {
      const gpu = this.#device.createBindGroupLayout({
        label: key,
        entries: bindings.map(({ index, access }) => ({
          binding: index,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: access === "read" ? "read-only-storage" : "storage" },
        })),
      });
      this.#layouts.set(key, (layout = { id: this.#layouts.size, gpu }));
    }
    return layout;
  }

  private describe(kernel: Kernel, entry: string, constants: Constants): Described {
    const label = `${kernel.name}/${entry}`;
    const unknown = Object.keys(constants).filter((name) => !(name in kernel.constants));
    if (unknown.length > 0) {
      throw new KernelError(`${label}: constants must be declared; got ${unknown.join(", ")}.`);
    }
    const { code, sourceLine } = specialise(kernel, constants, askedLanes(this.#device, kernel));
    const { id: layoutId, gpu: layout } = this.layout(kernel, entry);
    const module = this.#device.createShaderModule({ label, code });
    this.throwFailure(label, kernel, sourceLine);
    const descriptor = {
      label,
      sourceLine,
      layout: this.#device.createPipelineLayout({
        bindGroupLayouts: [layout],
        immediateSize: Object.keys(kernel.params).length * 4,
      }),
      compute: { module, entryPoint: entry },
    };
    const bindings = kernel.entries[entry]!.map((name) => kernel.bindings.get(name)!);
    const made = (gpu: GPUComputePipeline): Pipeline => {
      this.#calls.pipelines++;
      return { label, gpu, layout, layoutId, bindings };
    };
    return { descriptor, made };
  }

  private throwFailure(label: string, kernel: Kernel, sourceLine: number): void {
    const failure = this.#takeFailure();
    if (failure) throw new KernelError(`${label}: ${locate(kernel, sourceLine, failure.message)}`);
  }
}
