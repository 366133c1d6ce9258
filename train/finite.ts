import { type ParameterSet, type Precision, TrainingError } from "../engine/index.ts";

/** Where training stood when a number went wrong. */
export interface StepFacts {
  readonly step: number;
  readonly learningRate: number;
  readonly gradientNorm: number;
  readonly precision: Precision;
}

/** The error for a loss or weights that are not finite. `what` is a clause: "the loss is NaN". */
export function nonFinite(
  what: string,
  { step, learningRate, gradientNorm, precision }: StepFacts,
): TrainingError {
  const remedy = precision === "f16" ? ", or use --precision f32" : "";
  return new TrainingError(
    `training: loss, gradient and weights must stay finite; at step ${step} ${what}, learning rate ${learningRate}, gradient norm ${gradientNorm}. Lower --learning-rate or raise --warmup-steps${remedy}.`,
  );
}

/** Name of the first parameter that holds NaN or infinity. */
export async function firstNonFinite(parameters: ParameterSet): Promise<string | undefined> {
  for (const [name, { data }] of await parameters.read()) {
    if (!data.every(Number.isFinite)) return name;
  }
  return undefined;
}
