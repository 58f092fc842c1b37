"""Small random models of the families that llama.cpp knows, and what they predict: one network
in f64, written down from the models' definitions, for llama_loads.py to compare with."""

import json
import os

import numpy

WIDTH, HEADS, KEY_HEADS, HEAD, HIDDEN, SHARED, TOKENS, BLOCKS = 64, 4, 2, 16, 96, 80, 256, 2
EXPERTS, USED = 4, 2
LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
# What config.json says besides what all have.
FAMILIES = {
    "llama": {"model_type": "llama"},
    "llama, linear rope": {
        "model_type": "llama", "rope_scaling": {"rope_type": "linear", "factor": 4.0}},
    "llama 3": {"model_type": "llama", "rope_theta": 5e5, "rope_scaling": LLAMA3},
    "qwen2": {"model_type": "qwen2"},
    "qwen3": {"model_type": "qwen3"},
    "qwen2moe": {"model_type": "qwen2_moe", "norm_topk_prob": False},
    "qwen3moe": {"model_type": "qwen3_moe", "norm_topk_prob": True},
}


class Model:
    def __init__(self, family, seed):
        self.settings = {
            "num_attention_heads": HEADS, "num_key_value_heads": KEY_HEADS, "head_dim": HEAD,
            "hidden_size": WIDTH, "intermediate_size": HIDDEN, "max_position_embeddings": 128,
            "rms_norm_eps": 1e-6, "rope_theta": 1e4, "tie_word_embeddings": False,
            "num_experts": EXPERTS, "num_experts_per_tok": USED, **FAMILIES[family],
        }
        self.type = self.settings["model_type"]
        self.tensors = {}
        generator = numpy.random.default_rng(seed)

        def add(name, *shape, scale=0.08, center=0):
            values = center + scale * generator.standard_normal(shape)
            self.tensors[name] = values.astype(numpy.float32)

        add("model.embed_tokens.weight", TOKENS, WIDTH, scale=1)
        add("model.norm.weight", WIDTH, center=1)
        add("lm_head.weight", TOKENS, WIDTH)
        for block in range(BLOCKS):
            start = f"model.layers.{block}."
            for norm in ["input_layernorm", "post_attention_layernorm"]:
                add(f"{start}{norm}.weight", WIDTH, center=1)
            for name, rows in [("q", HEADS), ("k", KEY_HEADS), ("v", KEY_HEADS)]:
                add(f"{start}self_attn.{name}_proj.weight", rows * HEAD, WIDTH)
                if self.type in ("qwen2", "qwen2_moe"):
                    add(f"{start}self_attn.{name}_proj.bias", rows * HEAD, scale=0.5)
                if self.type in ("qwen3", "qwen3_moe") and name != "v":
                    add(f"{start}self_attn.{name}_norm.weight", HEAD, scale=0.3, center=1)
            add(f"{start}self_attn.o_proj.weight", WIDTH, HEADS * HEAD)
            parts = [("mlp", HIDDEN)]
            if "moe" in self.type:
                add(f"{start}mlp.gate.weight", EXPERTS, WIDTH, scale=0.5)
                parts = [(f"mlp.experts.{expert}", HIDDEN) for expert in range(EXPERTS)]
            if self.type == "qwen2_moe":
                add(f"{start}mlp.shared_expert_gate.weight", 1, WIDTH)
                parts.append(("mlp.shared_expert", SHARED))
            for part, hidden in parts:
                add(f"{start}{part}.gate_proj.weight", hidden, WIDTH)
                add(f"{start}{part}.up_proj.weight", hidden, WIDTH)
                add(f"{start}{part}.down_proj.weight", WIDTH, hidden)

    def write(self, folder, write_safetensors):
        os.mkdir(folder)
        write_safetensors(os.path.join(folder, "model.safetensors"), self.tensors)
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(self.settings, file)

    def frequencies(self):
        plain = self.settings["rope_theta"] ** -(numpy.arange(0, HEAD, 2) / HEAD)
        scaling = self.settings.get("rope_scaling", {})
        if scaling.get("rope_type") == "linear":
            return plain / scaling["factor"]
        if scaling.get("rope_type") != "llama3":
            return plain
        turns = scaling["original_max_position_embeddings"] * plain / (2 * numpy.pi)
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        share = numpy.clip((turns - low) / (high - low), 0, 1)
        return (1 - share) * plain / scaling["factor"] + share * plain

    def log_probabilities(self, tokens):
        """Of every token, after each token."""
        weights = {name: values.astype(numpy.float64) for name, values in self.tensors.items()}
        count = len(tokens)

        def linear(x, name):
            return x @ weights[name + ".weight"].T + weights.get(name + ".bias", 0)

        def norm(x, name):
            mean = (x * x).mean(-1, keepdims=True)
            return x / numpy.sqrt(mean + self.settings["rms_norm_eps"]) * weights[name + ".weight"]

        def mlp(x, name):
            gate = linear(x, name + ".gate_proj")
            return linear(
                gate / (1 + numpy.exp(-gate)) * linear(x, name + ".up_proj"), name + ".down_proj")

        def softmax(x):
            x = numpy.exp(x - x.max(-1, keepdims=True))
            return x / x.sum(-1, keepdims=True)

        angles = numpy.outer(numpy.arange(count), self.frequencies())
        cosine, sine = (
            numpy.concatenate([part, part], 1) for part in (numpy.cos(angles), numpy.sin(angles)))

        def heads(x, name, number):
            return linear(x, name).reshape(count, number, HEAD).swapaxes(0, 1)

        def turned(x):
            half = numpy.concatenate([-x[..., HEAD // 2:], x[..., : HEAD // 2]], -1)
            return x * cosine + half * sine

        def mixture(x, start):
            scores = softmax(linear(x, start + "mlp.gate"))
            sums = numpy.zeros_like(x)
            for row in range(count):
                best = numpy.argsort(-scores[row])[:USED]
                shares = scores[row][best]
                if self.settings["norm_topk_prob"]:
                    shares = shares / shares.sum()
                for expert, share in zip(best, shares):
                    sums[row] += share * mlp(x[row], f"{start}mlp.experts.{expert}")
            if self.type == "qwen2_moe":
                open_share = 1 / (1 + numpy.exp(-linear(x, start + "mlp.shared_expert_gate")))
                sums += open_share * mlp(x, start + "mlp.shared_expert")
            return sums

        x = weights["model.embed_tokens.weight"][tokens]
        future = numpy.triu(numpy.full((count, count), -1e30), 1)
        for block in range(BLOCKS):
            start = f"model.layers.{block}."
            before = norm(x, start + "input_layernorm")
            query, key, value = (
                heads(before, f"{start}self_attn.{name}_proj", number)
                for name, number in [("q", HEADS), ("k", KEY_HEADS), ("v", KEY_HEADS)])
            if self.type in ("qwen3", "qwen3_moe"):
                query = norm(query, start + "self_attn.q_norm")
                key = norm(key, start + "self_attn.k_norm")
            repeats = HEADS // KEY_HEADS
            query, key = turned(query), turned(key).repeat(repeats, 0)
            scores = softmax(query @ key.swapaxes(1, 2) / numpy.sqrt(HEAD) + future)
            attended = (scores @ value.repeat(repeats, 0)).swapaxes(0, 1)
            x = x + linear(attended.reshape(count, HEADS * HEAD), start + "self_attn.o_proj")
            before = norm(x, start + "post_attention_layernorm")
            x = x + (mixture(before, start) if "moe" in self.type else mlp(before, start + "mlp"))
        logits = linear(norm(x, "model.norm"), "lm_head")
        return numpy.log(softmax(logits))
