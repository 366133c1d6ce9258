// Writes an ONNX model of one product. Field numbers: onnx.proto3 of the ONNX standard, https://github.com/onnx/onnx.

import type { MatmulShape } from "./work.ts";

const FLOAT = 1;
const INT64 = 7;
const INT = 2; // AttributeProto.type

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

const number = (field: number, value: number): Buffer =>
  Buffer.concat([varint(field * 8), varint(value)]);

function bytes(field: number, ...parts: (string | Uint8Array)[]): Buffer {
  const all = Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)));
  return Buffer.concat([varint(field * 8 + 2), varint(all.length), all]);
}

/** A constant of the graph. */
function constant(name: string, dims: number[], type: number, data: ArrayBufferView): Buffer {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return bytes(5, ...dims.map((n) => number(1, n)), number(2, type), bytes(8, name), bytes(9, raw));
}

function node(op: string, inputs: string[], output: string, attributes: string[] = []): Buffer {
  return bytes(
    1,
    ...inputs.map((name) => bytes(1, name)),
    bytes(2, output),
    bytes(4, op),
    ...attributes.map((name) => bytes(5, bytes(1, name), number(3, 1), number(20, INT))),
  );
}

function output(name: string, dims: number[]): Buffer {
  const shape = bytes(2, ...dims.map((n) => bytes(1, number(1, n))));
  return bytes(12, bytes(1, name), bytes(2, bytes(1, number(1, FLOAT), shape)));
}

/**
 * A model whose outputs are "c" [M, N] and "first" [1, 1], its first element. The operands are constants of the model, so
 * that they lie on the device: run it without constant folding.
 */
export function productModel(
  { layout, M, N, K }: MatmulShape,
  a: Float32Array,
  b: Float32Array,
): Uint8Array {
  const transposes = { NN: [], NT: ["transB"], TN: ["transA"] }[layout];
  const op = layout === "NN" ? "MatMul" : "Gemm";
  const graph = bytes(
    7,
    node(op, ["a", "b"], "c", transposes),
    node("Slice", ["c", "from", "to"], "first"),
    bytes(2, "product"),
    constant("a", layout === "TN" ? [K, M] : [M, K], FLOAT, a),
    constant("b", layout === "NT" ? [N, K] : [K, N], FLOAT, b),
    constant("from", [2], INT64, BigInt64Array.of(0n, 0n)),
    constant("to", [2], INT64, BigInt64Array.of(1n, 1n)),
    output("c", [M, N]),
    output("first", [1, 1]),
  );
  const opset = bytes(8, bytes(1, ""), number(2, 17));
  return Buffer.concat([number(1, 8), opset, graph]);
}
