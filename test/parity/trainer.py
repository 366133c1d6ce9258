"""The log and the final weights of short runs of Hugging Face's Trainer, in our Trainer's order of examples.

    npx tsx test/parity/order.ts > test/parity/golden/order.json
    python test/parity/trainer.py test/parity/golden/order.json FILE
"""

import json
import sys
import tempfile

import torch
from transformers import AlbertConfig, AlbertForSequenceClassification, Trainer, TrainingArguments

import hashed
from measured import MADE_BY, packed
from models import NO_DROPOUT

CONFIG = dict(
    vocab_size=64,
    embedding_size=8,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=32,
    num_labels=2,
    **NO_DROPOUT,
)
SEED, STD = 5, 0.15
VALIDATION = 20
ARGUMENTS = dict(
    learning_rate=3e-3, warmup_steps=5, weight_decay=0.05, max_grad_norm=0.5, num_train_epochs=2
)


class InOrder(torch.utils.data.Sampler):
    """Each epoch in its own given order."""

    def __init__(self, order):
        self.order = order
        self.epoch = 0

    def __len__(self):
        return len(self.order[0])

    def __iter__(self):
        yield from self.order[self.epoch]
        self.epoch += 1


class OrderedTrainer(Trainer):
    order = None

    def _get_train_sampler(self, train_dataset=None):
        return InOrder(self.order)


class MeanOverMicroBatches(OrderedTrainer):
    # transformers' own switch: the loss is divided by the number of batches in the step.
    loss_is_scaled_for_ga = False


def run(kind, name, accumulation, plan):
    model = AlbertForSequenceClassification(AlbertConfig(**CONFIG))
    hashed.fill(model, SEED, STD)
    inputs = hashed.batch(model.config, SEED, plan["maxLength"], plan["lengths"])
    examples = [{key: value[i] for key, value in inputs.items()} for i in range(plan["count"])]
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=plan["batchSize"],
            per_device_eval_batch_size=8,
            gradient_accumulation_steps=accumulation,
            logging_steps=1,
            eval_strategy="epoch",
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
            **ARGUMENTS,
        )
        trainer = kind(
            model=model, args=arguments, train_dataset=examples, eval_dataset=examples[:VALIDATION]
        )
        trainer.order = plan["order"]
        trainer.train()
    log = trainer.state.log_history
    return dict(
        name=name,
        accumulation=accumulation,
        optimiser=str(trainer.args.optim.value),
        totalSteps=trainer.state.max_steps,
        steps=[
            dict(loss=e["loss"], gradientNorm=e["grad_norm"], learningRate=e["learning_rate"])
            for e in log
            if "loss" in e
        ],
        evaluationLosses=[e["eval_loss"] for e in log if "eval_loss" in e],
        weights={name: packed(p.detach().numpy()) for name, p in model.named_parameters()},
    )


def main():
    order_file, out = sys.argv[1:]
    with open(order_file) as file:
        plan = json.load(file)
    assert all(sorted(order) == list(range(plan["count"])) for order in plan["order"])
    runs = [
        run(OrderedTrainer, "no accumulation", 1, plan),
        run(MeanOverMicroBatches, "the mean of two batches", 2, plan),
        run(OrderedTrainer, "the sum of two batches", 2, plan),
    ]
    golden = dict(
        madeBy=f"test/parity/trainer.py, {MADE_BY}",
        config=CONFIG,
        seed=SEED,
        std=STD,
        validation=VALIDATION,
        arguments=ARGUMENTS,
        runs=runs,
    )
    with open(out, "w") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
