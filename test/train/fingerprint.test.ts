import { describe, expect, it } from "vitest";
import { fingerprint } from "../../train/fingerprint.ts";
import { TokenizedSet } from "../../train/tokenize.ts";

const set = (
  rows: number[][],
  labels: number[],
  Ids: typeof Uint16Array | typeof Uint32Array = Uint16Array,
) => ({
  tokens: new TokenizedSet(
    Ids.from(rows.flat()),
    Uint16Array.from(rows, (row) => row.length),
  ),
  labels: Uint32Array.from(labels),
});
const base = fingerprint(
  set(
    [
      [2, 7, 3],
      [2, 3],
    ],
    [0, 1],
  ),
);

describe("a fingerprint", () => {
  it("is the same for the same ids and labels, however they are kept", () => {
    expect(
      fingerprint(
        set(
          [
            [2, 7, 3],
            [2, 3],
          ],
          [0, 1],
        ),
      ),
    ).toBe(base);
    expect(
      fingerprint(
        set(
          [
            [2, 7, 3],
            [2, 3],
          ],
          [0, 1],
          Uint32Array,
        ),
      ),
    ).toBe(base);
    expect(base).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    [
      "an id",
      [
        [2, 8, 3],
        [2, 3],
      ],
      [0, 1],
    ],
    [
      "a label",
      [
        [2, 7, 3],
        [2, 3],
      ],
      [1, 1],
    ],
    [
      "the place of a text's end",
      [
        [2, 7],
        [3, 2, 3],
      ],
      [0, 1],
    ],
    [
      "the order",
      [
        [2, 3],
        [2, 7, 3],
      ],
      [1, 0],
    ],
    ["the number of texts", [[2, 7, 3]], [0]],
  ])("is another one for another: %s", (_, rows, labels) => {
    expect(fingerprint(set(rows, labels))).not.toBe(base);
  });
});
