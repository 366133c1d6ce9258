"""Times PyTorch on the work of `npm run bench -- --peers`, which calls this with a JSON request and reads JSON lines.

On a CPU in f32; on CUDA in f32 (TF32 off), TF32 and bf16 autocast. Weights are transformers' own initial ones: what the
rows compare is time. Also by hand, for one whole step:
    python bench/pytorch.py '{"runs": 10, "matmuls": [], "steps": [{"B": 32, "T": 128, "work": "step"}]}'
"""

import contextlib
import json
import statistics
import sys
import time

import torch
import transformers
from transformers import AlbertConfig, AlbertForSequenceClassification
from transformers.models.albert.modeling_albert import AlbertLayer


def config(hidden=768, inner=3072, heads=12):
    """ALBERT-base; no dropout but the classifier's, as in the preset it is compared with."""
    return AlbertConfig(
        vocab_size=30000,
        embedding_size=128,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=12,
        num_attention_heads=heads,
        hidden_act="gelu_new",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        classifier_dropout_prob=0.1,
        num_labels=2,
        attn_implementation="sdpa",
    )


def optimiser(module):
    """AdamW with decay for matrices only; the fused kernel on CUDA."""
    parameters = list(module.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.01},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1e-5, fused=parameters[0].is_cuda)


def matmul(device, layout, M, N, K, **_):
    """Returns a run of one product; checks it against f64 first."""
    a = torch.rand((K, M) if layout == "TN" else (M, K), device=device) - 0.5
    b = torch.rand((N, K) if layout == "NT" else (K, N), device=device) - 0.5
    left = a.T if layout == "TN" else a
    right = b.T if layout == "NT" else b

    def run():
        return (left @ right)[0, 0].item()

    def check():
        found = (left @ right).double()
        error = (found - left.double() @ right.double()).abs().max().item()
        short = device == "cuda" and torch.backends.cuda.matmul.allow_tf32  # bf16 rows allow it too
        bound = (1e-2 if short else 1e-5) * K**0.5
        if not error <= bound:
            raise SystemExit(f"matmul {layout}: error {error} over {bound}")

    return run, check, 2 * M * N * K


def step_of(module, loss_of):
    """Returns a run of a step as Trainer makes it, clipped to norm 1, AdamW; and a check that the loss falls."""
    update = optimiser(module)

    def run():
        update.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        update.step()
        return loss.item()

    def check():
        losses = [run() for _ in range(8)]
        if not losses[-1] < losses[0]:
            raise SystemExit(f"the loss must fall; got {losses}")

    return run, check


def layer(device, T, H, F, heads, **_):
    """One AlbertLayer over one sequence, trained to name a class of H per token."""
    shape = config(H, F, heads)
    shape._attn_implementation = "sdpa"
    module = AlbertLayer(shape).to(device)
    x = torch.rand((1, T, H), device=device) * 2 - 1
    labels = (torch.arange(T, device=device) * 7) % H

    def loss_of():
        y = module(x)
        y = y[0] if isinstance(y, tuple) else y
        return torch.nn.functional.cross_entropy(y.reshape(T, H).float(), labels)

    run, check = step_of(module, loss_of)
    return run, check, 3 * 2 * T * (4 * H * H + 2 * H * F + 2 * T * H)


def step(device, B, T, **_):
    """A training step of AlbertForSequenceClassification."""
    torch.manual_seed(5)
    shape = config()
    shape.classifier_dropout_prob = 0.0  # or eight steps are too few to see the loss fall
    module = AlbertForSequenceClassification(shape).to(device).train()
    ids = torch.randint(5, 30000, (B, T), device=device)
    labels = torch.randint(0, 2, (B,), device=device)

    def loss_of():
        return module(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss

    run, check = step_of(module, loss_of)
    E, H, F, L = 128, 768, 3072, 12
    flops = 3 * 2 * B * T * (E * H + L * (4 * H * H + 2 * H * F + 2 * T * H))
    return run, check, flops


def measure(runs, run):
    """Milliseconds of each run; two before are not counted. Each ends with a value on the host."""
    times = []
    for i in range(runs + 2):
        start = time.perf_counter()
        run()
        if i >= 2:
            times.append((time.perf_counter() - start) * 1000)
    return times


def modes():
    """(device, name, TF32, context of a forward pass)."""
    yield "cpu", "cpu f32", False, contextlib.nullcontext
    if torch.cuda.is_available():
        yield "cuda", "cuda f32", False, contextlib.nullcontext
        yield "cuda", "cuda tf32", True, contextlib.nullcontext
        yield "cuda", "cuda bf16", True, lambda: torch.autocast("cuda", dtype=torch.bfloat16)


def adapter_of(device):
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} threads of the CPU itself"


def main():
    request = json.loads(sys.argv[1])
    works = [(matmul, each) for each in request.get("matmuls", [])]
    works += [(layer, each) for each in request.get("layers", [])]
    works += [(step, each) for each in request.get("steps", [])]
    for device, name, tf32, context in modes():
        torch.backends.cuda.matmul.allow_tf32 = tf32
        for make, each in works:
            if device == "cpu" and each.get("B", 1) > 1 and torch.cuda.is_available():
                continue  # minutes, and no comparison with a GPU
            torch.manual_seed(1)
            with context():
                run, check, flops = make(device, **each)
                check()
                times = measure(request["runs"], run)
            quarters = statistics.quantiles(times, n=4, method="inclusive")
            row = {
                "peer": f"PyTorch {name}",
                "adapter": f"{adapter_of(device)}; torch {torch.__version__}, transformers {transformers.__version__}",
                "work": each["work"],
                "figures": {
                    "medianMs": statistics.median(times),
                    "iqrMs": quarters[2] - quarters[0],
                    "gflops": flops / statistics.median(times) / 1e6,
                },
            }
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
