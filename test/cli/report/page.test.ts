// report.html as a browser shows it.

import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drawReport } from "../../../cli/report/draw.ts";
import { loadRunReport } from "../../../cli/report/run-report.ts";
import { CHROMIUM, openPage } from "../../support/browser.ts";
import { temporaryFolder } from "../news.ts";
import { predictions, results, writeRun } from "./run-folder.ts";

const files = temporaryFolder();
afterAll(() => files.remove());

async function page(
  name: string,
  run: ReturnType<typeof results>,
  predicted: ReturnType<typeof predictions>,
): Promise<string> {
  const folder = join(files.folder, name);
  mkdirSync(folder);
  writeRun(folder, run, predicted);
  await drawReport(folder, await loadRunReport(folder));
  return join(folder, "report.html");
}

const HOSTILE = `</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 2"> "quoted" 'single' & \0 \ud800 \u202Ereversed`;
const SHOWN = HOSTILE.replace("\0", "\ufffd").replace("\ud800", "\ufffd");

describe.skipIf(!CHROMIUM)("report.html in a browser (needs Chromium)", () => {
  let plain: string;
  beforeAll(async () => {
    const titles = (row: number) => ({ title: `Title ${row}`, text: `Text of ${row}` });
    plain = await page("plain", results(), predictions(150, ["fake", "real"], titles));
  });

  it.each([
    [1280, "light"],
    [1280, "dark"],
    [390, "light"],
  ] as const)(
    "is whole at %i pixels, %s: no errors, no requests, nothing beside the screen",
    async (width, colorScheme) => {
      const opened = await openPage(plain, { width, colorScheme });
      const { page, problems, requests } = opened;
      expect(await page.title()).toBe("plain – training report");
      expect(await page.locator("figure svg[role=img]").count()).toBe(10);
      for (const svg of await page.locator("figure svg").all()) {
        expect((await svg.boundingBox())!.height).toBeGreaterThan(100);
        expect(await svg.locator("path, rect, circle").count()).toBeGreaterThan(0);
      }
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
      const [red, green, blue] = await page.evaluate<number[]>(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)",
      );
      expect(red! + green! + blue! > 384).toBe(colorScheme === "light");
      expect(problems).toEqual([]);
      expect(requests).toEqual([pathToFileURL(plain).href]);
    },
  );

  it("says what was run, and how well it did", async () => {
    const { page } = await openPage(plain);
    const text = await page.locator("body").innerText();
    for (const said of [
      "150 rows, no part of training or of the choice of the model",
      "Always guessing fake would be right 50.0 % of the time",
      "albert-gpu train --data 'my news.csv' --output run",
      "2026-03-01 12:30 UTC, after 1 min 05 s",
      "Some GPU (vulkan)",
      "albert-gpu 1.2.3, node 20.19.0, webgpu 0.6.2, platform linux x64",
      "train 700, validation 150, test 150",
    ]) {
      expect(text).toContain(said);
    }
    expect(text).not.toContain("Before you believe");
    expect(text).not.toContain("undefined");
    expect(text).not.toContain("NaN");
  });

  it("is searched, sorted and opened with the keyboard alone", async () => {
    const { page, problems } = await openPage(plain);
    const rows = page.locator("#mistakes tbody tr:visible");
    const all = await rows.count();
    expect(all).toBeGreaterThan(10);
    const confidences = async () =>
      (await rows.locator("td:nth-child(4)").allInnerTexts()).map(Number);
    const falling = (await confidences()).toSorted((a, b) => b - a);
    expect(await confidences()).toEqual(falling);

    await page.keyboard.press("Tab");
    expect(await page.locator(":focus").innerText()).toBe("Skip to the results");
    const first = (await rows.first().locator("b").innerText()).replace("Title ", "");
    await page.getByLabel("Search").focus();
    await page.keyboard.type(`title ${first}`);
    expect(await rows.count()).toBeLessThan(all);
    expect(await page.getByRole("status").innerText()).toBe(`${await rows.count()} of ${all}`);
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.press("Delete");
    expect(await rows.count()).toBe(all);

    await page.getByRole("button", { name: "confidence" }).focus();
    await page.keyboard.press("Enter");
    expect(await confidences()).toEqual(falling.toReversed());
    const head = page.getByRole("columnheader", { name: "confidence" });
    expect(await head.getAttribute("aria-sort")).toBe("ascending");
    await page.keyboard.press("Enter");
    expect(await confidences()).toEqual(falling);
    await page.getByRole("button", { name: "truth" }).press("Enter");
    const truths = await rows.locator("td:nth-child(2)").allInnerTexts();
    expect(truths).toEqual(truths.toSorted().toReversed());
    expect(await head.getAttribute("aria-sort")).toBe(null);

    const numbers = page.locator("figure", { hasText: "Calibration" }).locator("summary");
    await numbers.focus();
    await page.keyboard.press("Enter");
    expect(await page.getByRole("columnheader", { name: "share right" }).isVisible()).toBe(true);
    expect(problems).toEqual([]);
  });

  it("changes its colours on demand", async () => {
    const { page } = await openPage(plain, { colorScheme: "light" });
    const paper = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await paper();
    const button = page.getByRole("button", { name: /^Colours/ });
    await button.press("Enter");
    expect([await button.innerText(), await paper()]).toEqual(["Colours: light", light]);
    await button.press("Enter");
    expect(await button.innerText()).toBe("Colours: dark");
    expect(await paper()).not.toBe(light);
  });

  it("shows hostile texts, class names and warnings as they are, and warnings first", async () => {
    const labels = [HOSTILE, "__proto__", "<b>bold</b>"];
    const run = results({ labels, warnings: [HOSTILE], command: HOSTILE, output: `x/${HOSTILE}` });
    const hostile = await page(
      "hostile",
      run,
      predictions(60, labels, () => ({ title: HOSTILE, text: HOSTILE })),
    );
    const { page: opened, problems, requests } = await openPage(hostile);
    expect(await opened.evaluate("window.hacked")).toBe(undefined);
    expect(problems).toEqual([]);
    expect(requests).toHaveLength(1);
    const textOf = async (selector: string) => opened.locator(selector).first().textContent();
    expect(await textOf("#mistakes b")).toBe(SHOWN);
    expect(await textOf(".warnings li")).toBe(SHOWN);
    expect(await textOf(".command")).toBe(SHOWN);
    expect(await textOf(".card tbody th")).toBe(SHOWN);
    expect(await opened.locator("img, main script").count()).toBe(0);
    const warning = await opened.locator(".warnings").boundingBox();
    expect(warning!.y).toBeLessThan((await opened.locator(".tiles").boundingBox())!.y);
  });

  it("of 45,000 rows is made in seconds, and not large", async () => {
    const long = (row: number) => ({ title: "t".repeat(200), text: `${row} ${"x".repeat(290)}` });
    const predicted = predictions(45_000, ["fake", "real"], long);
    const started = performance.now();
    const path = await page("large", results({ test: null }), predicted);
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(statSync(path).size).toBeLessThan(1.5e6);
    const { page: opened, problems } = await openPage(path);
    expect(problems).toEqual([]);
    expect(await opened.locator("#mistakes tbody tr").count()).toBe(500);
    const text = await opened.locator("main").innerText();
    expect(text).toContain("The 500 most confident of them are listed");
    expect(text).toContain("these scores flatter it: there was no test set");
  });

  it("of 20 classes draws the lines that can be told apart, and stays on the screen", async () => {
    const labels = Array.from({ length: 20 }, (_, k) => `a class with the number ${k}`);
    const path = await page("many", results({ labels }), predictions(400, labels));
    const { page: opened, problems } = await openPage(path, { width: 390 });
    expect(problems).toEqual([]);
    expect(await opened.evaluate("document.documentElement.scrollWidth")).toBe(390);
    const text = await opened.locator("main").innerText();
    expect(text).toContain("8 of 20 classes are drawn");
    const cells = opened.locator("figure", { hasText: "Confusion matrix" }).locator("svg rect");
    expect(await cells.count()).toBe(400);
  });

  it("has a place for nothing: one evaluation, one row, no mistake", async () => {
    const log = results()
      .log.filter((entry) => entry["eval_loss"] !== undefined)
      .slice(0, 1);
    const one = predictions(1, ["fake", "real"], undefined, 1);
    const path = await page("one", results({ log, bestStep: 20 }), one);
    const { page: opened, problems } = await openPage(path);
    const text = await opened.locator("main").innerText();
    expect(text).toContain("None: all 1 are right.");
    expect(text).not.toContain("NaN");
    expect(problems).toEqual([]);
  });
});
