"""What a model computes for one batch: logits, loss and gradients, and how far float32 itself is from float64."""

import base64
import copy

import numpy as np
import torch
import transformers

from hashed import UNIT, uniform

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
torch.set_num_threads(1)

MADE_BY = f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, CPU, float32"


def packed(array):
    """Float32 values as base64, little endian."""
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def gradients_of(model, inputs):
    model.zero_grad()
    out = model(**inputs)
    out.loss.backward()
    gradients = {
        name: torch.zeros_like(p) if p.grad is None else p.grad.detach().clone()
        for name, p in model.named_parameters()
    }
    return out.logits.detach(), out.loss.item(), gradients


def norm(tensor):
    return tensor.double().norm().item()


def measure(model, inputs):
    """Logits, loss, gradients by name in float32, and torch's own distance from the same model in float64."""
    model.eval()
    logits, loss, gradients = gradients_of(model, inputs)
    exact = copy.deepcopy(model).double()
    exact_logits, _, exact_gradients = gradients_of(exact, inputs)
    total = sum(norm(g) ** 2 for g in exact_gradients.values()) ** 0.5
    worst = max(
        norm(gradients[name].double() - g) / norm(g)
        for name, g in exact_gradients.items()
        if norm(g) > 1e-6 * total
    )
    return dict(
        logits=logits.flatten().tolist(),
        loss=loss,
        float32Error=dict(
            logits=((logits - exact_logits).abs().max() / exact_logits.abs().max()).item(),
            gradient=worst,
        ),
    ), gradients


def summary(name, gradient, seed, projections, whole):
    """A gradient's norm with all its values where there are at most `whole`, else some random projections."""
    flat = gradient.double().flatten().numpy()
    out = dict(norm=float(np.linalg.norm(flat)))
    if flat.size <= whole:
        out["values"] = packed(flat)
    else:
        out["projections"] = [
            float(np.dot(flat, UNIT * uniform(seed, f"{name}#{j}", flat.size)))
            for j in range(projections)
        ]
    return out
