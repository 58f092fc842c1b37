"""Gradients of the tiny models in Checkpoints/families, by PyTorch's autograd in f64.

    python family_gradients.py FOLDER

writes gradients.json into each model of FOLDER that has no experts: the mean cross-entropy of two
sequences, and of each parameter's gradient the norm and the product with cos(1), cos(2), ….
Checkpoints/families has what transformers 5.24.0 and torch 2.15.0 give.
"""

import json
import math
import os
import sys

import torch
import transformers as T
from safetensors import safe_open

from families import F64

SEQUENCES, LENGTH = 2, 24


def tokens(count, seed, vocabulary):
    """The numbers of a linear congruential generator (Knuth's MMIX)."""
    state, found = seed, []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        found.append((state >> 33) % vocabulary)
    return found


def gradients(folder):
    model = T.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float64, attn_implementation="eager"
    ).eval()
    vocabulary = model.config.vocab_size
    inputs, targets = (
        torch.tensor(tokens(SEQUENCES * LENGTH, seed, vocabulary)).view(SEQUENCES, LENGTH)
        for seed in (3, 4)
    )
    with F64():
        logits = model(inputs, use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.view(-1, vocabulary), targets.view(-1))
    loss.backward()
    with safe_open(folder + "/model.safetensors", "pt") as file:
        names = set(file.keys())
    found = {}
    for name, parameter in model.named_parameters():
        if name not in names:
            name = {"lm_head.weight": "embed_out.weight"}.get(name, name)
        assert name in names, (name, sorted(names))
        gradient = parameter.grad
        if model.config.model_type == "gpt2" and ".c_" in name and gradient.dim() == 2:
            gradient = gradient.T
        gradient = gradient.reshape(-1)
        direction = torch.cos(torch.arange(1, gradient.numel() + 1, dtype=torch.float64))
        found[name] = [gradient.norm().item(), (gradient @ direction).item()]
    return {"loss": loss.item(), "gradients": found}


for name in sorted(os.listdir(sys.argv[1])):
    folder = os.path.join(sys.argv[1], name)
    with open(folder + "/config.json") as file:
        text = file.read()
    if "expert" in text:
        continue
    result = gradients(folder)
    assert all(math.isfinite(v) for pair in result["gradients"].values() for v in pair)
    with open(folder + "/gradients.json", "w") as file:
        file.write(json.dumps(result).replace("], ", "],\n") + "\n")
    print(name, result["loss"], len(result["gradients"]))
