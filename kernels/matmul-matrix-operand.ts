// One operand of matmul-matrix: how a step's tile comes from memory through registers into workgroup memory, in WGSL.
import { type ElementType, times } from "./kernel.ts";
import { MARGIN } from "./matmul-matrix-tile.ts";

/** What a tile of an operand is, and who stages it. */
export interface OperandTile {
  readonly name: "a" | "b";
  /** Whether it is [K, X], else [X, K], of an operand of X rows or columns. */
  readonly kMajor: boolean;
  /** WGSL for X. */
  readonly size: string;
  /** WGSL for the first of X in the tile. */
  readonly from: string;
  /** Of X in a tile. */
  readonly width: number;
  /** Of K in a tile. */
  readonly step: number;
  /** Tiles in workgroup memory: this step's and, of 2, the next one's. */
  readonly stages: number;
  readonly threads: number;
  readonly elements: ElementType;
}

/** WGSL for an operand in its kernel, which has `thread`, `k4`, the first quad of K, `begin`, and the steps done, `turn`. */
export interface Operand {
  /** Module scope: its workgroup memory. */
  readonly memory: string;
  /** Between memory and workgroup memory. */
  readonly registers: string;
  /** The thread's own place in the tile, and the index of what it reads first. */
  readonly place: string;
  /** Goes from what the thread reads of one step to the next. */
  readonly hop: string;
  /** Where the stage begins that is being multiplied. */
  readonly from: string;
  /** Between rows in workgroup memory. */
  readonly stride: number;
  /** Reads the thread's vec4s; with `left`, WGSL for the quads of K that there are, zeros past them. */
  read(left?: string): string;
  /** Writes what was read into the first stage, or the one behind that being multiplied. */
  stage(which: "first" | "next"): string;
  /** Index of the matrix that begins at `x` of X, WGSL, and at `k` of the step. */
  at(x: string, k: number): string;
}

/**
 * The WGSL of an operand. Rows and columns past its edges are read as they come: from others or, past the buffer, as WebGPU
 * bounds them.
 */
export function matrixOperand(tile: OperandTile): Operand {
  const { name, kMajor, size, from, width, step, stages, threads, elements } = tile;
  // The tile's rows, of `inner` vec4s.
  const [outer, inner] = kMajor ? [step, width / 4] : [width, step / 4];
  const stride = inner + MARGIN;
  /** Where the stage begins that is `ahead` of the one being multiplied. */
  const stageAt = (ahead: number): string =>
    stages === 1 ? "0u" : `((turn + ${ahead}u) % 2u) * ${outer * stride}u`;
  const count = Math.ceil((inner * outer) / threads);
  /** A line for each vec4 that a thread takes: the n-th lies `down` rows and `right` vec4s beyond its first. */
  const each = (line: (n: number, down: number, right: number) => string): string =>
    times(count, (n) => {
      const whole = (n + 1) * threads <= inner * outer;
      const guard = whole ? "" : `if (thread + ${n * threads}u < ${inner * outer}u) `;
      return `${guard}{ ${line(n, Math.floor((n * threads) / inner), (n * threads) % inner)} }`;
    });
  const first = kMajor
    ? `(4u * begin + row_${name}) * (${size} / 4u) + ${from} / 4u + column_${name}`
    : `(${from} + row_${name}) * k4 + begin + column_${name}`;
  return {
    memory: `var<workgroup> tile_${name}: array<vec4h, ${stages * outer * stride}>;`,
    registers: times(count, (n) => `var next_${name}${n}: vec4<${elements}>;`),
    place: `
  let row_${name} = thread / ${inner}u;
  let column_${name} = thread % ${inner}u;
  var at_${name} = ${first};`,
    hop: `at_${name} += ${kMajor ? `${step}u * (${size} / 4u)` : `${step / 4}u`};`,
    from: `let from_${name} = ${stageAt(0)};`,
    stride,
    read: (left) =>
      each((n, down, right) => {
        const beyond = `(${down}u * ${kMajor ? `(${size} / 4u)` : "k4"} + ${right}u)`;
        const load = `next_${name}${n} = ${name}[at_${name} + ${beyond}];`;
        if (left === undefined) return load;
        const quad = kMajor ? `(row_${name} + ${down}u) / 4u` : `column_${name} + ${right}u`;
        return `next_${name}${n} = vec4<${elements}>(); if (${quad} < ${left}) { ${load} }`;
      }),
    stage: (which) =>
      each(
        (n, down, right) =>
          `tile_${name}[${which === "first" ? "0u" : stageAt(1)} + row_${name} * ${stride}u + column_${name} + ${down * stride + right}u] = vec4h(next_${name}${n});`,
      ),
    at: (x, k) =>
      kMajor
        ? `from_${name} + ${k * stride}u + ${x} / 4u`
        : `from_${name} + ${x} * ${stride}u + ${k / 4}u`,
  };
}
