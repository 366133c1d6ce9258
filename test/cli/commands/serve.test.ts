import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Verdict } from "../../../train/index.ts";
import { CHROMIUM, openPage } from "../../support/browser.ts";
import { type Child, errorsOf, inProcess, start } from "../command.ts";
import { type Item, items, QUICK, temporaryFolder, writeCsv } from "../news.ts";

// One server process for all tests, the last of which ends it. `npm run load` runs the load test with 200 clients for 60 s.
const SECONDS = Number(process.env["ALBERT_GPU_LOAD_SECONDS"] ?? 3);
const CLIENTS = Number(process.env["ALBERT_GPU_LOAD_CLIENTS"] ?? 50);

const files = temporaryFolder();
const path = (name: string): string => join(files.folder, name);
const texts = items(0, 40).map(({ title, text }) => `${title}\n\n${text.slice(0, 150)}`);
let child: Child;
let url = "";

beforeAll(async () => {
  const data = writeCsv(path("news.csv"), items(0, 40));
  const args = ["--data", data, ...QUICK, "--max-steps", "5", "--output", path("model")];
  expect((await inProcess("train", ...args)).code).toBe(0);
  child = start(["serve", "--model", path("model"), "--port", "0", "--max-batch", "8"]);
  let said = "";
  child.process.stdout.on("data", (text: string) => (said += text));
  await child.saying("(Ctrl-C stops)");
  url = /serving +(http:\S+)/.exec(said)![1]!;
});
afterAll(() => {
  child.process.kill("SIGKILL");
  files.remove();
});

const agent = new Agent({ connections: CLIENTS, pipelining: 1 });
afterAll(() => agent.close());

