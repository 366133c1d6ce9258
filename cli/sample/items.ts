// Builds synthetic news items: one set of topics and sentence frames for both classes, and in each frame cues of style.
// A cue follows its class only most of the time, so none gives an item away and an item's cues must be weighed together.
import {
  BODIES,
  CHANGES,
  CIRCLES,
  CUES,
  MONTHS,
  PEOPLE,
  PLACES,
  TOPICS,
  type Cue,
} from "./phrases.ts";
import { makeRandom, pick, shuffleInPlace } from "./random.ts";

/** One row of the sample set. */
export interface SampleItem {
  readonly title: string;
  readonly text: string;
  readonly label: "fake" | "real";
}

/** Probability that a cue is of its item's own class. */
const CUE_STRENGTH = 0.75;

/**
 * Makes `count` items without duplicates, half of each class (fake has one more for an odd count), in random order.
 * The same seed gives the same items on every machine.
 */
export function sampleItems(count: number, seed: number): SampleItem[] {
  const random = makeRandom(seed);
  const items: SampleItem[] = [];
  const seen = new Set<string>();
  while (items.length < count) {
    const item = makeItem(items.length % 2 === 0 ? "fake" : "real", random);
    if (seen.has(item.text) || seen.has(item.title)) continue;
    seen.add(item.text).add(item.title);
    items.push(item);
  }
  shuffleInPlace(items, random);
  return items;
}

/** The items as CSV (RFC 4180 quoting, LF line ends) with the columns title, text, label. */
export function toCsv(items: readonly SampleItem[]): string {
  const rows = items.map(({ title, text, label }) =>
    [title, text, label].map(quoteField).join(","),
  );
  return `title,text,label\n${rows.join("\n")}\n`;
}

function makeItem(label: SampleItem["label"], random: () => number): SampleItem {
  const topic = pick(TOPICS, random);
  const change = pick(CHANGES, random);
  const cue = (name: keyof typeof CUES): string => {
    const { careful, loose }: Cue = CUES[name];
    const faithful = random() < CUE_STRENGTH;
    return pick((label === "real") === faithful ? careful : loose, random);
  };
  const fill = (template: string): string =>
    template.replace(/\{(\w+)\}/g, (_, name: string) => fillIn(name, topic, random));

  const claim = `${topic.thing} ${cue("titleVerb")} ${topic.outcome}`;
  const title =
    random() < 0.5 ? `${cue("titleLead")}: ${claim} in {place}` : `${claim}, ${cue("titleTail")}`;
  const report =
    `${cue("source")} ${cue("verb")} ${cue("when")} that ${topic.thing} ` +
    `${cue("modal")} ${change} ${topic.outcome} ${cue("scale")}.`;
  const middle = [
    `${cue("evidence")}, ${cue("caveat")}.`,
    `"${cue("quote")}," ${cue("said")} ${pick(PEOPLE, random)}, ${cue("role")}.`,
    `${cue("aside")}, ${topic.who} ${cue("reaction")}.`,
  ];
  shuffleInPlace(middle, random);
  const text = [report, ...middle.slice(0, 2), cue("ending")].join(" ");
  return { title: capitalise(fill(title)), text: fill(text), label };
}

function fillIn(name: string, topic: (typeof TOPICS)[number], random: () => number): string {
  const between = (low: number, high: number): string =>
    String(low + Math.floor(random() * (high - low + 1)));
  switch (name) {
    case "place":
      return pick(PLACES, random);
    case "body":
      return pick(BODIES, random);
    case "circle":
      return pick(CIRCLES, random);
    case "month":
      return pick(MONTHS, random);
    case "day":
      return between(1, 28);
    case "few":
      return between(2, 9);
    case "small":
      return between(3, 19);
    case "many":
      return between(24, 480);
    case "unit":
      return topic.unit;
    case "who":
      return topic.who;
    default:
      throw new Error(`phrases: {${name}} must be a known word; it is not.`);
  }
}

function quoteField(field: string): string {
  return /[",\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
