// Reverse-mode differentiation. An op records one closure that writes its inputs' gradients; backward walks the record
// from the end. Gradients are added up here and nowhere else: ALBERT's shared layer is one parameter with many uses.

import { add } from "../kernels/add.ts";
import { ofWidth } from "../kernels/kernel.ts";
import { Accumulation } from "./accumulation.ts";
import { launchEach } from "./each.ts";
import { DeviceError, ShapeError } from "./errors.ts";
import type { Gpu } from "./gpu.ts";
import { fillInto } from "./ops/fill.ts";
import { expectShape, format } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/**
 * What an op's backward gives for one input: a tensor that already holds the gradient (and may be another's too), or a
 * function that writes it to `into`, on top of what is there if `accumulate`. Null: this input gets none.
 */
export type Gradient = Tensor | ((into: Tensor, accumulate: boolean) => void) | null;

/**
 * Returns the gradients of an op's inputs, in their order. `scratch` marks a tensor that the gradients are written from
 * and that nobody needs after that.
 */
export type Backward = (dy: Tensor, scratch: (tensor: Tensor) => Tensor) => readonly Gradient[];

interface Node {
  readonly output: Tensor;
  readonly inputs: readonly Tensor[];
  readonly saved: readonly Tensor[];
  readonly backward: Backward;
}

/** Records the ops of a forward pass and runs their backward closures from the last to the first. One for each Gpu. */
export class Tape {
  /** Which parameters' gradients are added to, not written over. */
  readonly sums = new Accumulation();
  #gpu: Gpu;
  #nodes: Node[] | undefined;
  /** Whether parameters get their gradients, or are left alone. */
  #training = false;
  /** What gets gradients in the walks under way: those of checkpoints are within another. */
  #tracked: ReadonlySet<Tensor> = new Set();

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  get recording(): boolean {
    return this.#nodes !== undefined;
  }

