// How attention.wgsl divides heads among threads, within the workgroup memory that every device offers.

/** Rows of the other side between two barriers; their scores are the columns of a matrix. */
export const BLOCK = 4;

export interface Division {
  readonly lanes: number;
  /** Threads of a team, a power of two from 4 on. */
  readonly split: number;
  /** Teams of a workgroup; each owns 4 rows. */
  readonly teams: number;
  /** vec4s of a row that a thread owns, `split` apart: the team's reads then lie side by side. */
  readonly quads: number;
  /** vec4s of a staged row; those beyond the head are zeros. */
  readonly stride: number;
  /** vec4s from one set of partial sums to the next: one more than lanes, so that they fall into different banks. */
  readonly pitch: number;
  /** Rows staged at a time, a multiple of BLOCK. */
  readonly keys: number;
  /** Of workgroup memory. */
  readonly bytes: number;
}

const WORKGROUP_BYTES = 16384;

/** Numbers that a thread may keep of the rows it owns: what a GPU's registers hold beside everything else. */
export type OwnedNumbers = 64 | 128;

/** A thread owns at most `most` quads of a row, and leaves `sums` vec4s of partial sums to its team. */
function division(D: number, most: number, sums: number): Division {
  const lanes = D <= 128 ? 64 : 32;
  const D4 = Math.ceil(D / 4);
  const split = Math.min(lanes, Math.max(4, 2 ** Math.ceil(Math.log2(D4 / most))));
  const quads = Math.ceil(D4 / split);
  const [teams, stride, pitch] = [lanes / split, quads * split, lanes + 1];
  const other = 16 * sums * pitch + 128 * teams; // a team's weights: two vec4s for each row of a block
  const row = 2 * 16 * stride + 8;
  const fitting = (WORKGROUP_BYTES - other) / row;
  // Heads above 256 need more memory than every device offers.
  const keys = BLOCK * Math.max(1, Math.floor(fitting / BLOCK));
  return { lanes, split, teams, quads, stride, pitch, keys, bytes: other + keys * row };
}

/** A thread holds q and a sum of 4 rows: 32 numbers a quad. */
export const forwardDivision = (D: number, numbers: OwnedNumbers): Division =>
  division(D, numbers / 32, 4);

/** It holds up to four such, k and v and their gradients: 64 numbers a quad. */
export const backwardDivision = (D: number, numbers: OwnedNumbers): Division =>
  division(D, numbers / 64, 8);
