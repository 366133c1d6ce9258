// attention-matrix — kernels/attention.wgsl on subgroup matrices (tensor cores): f16 operands, f32 scores and sums.
// Buffers, parameters and dropout counter as in attention.wgsl, all as vec4. Mapping: x = tile of rows, y = head, z = sequence;
// a subgroup owns `own` queries (or keys), whose operands stay in registers. The other side passes through workgroup memory as
// f16, BLOCK rows at a time. A result matrix has no element access: scores go through a patch of workgroup memory, where each
// subgroup's lanes make the weights of them that the next products read. In forward a lane follows the softmax of a row; sums
// in registers cannot be scaled by row, so when a reference rises they too pass through the patch, and it rises seldom.
// The entries are written out by attention-matrix-source.ts.
// Feature: chromium-experimental-subgroup-matrix.
import { attentionOnQuads, type AttentionVariant } from "./attention.ts";
import {
  BLOCK,
  type Entry,
  type MatrixDivision,
  matrixDivision,
  type MatrixLimits,
} from "./attention-matrix-division.ts";
import { backwardKeyValue, backwardQuery, forward } from "./attention-matrix-source.ts";
import type { MatrixShape } from "./matmul-matrix-tile.ts";
import { MATRIX_ENABLES } from "./matrix-entry.ts";

const FUNCTIONS = `
// x >= 0 to the 11 bits that f16 has, to a third of quantizeToF16's instructions. What is below f16's normal numbers keeps
// more: 3e-8 at most. A conversion to f16 and back will not do: Mesa takes it away.
fn rounded(x: vec4f) -> vec4f {
  return bitcast<vec4f>((bitcast<vec4u>(x) + vec4u(0x1000u)) & vec4u(0xffffe000u));
}

fn keep4(query: vec4u, key: vec4u, head: u32) -> vec4f {
  return vec4f(
    keep(query.x, key.x, head), keep(query.y, key.y, head), keep(query.z, key.z, head), keep(query.w, key.w, head));
}
`;

/**
 * For heads of `headSize`, an adapter's matrix shape and subgroups of exactly `lanes` lanes; undefined where heads
 * are no whole number of matrices, or a workgroup has no room.
 */
export function attentionMatrix(
  headSize: number,
  shape: MatrixShape,
  lanes: number,
  limits: MatrixLimits,
): AttentionVariant | undefined {
  const { M, N, K } = shape;
  if ([N, K].some((size) => size % 4 !== 0 || headSize % size !== 0 || BLOCK % size !== 0)) return;
  const of = (entry: Entry): MatrixDivision | undefined =>
    matrixDivision(entry, headSize, shape, lanes, limits);
  const [query, forQueries, forKeys] = [of("forward"), of("backwardQuery"), of("backwardKeyValue")];
  if (!query || !forQueries || !forKeys) return;
  const all = [query, forQueries, forKeys];
  const sizes = [
    headSize,
    M,
    N,
    K,
    lanes,
    ...all.flatMap(({ own, subgroups }) => [own, subgroups]),
  ];
  const name = `attention-matrix-${sizes.join("-")}`;
  const kernel = attentionOnQuads(
    name,
    headSize,
    { enables: MATRIX_ENABLES, lanes },
    () =>
      FUNCTIONS +
      forward(headSize, shape, lanes, query) +
      backwardQuery(headSize, shape, lanes, forQueries) +
      backwardKeyValue(headSize, shape, lanes, forKeys),
  );
  const rows = ({ own, subgroups }: MatrixDivision): number => own * subgroups;
  const owned = {
    forward: rows(query),
    backwardQuery: rows(forQueries),
    backwardKeyValue: rows(forKeys),
  };
  return { kernel, owned, operands: "f16" };
}
