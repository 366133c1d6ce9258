// attention-broadcast — kernels/attention.wgsl for software adapters: the same sums, with keys and values (in backward,
// queries and dy) handed round by subgroupBroadcast instead of through workgroup memory. A software adapter turns every read
// at an address common to all lanes into a read per lane; here each lane reads a part of a row, and the others get it for
// nearly nothing (bench row "attention"). subgroupBroadcast wants a constant lane, so this kernel is written out.
// Buffers, parameters and dropout counter as in attention.wgsl, all as vec4. Mapping: x = tile of OWN rows per lane,
// y = head, z = sequence; a workgroup is one subgroup. D % 4 = 0, and D / 4 divides the lanes or is a multiple of them.
import { attentionOnQuads, type AttentionVariant } from "./attention.ts";
import { times } from "./kernel.ts";

/** Keys whose scores a lane holds at a time; a multiple of the rows one step reads. */
const BLOCK = 32;

/** Whether rows of `headSize` numbers can be dealt out to `lanes` lanes. */
export function canBroadcast(headSize: number, lanes: number): boolean {
  const quads = headSize / 4;
  return (
    lanes > 1 &&
    headSize <= 64 && // the text grows with the head: larger ones compile for a minute
    Number.isInteger(quads) &&
    (quads % lanes === 0 || (lanes % quads === 0 && BLOCK % (lanes / quads) === 0))
  );
}

/** Rows each lane owns in the forward pass; two share what is handed round, but a CPU's code cache bounds the loops. */
const rowsPerLane = (headSize: number): number => (headSize <= 32 ? 2 : 1);

