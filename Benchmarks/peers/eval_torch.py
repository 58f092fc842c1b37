"""Evaluate the character GPT on the validation text with PyTorch, as JSON.

    python eval_torch.py CKPT TEXT [--threads 2] [--tokens N]

The model is nanoGPT's, written compactly; windows of the context without overlap,
several at a time, each setting warmed up and timed on the same tokens. The best
setting of each precision is what `pare bench` is compared with.
"""
import argparse
import json
import time

import torch
import torch.nn.functional as F


class Block(torch.nn.Module):
    def __init__(self, state, prefix, heads):
        super().__init__()
        self.heads = heads
        for name in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"):
            weight = torch.nn.Parameter(state[f"{prefix}.{name}.weight"].float())
            self.register_parameter(name.replace(".", "_"), weight)

    def forward(self, x):
        rows, length, width = x.shape
        h = F.linear(F.layer_norm(x, (width,), self.ln_1), self.attn_c_attn)
        q, k, v = (
            part.view(rows, length, self.heads, width // self.heads).transpose(1, 2)
            for part in h.split(width, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + F.linear(y.transpose(1, 2).reshape(rows, length, width), self.attn_c_proj)
        h = F.gelu(F.linear(F.layer_norm(x, (width,), self.ln_2), self.mlp_c_fc))
        return x + F.linear(h, self.mlp_c_proj)


class GPT(torch.nn.Module):
    def __init__(self, state, heads):
        super().__init__()
        state = {name.removeprefix("_orig_mod."): value for name, value in state.items()}
        count = 1 + max(int(n.split(".")[2]) for n in state if n.startswith("transformer.h."))
        self.wte = torch.nn.Parameter(state["transformer.wte.weight"].float())
        self.wpe = torch.nn.Parameter(state["transformer.wpe.weight"].float())
        self.blocks = torch.nn.ModuleList(
            Block(state, f"transformer.h.{i}", heads) for i in range(count)
        )
        self.ln_f = torch.nn.Parameter(state["transformer.ln_f.weight"].float())

    def forward(self, tokens, targets):
        x = self.wte[tokens] + self.wpe[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = F.linear(F.layer_norm(x, (x.shape[-1],), self.ln_f), self.wte)
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="sum")


def windows(tokens, context, batch):
    inputs, targets = tokens[:-1], tokens[1:]
    whole = len(inputs) // context
    for first in range(0, whole, batch):
        rows = min(batch, whole - first)
        span = slice(first * context, (first + rows) * context)
        yield inputs[span].view(rows, context), targets[span].view(rows, context)
    if len(inputs) > whole * context:
        yield inputs[whole * context :][None], targets[whole * context :][None]


def measure(model, tokens, context, batch, autocast):
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        for x, y in list(windows(tokens[: 2 * batch * context + 1], context, batch)):
            model(x, y)
        start = time.perf_counter()
        total = sum(model(x, y).item() for x, y in windows(tokens, context, batch))
        seconds = time.perf_counter() - start
    scored = len(tokens) - 1
    return {"loss": total / scored, "seconds": seconds, "tokens_per_second": scored / seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("text")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, help="only the first of the validation text")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--no-compile", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    checkpoint = torch.load(arguments.checkpoint, map_location="cpu", weights_only=True)
    settings = checkpoint["model_args"]
    with open(arguments.text, encoding="utf-8") as file:
        text = file.read()
    numbers = {character: index for index, character in enumerate(sorted(set(text)))}
    tokens = torch.tensor([numbers[c] for c in text[int(0.9 * len(text)) :]])
    if arguments.tokens:
        tokens = tokens[: arguments.tokens]

    model = GPT(checkpoint["model"], settings["n_head"]).eval()
    models = {"eager": model}
    if not arguments.no_compile:
        models["compiled"] = torch.compile(model, dynamic=False)
    results = []
    for mode, network in models.items():
        for precision in ("f32", "bf16"):
            for batch in arguments.batches:
                try:
                    figures = measure(
                        network, tokens, settings["block_size"], batch, precision == "bf16"
                    )
                except Exception as error:  # a setting this machine cannot compile
                    figures = {"error": str(error).splitlines()[0]}
                setting = {"mode": mode, "precision": precision, "batch": batch}
                results.append(setting | figures)
    best = {
        precision: max(
            (r for r in results if r["precision"] == precision and "loss" in r),
            key=lambda r: r["tokens_per_second"],
        )
        for precision in ("f32", "bf16")
    }
    report = {"torch": torch.__version__, "threads": arguments.threads}
    print(json.dumps(report | {"best": best, "settings": results}, indent=1))


if __name__ == "__main__":
    main()
