"""Golden logits, losses and gradients of AlbertForSequenceClassification with hashed weights.

    python test/parity/models.py grid FILE            the half of the grid that is committed
    python test/parity/models.py grid FILE --whole FOLDER   all of it, with whole gradients as safetensors in FOLDER
    python test/parity/models.py base FILE            the shape of albert-base-v2
"""

import argparse
import itertools
import json
import os

from safetensors.torch import save_file
from transformers import AlbertConfig, AlbertForSequenceClassification

import hashed
from measured import MADE_BY, measure, summary

ACTIVATIONS = ["gelu_new", "gelu", "relu"]
# Ragged: a full text, a text of one token, and some between.
LENGTHS = {1: [1, 1], 7: [7, 3, 1], 64: [64, 1, 37, 20], 512: [512, 301]}
# Heads of 16 and of 12 values; no size of the second shape is a power of two.
SHAPES = [
    dict(embedding_size=16, hidden_size=32, num_attention_heads=2, intermediate_size=64, vocab_size=61),
    dict(embedding_size=20, hidden_size=36, num_attention_heads=3, intermediate_size=52, vocab_size=47),
]
NO_DROPOUT = dict(
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, classifier_dropout_prob=0.0
)
BASE = dict(
    vocab_size=30000,
    embedding_size=128,
    hidden_size=768,
    num_hidden_layers=12,
    num_attention_heads=12,
    intermediate_size=3072,
    max_position_embeddings=512,
    num_labels=2,
    **NO_DROPOUT,
)


def grid(every):
    """Each T with each activation, and of the eight (groups, inner layers, labels) all, or the four of one parity."""
    for (a, act), (t, T) in itertools.product(enumerate(ACTIVATIONS), enumerate(LENGTHS)):
        for g, i, k in itertools.product([0, 1], repeat=3):
            if not every and (g + i + k + a + t) % 2:
                continue
            config = dict(
                **SHAPES[(a + t + g) % 2],
                num_hidden_layers=2 * (g + 1),
                num_hidden_groups=g + 1,
                inner_group_num=i + 1,
                num_labels=[2, 5][k],
                hidden_act=act,
                max_position_embeddings=max(T, 16),
                **NO_DROPOUT,
            )
            name = f"{act}, T {T}, {g + 1} groups of {i + 1}, {[2, 5][k]} labels"
            yield dict(name=name, config=config, T=T, lengths=LENGTHS[T], seed=1 + a + 10 * t, std=0.15)


def model_of(case):
    model = AlbertForSequenceClassification(AlbertConfig(**case["config"]))
    hashed.fill(model, case["seed"], case["std"])
    return model


def run(case):
    model = model_of(case)
    inputs = hashed.batch(model.config, case["seed"], case["T"], case["lengths"])
    return measure(model, inputs)


def write(path, golden):
    with open(path, "w") as file:
        json.dump(dict(madeBy=f"test/parity/models.py, {MADE_BY}", **golden), file, indent=1)
        file.write("\n")


def write_grid(path, folder):
    names, cases = {}, []
    for number, case in enumerate(grid(folder is not None)):
        measured, gradients = run(case)
        structure = f"{case['config']['num_hidden_groups']}x{case['config']['inner_group_num']}"
        names[structure] = list(gradients)
        cases.append(dict(**case, structure=structure, **measured))
        if folder is None:
            cases[-1]["gradients"] = [
                summary(name, g, case["seed"], 8, 64) for name, g in gradients.items()
            ]
        else:
            save_file(gradients, os.path.join(folder, f"{number}.safetensors"))
    write(path, dict(names=names, cases=cases))


def write_base(path):
    case = dict(name="albert-base-v2", config=BASE, T=128, lengths=[128], seed=7, std=0.02)
    measured, gradients = run(case)
    summaries = [summary(name, g, case["seed"], 4, 0) for name, g in gradients.items()]
    case = dict(**case, structure="1x1", **measured, gradients=summaries)
    write(path, dict(names={"1x1": list(gradients)}, cases=[case]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["grid", "base"])
    parser.add_argument("file")
    parser.add_argument("--whole")
    options = parser.parse_args()
    if options.what == "grid":
        write_grid(options.file, options.whole)
    else:
        write_base(options.file)


if __name__ == "__main__":
    main()
