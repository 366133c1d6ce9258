// How the kernels on subgroup matrices (tensor cores) begin, and deal out work to lanes. Tint clamps every index, and guards
// every load of a matrix, unless it can bound them: numbers of threads by `min`, loops counted by one to a constant.

/** WGSL `enable` directives that they need. */
export const MATRIX_ENABLES = ["f16", "subgroups", "chromium_experimental_subgroup_matrix"];

/** An entry of workgroups of `subgroups` subgroups; its body knows group, thread, subgroup and lane. */
export const matrixEntry = (
  name: string,
  subgroups: number,
  lanes: number,
  body: string,
): string => `
@compute @workgroup_size(${subgroups * lanes})
fn ${name}(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32, @builtin(subgroup_id) id: u32, @builtin(subgroup_invocation_id) invocation: u32) {
  let thread = min(index, ${subgroups * lanes - 1}u);
  let subgroup = min(id, ${subgroups - 1}u);
  let lane = min(invocation, ${lanes - 1}u);
${body}
}
`;

/** Runs the body for each `f` of 0 .. count, lane by lane. */
export function byLanes(f: string, count: number, lanes: number, body: string): string {
  const inside = count % lanes === 0 ? body : `if (${f} < ${count}u) { ${body} }`;
  return `for (var turn = 0u; turn < ${Math.ceil(count / lanes)}u; turn++) { let ${f} = lane + turn * ${lanes}u; ${inside} }`;
}
