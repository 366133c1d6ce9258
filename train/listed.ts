// Names in a sentence: a person reads a few of them, and no error may be as long as the data.

const MOST = 10;
const NAME_CHARACTERS = 80;

/** The first characters of a text on one line, no character cut in half. */
export function beginning(text: string, characters: number): string {
  // Twice as many code units are enough; blanks may take more of them, but then little is lost.
  const line = text
    .slice(0, 4 * characters)
    .replaceAll(/\s+/g, " ")
    .trim();
  const all = Array.from(line);
  return all.length <= characters ? line : `${all.slice(0, characters - 1).join("")}…`;
}

/** A class's name as a sentence has it: as it is, or its beginning. */
export function shortName(name: string): string {
  return name.length <= NAME_CHARACTERS ? name : beginning(name, NAME_CHARACTERS);
}

/** "a, b, c", or of more than ten names the first ten "… and 5 more". */
export function listed(names: readonly string[]): string {
  return firstOf(names.map(shortName));
}

function firstOf(parts: readonly string[]): string {
  const shown = parts.slice(0, MOST).join(", ");
  return parts.length <= MOST ? shown : `${shown} and ${parts.length - MOST} more`;
}

/** "a 20, b 10": counts by class. Of more than ten classes the ten largest. @param counts by class id */
export function listedCounts(
  names: readonly string[],
  counts: readonly number[],
  show: (count: number) => string = String,
): string {
  const all = names.map((name, id) => ({ name, count: counts[id] ?? 0 }));
  if (all.length > MOST) all.sort((a, b) => b.count - a.count);
  return firstOf(all.map(({ name, count }) => `${shortName(name)} ${show(count)}`));
}
