// The golden runs of test/parity/trainer.py, and the same runs by our Trainer.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crossEntropy, type Gpu } from "../../engine/index.ts";
import { type AlbertForSequenceClassification, Tokenizer } from "../../model/index.ts";
import {
  AdamW,
  collate,
  DEFAULT_ARGUMENTS,
  type LabelledBatch,
  type LabelledSet,
  learningRate,
  planEpoch,
  TokenizedSet,
  totalSteps,
  Trainer,
  type TrainingArguments,
} from "../../train/index.ts";
import { hashedBatch } from "../support/hashed.ts";
import { hashedModel } from "./cases.ts";
import { norm, unpacked } from "./distance.ts";

const SPIECE = fileURLToPath(new URL("../../cli/sample/spiece.model", import.meta.url));

/** The loss of a step, its gradients' norm before clipping, and its learning rate. */
export interface StepLog {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
}

export interface GoldenRun {
  readonly name: string;
  readonly accumulation: number;
  readonly totalSteps: number;
  readonly steps: readonly StepLog[];
  readonly evaluationLosses: readonly number[];
  /** Final values of each parameter, float32 in base64. */
  readonly weights: Readonly<Record<string, string>>;
}

export interface TrainerGolden {
  readonly config: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly std: number;
  /** Training examples that are evaluated too, from the first on. */
  readonly validation: number;
  /** As transformers calls them. */
  readonly arguments: Readonly<
    Record<
      "learning_rate" | "warmup_steps" | "weight_decay" | "max_grad_norm" | "num_train_epochs",
      number
    >
  >;
  readonly runs: readonly GoldenRun[];
}

/** What test/parity/order.ts writes. */
export interface Plan {
  readonly batchSize: number;
  readonly seed: number;
  readonly maxLength: number;
  readonly lengths: readonly number[];
  readonly order: readonly (readonly number[])[];
}

/** A run as we did it. */
export interface Trained {
  readonly steps: readonly StepLog[];
  readonly totalSteps: number;
  readonly evaluationLosses: readonly number[];
  readonly weights: ReadonlyMap<string, Float32Array>;
}

function dataOf(golden: TrainerGolden, plan: Plan, model: AlbertForSequenceClassification) {
  const { ids, labels } = hashedBatch(model.config, {
    seed: golden.seed,
    T: plan.maxLength,
    lengths: plan.lengths,
  });
  const row = (i: number): Uint32Array =>
    ids.subarray(i * plan.maxLength, i * plan.maxLength + plan.lengths[i]!);
  const set = (count: number): LabelledSet => ({
    tokens: new TokenizedSet(
      Uint16Array.from(Array.from({ length: count }, (_, i) => [...row(i)]).flat()),
      Uint16Array.from(plan.lengths.slice(0, count)),
    ),
    labels: labels.slice(0, count),
  });
  return { train: set(plan.lengths.length), validation: set(golden.validation) };
}

function argumentsOf(golden: TrainerGolden, plan: Plan, accumulation: number): TrainingArguments {
  const { arguments: given } = golden;
  return {
    ...DEFAULT_ARGUMENTS,
    epochs: given.num_train_epochs,
    batchSize: plan.batchSize,
    learningRate: given.learning_rate,
    warmupSteps: given.warmup_steps,
    weightDecay: given.weight_decay,
    maxGradNorm: given.max_grad_norm,
    gradientAccumulationSteps: accumulation,
    seed: plan.seed,
    maxLength: plan.maxLength,
    earlyStoppingPatience: 0,
    evalBatchSize: 8,
  };
}

async function weightsOf(
  model: AlbertForSequenceClassification,
): Promise<ReadonlyMap<string, Float32Array>> {
  return new Map([...(await model.parameters.read())].map(([name, { data }]) => [name, data]));
}

/** Trains with our Trainer. */
export async function train(
  gpu: Gpu,
  golden: TrainerGolden,
  plan: Plan,
  accumulation: number,
): Promise<Trained> {
  const model = hashedModel(gpu, golden.config, golden);
  const output = mkdtempSync(join(tmpdir(), "albert-gpu-parity-"));
  const steps: StepLog[] = [];
  const evaluationLosses: number[] = [];
  const trainer = new Trainer(
    {
      gpu,
      model,
      tokenizer: await Tokenizer.load(SPIECE),
      ...dataOf(golden, plan, model),
      args: argumentsOf(golden, plan, accumulation),
      output,
    },
    {
      onStep: (done) => steps.push(done),
      onEpoch: (_epoch, _loss, evaluation) => evaluationLosses.push(evaluation.loss),
    },
  );
  try {
    await trainer.train();
    const weights = await weightsOf(model);
    return { steps, totalSteps: trainer.totalSteps, evaluationLosses, weights };
  } finally {
    trainer.destroy();
    model.destroy();
    rmSync(output, { recursive: true, force: true });
  }
}

