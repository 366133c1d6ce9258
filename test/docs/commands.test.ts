import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { buildProgram } from "../../cli/program.ts";
import { commandPages } from "../../docs/commands.ts";

const folder = fileURLToPath(new URL("../../docs/commands", import.meta.url));

it("the pages of the commands are what `npm run docs` makes of their help", async () => {
  const pages = await commandPages();
  expect(readdirSync(folder).sort()).toEqual([...pages.keys()].sort());
  for (const [name, text] of pages) {
    const there = readFileSync(`${folder}/${name}`, "utf8");
    expect(there, `${name} is old: run npm run docs`).toBe(text);
  }
});

it("each command has a page with every option and an example", async () => {
  const pages = await commandPages();
  for (const command of buildProgram("0.0.0", []).commands) {
    const text = pages.get(`${command.name()}.md`) ?? "";
    for (const { flags } of command.options)
      expect(text).toContain(`\`${flags.replaceAll("|", "\\|")}\``);
    expect(text).toContain(`\n$ `);
    expect(text).toContain(`albert-gpu ${command.name()}`);
  }
});
