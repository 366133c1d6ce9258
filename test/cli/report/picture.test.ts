import { inflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { type Chart, draw, SERIES } from "../../../cli/report/chart.ts";
import { picture } from "../../../cli/report/picture.ts";

const chart = (change: Partial<Chart> = {}): Chart => ({
  id: "a",
  title: "",
  summary: "",
  svg: '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50"><rect width="100" height="50" fill="var(--s0)"/></svg>',
  legend: [],
  table: [],
  ...change,
});

/** Size of a PNG file, and its pixels of a colour. All filters but "none" are undone. PNG specification, section 9. */
function count(
  file: Uint8Array,
  color: readonly number[],
): { width: number; height: number; pixels: number } {
  const png = Buffer.from(file);
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  expect([png[24], png[25]]).toEqual([8, 6]); // 8 bits, RGBA
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12) {
    if (png.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const data = inflateSync(Buffer.concat(parts));
  const stride = 4 * width;
  const paeth = (a: number, b: number, c: number): number => {
    const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
  };
  let above = Buffer.alloc(stride);
  let pixels = 0;
  for (let y = 0; y < height; y++) {
    const filter = data[y * (stride + 1)]!;
    const row = Buffer.from(data.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1)));
    for (let i = 0; i < stride; i++) {
      const [a, b, c] = [row[i - 4] ?? 0, above[i]!, above[i - 4] ?? 0];
      const guess = [0, a, b, (a + b) >> 1, paeth(a, b, c)][filter]!;
      row[i] = (row[i]! + guess) & 255;
    }
    for (let x = 0; x < width; x++) {
      if (color.every((value, k) => row[4 * x + k] === value)) pixels++;
    }
    above = row;
  }
  return { width, height, pixels };
}

const BLUE = [0x2f, 0x6f, 0xdb];
const INK = [0x1d, 0x21, 0x29];

it("a picture has charts side by side, twice as large, in the page's light colours", () => {
  const one = count(picture([chart()], 2), BLUE);
  expect(one.pixels).toBe(200 * 100);
  const three = count(picture([chart(), chart(), chart()], 2), BLUE);
  expect(three.pixels).toBe(3 * one.pixels);
  expect(three.width).toBeGreaterThan(2 * 200);
  expect(three.height).toBeGreaterThan(2 * 100);
});

it("its letters are drawn with the fonts of the package, none of the machine's being looked at", () => {
  const ink = (title: string) => count(picture([chart({ title })], 1), INK).pixels;
  expect(ink("")).toBe(0);
  expect(ink("Loss")).toBeGreaterThan(50);
  expect(ink("Привет")).toBeGreaterThan(100);
});

it("a chart drawn by Plot is taken as it is", () => {
  const svg = draw({ marks: [] });
  expect(svg).toMatch(/^<svg [^>]*width="300"/);
  const legend = SERIES.map((color, i) => ({ label: `<class> & "${i}"`, color }));
  expect(count(picture([chart({ svg, legend })], 1), BLUE).pixels).toBeGreaterThan(200);
});
