// The entries of attention-matrix, of the parts in attention-matrix-writer.ts.
import {
  BLOCK,
  type MatrixDivision,
  PATCH_STRIDE,
  QUADS,
  WEIGHTS_STRIDE,
} from "./attention-matrix-division.ts";
import { writer } from "./attention-matrix-writer.ts";
import { times } from "./kernel.ts";
import type { MatrixShape } from "./matmul-matrix-tile.ts";

const part =
  (which: number) =>
  (row: string, d4: string): string =>
    `qkv[part(${row}, ${which}u, head) + ${d4}]`;
const ofDy = (row: string, d4: string): string => `dy[in_y(${row}, head) + ${d4}]`;
const NEXT = "vec4u(0u, 1u, 2u, 3u)";
/** The running reference stays until a score is this far above it, as in attention-source.ts: exp(8). */
const SLACK = "11.5";
/**
 * How far below the largest score the reference is put. f16's normal numbers end at exp(-9.7): a weight so much smaller than
 * that of the reference's score is lost, and hundreds of such keys are not nothing. With SLACK, at most exp(8) stays far from f16's end.
 */
const ROOM = "5.75";
/** Of the block's last rows, those past the sequence. */
const ragged = (body: string): string => `if (first + ${BLOCK}u > row.y) { ${body} }`;

export function forward(
  ...args: [D: number, shape: MatrixShape, lanes: number, of: MatrixDivision]
): string {
  const { entry, numbers, eachRow, operands, sums, everyBlock, scores, add, scaleRows, store } =
    writer("forward", ...args);
  return entry(
    `${numbers("reference", "total", "factor")}
var<workgroup> forward_raised: atomic<u32>; // first row of the last block that raised a reference`,
    `
  ${operands("q", part(0))}
  ${sums("sum")}
  ${eachRow("forward_reference[slot] = -1e30; forward_total[slot] = 0.0;")} // finite: compilers may assume no infinities
  ${everyBlock(
    part(1),
    part(2),
    "",
    `${scores("patch_1", "q", "tile_1")}
    workgroupBarrier(); // scores written
    ${eachRow(`${times(QUADS, (c) => `var score${c} = forward_patch_1[slot * ${PATCH_STRIDE}u + ${c}u];`)}
    ${ragged(times(QUADS, (c) => `score${c} = select(vec4f(-1e30), score${c}, first + ${4 * c}u + ${NEXT} < vec4u(row.y));`))}
    var quad = score0;
    ${times(QUADS - 1, (c) => `quad = max(quad, score${c + 1});`)}
    let highest = max(max(quad.x, quad.y), max(quad.z, quad.w)) * scale;
    var reference = forward_reference[slot];
    var shrink = 1.0;
    if (highest > reference + ${SLACK}) {
      shrink = exp2(reference - (highest - ${ROOM}));
      reference = highest - ${ROOM};
      if (first > 0u) { atomicMax(&forward_raised, first); } // before the first block there are no sums
    }
    var total = forward_total[slot] * shrink;
    // The weights as the product sees them, rounded: else y would be a sum of weights that are not 1 together.
    ${times(
      QUADS,
      (c) => `{ let p = rounded(exp2(fma(score${c}, vec4f(scale), vec4f(-reference))));
    var weights = vec4h(p);
    total += p.x + p.y + p.z + p.w;
    if (DROPOUT) { weights = vec4h(p * keep4(vec4u(row.x + first_own + r), first + ${4 * c}u + ${NEXT}, head)); }
    forward_weights_1[slot * ${WEIGHTS_STRIDE}u + ${c}u] = weights; }`,
    )}
    forward_reference[slot] = reference;
    forward_total[slot] = total;
    forward_factor[slot] = shrink;`)}
    if (workgroupUniformLoad(&forward_raised) == first && first > 0u) {
    ${scaleRows("sum", "factor")}
    }
    ${add("sum", "weights_1", "tile_2")}`,
  )}
  ${eachRow(`let total = forward_total[slot];
    forward_factor[slot] = 1.0 / total;
    let at = first_own + r;
    if (at < row.z) {
      lse_out[(row.x + at) * params.A + head] = select(0.0, forward_reference[slot] * ${Math.LN2} + log(total), at < row.y);
    }`)}
  ${store("sum", `y_out[in_y(own, head) + d4] = quad * forward_factor[slot];`)}`,
  );
}

