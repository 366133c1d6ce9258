// What the page says of the run itself: enough to do it again.

import { number } from "../../train/audit/index.ts";
import { listed } from "../../train/listed.ts";
import { optionName } from "../option-name.ts";
import { duration } from "../printer.ts";
import { day } from "./chart.ts";
import { markup, legible, type Markup } from "./markup.ts";
import type { RunReport } from "./run-report.ts";

/** Command, seed, versions, adapter, data and arguments. */
export function facts({ run }: RunReport): Markup {
  const { adapter, versions, sizes, arguments: args } = run;
  const list: [string, string | Markup][] = [
    ["command", markup`<code class="command">${run.command}</code>`],
    ["seed", String(args.seed)],
    ["finished", `${day(run.finished)}, after ${duration(run.seconds)}`],
    [
      "adapter",
      `${adapter.name} (${adapter.backend})${adapter.software ? ", a software adapter: its times say nothing about a GPU" : ""}`,
    ],
    ["speed", `${run.samplesPerSecond.toFixed(1)} examples/s in training`],
    [
      "versions",
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    ],
    [
      "rows",
      Object.entries(sizes)
        .map(([name, n]) => `${name} ${number(n)}`)
        .join(", "),
    ],
    ["text", run.textColumns.join(" + ")],
    ["classes", legible(listed(run.labels))],
    ["parameters", number(run.parameters)],
    [
      "steps",
      `${number(run.steps)}${run.stoppedEarly ? ", stopped early" : ""}; the model kept is that of step ${number(run.bestStep)}`,
    ],
    ...Object.entries(args).map(([name, value]): [string, string] => [
      optionName(name),
      String(value),
    ]),
  ];
  const [shown, options] = [
    list.slice(0, -Object.keys(args).length),
    list.slice(-Object.keys(args).length),
  ];
  const items = (some: typeof list): Markup[] =>
    some.map(
      ([term, value]) =>
        markup`<dt>${term}</dt>
          <dd>${value}</dd>`,
    );
  return markup`<h2 id="run">The run</h2>
    <dl class="facts">${items(shown)}</dl>
    <details>
      <summary>All training arguments</summary>
      <dl class="facts">${items(options)}</dl>
    </details>`;
}
