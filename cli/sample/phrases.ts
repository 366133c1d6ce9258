// The words of the sample set: what the items speak of (alike in both classes) and how they say it (which is what
// differs). All names of places, bodies and people are invented.

/** What an item is about; every part fits every other template word. */
export interface Topic {
  readonly thing: string;
  readonly outcome: string;
  readonly unit: string;
  readonly who: string;
}

/** One place in an item where style shows: ways of careful reporting and of its opposite. */
export interface Cue {
  readonly careful: readonly string[];
  readonly loose: readonly string[];
}

export const TOPICS: readonly Topic[] = [
  { thing: "the water filter", outcome: "lead in tap water", unit: "samples", who: "households" },
  { thing: "the night bus", outcome: "traffic on the ring road", unit: "trips", who: "commuters" },
  { thing: "the school breakfast", outcome: "sick days", unit: "classes", who: "parents" },
  { thing: "the bread subsidy", outcome: "the price of a loaf", unit: "shops", who: "bakers" },
  { thing: "the flu jab", outcome: "hospital stays", unit: "wards", who: "nurses" },
  {
    thing: "the rent cap",
    outcome: "the number of empty flats",
    unit: "buildings",
    who: "tenants",
  },
  { thing: "the spraying ban", outcome: "the loss of bees", unit: "hives", who: "growers" },
  { thing: "the harbour dredging", outcome: "the cod catch", unit: "boats", who: "fishers" },
  { thing: "the smart meter", outcome: "power bills", unit: "homes", who: "customers" },
  { thing: "the late library opening", outcome: "book loans", unit: "branches", who: "readers" },
  { thing: "the quiet street plan", outcome: "noise at night", unit: "streets", who: "residents" },
  { thing: "the river barrier", outcome: "floods", unit: "cellars", who: "owners" },
  { thing: "the milk test", outcome: "stomach illness", unit: "farms", who: "farmers" },
  { thing: "the bike lane", outcome: "crashes", unit: "junctions", who: "cyclists" },
  { thing: "the waste fee", outcome: "litter", unit: "parks", who: "wardens" },
  { thing: "the phone mast", outcome: "dropped calls", unit: "towers", who: "engineers" },
];

export const PLACES = [
  "Karlow", "Brenmouth", "Tessaly", "Northvale", "Ostermere", "Dunfold", "Vellin", "Harsk",
  "Mirrowby", "Calder Rise", "Ullenport", "Sandwick Vale",
]; // prettier-ignore

export const BODIES = [
  "Health Board", "Statistics Office", "City Council", "Water Institute", "Transport Agency",
  "Audit Office",
]; // prettier-ignore

export const CIRCLES = [
  "Watch Group", "Truth Page", "Street Forum", "Parents Chat", "Free Voice", "Night Blog",
]; // prettier-ignore

export const PEOPLE = [
  "Ilva Torrenby", "Maro Quillfast", "Hesta Brundle-Oke", "Jorin Tapperlay", "Sanna Wexmoor",
  "Odric Pellowane", "Tilda Marrowick", "Bertil Onsgrave", "Kessa Dravenholt", "Ruben Ashlowe-Tarn",
]; // prettier-ignore

export const MONTHS = ["March", "April", "May", "June", "September", "October"];

/** Past participles that fit "may have ..." as well as "always ...". */
export const CHANGES = ["cut", "reduced", "raised", "increased"];

