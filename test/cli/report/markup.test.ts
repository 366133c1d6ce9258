import { expect, it } from "vitest";
import { legible, Markup, markup } from "../../../cli/report/markup.ts";

it("text is escaped, in attributes too, and markup is not escaped twice", () => {
  const text = `<b title="a">'&'</b>`;
  const inner = markup`<i title="${text}">${text}</i>`;
  const escaped = "&lt;b title=&quot;a&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;";
  expect(inner.text).toBe(`<i title="${escaped}">${escaped}</i>`);
  expect(markup`<p>${inner}${[inner, inner]}${1}</p>`.text).toBe(`<p>${inner.text.repeat(3)}1</p>`);
  expect(markup`${new Markup("<br>")}`.text).toBe("<br>");
});

it("what no page may hold becomes U+FFFD, and everything else stays", () => {
  expect(legible("\0a\x1b[31m\x7f\x85\ud800b\udc00\uffff")).toBe(
    "\ufffda\ufffd[31m\ufffd\ufffd\ufffdb\ufffd\ufffd",
  );
  const fine = "tab\t line\n é 😀 \u2028 \u202e 中";
  expect(legible(fine)).toBe(fine);
});
