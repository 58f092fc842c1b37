#!/usr/bin/env python3
"""Has llama.cpp itself load what `pare convert` writes, and compares what it predicts.

    Benchmarks/llama_loads.py PROGRAM SAMPLES [SMOLLM2.gguf [OTHER.gguf…]]

SAMPLES is a folder of small Hugging Face models (tiny_llama, tiny_mixtral, tiny_gpt2_hf,
tiny_gemma3) with tiny_hf_expected.json, the logits that Hugging Face's transformers compute
of them. Each becomes a GGUF file, without and with quantized blocks, and llama.cpp runs it:
llama-cpp-python where it is there, else xllamacpp, with f32 for keys and values.

- Unquantized, mean loss and logits have to be the expected ones up to EXACT, or GELU where
  llama.cpp looks that function up in a table of f16, and the likeliest token the same
  everywhere; quantized, the loss may differ by BLOCK_BOUND.
- Random models of the other families (llama_families.py) have to have the log-probabilities that
  their definitions give in f64, up to EXACT.
- The small models of Checkpoints/families that transformers have run, of families that are not among
  those, have to have the log-probabilities of transformers, or, with settings that llama.cpp has no
  word for set to what it takes, the loss that `pare eval` tells.
- The program's own network has to have the loss that `pare eval` tells.
- SmolLM2 goes to safetensors and back, and from a Hugging Face folder made of it, with a
  tokenizer.json, to GGUF: every log-probability has to be the same as without the detour.
- Tokenizers of the GGUF files named go through a tokenizer.json: llama.cpp has to cut the same
  texts into the same tokens.

Ends with status 1 where something is out of its bound.
"""

import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile

EXACT = 1e-5
GELU = 1e-3
MODELS = {"tiny_llama": EXACT, "tiny_mixtral": EXACT, "tiny_gpt2_hf": GELU, "tiny_gemma3": GELU}
BLOCK_BOUND = {"q8_0": 0.02, "q4_0": 0.2, "q4_k": 0.2, "q6_k": 0.05}
PROMPT = [504, 3575, 282, 4649, 314]
VERSE = "ROMEO:\nBut, soft! what light through yonder window breaks?\nIt is the east.\n"
TEXTS = [
    "Hello, world!  It's 12345 o'clock.\n\n\tdef f(x): return x**2",
    "Größe, naïve, 東京タワー, привет мир 🦙🦙 3.14",
    "   leading and trailing   ",
    "<|im_start|>user\nhi<|im_end|><start_of_turn>model\n",
]


def by_llama_cpp_python(path, tokens):
    """Log-probabilities of every token, after each token."""
    import llama_cpp
    import numpy

    model = llama_cpp.Llama(
        path, n_ctx=256, n_batch=256, n_threads=2, logits_all=True, verbose=False, type_k=0,
        type_v=0)
    model.eval(tokens)
    logits = numpy.array(model.scores[: len(tokens)], dtype=numpy.float64)
    model.close()
    top = logits.max(axis=1, keepdims=True)
    return (logits - top - numpy.log(numpy.exp(logits - top).sum(axis=1, keepdims=True))).tolist()