/** The cues by the name that the templates in items.ts use. `{name}` in a phrase is filled in afterwards. */
export const CUES = {
  titleLead: {
    careful: ["Study", "Audit", "Council report", "Survey", "First figures"],
    loose: ["Revealed", "Insider", "The truth", "Leaked", "Must read"],
  },
  titleTail: {
    careful: ["study finds", "audit shows", "council says", "survey suggests", "figures indicate"],
    loose: ["insiders say", "leak shows", "everyone agrees", "neighbours warn", "rumour says"],
  },
  titleVerb: {
    careful: ["may affect", "seems to change", "could influence", "is linked to", "might alter"],
    loose: ["ruins", "secretly drives", "changes forever", "is behind", "has wrecked"],
  },
  source: {
    careful: [
      "The {place} {body}",
      "Researchers at the {place} {body}",
      "A report by the {place} {body}",
      "Auditors of the {place} {body}",
      "An official of the {place} {body}",
    ],
    loose: [
      "A friend from the {place} {circle}",
      "An insider at the {place} {circle}",
      "A post on the {place} {circle}",
      "Someone in the {place} {circle}",
      "People of the {place} {circle}",
    ],
  },
  verb: {
    careful: ["reported", "noted", "recorded", "estimated", "found"],
    loose: ["revealed", "exposed", "insisted", "swore", "proved"],
  },
  when: {
    careful: [
      "on Monday",
      "on {day} {month}",
      "in the {month} bulletin",
      "at a hearing",
      "in a note",
    ],
    loose: ["the other day", "at last", "in a secret {month} memo", "late on Sunday", "on day 1"],
  },
  modal: {
    careful: ["may have", "seems to have", "possibly", "probably", "has so far"],
    loose: ["has totally", "secretly", "has forever", "always", "clearly"],
  },
  scale: {
    careful: [
      "by about {small} percent",
      "in {few} of {many} {unit}",
      "among {many} {unit} checked",
      "by {small} percent, give or take {few}",
      "in roughly {many} {unit}",
    ],
    loose: [
      "by 100 percent",
      "in 10 out of 10 {unit}",
      "in all {unit}, no exception",
      "by 50 times or more",
      "in 1,000,000 {unit}",
    ],
  },
  evidence: {
    careful: [
      "The team visited {many} {unit} over {few} weeks",
      "It compared {many} {unit} with {many} others",
      "Some {many} {who} filled in a form",
      "Staff checked {many} {unit} twice",
      "Records for {many} {unit} were used",
    ],
    loose: [
      "Just look at the {unit} around you",
      "Not 1 of the {who} is safe now",
      "The rich knew this for 20 years",
      "Big firms paid 1,000 {who} to stay quiet",
      "In 24 hours the {unit} will be gone",
    ],
  },
  caveat: {
    careful: [
      "though the sample was small",
      "with a margin of {few} points",
      "but other causes are possible",
      "and the method was published",
      "while data for {place} are missing",
    ],
    loose: [
      "and nothing will be the same",
      "while the papers stay silent",
      "but they hide it from you",
      "and it is only the beginning",
      "though {place} will not admit it",
    ],
  },
  quote: {
    careful: [
      "We need another year of data",
      "The effect is modest",
      "It is too early to draw conclusions",
      "The trend matches earlier work",
      "Results differ from street to street",
    ],
    loose: [
      "They think we are stupid",
      "My heart is broken",
      "Wake up before it is too late",
      "It is the scandal of the century",
      "We all know who is behind this",
    ],
  },
  said: {
    careful: ["said", "explained", "added", "wrote", "observed"],
    loose: ["cried", "shouted", "warned", "fumed", "whispered"],
  },
  role: {
    careful: [
      "who led the count",
      "a statistician",
      "the head of planning",
      "who chairs the panel",
      "an engineer",
    ],
    loose: [
      "a mother of three",
      "who fears for her job",
      "a neighbour",
      "who saw it all",
      "a local hero",
    ],
  },
  aside: {
    careful: ["By contrast", "In reply", "For now", "On average", "In the minutes"],
    loose: ["Believe it or not", "Shockingly", "Sadly", "As usual", "Mark my words"],
  },
  reaction: {
    careful: [
      "asked for more detail",
      "welcomed part of the plan",
      "plan to meet again in {month}",
      "will be asked once more",
      "saw little change",
    ],
    loose: [
      "are furious",
      "feel betrayed by {place}",
      "will never forgive it",
      "are terrified to speak",
      "demand that heads roll",
    ],
  },
  ending: {
    careful: [
      "A second count is due in {month}.",
      "The tables are open to all.",
      "The agency declined to comment.",
      "An outside group will check the work.",
      "Did the weather play a part? That is being studied.",
    ],
    loose: [
      "Share this before it is deleted!",
      "Ask yourself who gets rich from it.",
      "Tell everyone in {place} you love.",
      "Do not let them silence us.",
      "Why do they lie? Spread the word while you can.",
    ],
  },
} as const satisfies Record<string, Cue>;
