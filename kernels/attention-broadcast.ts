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

/** Rows each lane owns in backward; two share what is handed round, but of short texts more lanes own none. */
const rowsInBackward = (headSize: number): number => (headSize <= 32 ? 1 : 2);
/** More in forward, which keeps two numbers for each of a row's where backward keeps three or four. */
const ROWS_IN_FORWARD = 4;

function source(D: number, lanes: number): string {
  const quads = D / 4;
  const perStep = Math.max(1, lanes / quads); // rows read in one step
  const reads = Math.max(1, quads / lanes); // vec4s each lane reads of them

  /** Reads rows j .. j + perStep of the other side, which ends at `end`; `at` gives the address of a row's first quad. */
  const read = (name: string, buffer: string, at: (row: string) => string): string => {
    if (reads > 1 || quads === lanes) {
      const row = at("(row.x + j)");
      return times(reads, (g) => `let ${name}${g} = ${buffer}[${row} + ${g * lanes}u + lane];`);
    }
    const row = at(`(row.x + min(j + lane / ${quads}u, end - 1u))`);
    return `let ${name}0 = ${buffer}[${row} + lane % ${quads}u];`;
  };
  /** Quad d of row j + p, in every lane. */
  const value = (name: string, p: number, d: number): string =>
    `subgroupBroadcast(${name}${Math.floor(d / lanes)}, ${(p * quads + d) % lanes}u)`;
  // Loads and stores of whole rows of many quads would take most of the time to compile if they were written out; for few,
  // the array that a loop needs makes the kernel slower. The loop's bound must not be start + a constant: LLVM would unroll.
  const byLoop = D > 16;
  const everyQuad = (buffer: string, at: string, body: string): string => `
      let start = ${at};
      for (var i = start; i < min(start + ${quads}u, arrayLength(&${buffer})); i++) { ${body} }`;
  /** Loads the quads from an address on, as NAME0, NAME1, ... */
  const load = (name: string, buffer: string, at: string, factor = ""): string =>
    byLoop
      ? `var ${name}s: array<vec4f, ${quads}>;
  {${everyQuad(buffer, at, `${name}s[i - start] = ${buffer}[i]${factor};`)}
  }
  ${times(quads, (d) => `let ${name}${d} = ${name}s[${d}];`)}`
      : times(quads, (d) => `let ${name}${d} = ${buffer}[${at} + ${d}u]${factor};`);
  /** Stores quads from an address on. */
  const store = (buffer: string, at: string, quad: (d: number) => string): string =>
    byLoop
      ? `{
      let own = array(${times(quads, quad, ", ")});${everyQuad(buffer, at, `${buffer}[i] = own[i - start];`)}
    }`
      : times(quads, (d) => `${buffer}[${at} + ${d}u] = ${quad(d)};`);
  /** The products of an owned row and row j + p, by quads, of which sum4 makes their dot product. */
  const products = (into: string, own: string, other: string, p: number): string => `
      var ${into} = ${own}0 * ${value(other, p, 0)};
      ${times(quads - 1, (d) => `${into} = fma(${own}${d + 1}, ${value(other, p, d + 1)}, ${into});`)}`;
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
  let end = row.y;
  for (var j = 0u; j < end; j += ${perStep}u) {${body}
  }`;
  const inside = (p: number): string => (perStep === 1 ? "true" : `j + ${p}u < end`);

  const forward = `${start(ROWS_IN_FORWARD)}
  ${times(ROWS_IN_FORWARD, (o) => load(`q${o}_`, "qkv", `part(mine${o}, 0u, head)`, " * params.scale") + times(quads, (d) => `var sum${o}_${d} = vec4f();`))}
  ${times(ROWS_IN_FORWARD, (o) => `var largest${o} = -1e30; var total${o} = 0.0;`)} // finite: compilers may assume no infinities
  for (var first = 0u; first < row.y; first += ${BLOCK}u) {
    let end = min(first + ${BLOCK}u, row.y); // from 0 to at most a constant, LLVM would unroll
    ${times(ROWS_IN_FORWARD, (o) => `var scores${o}: array<f32, ${BLOCK}>; var highest${o} = largest${o};`)}
    for (var j = first; j < end; j += ${perStep}u) {
      ${read("k", "qkv", part(1))}
      ${times(perStep, (p) =>
        times(
          ROWS_IN_FORWARD,
          (o) => `{
        ${products("s", `q${o}_`, "k", p)}
        let score = select(-1e30, ${sum4("s")}, ${inside(p)});
        scores${o}[j + ${p}u - first] = score;
        highest${o} = max(highest${o}, score);
      }`,
        ),
      )}
    }
    ${times(ROWS_IN_FORWARD, (o) => `let shrink${o} = exp(largest${o} - highest${o}); largest${o} = highest${o}; total${o} *= shrink${o};`)}
    ${times(ROWS_IN_FORWARD, (o) => times(quads, (d) => `sum${o}_${d} *= shrink${o};`))}
    for (var j = first; j < end; j += ${perStep}u) {
      ${read("v", "qkv", part(2))}
      ${times(perStep, (p) =>
        times(
          ROWS_IN_FORWARD,
          (o) => `{
        let p = exp(scores${o}[j + ${p}u - first] - highest${o});
        total${o} += p;
        let kept = p * keep(mine${o}, j + ${p}u, head);
        ${times(quads, (d) => `sum${o}_${d} = fma(vec4f(kept), ${value("v", p, d)}, sum${o}_${d});`)}
      }`,
        ),
      )}
    }
  }
  ${times(
    ROWS_IN_FORWARD,
    (o) => `if (local${o} < row.z) {
    let at = (row.x + local${o}) * params.A + head;
    ${store("y_out", `at * ${quads}u`, (d) => `select(vec4f(), sum${o}_${d} / total${o}, real${o})`)}
    lse_out[at] = select(0.0, largest${o} + log(total${o}), real${o});
  }`,
  )}`;

  const OWN = rowsInBackward(D);
  const backwardQuery = `${start(OWN)}
  ${times(
    OWN,
    (o) => `let at${o} = mine${o} * params.A + head;
  ${load(`q${o}_`, "qkv", `part(mine${o}, 0u, head)`, " * params.scale")}
  ${load(`g${o}_`, "dy", `at${o} * ${quads}u`)}
  ${times(quads, (d) => `var dq${o}_${d} = vec4f();`)}
  let lse${o} = lse[at${o}];
  let delta${o} = delta[at${o}];`,
  )}
  ${everyRow(`
    ${read("k", "qkv", part(1))}
    ${read("v", "qkv", part(2))}
    ${times(perStep, (p) =>
      times(
        OWN,
        (o) => `{
      ${products("s", `q${o}_`, "k", p)}
      ${products("dp", `g${o}_`, "v", p)}
      let p = select(0.0, exp(${sum4("s")} - lse${o}), ${inside(p)});
      let ds = p * (${sum4("dp")} * keep(mine${o}, j + ${p}u, head) - delta${o}) * params.scale;
      ${times(quads, (d) => `dq${o}_${d} = fma(vec4f(ds), ${value("k", p, d)}, dq${o}_${d});`)}
    }`,
      ),
    )}`)}
  ${times(
    OWN,
    (o) => `if (local${o} < row.z) {
    ${store("dqkv", part(0)(`row.x + local${o}`), (d) => `select(vec4f(), dq${o}_${d}, real${o})`)}
  }`,
  )}`;

  const backwardKeyValue = `${start(OWN)}
  ${times(OWN, (o) => load(`k${o}_`, "qkv", `part(mine${o}, 1u, head)`, " * params.scale") + load(`v${o}_`, "qkv", `part(mine${o}, 2u, head)`) + times(quads, (d) => `var dk${o}_${d} = vec4f(); var dv${o}_${d} = vec4f();`))}
  ${everyRow(`
    ${read("q", "qkv", part(0))}
    ${read("g", "dy", ofDy)}
    ${times(
      perStep,
      (p) => `
      let query${p} = row.x + min(j + ${p}u, end - 1u);
      let lse${p} = lse[query${p} * params.A + head];
      let delta${p} = delta[query${p} * params.A + head];
      ${times(
        OWN,
        (o) => `{
      ${products("s", `k${o}_`, "q", p)}
      ${products("dp", `v${o}_`, "g", p)}
      let p = select(0.0, exp(${sum4("s")} - lse${p}), ${inside(p)});
      let kept = keep(query${p}, local${o}, head);
      let pk = p * kept;
      let ds = p * (${sum4("dp")} * kept - delta${p}) * params.scale;
      ${times(quads, (d) => `dv${o}_${d} = fma(vec4f(pk), ${value("g", p, d)}, dv${o}_${d}); dk${o}_${d} = fma(vec4f(ds), ${value("q", p, d)}, dk${o}_${d});`)}
    }`,
      )}`,
    )}`)}
  ${times(
    OWN,
    (o) => `if (local${o} < row.z) {
    ${store("dqkv", part(1)(`row.x + local${o}`), (d) => `select(vec4f(), dk${o}_${d}, real${o})`)}
    ${store("dqkv", part(2)(`row.x + local${o}`), (d) => `select(vec4f(), dv${o}_${d}, real${o})`)}
  }`,
  )}`;

  return `
${entry("forward", forward)}
${entry("backwardQuery", backwardQuery)}
${entry("backwardKeyValue", backwardKeyValue)}
`;
}

/** For heads of `headSize` and subgroups of exactly `lanes` lanes; see canBroadcast. */
export function attentionBroadcast(headSize: number, lanes: number): AttentionVariant {
  const name = `attention-broadcast-${headSize}-${lanes}`;
  const needs = { enables: ["subgroups"], lanes };
  const kernel = attentionOnQuads(name, headSize, needs, () => source(headSize, lanes));
  const others = lanes * rowsInBackward(headSize);
  const owned = {
    forward: lanes * ROWS_IN_FORWARD,
    backwardQuery: others,
    backwardKeyValue: others,
  };
  return { kernel, owned, operands: "f32" };
}
