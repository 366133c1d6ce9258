// What attention.wgsl leaves to be written out for a head size D: its matrices must stay in registers, so nothing may index
// them by a variable. The loop over a tile counts blocks up to a constant and breaks at the last row: with another bound or
// another step Tint clamps the index of every read.
import {
  BLOCK,
  backwardDivision,
  type Division,
  forwardDivision,
  type OwnedNumbers,
} from "./attention-division.ts";
import { times } from "./kernel.ts";

/** The running reference of a softmax stays until a score is this far above it: sums then rarely need another scale. */
const SLACK = "8.0";

/** Names what attention.wgsl expects. Buffers are bound as vec4s where rows are whole numbers of them. */
export function elements(D: number): string {
  const D4 = Math.ceil(D / 4);
  /** Runs `whole` for a quad that is one element, or `single` for each number of it; beyond the head there is none. */
  const inside = (whole: string, single: (j: number) => string): string =>
    D % 4 === 0
      ? `if (d4 < ${D4}u) { ${whole} }`
      : times(4, (j) => `if (4u * d4 + ${j}u < ${D}u) { ${single(j)} }`);
  const element = D % 4 === 0 ? `at * ${D4}u + d4` : `at * ${D}u + 4u * d4`;
  const load = (name: string): string => `
fn quad_of_${name}(at: u32, d4: u32) -> vec4f {
  var quad = vec4f();
  ${inside(`quad = ${name}[${element}];`, (j) => `quad[${j}] = ${name}[${element} + ${j}u];`)}
  return quad;
}`;
  // Rows owned but not real get zeros.
  const store = (name: string, parameter: string, place: string): string => `
fn store_${name}(row: vec4u, local: vec4u, ${parameter}head: u32, d4: u32, own: mat4x4f) {
  let quads = transpose(own);
  ${times(
    4,
    (c) => `if (local[${c}] < row.z) {
    let at = ${place.replace("ROW", `row.x + local[${c}]`)};
    let quad = select(vec4f(), quads[${c}], local[${c}] < row.y);
    ${inside(`${name}[${element}] = quad;`, (j) => `${name}[${element} + ${j}u] = quad[${j}];`)}
  }`,
  )}
}`;
  return `
alias Element = ${D % 4 === 0 ? "vec4f" : "f32"};
const D4 = ${D4}u;
${["qkv", "y", "dy"].map(load).join("")}
${store("y_out", "", "in_y(ROW, head)")}
${store("dqkv", "part: u32, ", "in_qkv(ROW, part, head)")}
`;
}

/** The parts of entries that follow from their division. */
function writer({ lanes, split, teams, quads, stride, pitch, keys }: Division) {
  const owned = 4 * teams;
  return {
    /** An entry whose teams own rows; own are the places of real ones. */
    entry: (name: string, body: string): string => `
@compute @workgroup_size(${lanes})
fn ${name}(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let lane = min(thread.x, ${lanes - 1}u); // bounds that Tint sees, or it would clamp indices
  let row = rows[group.z];
  if (group.x * ${owned}u >= row.z) {
    return; // the whole workgroup returns
  }
  let head = group.y;
  let part = lane % ${split}u;
  let team = min(lane / ${split}u, ${teams - 1}u);
  let local = group.x * ${owned}u + 4u * team + vec4u(0u, 1u, 2u, 3u);
  let own = row.x + select(vec4u(), local, local < vec4u(row.y));
${body}
}
`,
    /** Stages all rows of the sequence, tile by tile, and runs `body` for each block of them. */
    everyBlock: (tiles: Readonly<Record<string, string>>, rest: string, body: string): string => `
  for (var first = 0u; first < row.y; first += ${keys}u) {
    workgroupBarrier(); // the last tile read
    for (var i = lane; i < ${keys * stride}u; i += ${lanes}u) {
      let other = row.x + first + i / ${stride}u;
      let d4 = i % ${stride}u;
      let inside = other < row.x + row.y; // rows beyond count as zeros
      ${Object.entries(tiles)
        .map(
          ([tile, quad]) => `if (inside) { ${tile}[i] = ${quad}; } else { ${tile}[i] = vec4f(); }`,
        )
        .join("\n")}
    }
    ${rest}
    workgroupBarrier(); // this tile written
    for (var block = 0u; block < ${keys / BLOCK}u; block++) {
      let j = block * ${BLOCK}u;
      if (first + j >= row.y) {
        break;
      }
      ${body}
    }
  }`,
    eachQuad: (line: (i: number, d4: string) => string): string =>
      times(quads, (i) => line(i, `part + ${i * split}u`)),
    /** Quad i of the thread's, of row j + r of a tile. */
    staged: (tile: string, r: number, i: number): string =>
      `${tile}[j * ${stride}u + part + ${r * stride + i * split}u]`,
    /** What the team's threads left at place `of`, added up. */
    teamSum: (parts: string, of: string): string =>
      times(split, (t) => `${parts}[${of} * ${pitch}u + team * ${split}u + ${t}u]`, " + "),
    leave: (parts: string, of: number, value: string): string =>
      `${parts}[${of * pitch}u + lane] = ${value};`,
  };
}

