"""The work of `pare bench`, done by PyTorch; prints one JSON object.

    python peers.py CHECKPOINT [FIRST.json]       a safetensors file in nanoGPT's layout

Each figure is PyTorch's best over the settings tried here, so that a ratio
against it is not won by a poor setting. FIRST.json is what an earlier run has
printed: its settings are taken, and what takes long is not measured again.
"""

import contextlib
import json
import os
import resource
import struct
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn.utils import prune

WEIGHTS = 100_000_000
STATISTICS_BYTES = 500_000_000


def best(repeats, body):
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        body()
        times.append(time.perf_counter() - began)
    return min(times)


def prune_seconds():
    """Exact magnitude pruning of half of 100 M weights."""
    layer = torch.nn.Linear(10_000, WEIGHTS // 10_000, bias=False)
    with torch.no_grad():
        layer.weight.normal_(0, 0.04)
    return best(1, lambda: prune.l1_unstructured(layer, "weight", amount=0.5))


def statistics_seconds():
    """Minimum, maximum, mean, deviation, zeros and a histogram of 500 MB."""
    values = torch.randn(STATISTICS_BYTES // 4) * 0.04

    def body():
        low, high = torch.aminmax(values)
        values.mean(), values.std(), torch.count_nonzero(values)
        torch.histc(values, bins=256, min=low.item(), max=high.item())

    return best(2, body)


def tensors(path):
    """The tensors of a safetensors file as f32, and its metadata."""
    data = memoryview(bytearray(open(path, "rb").read()))
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(bytes(data[8 : 8 + length]))
    metadata = header.pop("__metadata__", {})
    kinds = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
    values = {}
    for name, info in header.items():
        begin, end = (8 + length + offset for offset in info["data_offsets"])
        flat = torch.frombuffer(data[begin:end], dtype=kinds[info["dtype"]])
        values[name] = flat.reshape(info["shape"]).float()
    return values, metadata


class Network:
    """The forward pass of a nanoGPT model, with PyTorch's fused attention."""

    def __init__(self, path, heads):
        self.weights, _ = tensors(path)
        self.heads = heads
        self.blocks = 1 + max(
            int(name.split(".")[2]) for name in self.weights if name.startswith("transformer.h."))
        self.context, self.width = self.weights["transformer.wpe.weight"].shape
        self.vocabulary = self.weights["transformer.wte.weight"].shape[0]

    def norm(self, x, name):
        return F.layer_norm(x, (self.width,), self.weights[name + ".weight"],
                            self.weights.get(name + ".bias"))

    def linear(self, x, name):
        return F.linear(x, self.weights[name + ".weight"], self.weights.get(name + ".bias"))

    def loss(self, tokens, targets):
        batch, length = tokens.shape
        x = self.weights["transformer.wte.weight"][tokens]
        x = x + self.weights["transformer.wpe.weight"][:length]
        for block in range(self.blocks):
            name = f"transformer.h.{block}"
            qkv = self.linear(self.norm(x, name + ".ln_1"), name + ".attn.c_attn")
            q, k, v = (part.reshape(batch, length, self.heads, -1).transpose(1, 2)
                       for part in qkv.split(self.width, dim=2))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            y = y.transpose(1, 2).reshape(batch, length, self.width)
            x = x + self.linear(y, name + ".attn.c_proj")
            y = self.linear(self.norm(x, name + ".ln_2"), name + ".mlp.c_fc")
            x = x + self.linear(F.gelu(y), name + ".mlp.c_proj")
        logits = F.linear(self.norm(x, "transformer.ln_f"), self.weights["transformer.wte.weight"])
        return F.cross_entropy(logits.reshape(-1, self.vocabulary), targets.reshape(-1))


def evaluation_figures(path, settings):
    """Mean loss over windows of the context length: the best of its settings, and of those in
    f32."""
    network = Network(path, heads=6)
    rates = {}
    for kind in ("f32", "bf16"):
        for batch in (8, 16, 32):
            if settings and f"{kind} {batch}" not in settings.values():
                continue
            tokens = torch.randint(network.vocabulary, (batch, network.context + 1))

            def body():
                context = (torch.autocast("cpu", torch.bfloat16) if kind == "bf16"
                           else contextlib.nullcontext())
                with torch.inference_mode(), context:
                    network.loss(tokens[:, :-1], tokens[:, 1:])

            body()
            rates[f"{kind} {batch}"] = batch * network.context / best(4, body)
    setting = max(rates, key=rates.get)
    exact = max((name for name in rates if name.startswith("f32")), key=rates.get)
    return {
        "evaluation_best_tokens_per_second": rates[setting],
        "evaluation_best_setting": setting,
        "evaluation_f32_tokens_per_second": rates[exact],
        "evaluation_f32_setting": exact,
    }


class ChannelQuantized(torch.autograd.Function):
    """Equation 1 of arXiv 2301.13142 with straight-through gradients."""

    @staticmethod
    def forward(ctx, weight, depth, exponent):
        scale, half = torch.exp2(exponent)[:, None], torch.exp2(depth - 1)[:, None]
        u = weight / scale
        q = torch.round(torch.clamp(u, -half, half - 1)) * scale
        ctx.save_for_backward(weight, q, u, scale, half)
        return q

    @staticmethod
    def backward(ctx, gradient):
        weight, q, u, scale, half = ctx.saved_tensors
        below, above = u < -half, u > half - 1
        inside = ~(below | above)
        kept = gradient * inside
        ln2 = 0.69314718
        depth = ((gradient * above).sum(1) - (gradient * below).sum(1)) * (scale * half)[:, 0] * ln2
        exponent = ln2 * (gradient * q - kept * weight).sum(1)
        return kept, depth, exponent


class Trained(Network):
    """The same network with parameters, and bit depths where it compresses itself."""

    MATRICES = (".attn.c_attn", ".attn.c_proj", ".mlp.c_fc", ".mlp.c_proj")

    def __init__(self, path, heads, compresses):
        super().__init__(path, heads)
        self.weights.pop("lm_head.weight", None)
        for name in self.weights:
            self.weights[name] = self.weights[name].clone().requires_grad_()
        self.learned = {}
        if compresses:
            for name, weight in self.weights.items():
                if name.removesuffix(".weight").endswith(self.MATRICES):
                    rows = weight.shape[0]
                    self.learned[name] = (torch.full((rows,), 4.0).requires_grad_(),
                                          torch.full((rows,), -6.0).requires_grad_())

    def linear(self, x, name):
        weight = self.weights[name + ".weight"]
        if name + ".weight" in self.learned:
            weight = ChannelQuantized.apply(weight, *self.learned[name + ".weight"])
        return F.linear(x, weight, self.weights.get(name + ".bias"))


def training_figures(path, name, compresses, settings):
    """Steps of AdamW at batch 16 × 256: the best of its settings."""
    rates = {}
    for kind in [settings[f"{name}_setting"]] if settings else ("f32", "bf16"):
        network = Trained(path, 6, compresses)
        learned = [value for pair in network.learned.values() for value in pair]
        optimizer = torch.optim.AdamW(
            list(network.weights.values()) + learned, lr=0.0, fused=True)
        tokens = torch.randint(network.vocabulary, (16, network.context + 1))

        def body():
            context = (torch.autocast("cpu", torch.bfloat16) if kind == "bf16"
                       else contextlib.nullcontext())
            with context:
                loss = network.loss(tokens[:, :-1], tokens[:, 1:])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(list(network.weights.values()), 1.0)
            optimizer.step()

        body()
        rates[kind] = 16 * network.context / best(4, body)
    setting = max(rates, key=rates.get)
    return {f"{name}_tokens_per_second": rates[setting], f"{name}_setting": setting}


def main(path, first=None):
    settings = None
    if first:
        with open(first) as file:
            settings = {name: value for name, value in json.load(file).items()
                        if name.endswith("_setting")}
    torch.set_num_threads(int(os.environ.get("PARE_THREADS", os.cpu_count() or 1)))
    torch.manual_seed(1)
    figures = {"torch": f"PyTorch {torch.__version__}"}
    figures |= training_figures(path, "training", False, settings)
    figures["training_resident_mb"] = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
    figures |= training_figures(path, "compressing", True, settings)
    figures |= evaluation_figures(path, settings)
    figures["statistics_500mb_seconds"] = statistics_seconds()
    if not settings:
        figures["prune_100m_seconds"] = prune_seconds()
    print(json.dumps(figures, indent=2, sort_keys=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
