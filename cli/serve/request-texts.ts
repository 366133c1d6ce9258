// What a request asks about.

import { HttpError } from "./http.ts";

/** `{"text": "..."}` or `{"texts": ["...", ...]}`. Throws HttpError 400 or 413. */
export function textsOf(body: unknown, most: number): { texts: readonly string[]; many: boolean } {
  const wrong = (): HttpError =>
    new HttpError(400, 'the body must be {"text": "..."} or {"texts": ["...", ...]}.');
  if (typeof body !== "object" || body === null) throw wrong();
  const { text, texts } = body as { text?: unknown; texts?: unknown };
  if (typeof text === "string" && texts === undefined) return { texts: [text], many: false };
  if (text !== undefined || !Array.isArray(texts) || texts.length === 0) throw wrong();
  if (!texts.every((one) => typeof one === "string")) throw wrong();
  if (texts.length > most) {
    throw new HttpError(413, `a request may have ${most} texts; got ${texts.length}.`);
  }
  return { texts, many: true };
}