function source(D: number, lanes: number): string {
  const quads = D / 4;
  const perStep = Math.max(1, lanes / quads); // rows read in one step
  const reads = Math.max(1, quads / lanes); // vec4s each lane reads of them
  const OWN = rowsPerLane(D);

  /** Reads rows j .. j + perStep of the other side; `at` gives the address of a row's first quad. */
  const read = (name: string, buffer: string, at: (row: string) => string): string => {
    if (reads > 1 || quads === lanes) {
      const row = at("(row.x + first + j)");
      return times(reads, (g) => `let ${name}${g} = ${buffer}[${row} + ${g * lanes}u + lane];`);
    }
    const row = at(`(row.x + first + min(j + lane / ${quads}u, count - 1u))`);
    return `let ${name}0 = ${buffer}[${row} + lane % ${quads}u];`;
  };
  /** Quad d of row j + p, in every lane. */
  const value = (name: string, p: number, d: number): string =>
    `subgroupBroadcast(${name}${Math.floor(d / lanes)}, ${(p * quads + d) % lanes}u)`;
  const part = (which: number) => (row: string) => `part(${row}, ${which}u, head)`;
  const ofDy = (row: string): string => `in_y(${row}, head)`;
  const sum4 = (v: string): string => `(${v}.x + ${v}.y + ${v}.z + ${v}.w)`;
  const start = (own: number): string => `
  let row = rows[group.z];
  let tile = group.x * ${lanes * own}u;
  if (tile >= row.z) {
    return; // the whole workgroup returns
  }
  let head = group.y;
  ${times(own, (o) => `let local${o} = tile + ${o * lanes}u + lane; let real${o} = local${o} < row.y; let mine${o} = row.x + select(0u, local${o}, real${o});`)}`;
  const entry = (name: string, body: string): string => `
@compute @workgroup_size(${lanes})
fn ${name}(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {${body}
}`;
  /** Loops over all rows of the sequence, perStep at a time. */
  const everyRow = (body: string): string => `
  let first = 0u;
  let count = row.y;
  for (var j = 0u; j < count; j += ${perStep}u) {${body}
  }`;
  const inside = (p: number): string => (perStep === 1 ? "true" : `j + ${p}u < count`);

  const forward = `${start(OWN)}
  ${times(OWN, (o) => times(quads, (d) => `let q${o}_${d} = qkv[part(mine${o}, 0u, head) + ${d}u] * params.scale; var sum${o}_${d} = vec4f();`))}
  ${times(OWN, (o) => `var largest${o} = -1e30; var total${o} = 0.0;`)} // finite: compilers may assume no infinities
  for (var first = 0u; first < row.y; first += ${BLOCK}u) {
    let count = min(${BLOCK}u, row.y - first);
    ${times(OWN, (o) => `var scores${o}: array<f32, ${BLOCK}>; var highest${o} = largest${o};`)}
    for (var j = 0u; j < count; j += ${perStep}u) {
      ${read("k", "qkv", part(1))}
      ${times(perStep, (p) =>
        times(
          OWN,
          (o) => `{
        var s = q${o}_0 * ${value("k", p, 0)};
        ${times(quads - 1, (d) => `s = fma(q${o}_${d + 1}, ${value("k", p, d + 1)}, s);`)}
        let score = select(-1e30, ${sum4("s")}, ${inside(p)});
        scores${o}[j + ${p}u] = score;
        highest${o} = max(highest${o}, score);
      }`,
        ),
      )}
    }
    ${times(OWN, (o) => `let shrink${o} = exp(largest${o} - highest${o}); largest${o} = highest${o}; total${o} *= shrink${o};`)}
    ${times(OWN, (o) => times(quads, (d) => `sum${o}_${d} *= shrink${o};`))}
    for (var j = 0u; j < count; j += ${perStep}u) {
      ${read("v", "qkv", part(2))}
      ${times(perStep, (p) =>
        times(
          OWN,
          (o) => `{
        let p = exp(scores${o}[j + ${p}u] - highest${o});
        total${o} += p;
        let kept = p * keep(mine${o}, first + j + ${p}u, head);
        ${times(quads, (d) => `sum${o}_${d} = fma(vec4f(kept), ${value("v", p, d)}, sum${o}_${d});`)}
      }`,
        ),
      )}
    }
  }
  ${times(
    OWN,
    (o) => `if (local${o} < row.z) {
    let at = (row.x + local${o}) * params.A + head;
    ${times(quads, (d) => `y_out[at * ${quads}u + ${d}u] = select(vec4f(), sum${o}_${d} / total${o}, real${o});`)}
    lse_out[at] = select(0.0, largest${o} + log(total${o}), real${o});
  }`,
  )}`;

  const backwardQuery = `${start(1)}
  let at = mine0 * params.A + head;
  ${times(quads, (d) => `let q${d} = qkv[part(mine0, 0u, head) + ${d}u] * params.scale; let g${d} = dy[at * ${quads}u + ${d}u]; var dq${d} = vec4f();`)}
  let query_lse = lse[at];
  let query_delta = delta[at];
  ${everyRow(`
    ${read("k", "qkv", part(1))}
    ${read("v", "qkv", part(2))}
    ${times(
      perStep,
      (p) => `{
      var s = q0 * ${value("k", p, 0)};
      ${times(quads - 1, (d) => `s = fma(q${d + 1}, ${value("k", p, d + 1)}, s);`)}
      var dp = g0 * ${value("v", p, 0)};
      ${times(quads - 1, (d) => `dp = fma(g${d + 1}, ${value("v", p, d + 1)}, dp);`)}
      let p = select(0.0, exp(${sum4("s")} - query_lse), ${inside(p)});
      let ds = p * (${sum4("dp")} * keep(mine0, j + ${p}u, head) - query_delta) * params.scale;
      ${times(quads, (d) => `dq${d} = fma(vec4f(ds), ${value("k", p, d)}, dq${d});`)}
    }`,
    )}`)}
  if (local0 < row.z) {
    ${times(quads, (d) => `dqkv[part(row.x + local0, 0u, head) + ${d}u] = select(vec4f(), dq${d}, real0);`)}
  }`;

  const backwardKeyValue = `${start(1)}
  ${times(quads, (d) => `let k${d} = qkv[part(mine0, 1u, head) + ${d}u] * params.scale; let v${d} = qkv[part(mine0, 2u, head) + ${d}u]; var dk${d} = vec4f(); var dv${d} = vec4f();`)}
  ${everyRow(`
    ${read("q", "qkv", part(0))}
    ${read("g", "dy", ofDy)}
    ${times(
      perStep,
      (p) => `{
      let query = row.x + min(j + ${p}u, count - 1u);
      let at = query * params.A + head;
      var s = k0 * ${value("q", p, 0)};
      ${times(quads - 1, (d) => `s = fma(k${d + 1}, ${value("q", p, d + 1)}, s);`)}
      var dp = v0 * ${value("g", p, 0)};
      ${times(quads - 1, (d) => `dp = fma(v${d + 1}, ${value("g", p, d + 1)}, dp);`)}
      let p = select(0.0, exp(${sum4("s")} - lse[at]), ${inside(p)});
      let kept = keep(query, local0, head);
      let pk = p * kept;
      let ds = p * (${sum4("dp")} * kept - delta[at]) * params.scale;
      ${times(quads, (d) => `dv${d} = fma(vec4f(pk), ${value("g", p, d)}, dv${d}); dk${d} = fma(vec4f(ds), ${value("q", p, d)}, dk${d});`)}
    }`,
    )}`)}
  if (local0 < row.z) {
    ${times(quads, (d) => `dqkv[part(row.x + local0, 1u, head) + ${d}u] = select(vec4f(), dk${d}, real0); dqkv[part(row.x + local0, 2u, head) + ${d}u] = select(vec4f(), dv${d}, real0);`)}
  }`;

  return `
${entry("forward", forward)}
${entry("backwardQuery", backwardQuery)}
${entry("backwardKeyValue", backwardKeyValue)}
`;
}

/** For heads of `headSize` and subgroups of exactly `lanes` lanes; see canBroadcast. */
export function attentionBroadcast(headSize: number, lanes: number): AttentionVariant {
  const name = `attention-broadcast-${headSize}-${lanes}`;
  const kernel = attentionOnQuads(name, headSize, ["subgroups"], () => source(headSize, lanes));
  const forward = lanes * rowsPerLane(headSize);
  const owned = { forward, backwardQuery: lanes, backwardKeyValue: lanes };
  return { kernel, owned, operands: "f32" };
}