export function forward(D: number, numbers: OwnedNumbers): string {
  const shape = forwardDivision(D, numbers);
  const { stride, pitch, keys, teams } = shape;
  const { entry, everyBlock, eachQuad, staged, teamSum, leave } = writer(shape);
  const ofTeam = (values: string): string => times(4, (c) => `${values}[4u * team + ${c}u]`, ", ");
  return `
var<workgroup> tile_k: array<vec4f, ${keys * stride}>;
var<workgroup> tile_v: array<vec4f, ${keys * stride}>;
var<workgroup> scores: array<vec4f, ${4 * pitch}>; // of a query with 4 keys, each thread's part
var<workgroup> probabilities: array<vec4f, ${4 * teams}>; // of 4 keys, by query
var<workgroup> factors: array<f32, ${4 * teams}>; // by query
${entry(
  "forward",
  `
  ${eachQuad((i, d4) => `let q${i} = scaled(own_of_qkv(own, 0u, head, ${d4}), vec4f(params.scale)); var sum${i} = mat4x4f();`)}
  // The first 4 threads of a team follow the softmax of a query each.
  let mine = 4u * team + part % 4u;
  let query = own[part % 4u];
  var reference = -1e30; // finite: compilers may assume no infinities
  var total = 0.0;
  ${everyBlock(
    {
      tile_k: "quad_of_qkv(in_qkv(other, 1u, head), d4)",
      tile_v: "quad_of_qkv(in_qkv(other, 2u, head), d4)",
    },
    "",
    `
      ${times(4, (r) => `var s${r} = vec4f();`)}
      ${eachQuad((i) => times(4, (r) => `s${r} = dots(s${r}, q${i}, ${staged("tile_k", r, i)});`))}
      let by_query = transpose(mat4x4f(s0, s1, s2, s3));
      ${times(4, (c) => leave("scores", c, `by_query[${c}]`))}
      workgroupBarrier(); // scores written
      if (part < 4u) {
        let key = first + j + vec4u(0u, 1u, 2u, 3u);
        let score = select(vec4f(-1e30), ${teamSum("scores", "part")}, key < vec4u(row.y));
        let highest = max(max(score.x, score.y), max(score.z, score.w));
        var shrink = 1.0;
        if (highest > reference + ${SLACK}) {
          shrink = exp(reference - highest);
          reference = highest;
        }
        let p = exp(score - reference);
        total = total * shrink + p.x + p.y + p.z + p.w;
        probabilities[mine] = p * vec4f(${["x", "y", "z", "w"].map((c) => `keep(query, key.${c}, head)`).join(", ")});
        factors[mine] = shrink;
      }
      workgroupBarrier(); // probabilities written, scores read
      let shrink = vec4f(${ofTeam("factors")});
      if (any(shrink != vec4f(1.0))) {
        ${eachQuad((i) => `sum${i} = scaled(sum${i}, shrink);`)}
      }
      let p = transpose(mat4x4f(${ofTeam("probabilities")}));
      ${times(4, (r) => eachQuad((i) => `sum${i} = weighted(sum${i}, p[${r}], ${staged("tile_v", r, i)});`))}`,
  )}
  workgroupBarrier(); // factors read
  if (part < 4u) {
    factors[mine] = 1.0 / total;
    let at = local[part % 4u];
    if (at < row.z) {
      lse_out[in_y(row.x + at, head)] = select(0.0, reference + log(total), at < row.y);
    }
  }
  workgroupBarrier(); // factors written
  let factor = vec4f(${ofTeam("factors")});
  ${eachQuad((i, d4) => `store_y_out(row, local, head, ${d4}, scaled(sum${i}, factor));`)}`,
)}`;
}