// ds = p * (keep * dy.v - delta),  p = exp(q.k * scale - lse).   ds is small: in f16 it is kept without its factor of scale.
export function backwardQuery(
  ...args: [D: number, shape: MatrixShape, lanes: number, of: MatrixDivision]
): string {
  const { entry, numbers, eachRow, eachQuad, operands, sums, everyBlock, scores, add, store } =
    writer("backwardQuery", ...args);
  return entry(
    numbers("lse", "delta"),
    `
  ${operands("q", part(0))}
  ${operands("g", ofDy)}
  ${sums("dq")}
  ${eachRow(`let at = (row.x + first_own + r) * params.A + head;
    if (first_own + r < row.y) { backwardQuery_lse[slot] = lse[at] * ${Math.LOG2E}; backwardQuery_delta[slot] = delta[at]; }`)}
  ${everyBlock(
    part(1),
    part(2),
    "",
    `${scores("patch_1", "q", "tile_1")}
    ${scores("patch_2", "g", "tile_2")}
    workgroupBarrier(); // scores written
    ${eachQuad(`let key = first + 4u * c + ${NEXT};
    let p = exp2(fma(backwardQuery_patch_1[slot * ${PATCH_STRIDE}u + c], vec4f(scale), vec4f(-backwardQuery_lse[slot])));
    let dp = backwardQuery_patch_2[slot * ${PATCH_STRIDE}u + c] * keep4(vec4u(row.x + first_own + r), key, head);
    var ds = p * (dp - backwardQuery_delta[slot]);
    ${ragged("ds = select(vec4f(), ds, key < vec4u(row.y));")}
    backwardQuery_weights_1[slot * ${WEIGHTS_STRIDE}u + c] = vec4h(ds);`)}
    workgroupBarrier(); // weights written
    ${add("dq", "weights_1", "tile_1")}`,
  )}
  ${store("dq", "dqkv[part(own, 0u, head) + d4] = quad * params.scale;")}`,
  );
}

// dv = sum over queries of keep * p * dy,  dk = scale * sum over queries of ds * q.
export function backwardKeyValue(
  ...args: [D: number, shape: MatrixShape, lanes: number, of: MatrixDivision]
): string {
  const { entry, eachQuad, operands, sums, everyBlock, scores, add, store } = writer(
    "backwardKeyValue",
    ...args,
  );
  const ofBlock = (name: string): string =>
    `vec4f(${times(4, (i) => `backwardKeyValue_${name}[4u * c + ${i}u]`, ", ")})`;
  return entry(
    `var<workgroup> backwardKeyValue_lse: array<f32, ${BLOCK}>;
var<workgroup> backwardKeyValue_delta: array<f32, ${BLOCK}>;`,
    `
  ${operands("k", part(1))}
  ${operands("v", part(2))}
  ${sums("dk")}
  ${sums("dv")}
  ${everyBlock(
    part(0),
    ofDy,
    `let at = (row.x + min(first + j, row.y - 1u)) * params.A + head;
      backwardKeyValue_lse[j] = lse[at] * ${Math.LOG2E};
      backwardKeyValue_delta[j] = delta[at];`,
    `${scores("patch_1", "k", "tile_1")}
    ${scores("patch_2", "v", "tile_2")}
    workgroupBarrier(); // scores written
    ${eachQuad(`let query = first + 4u * c + ${NEXT};
    var p = exp2(fma(backwardKeyValue_patch_1[slot * ${PATCH_STRIDE}u + c], vec4f(scale), -${ofBlock("lse")}));
    ${ragged("p = select(vec4f(), p, query < vec4u(row.y));")}
    let kept = keep4(row.x + query, vec4u(first_own + r), head);
    let ds = p * (backwardKeyValue_patch_2[slot * ${PATCH_STRIDE}u + c] * kept - ${ofBlock("delta")});
    backwardKeyValue_weights_1[slot * ${WEIGHTS_STRIDE}u + c] = vec4h(p * kept);
    backwardKeyValue_weights_2[slot * ${WEIGHTS_STRIDE}u + c] = vec4h(ds);`)}
    workgroupBarrier(); // weights written
    ${add("dv", "weights_1", "tile_2")}
    ${add("dk", "weights_2", "tile_1")}`,
  )}
  ${store("dk", "dqkv[part(own, 1u, head) + d4] = quad * params.scale;")}
  ${store("dv", "dqkv[part(own, 2u, head) + d4] = quad;")}`,
  );
}
