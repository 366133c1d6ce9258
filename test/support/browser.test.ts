import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { temporaryFolder } from "../cli/news.ts";
import { CHROMIUM, openPage } from "./browser.ts";

const files = temporaryFolder();
afterAll(() => files.remove());

it.skipIf(!CHROMIUM)(
  "a page's errors, broken requests and colour scheme are seen (needs Chromium)",
  async () => {
    const path = join(files.folder, "page.html");
    const script = `console.warn("beware"); setTimeout(() => { throw new Error("thrown"); }); fetch("missing.json").catch(() => {});`;
    writeFileSync(path, `<!doctype html><title>Page</title><script>${script}</script>`);
    const { page, problems, requests } = await openPage(path, { colorScheme: "dark", width: 400 });
    await expect.poll(() => problems.join("\n")).toContain("thrown");
    expect(problems).toContain("beware");
    expect(requests).toContainEqual(expect.stringMatching(/missing\.json$/));
    expect(await page.title()).toBe("Page");
    expect(await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")).toBe(true);
    expect(await page.evaluate("innerWidth")).toBe(400);
  },
);
