// The page at "/": one file without requests to anywhere else, allowed to run nothing but its own script.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** The page and the Content-Security-Policy that fits it. */
export function readPage(): { html: string; policy: string } {
  const html = readFileSync(new URL("./page.html", import.meta.url), "utf8");
  const hashes = (tag: string): string =>
    Array.from(html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, "gs")), ([, content = ""]) => {
      return `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
    }).join(" ");
  const policy = [
    "default-src 'none'",
    `script-src ${hashes("script")}`,
    `style-src ${hashes("style")}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { html, policy };
}