  /**
   * Called by an op once it has launched its forward: says how `output` depends on `inputs`. `saved` are tensors only
   * backward reads; they are freed at once when nothing records. Returns `output`.
   */
  record(
    output: Tensor,
    inputs: readonly Tensor[],
    saved: readonly Tensor[],
    backward: Backward,
  ): Tensor {
    if (this.#nodes) this.#nodes.push({ output, inputs, saved, backward });
    else for (const tensor of saved) this.#gpu.release(tensor);
    return output;
  }

  /**
   * Runs `forward`, which returns a loss of one element, then adds `scale` times the loss's derivatives to the `grad` of
   * every parameter it used; with `lossScale`, times its first element too, which the device holds. A sum begins anew after
   * each update (adamw), and is zero for a parameter without a gradient. Activations are freed on the way back. Returns the
   * loss. Throws ShapeError for another shape, or a tensor no op made; DeviceError within another record.
   */
  gradients(forward: () => Tensor, scale = 1, lossScale?: Tensor): Tensor {
    this.begin("tape.gradients");
    this.#training = true;
    try {
      const loss = forward();
      if (loss.size !== 1) {
        throw new ShapeError(
          `tape.gradients: the loss must have one element; got ${format(loss.shape)}. Reduce it first.`,
        );
      }
      const nodes = this.#nodes!;
      if (!nodes.some((node) => node.output === loss)) {
        throw new ShapeError(
          "tape.gradients: the loss must be the result of an op in forward; got a tensor that was made otherwise.",
        );
      }
      const seed = this.#gpu.like(loss);
      fillInto(this.#gpu, seed, scale, lossScale);
      this.backward(loss, seed, nodes, []);
      for (const gradient of this.sums.rest()) fillInto(this.#gpu, gradient, 0);
      return loss;
    } finally {
      this.#nodes = undefined;
    }
  }

  /**
   * Runs `forward` and returns its result with the derivatives of sum(result * dy) with respect to `inputs`, in their order:
   * tensors made before, such as activations. dy: the shape of the result; it is freed. The parameters' `grad` are left
   * alone. Throws ShapeError for another shape, or when the result does not depend on an input.
   */
  derivatives(
    inputs: readonly Tensor[],
    forward: () => Tensor,
    dy: Tensor,
  ): { readonly value: Tensor; readonly gradients: readonly Tensor[] } {
    this.begin("tape.derivatives");
    this.#training = false;
    try {
      const value = forward();
      expectShape("tape.derivatives: dy", dy.shape, value.shape);
      const found = this.backward(value, dy, this.#nodes!, inputs);
      const gradients = inputs.map((input) => {
        const gradient = found.get(input);
        if (gradient) return gradient;
        throw new ShapeError(
          `tape.derivatives: the result must depend on each input; got one ${format(input.shape)} that it does not use.`,
        );
      });
      return { value, gradients };
    } finally {
      this.#nodes = undefined;
    }
  }

  /**
   * The result of `fn`, of which only it is kept: backward runs `fn` again, with a record, for what it needs in between.
   * fn must give the same bits both times, and depend on no activation but `input`: backward throws ShapeError for another,
   * whose gradient would be lost. Chen et al. 2016, arXiv:1604.06174.
   */
  checkpoint(input: Tensor, fn: (input: Tensor) => Tensor): Tensor {
    const nodes = this.#nodes;
    if (!nodes) return fn(input);
    this.#nodes = undefined;
    let output: Tensor;
    try {
      output = this.#gpu.scope(() => fn(input));
    } finally {
      this.#nodes = nodes;
    }
    return this.record(output, [input], [], (dy, scratch) => {
      const inner: Node[] = [];
      this.#nodes = inner;
      try {
        const again = scratch(fn(input));
        const others = inner.flatMap(({ inputs }) => inputs).filter((used) => used !== input);
        const lost = others.find((used) => this.#tracked.has(used));
        if (lost) {
          throw new ShapeError(
            `tape.checkpoint: fn must use no activation but its input; got one ${format(lost.shape)}. Compute it within fn.`,
          );
        }
        dy.buffer.refs++; // the inner walk frees it, and so does the outer one
        const gradient = this.backward(again, dy, inner, [input]).get(input);
        return [gradient ? scratch(gradient) : null];
      } finally {
        this.#nodes = nodes;
      }
    });
  }

  /** Starts a record. Throws DeviceError while there is one: it would be lost. */
  private begin(where: string): void {
    if (this.#nodes) {
      throw new DeviceError(`${where}: records do not nest; finish the outer one.`);
    }
    this.#nodes = [];
  }

  /** Walks the record back from `result`. Gives parameters their gradients when training; returns those of `wanted`. */
  private backward(
    result: Tensor,
    seed: Tensor,
    nodes: readonly Node[],
    wanted: readonly Tensor[],
  ): ReadonlyMap<Tensor, Tensor> {
    const around = this.#tracked;
    const tracked = new Set([...nodes.map((node) => node.output), ...wanted]);
    this.#tracked = new Set([...around, ...tracked]);
    try {
      return this.walk(result, seed, nodes, tracked);
    } finally {
      this.#tracked = around;
    }
  }

  private walk(
    result: Tensor,
    seed: Tensor,
    nodes: readonly Node[],
    tracked: ReadonlySet<Tensor>,
  ): ReadonlyMap<Tensor, Tensor> {
    const gpu = this.#gpu;
    const gradients = new Map<Tensor, Tensor>([[result, seed]]);
    for (const node of nodes.toReversed()) {
      const dy = gradients.get(node.output);
      if (dy) {
        gradients.delete(node.output);
        const scratch: Tensor[] = [];
        const inputGradients = node.backward(dy, (tensor) => {
          scratch.push(tensor);
          return tensor;
        });
        inputGradients.forEach((gradient, i) => {
          const input = node.inputs[i]!;
          if (!gradient) return;
          if (input.grad && this.#training) {
            this.addTo(input.grad, gradient, this.sums.begin(input.grad));
          }
          // Data, not a result: nobody asks for its gradient.
          else if (tracked.has(input)) this.contribute(gradients, input, gradient);
        });
        for (const tensor of scratch) gpu.release(tensor);
        gpu.release(dy);
      }
      // Every later user of these has run its backward: the record is in order of use.
      for (const tensor of node.saved) gpu.release(tensor);
      if (node.output !== result) gpu.release(node.output);
    }
    return gradients;
  }

  private addTo(into: Tensor, gradient: Exclude<Gradient, null>, accumulate: boolean): void {
    if (typeof gradient === "function") return gradient(into, accumulate);
    if (!accumulate) fillInto(this.#gpu, into, 0);
    this.accumulate(gradient, into);
  }

  private contribute(
    gradients: Map<Tensor, Tensor>,
    input: Tensor,
    gradient: Exclude<Gradient, null>,
  ): void {
    const gpu = this.#gpu;
    const written = typeof gradient === "function";
    const before = gradients.get(input);
    if (!before) {
      if (written) {
        const into = gpu.like(input);
        gradient(into, false);
        gradients.set(input, into);
      } else {
        gradient.buffer.refs++;
        gradients.set(input, gradient);
      }
    } else if (before.buffer.refs === 1) {
      this.addTo(before, gradient, true);
    } else {
      // `before` is also another tensor's gradient: the sum goes elsewhere.
      const sum = gpu.like(input);
      const N = input.size;
      if (written) {
        gradient(sum, false);
        this.accumulate(before, sum);
      } else {
        const buffers = { a: before, b: gradient, y: sum };
        const [kernel, reals] = ofWidth(add, N);
        launchEach(gpu, kernel, "forward", buffers, { N }, reals);
      }
      gpu.release(before);
      gradients.set(input, sum);
    }
  }

  private accumulate(a: Tensor, y: Tensor): void {
    const N = y.size;
    const [kernel, reals] = ofWidth(add, N);
    launchEach(this.#gpu, kernel, "accumulate", { a, y }, { N }, reals);
  }
}
