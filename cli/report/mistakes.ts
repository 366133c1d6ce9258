// The page's list of what was classified wrong.

import { number } from "../../train/audit/index.ts";
import { markup, Markup } from "./markup.ts";
import type { RunReport } from "./run-report.ts";

/** The most confident first, to be searched and sorted by page-script.js. */
export function mistakes({
  predictions: { mistakes: wrong, count: total },
  set,
}: RunReport): Markup {
  const { shown } = wrong;
  if (wrong.count === 0)
    return markup`<h2 id="wrong">Mistakes</h2>
      <p>None: all ${number(total)} are right.</p>`;
  const listed =
    shown.length < wrong.count
      ? ` The ${number(shown.length)} most confident of them are listed; predictions.jsonl has all.`
      : "";
  const head = (name: string, className = "", sort = ""): Markup =>
    markup`<th
      scope="col"
      ${new Markup(className && ` class="${className}"`)}${new Markup(sort && ` aria-sort="${sort}"`)}
    >
      <button type="button">${name}</button>
    </th>`;
  return markup`<h2 id="wrong">Mistakes</h2>
    <p>
      ${number(wrong.count)} of ${number(total)} rows of the ${set} set are classified wrong.${listed} A row is a
      place in the set, from 0.
    </p>
    <div class="find" id="find" hidden>
      <label for="search">Search</label
      ><input id="search" type="search" autocomplete="off" spellcheck="false" /><span
        id="found"
        role="status"
        class="muted"
      ></span>
    </div>
    <table class="mistakes" id="mistakes" role="table">
      <thead>
        <tr role="row">
          ${head("text", "what")}${head("truth")}${head("predicted")}${head("confidence", "number", "descending")}${head("tokens", "number minor")}${head("row", "number minor")}
        </tr>
      </thead>
      <tbody>
        ${shown.map(
          ({ title, text = "", label, predicted, confidence, tokens, row }) =>
            markup`<tr role="row">
              <td class="what" role="cell">
                ${
                  title === undefined
                    ? markup`${text}`
                    : markup`<b><bdi>${title}</bdi></b
                        ><span>${text}</span>`
                }
              </td>
              <td class="truth" role="cell" data-name="truth"><bdi>${label}</bdi></td>
              <td class="said" role="cell" data-name="predicted"><bdi>${predicted}</bdi></td>
              <td class="number" role="cell" data-key="${confidence}">${confidence.toFixed(4)}</td>
              <td class="number minor" role="cell">${tokens}</td>
              <td class="number minor" role="cell">${row}</td>
            </tr>`,
        )}
      </tbody>
    </table>`;
}