export function backward(D: number, numbers: OwnedNumbers): string {
  const shape = backwardDivision(D, numbers);
  const { split, stride, pitch, keys, teams } = shape;
  const { entry, everyBlock, eachQuad, staged, teamSum, leave } = writer(shape);
  /** Scores (x with tile_1) and dP (g with tile_2) of 4 own rows with 4 others; a unit is a pair of them with one other. */
  const pairs = (x: string, g: string): string => `
      ${times(4, (r) => `var s${r} = vec4f(); var dp${r} = vec4f();`)}
      ${eachQuad((i) =>
        times(
          4,
          (r) =>
            `s${r} = dots(s${r}, ${x}${i}, ${staged("tile_1", r, i)}); dp${r} = dots(dp${r}, ${g}${i}, ${staged("tile_2", r, i)});`,
        ),
      )}
      ${times(4, (r) => leave("pairs", 2 * r, `vec4f(s${r}.xy, dp${r}.xy)`))}
      ${times(4, (r) => leave("pairs", 2 * r + 1, `vec4f(s${r}.zw, dp${r}.zw)`))}
      workgroupBarrier(); // pairs written`;
  const ofTeam = (r: number, half: number): string => `[${(2 * r + half) * teams}u + team]`;
  const eachUnit = (body: string): string => `
      for (var round = 0u; round < ${Math.ceil(8 / split)}u; round++) {
        let unit = part + round * ${split}u;
        if (unit >= 8u) {
          break;
        }
        let other = first + j + unit / 2u;
        let sum = ${teamSum("pairs", "unit")};
        ${body}
      }
      workgroupBarrier(); // weights written, pairs read`;
  return `
var<workgroup> tile_1: array<vec4f, ${keys * stride}>;
var<workgroup> tile_2: array<vec4f, ${keys * stride}>;
var<workgroup> tile_lse: array<f32, ${keys}>;
var<workgroup> tile_delta: array<f32, ${keys}>;
var<workgroup> pairs: array<vec4f, ${8 * pitch}>; // s and dp of two own rows with another row, each thread's part
var<workgroup> query_weights: array<vec2f, ${8 * teams}>; // ds of a pair
var<workgroup> key_weights: array<vec4f, ${8 * teams}>; // keep * p and ds of a pair

// dq = sum over keys of ds * k,  ds = p * (keep * dy.v - delta) * scale,  p = exp(q.k * scale - lse).
${entry(
  "backwardQuery",
  `
  ${eachQuad((i, d4) => `let q${i} = scaled(own_of_qkv(own, 0u, head, ${d4}), vec4f(params.scale)); let g${i} = own_of_dy(own, head, ${d4}); var dq${i} = mat4x4f();`)}
  let pair = select(own.xy, own.zw, part % 2u == 1u);
  let pair_lse = vec2f(lse[in_y(pair.x, head)], lse[in_y(pair.y, head)]);
  let pair_delta = vec2f(delta[in_y(pair.x, head)], delta[in_y(pair.y, head)]);
  ${everyBlock(
    {
      tile_1: "quad_of_qkv(in_qkv(other, 1u, head), d4)",
      tile_2: "quad_of_qkv(in_qkv(other, 2u, head), d4)",
    },
    "",
    `${pairs("q", "g")}
      ${eachUnit(`let p = exp(sum.xy - pair_lse);
        let kept = vec2f(keep(pair.x, other, head), keep(pair.y, other, head));
        let ds = p * (sum.zw * kept - pair_delta) * params.scale;
        query_weights[unit * ${teams}u + team] = select(vec2f(), ds, other < row.y);`)}
      ${times(
        4,
        (r) => `{
        let ds = vec4f(query_weights${ofTeam(r, 0)}, query_weights${ofTeam(r, 1)});
        ${eachQuad((i) => `dq${i} = weighted(dq${i}, ds, ${staged("tile_1", r, i)});`)}
      }`,
      )}`,
  )}
  ${eachQuad((i, d4) => `store_dqkv(row, local, 0u, head, ${d4}, dq${i});`)}`,
)}
// dv = sum over queries of keep * p * dy,  dk = sum over queries of ds * q.
${entry(
  "backwardKeyValue",
  `
  ${eachQuad((i, d4) => `let k${i} = scaled(own_of_qkv(own, 1u, head, ${d4}), vec4f(params.scale)); let v${i} = own_of_qkv(own, 2u, head, ${d4}); var dk${i} = mat4x4f(); var dv${i} = mat4x4f();`)}
  let pair = select(local.xy, local.zw, part % 2u == 1u);
  ${everyBlock(
    {
      tile_1: "quad_of_qkv(in_qkv(other, 0u, head), d4)",
      tile_2: "quad_of_dy(in_y(other, head), d4)",
    },
    `for (var i = lane; i < ${keys}u; i += ${shape.lanes}u) {
      let at = in_y(row.x + min(first + i, row.y - 1u), head);
      tile_lse[i] = lse[at];
      tile_delta[i] = delta[at];
    }`,
    `${pairs("k", "v")}
      ${eachUnit(`let at = j + unit / 2u;
        let p = exp(sum.xy - tile_lse[at]);
        let kept = vec2f(keep(row.x + other, pair.x, head), keep(row.x + other, pair.y, head));
        let ds = p * (sum.zw * kept - tile_delta[at]) * params.scale;
        key_weights[unit * ${teams}u + team] = select(vec4f(), vec4f(p * kept, ds), other < row.y);`)}
      ${times(
        4,
        (r) => `{
        let a = key_weights${ofTeam(r, 0)};
        let b = key_weights${ofTeam(r, 1)};
        ${eachQuad(
          (i) =>
            `dv${i} = weighted(dv${i}, vec4f(a.xy, b.xy), ${staged("tile_2", r, i)}); dk${i} = weighted(dk${i}, vec4f(a.zw, b.zw), ${staged("tile_1", r, i)});`,
        )}
      }`,
      )}`,
  )}
  ${eachQuad((i, d4) => `store_dqkv(row, local, 1u, head, ${d4}, dk${i}); store_dqkv(row, local, 2u, head, ${d4}, dv${i});`)}`,
)}`;
}