async function post(route: string, body: object): Promise<{ status: number; body: unknown }> {
  const { statusCode, body: answer } = await request(`${url}${route}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    dispatcher: agent,
  });
  return { status: statusCode, body: await answer.json() };
}

async function gauges(): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Object.fromEntries(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
  );
}

describe("serve", () => {
  it("listens on this machine alone, with the model's verdicts", async () => {
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const [first] = items(0, 1) as [Item];
    const lines = await inProcess("predict", "--model", path("model"), path("news.csv"));
    const [want] = lines.stdout.split("\n").map((line) => JSON.parse(line || "{}") as Verdict);
    const { status, body } = await post("/predict", { text: `${first.title} ${first.text}` });
    expect(status).toBe(200);
    expect((body as Verdict).label).toBe(want!.label);
    expect((body as Verdict).score).toBeCloseTo(want!.score, 5);
    expect((body as Verdict).tokens).toBe(want!.tokens);
  });

  it(
    `answers ${CLIENTS} clients for ${SECONDS} s without an error, and its memory stays flat`,
    async () => {
      const alone: Verdict[] = [];
      for (const text of texts) alone.push((await post("/predict", { text })).body as Verdict);
      const explained = (await post("/explain", { text: texts[0]! })).body;
      let sent = 0;
      let answered = 0;
      const wrong: unknown[] = [];
      const times: number[] = [];
      const end = performance.now() + SECONDS * 1000;
      const client = async (seed: number): Promise<void> => {
        for (let n = seed; performance.now() < end; n++) {
          const from = (n * 7) % texts.length;
          const count = n % 5 === 0 ? 3 : 1;
          const chosen = Array.from({ length: count }, (_, i) => (from + i) % texts.length);
          const some = chosen.map((i) => texts[i]!);
          const began = performance.now();
          sent++;
          // Few explanations, so that the 8 that may wait are not exceeded.
          const isExplain = seed === 0 && n % 4 === 0;
          const { status, body } = isExplain
            ? await post("/explain", { text: texts[0]! })
            : await post("/predict", count === 1 ? { text: some[0] } : { texts: some });
          answered++;
          times.push(performance.now() - began);
          const got = (
            count === 1 || isExplain ? [body] : (body as { results: unknown[] }).results
          ) as Verdict[];
          const want = isExplain ? [explained as Verdict] : chosen.map((i) => alone[i]!);
          const same = want.every(
            ({ label, score }, i) =>
              got[i]?.label === label && Math.abs(got[i].score - score) < 1e-5,
          );
          if (status !== 200 || got.length !== want.length || !same) wrong.push({ status, body });
        }
      };
      const running = Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i)));
      const seen: Record<string, number>[] = [];
      for (const share of [0.4, 0.7, 1]) {
        await pause(Math.max(0, end - (1 - share) * SECONDS * 1000 - performance.now()));
        seen.push(await gauges());
      }
      await running;
      times.sort((a, b) => a - b);
      const quantile = (q: number): string =>
        `${times[Math.floor(q * (times.length - 1))]?.toFixed(0)} ms`;
      const line = (name: string): string => seen.map((one) => one[name]).join(", ");
      const resident = seen.map((one) => one["process_resident_memory_bytes"]! / 2 ** 20);
      console.log(
        `${sent} requests in ${SECONDS} s by ${CLIENTS} clients: ${(sent / SECONDS).toFixed(0)}/s, median ${quantile(0.5)}, 99 % ${quantile(0.99)}, longest ${quantile(1)}
at 40, 70, 100 %: MiB ${resident.map((mb) => mb.toFixed(0)).join(", ")}; heap ${line("nodejs_heap_size_used_bytes")}; pool buffers ${line("albert_gpu_pool_buffers")}; bind groups ${line("albert_gpu_bind_groups")}`,
      );
      expect(wrong).toEqual([]);
      expect(answered).toBe(sent);
      const after = await gauges();
      const counted = ["/predict", "/explain"].reduce(
        (sum, route) => sum + after[`albert_gpu_requests_total{route="${route}",status="200"}`]!,
        0,
      );
      expect(counted).toBe(sent + texts.length + 2);
      expect(Object.keys(after).filter((key) => /requests_total.*"(4|5|ab)/.test(key))).toEqual([]);
      if (SECONDS >= 30) {
        expect(seen[2]!["albert_gpu_pool_buffers"]).toBe(seen[1]!["albert_gpu_pool_buffers"]);
        expect(seen[2]!["albert_gpu_bind_groups"]).toBe(seen[1]!["albert_gpu_bind_groups"]);
        expect(resident[2]! / resident[0]!).toBeLessThan(1.1);
      }
    },
    SECONDS * 1000 + 60_000,
  );

  it.skipIf(!CHROMIUM)("has a page that shows the verdict and the words it went by", async () => {
    const { page, problems, requests } = await openPage(url);
    expect(await page.textContent("#about")).toContain("fake, real");
    const text = 'Shock <b>claim</b>\n\nThe minister said "no" on Tuesday. 😀';
    await page.getByLabel("Article").fill(text);
    await page.getByRole("button", { name: "Classify" }).click();
    await page.waitForSelector("#explanation:not([hidden])");
    const want = (await post("/predict", { text })).body as Verdict;
    const label = await page.textContent("#label");
    expect(label).toBe(`${want.label}, ${(100 * want.score).toFixed(1)} %`);
    expect(await page.textContent("#words")).toBe(text);
    const words = await page.evaluate<{ text: string; colour: string; title: string }[]>(
      `[...document.querySelectorAll("#words span")].map((span) => ({
          text: span.textContent,
          colour: getComputedStyle(span).backgroundColor,
          title: span.title,
        }))`,
    );
    expect(words.map((word) => word.text)).toEqual(text.split(/\s+/));
    expect(new Set(words.map(({ colour }) => colour)).size).toBeGreaterThan(2);
    expect(words.every(({ title }) => /^[+−]\d+\.\d{3}$/.test(title))).toBe(true);
    expect(await page.locator("#most-for li, #most-against li").count()).toBeGreaterThan(2);
    expect(await page.textContent("main")).toContain("This is no fact checker");
    // The policy lets the page's own style and script through, and nothing asks another host.
    expect(problems).toEqual([]);
    expect(requests.every((one) => one.startsWith(url) || one.startsWith("data:"))).toBe(true);
  });

  it.skipIf(!CHROMIUM)("tells on its page what went wrong", async () => {
    const { page } = await openPage(url);
    await page.route("**/explain", (route) =>
      route.fulfill({ status: 429, json: { error: "too many texts are waiting. Try again." } }),
    );
    await page.getByLabel("Article").fill("text");
    await page.getByRole("button", { name: "Classify" }).click();
    await page.waitForSelector("#error:not([hidden])");
    expect(await page.getByRole("alert").textContent()).toContain("too many texts are waiting");
    expect(await page.getByRole("button").isEnabled()).toBe(true);
  });

  it("refuses a port that is taken", async () => {
    const port = new URL(url).port;
    const taken = await inProcess("serve", "--model", path("model"), "--port", port);
    expect(taken.code).toBe(2);
    expect(errorsOf(taken)).toContain("--host and --port must be free to use; listen EADDRINUSE");
  });

  it("finishes what it has at SIGTERM, and ends with 0", async () => {
    const text = "word ".repeat(200);
    const flying = Array.from({ length: 12 }, () => post("/predict", { text }));
    await flying[0];
    await gauges(); // asked after the others were sent: they have arrived
    child.process.kill("SIGTERM");
    const answers = await Promise.all(flying);
    expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200));
    const ended = await child.ended;
    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/stopping {5}after \d+ requests in flight[^\n]+\nstopped\n$/);
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  });
});
