import { describe, expect, it } from "vitest";
import { encodeBlock, joinBlocks } from "../../train/encoded-block.ts";

const byCharacter = { encode: (text: string) => Array.from(text, (c) => c.codePointAt(0)!) };

describe("encodeBlock and joinBlocks", () => {
  it("keep the ids and lengths in order, in 16 bits as long as they fit", () => {
    const blocks = [["ab", ""], ["\uffff"]].map((texts) => encodeBlock(texts, byCharacter, 9));
    expect(joinBlocks(blocks)).toEqual({
      flat: Uint16Array.of(97, 98, 0xffff),
      lengths: Uint16Array.of(2, 0, 1),
    });
  });

  it("widen all ids when one does not fit", () => {
    const blocks = [["a"], ["b\u{1f600}"]].map((texts) => encodeBlock(texts, byCharacter, 9));
    expect(blocks.map(({ flat }) => flat.BYTES_PER_ELEMENT)).toEqual([2, 4]);
    expect(joinBlocks(blocks).flat).toEqual(Uint32Array.of(97, 98, 0x1f600));
  });

  it("make an empty block of none", () => {
    expect(joinBlocks([])).toEqual({ flat: new Uint16Array(), lengths: new Uint16Array() });
  });

  it("refuse more ids than the maximum", () => {
    expect(() => encodeBlock(["abc"], byCharacter, 2)).toThrow("3 ids for maxLength 2");
  });
});
