// A headless Chromium for pages the program writes. Where there is none, tests skip by name: it.skipIf(!CHROMIUM)(...).

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll } from "vitest";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MAC_APPS = ["Google Chrome", "Chromium"].map(
  (name) => `/Applications/${name}.app/Contents/MacOS/${name}`,
);

/** The browser's path: what CHROMIUM_PATH names, or the first there is on PATH; undefined where there is none. */
export const CHROMIUM: string | undefined = findChromium();

function findChromium(): string | undefined {
  const { CHROMIUM_PATH: named, PATH = "" } = process.env;
  if (named) return named;
  const onPath = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...onPath, ...(process.platform === "darwin" ? MAC_APPS : [])].find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface PageOptions {
  /** CSS pixels. */
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
}

export interface Opened {
  readonly page: Page;
  /** What the console complained of, and uncaught errors, so far. */
  readonly problems: readonly string[];
  /** The address of each request so far, the page's own first. */
  readonly requests: readonly string[];
}

let browser: Promise<Browser> | undefined;

/** Opens a file or an address of this machine in a page of its own; all is closed after the last test of the file. */
export async function openPage(
  place: string,
  { width = 1280, height = 900, colorScheme = "light" }: PageOptions = {},
): Promise<Opened> {
  if (CHROMIUM === undefined) throw new Error("openPage: needs Chromium; set CHROMIUM_PATH.");
  browser ??= chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  const context = await (
    await browser
  ).newContext({ viewport: { width, height }, colorScheme, reducedMotion: "reduce" });
  const page = await context.newPage();
  const problems: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(place.startsWith("http:") ? place : pathToFileURL(place).href);
  return { page, problems, requests };
}

afterAll(async () => {
  await (await browser)?.close();
});
