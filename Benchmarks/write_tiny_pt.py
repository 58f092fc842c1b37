"""Writes Checkpoints/tiny*.pt from the safetensors files beside them, as nanoGPT's
training script would: torch.save of a dictionary with model, optimizer, model_args.

    python Benchmarks/write_tiny_pt.py
"""

import json
import pathlib

import torch
from safetensors import safe_open

folder = pathlib.Path(__file__).resolve().parent.parent / "Checkpoints"

for name in ("tiny", "tiny-f16", "tiny-bf16"):
    with safe_open(folder / f"{name}.safetensors", "pt") as file:
        metadata = file.metadata()
        weights = {key: file.get_tensor(key) for key in file.keys()}
    order = ["transformer.wte.weight", "transformer.wpe.weight"]
    for block in range(2):
        for layer in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"):
            order.append(f"transformer.h.{block}.{layer}.weight")
    order.append("transformer.ln_f.weight")
    assert sorted(order) == sorted(weights)
    model = {key: weights[key] for key in order}
    model["lm_head.weight"] = model["transformer.wte.weight"]
    norm = model["transformer.ln_f.weight"]
    moments = {"step": torch.tensor(7.0), "exp_avg": norm * 0.5, "exp_avg_sq": norm * norm}
    torch.save(
        {
            "model": model,
            "optimizer": {"state": {0: moments}, "param_groups": [{"lr": 1e-3, "params": [0]}]},
            "model_args": json.loads(metadata["pare.config"]),
            "chars": "".join(json.loads(metadata["pare.vocabulary"])),
            "iter_num": 7,
            "best_val_loss": torch.tensor(4.25),
        },
        folder / f"{name}.pt",
    )