/**
 * Trains as transformers does by default when a step has several batches: their mean losses are added up, not averaged,
 * since it takes the model, which accepts any keyword, to have divided by the number of examples in the step.
 */
export async function trainOnSums(
  gpu: Gpu,
  golden: TrainerGolden,
  plan: Plan,
  accumulation: number,
): Promise<Omit<Trained, "evaluationLosses">> {
  const model = hashedModel(gpu, golden.config, golden);
  const args = argumentsOf(golden, plan, accumulation);
  const optimiser = new AdamW(gpu, model.parameters, args);
  const { train: set } = dataOf(golden, plan, model);
  const { lengths } = set.tokens;
  const { batchSize, maxLength, seed } = plan;
  const batches = Math.ceil(lengths.length / batchSize);
  const total = totalSteps({ batches, accumulation, epochs: args.epochs });
  const schedule = { base: args.learningRate, warmup: args.warmupSteps, total };
  const layout = { maxLength, padId: model.config.pad_token_id };
  const steps: StepLog[] = [];
  try {
    for (let epoch = 0; epoch < args.epochs; epoch++) {
      const order = planEpoch({ count: lengths.length, batchSize, seed, epoch });
      for (let at = 0; at < order.length; at += accumulation) {
        const rate = learningRate(steps.length, schedule);
        const micro = order.slice(at, at + accumulation).map((indices): LabelledBatch => {
          const batch = collate(
            indices.map((i) => set.tokens.ids(i)),
            layout,
          );
          return { ...batch, labels: Uint32Array.from(indices, (i) => set.labels[i]!) };
        });
        const losses = micro.map((batch) =>
          gpu.step(`sum ${batch.B}`, () =>
            gpu.readLater(
              gpu.tape.gradients(() => crossEntropy(gpu, model.forward(batch), batch.labels)),
            ),
          ),
        );
        const update = gpu.step("update", () =>
          gpu.readLater(optimiser.update(rate, args.maxGradNorm)),
        );
        const [state, ...values] = await gpu.settle(Promise.all([update, ...losses]));
        const loss = values.reduce((sum, [value = NaN]) => sum + value, 0);
        steps.push({ loss, gradientNorm: state[0]!, learningRate: rate });
      }
    }
    return { steps, totalSteps: total, weights: await weightsOf(model) };
  } finally {
    optimiser.destroy();
    model.destroy();
  }
}

/** Largest errors of a run; those of numbers relative, that of the weights the difference's norm over the golden one. */
export interface RunErrors {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly weights: number;
  readonly worst: string;
  /** Largest difference, in learning rates, of a key's bias: no loss depends on it, so AdamW moves it by rounding alone. */
  readonly keyBias: number;
}

/** Compares a run with its golden one. Throws for another number of steps. */
export function runErrors(
  trained: Pick<Trained, "steps" | "weights">,
  golden: GoldenRun,
  rate: number,
): RunErrors {
  if (trained.steps.length !== golden.steps.length) {
    throw new Error(`${golden.name}: ${trained.steps.length} steps; golden ${golden.steps.length}`);
  }
  const error = (mine: number, theirs: number): number =>
    mine === theirs ? 0 : Math.abs(mine - theirs) / Math.abs(theirs);
  const largest = (name: keyof StepLog): number =>
    Math.max(...trained.steps.map((step, i) => error(step[name], golden.steps[i]![name])));
  let [weights, worst, keyBias] = [0, "none", 0];
  for (const [name, base64] of Object.entries(golden.weights)) {
    const theirs = unpacked(base64);
    const difference = trained.weights.get(name)!.map((value, i) => value - theirs[i]!);
    if (name.endsWith("attention.key.bias")) {
      keyBias = Math.max(keyBias, ...difference.map((value) => Math.abs(value) / rate));
      continue;
    }
    const relative = norm(difference) / norm(theirs);
    if (!(relative <= weights)) [weights, worst] = [relative, name];
  }
  return {
    loss: largest("loss"),
    gradientNorm: largest("gradientNorm"),
    learningRate: largest("learningRate"),
    weights,
    worst,
    keyBias,
  };
}
