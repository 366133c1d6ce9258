"""Weights, ids and labels that test/support/hashed.ts makes bit for bit alike."""

import math
import re

import numpy as np
import torch

MASK = 0xFFFFFFFF
UNIT = math.sqrt(12)


def scramble(h):
    """Murmur3's 32-bit finaliser, on a uint32 array."""
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def one(value):
    return np.array([value & MASK], dtype=np.uint32)


def start(seed, name):
    h = 0x811C9DC5
    for letter in name:
        h = ((h ^ ord(letter)) * 0x01000193) & MASK
    return scramble(one(h) ^ scramble(one(seed + 0x9E3779B9)))


def integers(seed, name, count):
    first = start(seed, name)
    counter = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9)
    return scramble(scramble(first + counter) ^ first)


def uniform(seed, name, count):
    """Multiples of 2^-24 in [-1/2, 1/2), as float64."""
    return (integers(seed, name, count) >> np.uint32(8)) / 2.0**24 - 0.5


def values(name, shape, seed, std):
    u = uniform(seed, name, math.prod(shape))
    if re.search(r"(LayerNorm|layer_norm)\.weight$", name):
        flat = 1 + 0.5 * u
    else:
        flat = (UNIT * (0.1 if name.endswith(".bias") else std)) * u
    return torch.from_numpy(flat.astype(np.float32).reshape(shape))


def fill(model, seed, std):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(values(name, tuple(parameter.shape), seed, std))


def batch(config, seed, T, lengths):
    """What AlbertForSequenceClassification takes, labels among it."""
    B = len(lengths)
    drawn = (integers(seed, "ids", B * T) % np.uint32(config.vocab_size)).reshape(B, T)
    mask = np.arange(T)[None, :] < np.array(lengths)[:, None]
    ids = np.where(mask, drawn, config.pad_token_id)
    labels = integers(seed, "labels", B) % np.uint32(config.num_labels)
    return dict(
        input_ids=torch.from_numpy(ids.astype(np.int64)),
        attention_mask=torch.from_numpy(mask.astype(np.int64)),
        labels=torch.from_numpy(labels.astype(np.int64)),
    )
