// A page for each command, from what the command line itself says with --help.

import type { Command } from "commander";
import { format } from "prettier";
import { buildProgram } from "../cli/program.ts";

const FROM = "<!-- Made by `npm run docs` from the command's --help. Do not edit. -->";

function table(
  head: readonly [string, string],
  rows: readonly (readonly [string, string])[],
): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const lines = [head, ["---", "---"] as const, ...rows];
  return lines.map(([a, b]) => `| ${cell(a)} | ${cell(b)} |`).join("\n");
}

/** The whole help text of a command. */
function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text;
}

function page(command: Command): string {
  const help = command.createHelp();
  const text = helpOf(command);
  const terms = help
    .visibleArguments(command)
    .map((argument): [string, string] => [
      `\`${help.argumentTerm(argument)}\``,
      help.argumentDescription(argument),
    ]);
  const options = help
    .visibleOptions(command)
    .map((option): [string, string] => [
      `\`${help.optionTerm(option)}\`${option.mandatory ? " (required)" : ""}`,
      help.optionDescription(option),
    ]);
  const examples = /\nExamples?:\n([\s\S]*)$/.exec(text)?.[1] ?? "";
  return [
    FROM,
    `# albert-gpu ${command.name()}`,
    command.description(),
    `\`\`\`\nalbert-gpu ${command.name()} ${command.usage()}\n\`\`\``,
    ...(terms.length > 0 ? [table(["argument", ""], terms)] : []),
    table(["option", ""], options),
    ...(examples === ""
      ? []
      : ["## Examples", `\`\`\`\n${examples.replaceAll(/^ {2}/gm, "").trimEnd()}\n\`\`\``]),
  ].join("\n\n");
}

/** Every page by its file name, as prettier writes it. */
export async function commandPages(): Promise<Map<string, string>> {
  const { commands } = buildProgram("0.0.0", []);
  const list = table(
    ["command", ""],
    commands.map((command) => [
      `[${command.name()}](${command.name()}.md)`,
      command.summary() || command.description(),
    ]),
  );
  const pages = new Map([["README.md", `${FROM}\n\n# Commands\n\n${list}`]]);
  for (const command of commands) pages.set(`${command.name()}.md`, page(command));
  for (const [name, text] of pages) pages.set(name, await format(text, { parser: "markdown" }));
  return pages;
}
