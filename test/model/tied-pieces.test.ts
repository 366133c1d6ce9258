import { expect, it } from "vitest";
import { type Piece, PIECE_TYPE } from "../../model/spiece.ts";
import { TiedPieces } from "../../model/tied-pieces.ts";

// ALBERT's scores of o, oo, oooo and of the others.
const ROWS: readonly (readonly [text: string, score: number, type?: number])[] = [
  ["<unk>", 0, PIECE_TYPE.unknown],
  ["▁", -2.1889710426330566],
  ["o", -7.1],
  ["oo", -10.33],
  ["oooo", -12.87],
  ["x", -7.3],
  ["▁deficiencies", -13.532299041748047],
];
const pieces = ROWS.map(([text, score, type = PIECE_TYPE.normal]): Piece => ({
  text,
  score: Math.fround(score),
  type,
}));
const tied = new TiedPieces(pieces);
const none = (): never => expect.fail("no unknown character, no need for texts");
const total = (ids: readonly number[]): number =>
  ids.reduce((length, id) => length + (pieces[id]?.text.length ?? 0), 0);

it("returns the very ids where no neighbours tie", () => {
  for (const ids of [[], [1], [1, 2, 5, 2, 5], [1, 0, 3, 0, 3]]) {
    expect(tied.order(ids, none)).toBe(ids);
  }
});

it("gives the same order whatever the one it gets", () => {
  const orders = [[1, 2, 3, 4], [1, 4, 3, 2], [1, 3, 2, 4]]; // prettier-ignore
  const [first, ...others] = orders.map((ids) => tied.order(ids, none));
  expect(first!.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
  for (const other of others) expect(other).toEqual(first);
});

it("takes more probable pieces for the same characters, and leaves what stands around them", () => {
  expect(tied.order([1, 5, 3, 3, 5], none)).toEqual([1, 5, 4, 5]);
});

it("counts each character of an unknown piece, and asks for the texts once", () => {
  let asked = 0;
  const texts = (): string[] => {
    asked++;
    return ["▁", "☃☃☃", "oo", "o", "☃", "o", "oo"];
  };
  const ids = tied.order([1, 0, 3, 2, 0, 2, 3], texts);
  expect(asked).toBe(1);
  expect(ids.filter((id) => id === 0)).toHaveLength(2);
  expect(total(ids)).toBe(total([1, 0, 3, 2, 0, 2, 3]));
});

it("orders hundreds of thousands of pieces", () => {
  const ids = tied.order([1, ...Array<number>(300_000).fill(4), 2], none);
  expect(ids).toHaveLength(300_002);
  expect(total(ids)).toBe(1 + 4 * 300_000 + 1);
});
