"""Model folders written or read by transformers.

    python test/parity/folders.py fixtures FOLDER [VOCABULARY]   the committed folders f32, f16 and bf16, with their logits
    python test/parity/folders.py read FOLDER        logits of the folder's model for its case.json, on stdout
    python test/parity/folders.py tokenize FOLDER    ids of the lines on stdin by the folder's tokeniser, on stdout
"""

import json
import os
import sys

import torch
from transformers import AlbertConfig, AlbertForSequenceClassification, AutoTokenizer

import hashed
from measured import MADE_BY  # importing it also quietens transformers
from models import NO_DROPOUT

CONFIG = dict(
    vocab_size=40,
    embedding_size=8,
    hidden_size=24,
    num_hidden_layers=4,
    num_hidden_groups=2,
    num_attention_heads=2,
    intermediate_size=20,
    max_position_embeddings=16,
    id2label={0: "fake", 1: "real", 2: "neither"},
    label2id={"fake": 0, "real": 1, "neither": 2},
    **NO_DROPOUT,
)
CASE = dict(seed=3, std=0.15, T=12, lengths=[12, 5, 1])
TYPES = dict(f32=torch.float32, f16=torch.float16, bf16=torch.bfloat16)


def logits_of(folder, case):
    """In float32, whatever the file's element type."""
    model, report = AlbertForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )
    assert not report["missing_keys"] and not report["unexpected_keys"], report
    model.eval()
    inputs = hashed.batch(model.config, case["seed"], case["T"], case["lengths"])
    with torch.no_grad():
        return model(**inputs).logits.flatten().tolist()


def write_fixtures(folder, vocabulary):
    golden = {}
    for name, dtype in TYPES.items():
        model = AlbertForSequenceClassification(AlbertConfig(**{**CONFIG, "vocab_size": vocabulary}))
        hashed.fill(model, CASE["seed"], CASE["std"])
        path = os.path.join(folder, name)
        model.to(dtype).save_pretrained(path)
        os.chmod(os.path.join(path, "model.safetensors"), 0o644)
        golden[name] = logits_of(path, CASE)
    with open(os.path.join(folder, "logits.json"), "w") as file:
        json.dump(dict(madeBy=f"test/parity/folders.py, {MADE_BY}", **CASE, logits=golden), file)
        file.write("\n")


def main():
    what, folder, *vocabulary = sys.argv[1:]
    if what == "fixtures":
        write_fixtures(folder, int(vocabulary[0]) if vocabulary else CONFIG["vocab_size"])
    elif what == "read":
        with open(os.path.join(folder, "case.json")) as file:
            print(json.dumps(logits_of(folder, json.load(file))))
    elif what == "tokenize":
        tokenizer = AutoTokenizer.from_pretrained(folder)
        print(json.dumps([tokenizer(line.rstrip("\n"))["input_ids"] for line in sys.stdin]))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