def by_xllamacpp(path, tokens):
    """The same of the server in xllamacpp, asked once for each position."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = path
    settings.n_ctx, settings.n_parallel, settings.warmup = 256, 1, False
    settings.cpuparams.n_threads, settings.verbosity = 2, 0
    settings.cache_type_k = settings.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    settings.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    server = xllamacpp.Server(settings)
    rows = []
    for end in range(1, len(tokens) + 1):
        answer = server.handle_completions({
            "prompt": tokens[:end], "n_predict": 1, "temperature": 0.0, "n_probs": 1 << 20,
            "cache_prompt": False,
        })
        if "choices" not in answer:
            raise RuntimeError(str(answer)[:300])
        probabilities = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        row = [-math.inf] * len(probabilities)
        for entry in probabilities:
            row[entry["id"]] = entry["logprob"]
        rows.append(row)
    return rows


def runner():
    for name, run in [("llama_cpp", by_llama_cpp_python), ("xllamacpp", by_xllamacpp)]:
        try:
            module = __import__(name)
        except ImportError:
            continue
        return f"{name} {getattr(module, '__version__', '')}".strip(), run
    sys.exit("neither llama-cpp-python nor xllamacpp is installed")


def convert(program, *arguments):
    done = subprocess.run(
        [program, "convert", *arguments, "--force"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"pare convert {' '.join(arguments)}: {done.stderr}")


def loss(rows, tokens):
    return -sum(row[token] for row, token in zip(rows, tokens[1:])) / (len(tokens) - 1)


class Report:
    failed = False

    def line(self, what, figure, bound, more=""):
        passed = figure <= bound
        self.failed |= not passed
        print(f"{'ok  ' if passed else 'FAIL'} {what}: {figure:.2e} (bound {bound:g}){more}")


def check_sample(report, run, program, samples, name, expected, folder):
    tokens = expected["ids"]
    path = os.path.join(folder, name + ".gguf")
    convert(program, os.path.join(samples, name), "-o", path)
    rows = run(path, tokens)
    bound = MODELS[name]
    report.line(f"{name}: mean loss", abs(loss(rows, tokens) - expected["mean_nll"]), bound)
    # The logits of the last position, up to the constant that is lost in probabilities.
    wanted = expected["last_logits_first8"]
    shift = rows[-1][0] - wanted[0]
    worst = max(abs(row - shift - want) for row, want in zip(rows[-1], wanted))
    likeliest = [max(range(len(row)), key=row.__getitem__) for row in rows]
    same = sum(a == b for a, b in zip(likeliest, expected["argmax"]))
    report.line(
        f"{name}: last logits", worst, bound,
        f", likeliest token the same at {same} of {len(tokens)}")
    report.failed |= same < len(tokens)
    for block, bound in BLOCK_BOUND.items():
        convert(program, os.path.join(samples, name), "-o", path, "--type", block)
        difference = abs(loss(run(path, tokens), tokens) - expected["mean_nll"])
        report.line(f"{name} {block}: mean loss", difference, bound)


def check_families(report, run, program, folder):
    import llama_families

    tokens = [(37 * place * place + 11) % llama_families.TOKENS for place in range(48)]
    for number, family in enumerate(llama_families.FAMILIES):
        model = llama_families.Model(family, seed=number)
        source, path = (os.path.join(folder, f"family{number}{end}") for end in ["", ".gguf"])
        model.write(source, write_safetensors)
        convert(program, source, "-o", path)
        difference = largest_difference(model.log_probabilities(tokens), run(path, tokens))
        report.line(f"{family}: log-probabilities", difference, EXACT)


# Of Checkpoints/families: the bound, and settings that are changed.
CHECKED = {
    "granite": (EXACT, {}),
    "olmo2": (EXACT, {}),
    "phi3": (EXACT, {}),
    "smollm3": (EXACT, {"no_rope_layers": [1, 1]}),
    "gemma2": (GELU, {"query_pre_attn_scalar": 12}),
    # Its GELU is not the tanh one that llama.cpp has.
    "gpt_neox": (2 * GELU, {}),
    "gpt_neox_sequential": (2 * GELU, {}),
}


def check_checkpoints(report, run, program, folder):
    root = os.path.join(os.path.dirname(__file__), "../Checkpoints/families")
    for name, (bound, changes) in CHECKED.items():
        source, path = (os.path.join(folder, f"{name}{end}") for end in ["", ".gguf"])
        shutil.copytree(os.path.join(root, name), source)
        if changes:
            with open(os.path.join(source, "config.json")) as file:
                settings = {**json.load(file), **changes}
            with open(os.path.join(source, "config.json"), "w") as file:
                json.dump(settings, file)
        convert(program, source, "-o", path, "--dtype", "f32")
        with open(os.path.join(source, "expected.json")) as file:
            expected = json.load(file)
        if not changes:
            found = run(path, expected["ids"])
            rows = expected.get("logits") or [expected["last_logits"]]
            wanted = [log_softmax(row) for row in rows]
            difference = largest_difference(wanted, found[-len(wanted):])
            report.line(f"{name}: log-probabilities of transformers", difference, bound)
        tokens = [(37 * place * place + 11) % 64 for place in range(48)]
        text = os.path.join(source, "tokens")
        with open(text, "w") as file:
            file.write(" ".join(map(str, tokens)))
        told = json.loads(
            subprocess.check_output([program, "eval", source, "--tokens", text, "--json"]))
        report.line(
            f"{name}: mean loss", abs(loss(run(path, tokens), tokens) - told["loss"]), bound)


def log_softmax(row):
    top = max(row)
    total = top + math.log(sum(math.exp(value - top) for value in row))
    return [value - total for value in row]


def check_own(report, run, program, folder):
    """The network inside the program: a character is a token."""
    own = os.path.join(os.path.dirname(__file__), "../Checkpoints/shakespeare-char.safetensors")
    path, text = os.path.join(folder, "own.gguf"), os.path.join(folder, "verse.txt")
    convert(program, own, "-o", path)
    with open(text, "w") as file:
        file.write(VERSE)
    told = json.loads(subprocess.check_output([program, "eval", own, "--text", text, "--json"]))
    characters = sorted(set("\n !$&',-.3:;?") | {chr(c) for a in "Aa" for c in range(ord(a), ord(a) + 26)})
    tokens = [characters.index(character) for character in VERSE]
    report.line(
        "shakespeare-char: mean loss", abs(loss(run(path, tokens), tokens) - told["loss"]), GELU)


def largest_difference(before, after):
    return max(abs(a - b) for x, y in zip(before, after) for a, b in zip(x, y))


def check_round_trip(report, run, program, original, folder):
    """GGUF, safetensors and GGUF again: the same file to llama.cpp."""
    middle = os.path.join(folder, "smollm2.safetensors")
    again = os.path.join(folder, "smollm2.gguf")
    convert(program, original, "-o", middle, "--packed")
    convert(program, middle, "-o", again)
    before = run(original, PROMPT)
    report.line(
        "SmolLM2 by way of safetensors: log-probabilities",
        largest_difference(before, run(again, PROMPT)), 0)
    for block, bound in [("q8_0", 0.1), ("q4_k", 0.6)]:
        convert(program, original, "-o", again, "--type", block)
        after = run(again, PROMPT)
        divergence = max(
            sum(math.exp(a) * (a - b) for a, b in zip(x, y) if a > -math.inf)
            for x, y in zip(before, after))
        report.line(f"SmolLM2 {block}: largest divergence, nats", divergence, bound)


# What Hugging Face calls llama.cpp's tensors of a Llama.
HUGGING_FACE = {
    "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def field(reader, key, otherwise=None):
    found = reader.get_field(key)
    return otherwise if found is None else found.contents()


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, array in tensors.items():
        kind = {"float32": "F32", "float16": "F16"}[str(array.dtype)]
        header[name] = {
            "dtype": kind, "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(array.tobytes())


def write_tokenizer(folder, reader):
    """A tokenizer.json as Hugging Face would have it for a GGUF file's tokenizer."""
    tokens, kinds = (field(reader, f"tokenizer.ggml.{key}") for key in ["tokens", "token_type"])
    added = [
        {"id": i, "content": tokens[i], "special": kinds[i] == 3}
        for i in range(len(tokens)) if kinds[i] in (3, 4)
    ]
    numbers = {token: i for i, token in enumerate(tokens)}
    tokenizer = {"added_tokens": added}
    if field(reader, "tokenizer.ggml.model") == "gpt2":
        merges = field(reader, "tokenizer.ggml.merges")
        tokenizer["model"] = {"type": "BPE", "vocab": numbers, "merges": merges}
        tokenizer["pre_tokenizer"] = {
            "type": "Sequence", "pretokenizers": [
                {"type": "Digits", "individual_digits": True},
                {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
            ],
        }
    else:
        scores = field(reader, "tokenizer.ggml.scores")
        pairs = [
            (-scores[i], [token[:cut], token[cut:]])
            for i, token in enumerate(tokens) if kinds[i] == 1
            for cut in range(1, len(token)) if token[:cut] in numbers and token[cut:] in numbers
        ]
        pairs.sort(key=lambda pair: pair[0])
        tokenizer["model"] = {
            "type": "BPE", "vocab": numbers, "merges": [pair for _, pair in pairs],
            "byte_fallback": True, "unk_token": "<unk>",
        }
        tokenizer["normalizer"] = {
            "type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    with open(os.path.join(folder, "tokenizer.json"), "w") as file:
        json.dump(tokenizer, file)
    special = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    settings = {
        f"{name}_token": tokens[field(reader, f"tokenizer.ggml.{key}_token_id")]
        for name, key in special.items()
    }
    for key in ["add_bos_token", "add_eos_token"]:
        if (flag := field(reader, f"tokenizer.ggml.{key}")) is not None:
            settings[key] = flag
    if (template := field(reader, "tokenizer.chat_template")) is not None:
        settings["chat_template"] = template
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
        json.dump(settings, file)


def write_llama(folder, reader):
    """The weights of a Llama's GGUF file as Hugging Face names and orders them, in f16."""
    import numpy
    from gguf.quants import dequantize

    count = {
        key: field(reader, f"llama.{name}") for key, name in {
            "num_attention_heads": "attention.head_count",
            "num_key_value_heads": "attention.head_count_kv", "num_hidden_layers": "block_count",
            "hidden_size": "embedding_length", "intermediate_size": "feed_forward_length",
            "max_position_embeddings": "context_length", "vocab_size": "vocab_size",
            "rope_theta": "rope.freq_base", "rms_norm_eps": "attention.layer_norm_rms_epsilon",
        }.items()
    }
    tensors = {}
    for tensor in reader.tensors:
        array = dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        *place, layer, suffix = tensor.name.split(".")
        for name, heads in [
            ("attn_q", count["num_attention_heads"]), ("attn_k", count["num_key_value_heads"]),
        ]:
            if layer == name:
                split = array.reshape(heads, -1, 2, array.shape[1])
                array = split.swapaxes(1, 2).reshape(array.shape)
        start = f"model.layers.{place[1]}." if place else ""
        kind = numpy.float16 if array.ndim > 1 else numpy.float32
        tensors[f"{start}{HUGGING_FACE[layer]}.{suffix}"] = numpy.ascontiguousarray(
            array.astype(kind))
    write_safetensors(os.path.join(folder, "model.safetensors"), tensors)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({"model_type": "llama", "tie_word_embeddings": True, **count}, file)


def check_folder(report, run, program, original, folder):
    """SmolLM2 as a Hugging Face folder, converted, and converted without that detour."""
    from gguf import GGUFReader

    model = os.path.join(folder, "smollm2")
    os.mkdir(model)
    reader = GGUFReader(original)
    write_llama(model, reader)
    write_tokenizer(model, reader)
    ours, direct = os.path.join(folder, "ours.gguf"), os.path.join(folder, "direct.gguf")
    convert(program, model, "-o", ours)
    convert(program, original, "-o", direct, "--dtype", "f16")
    report.line(
        "SmolLM2 from a Hugging Face folder: log-probabilities",
        largest_difference(run(direct, PROMPT), run(ours, PROMPT)), 0)


def check_tokenizer(report, program, original, folder):
    """The tokenizer of a GGUF file by way of tokenizer.json, on a network of no size."""
    import numpy
    from gguf import GGUFReader

    reader = GGUFReader(original)
    name = os.path.basename(original)
    model = os.path.join(folder, name + "-tokenizer")
    os.mkdir(model)
    write_tokenizer(model, reader)
    rows = len(field(reader, "tokenizer.ggml.tokens"))
    generator = numpy.random.default_rng(1)
    shapes = {
        "model.embed_tokens": [rows, 32], "model.norm": [32],
        **{f"model.layers.0.{layer}": [32] for layer in [
            "input_layernorm", "post_attention_layernorm"]},
        **{f"model.layers.0.{layer}": [32, 32] for layer in [
            "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
            "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]},
    }
    write_safetensors(os.path.join(model, "model.safetensors"), {
        f"{layer}.weight": generator.standard_normal(shape).astype(numpy.float16)
        for layer, shape in shapes.items()
    })
    with open(os.path.join(model, "config.json"), "w") as file:
        json.dump({
            "model_type": "llama", "num_attention_heads": 2, "num_key_value_heads": 2,
            "max_position_embeddings": 64, "tie_word_embeddings": True, "rms_norm_eps": 1e-5,
        }, file)
    path = os.path.join(folder, name + "-tokenizer.gguf")
    convert(program, model, "-o", path)
    ours = GGUFReader(path)
    keys = ["model", "pre", "tokens", "token_type", "merges", "bos_token_id", "eos_token_id",
            "unknown_token_id", "padding_token_id", "add_bos_token"]
    keys = [f"tokenizer.ggml.{key}" for key in keys] + ["tokenizer.chat_template"]
    # Some files call the unknown token a control token.
    unknown = field(reader, "tokenizer.ggml.unknown_token_id")

    def told(file, key):
        value = field(file, key)
        if key.endswith("token_type"):
            value = [*value[:unknown], 2, *value[unknown + 1:]]
        return value

    different = [key for key in keys if told(ours, key) != told(reader, key)]
    report.line(f"{name}: pairs of its tokenizer that differ", len(different), 0, f" {different}")
    try:
        import llama_cpp
    except ImportError:
        return
    before, after = (
        llama_cpp.Llama(file, vocab_only=True, verbose=False) for file in (original, path))
    wrong = [
        text for text in TEXTS
        if before.tokenize(text.encode(), special=True) != after.tokenize(
            text.encode(), special=True)
    ]
    report.line(f"{name}: texts that are cut otherwise", len(wrong), 0, f" {wrong}")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, samples = sys.argv[1:3]
    name, run = runner()
    print(f"llama.cpp of {name}")
    with open(os.path.join(samples, "tiny_hf_expected.json")) as file:
        expected = json.load(file)
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            check_sample(report, run, program, samples, model, expected[model], folder)
        check_families(report, run, program, folder)
        check_checkpoints(report, run, program, folder)
        check_own(report, run, program, folder)
        if len(sys.argv) > 3:
            check_round_trip(report, run, program, sys.argv[3], folder)
            check_folder(report, run, program, sys.argv[3], folder)
        for file in sys.argv[3:]:
            check_tokenizer(report, program, file, folder)
    sys.exit(1 if report.failed else 0)


main()
