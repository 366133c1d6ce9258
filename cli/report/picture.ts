// Charts as PNG files, in the page's light colours, with a font of our own: a machine may have none.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";
import { type Chart, cut } from "./chart.ts";
import { markup } from "./markup.ts";

const require = createRequire(import.meta.url);
const font = (name: string): string => require.resolve(`@expo-google-fonts/pt-sans/${name}.ttf`);
const FONTS = [font("400Regular/PTSans_400Regular"), font("700Bold/PTSans_700Bold")];
const FAMILY = "PT Sans";
// Beyond Latin and Cyrillic letters, class names need the machine's fonts.
const OTHER_LETTERS = /[^\0-\u024f\u0400-\u045f\u2013\u2026\u2212]/;
const SCALE = 2;
const GAP = 24;
const TITLE_HEIGHT = 26;
const LEGEND_HEIGHT = 20;

/** Colours of page.css by name, those of the light scheme. */
function lightColors(): Map<string, string> {
  const css = readFileSync(new URL("./page.css", import.meta.url), "utf8");
  return new Map(
    Array.from(css.matchAll(/(--[\w-]+): light-dark\((#\w+),/g), ([, name, color]) => [
      name!,
      color!,
    ]),
  );
}

/** Charts beside each other, `columns` in a row, with their titles and keys. Returns the PNG file. */
export function picture(charts: readonly Chart[], columns: number): Uint8Array {
  const sizes = charts.map(({ svg }) => sizeOf(svg));
  const width = Math.max(...sizes.map((size) => size.width));
  const keys = charts.some(({ legend }) => legend.length > 0) ? LEGEND_HEIGHT : 0;
  const height = TITLE_HEIGHT + keys + Math.max(...sizes.map((size) => size.height));
  const rows = Math.ceil(charts.length / columns);
  const across = GAP + Math.min(columns, charts.length) * (width + GAP);
  const down = GAP + rows * (height + GAP);
  const placed = charts.map((chart, i) => {
    const x = GAP + (i % columns) * (width + GAP);
    const y = GAP + Math.floor(i / columns) * (height + GAP);
    return `<g transform="translate(${x},${y})">${titled(chart, TITLE_HEIGHT + keys)}</g>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${across}" height="${down}" font-family="${FAMILY}" color="var(--ink)"><rect width="100%" height="100%" fill="var(--card)"/>${placed.join("")}</svg>`;
  const colors = lightColors();
  const colored = svg.replaceAll(/var\((--[\w-]+)\)/g, (_, name: string) => colors.get(name)!);
  const image = new Resvg(colored, {
    font: {
      fontFiles: FONTS,
      loadSystemFonts: OTHER_LETTERS.test(colored),
      defaultFontFamily: FAMILY,
    },
    fitTo: { mode: "zoom", value: SCALE },
  });
  return image.render().asPng();
}

function titled({ title, svg, legend }: Chart, height: number): string {
  let x = 0;
  const keys = legend.map(({ label, color }) => {
    const name = cut(label, 24);
    const key = markup`<rect
        x="${x}"
        y="${TITLE_HEIGHT - 2}"
        width="10"
        height="10"
        rx="3"
        fill="${color}"
      /><text x="${x + 15}" y="${TITLE_HEIGHT + 7}" font-size="11" fill="currentColor"
        >${name}</text
      >`;
    x += 34 + 5.7 * Array.from(name).length;
    return key;
  });
  const head = markup`<text y="13" font-size="14" font-weight="700" fill="currentColor">${title}</text
    >${keys}`;
  return `${head.text}<g transform="translate(0,${height})">${svg}</g>`;
}

function sizeOf(svg: string): { width: number; height: number } {
  const read = (name: string): number =>
    Number(new RegExp(`^<svg[^>]* ${name}="([\\d.]+)"`).exec(svg)?.[1]);
  return { width: read("width"), height: read("height") };
}
