// The audit's public face.

export { audit, type AuditOptions } from "./audit.ts";
export { DuplicateFinder, type DuplicateGroups, NEAR_JACCARD } from "./near-duplicates.ts";
export { quickWarnings } from "./quick.ts";
export type {
  AuditReport,
  ConflictReport,
  CopyCounts,
  DuplicateReport,
  Lengths,
  RowPlace,
  Sameness,
  SetReport,
  TokenReport,
} from "./report.ts";
export type { Rule, RuleExample, RuleKind } from "./rule.ts";
export { foldedDigest } from "./scan.ts";
export type { AuditSet } from "./walk.ts";
export { number, percent, ruleSentence } from "./warnings.ts";
