import type { StepDone, TrainingArguments, TrainingObserver } from "../train/index.ts";
import { duration, gib, type Printer, type Progress } from "./printer.ts";

/** Says so when a run ends within its warm-up: it does as it is told, and never trains at the rate it was given. */
export function warnOfWarmup(
  printer: Printer,
  { warmupSteps, learningRate }: TrainingArguments,
  steps: number,
): void {
  if (warmupSteps < steps) return;
  printer.line(
    `warning      ${steps === 1 ? "1 step ends" : `${steps} steps end`} within the warm-up of ${warmupSteps}: the learning rate never gets to ${learningRate}; lower --warmup-steps`,
  );
}

/** Shows a run: a bar where there is a terminal, log lines where there is none, and a table row per epoch. */
export function trainingObserver(printer: Printer, args: TrainingArguments): TrainingObserver {
  let bar: Progress | undefined;
  let evaluating: Progress | undefined;
  let compiling: { readonly bar: Progress; readonly since: number } | undefined;
  let first: StepDone | undefined;
  let last: StepDone | undefined;
  let headed = false;
  const stopBars = (): void => {
    bar?.stop();
    evaluating?.stop();
    bar = undefined;
    evaluating = undefined;
  };
  // The first step is left out as soon as there is another: some drivers compile when a kernel first runs.
  const speed = ({ samples, seconds, step, totalSteps }: StepDone): string => {
    const since = first && first.seconds < seconds ? first : { samples: 0, seconds: 0 };
    const rate = (samples - since.samples) / (seconds - since.seconds);
    const left = ((totalSteps - step) * args.batchSize * args.gradientAccumulationSteps) / rate;
    return `${rate.toFixed(1)} samples/s, ${duration(left)} left`;
  };
  return {
    onResume(step, refused) {
      for (const error of refused) printer.line(`refused      ${error.message}`);
      printer.line(
        step === undefined
          ? "resuming     no whole checkpoint found: starting from the beginning"
          : `resuming     from step ${step}`,
      );
    },
    onStep(done) {
      first ??= done;
      last = done;
      bar ??= printer.progress("train", done.totalSteps);
      const { loss, learningRate: rate } = done;
      bar.update(done.step, `loss ${loss.toFixed(4)} lr ${rate.toExponential(2)} ${speed(done)}`);
    },
    onMemory({ bytes, bytesWithout, checkpointing }) {
      const kept = checkpointing
        ? `keeping only the input of each layer, ${gib(bytesWithout)} otherwise`
        : "keeping all activations";
      printer.line(`memory       about ${gib(bytes)} for the largest batch, ${kept}`);
    },
    onCompile(done, total) {
      compiling ??= { bar: printer.progress("compile", total), since: performance.now() };
      compiling.bar.update(done);
      if (done < total) return;
      compiling.bar.stop();
      // Since the process began: that is what a person waited for.
      const now = performance.now();
      const [all, part] = [now, now - compiling.since].map((ms) => (ms / 1000).toFixed(1));
      printer.line(`started      in ${all} s, ${part} s of it compiling ${total} kernels`);
    },
    onSkip(step, lossScale) {
      printer.line(`step ${step} overflowed f16 and was left out; loss scale ${lossScale / 2}`);
    },
    onLog({ step, loss, learning_rate: rate, grad_norm: norm }) {
      if (printer.isTerminal) return;
      const numbers = `loss ${loss?.toFixed(4) ?? "overflow"}  lr ${rate!.toExponential(3)}  grad norm ${norm?.toFixed(3) ?? "overflow"}`;
      const pace = last && last.seconds > 0 ? `  ${speed(last)}` : "";
      printer.line(`step ${step}  ${numbers}${pace}`);
    },
    onEvaluateProgress(done, total) {
      if (!evaluating) {
        stopBars();
        evaluating = printer.progress("evaluate", total);
      }
      evaluating.update(done);
      if (done === total) stopBars();
    },
    onEpoch(epoch, trainingLoss, evaluation, best) {
      stopBars();
      const row = {
        "train loss": trainingLoss,
        "valid loss": evaluation.loss,
        ...pick(evaluation),
      };
      const widths = Object.keys(row).map((name) => Math.max(9, name.length));
      if (!headed) {
        const heads = Object.keys(row).map((name, i) => name.padStart(widths[i]!));
        printer.line(`${"epoch".padStart(6)}  ${heads.join("  ")}`);
        headed = true;
      }
      const cells = Object.values(row).map((value, i) => value.toFixed(5).padStart(widths[i]!));
      printer.line(`${epoch.toFixed(2).padStart(6)}  ${cells.join("  ")}${best ? "  best" : ""}`);
    },
    onCheckpoint() {
      stopBars();
    },
  };
}

function pick(scores: { accuracy: number; precision: number; recall: number; f1: number }) {
  const { accuracy, precision, recall, f1 } = scores;
  return { accuracy, precision, recall, f1 };
}
