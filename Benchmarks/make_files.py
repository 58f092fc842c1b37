"""Writes the checkpoints that start-up is measured on, with Python alone.

    python3 make_files.py FOLDER [large]

    500mb.safetensors     124 M weights in f32, 12 blocks, really there
    7gb.safetensors       3.5 G weights in bf16, 32 blocks, a sparse file
    100k.safetensors      100,000 tensors in 10,000 blocks

and, where `large` is asked for, what does not fit into memory:

    20gb.safetensors      10.2 G weights in bf16, 50 blocks, really there
    145gb.safetensors     72.7 G weights in bf16, 80 blocks, 963 tensors, a sparse file
"""

import array
import json
import os
import random
import struct
import sys


def layout(tensors):
    """The header and the data's length for (name, dtype, shape) triples."""
    sizes = {"F32": 4, "BF16": 2}
    header, offset = {}, 0
    for name, dtype, shape in tensors:
        count = sizes[dtype]
        for length in shape:
            count *= length
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + count]}
        offset += count
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text, offset


def transformer(blocks, width, vocabulary, dtype):
    """The tensors of a model in nanoGPT's layout."""
    yield "transformer.wte.weight", dtype, [vocabulary, width]
    yield "transformer.wpe.weight", dtype, [1024, width]
    for block in range(blocks):
        name = f"transformer.h.{block}"
        yield f"{name}.ln_1.weight", dtype, [width]
        yield f"{name}.attn.c_attn.weight", dtype, [3 * width, width]
        yield f"{name}.attn.c_proj.weight", dtype, [width, width]
        yield f"{name}.ln_2.weight", dtype, [width]
        yield f"{name}.mlp.c_fc.weight", dtype, [4 * width, width]
        yield f"{name}.mlp.c_proj.weight", dtype, [width, 4 * width]
    yield "transformer.ln_f.weight", dtype, [width]


def many(blocks):
    """Ten small tensors a block."""
    for block in range(blocks):
        for layer in ("q_proj", "k_proj", "v_proj", "o_proj"):
            yield f"model.layers.{block}.self_attn.{layer}.weight", "F32", [4, 4]
        for layer in ("gate_proj", "up_proj", "down_proj"):
            yield f"model.layers.{block}.mlp.{layer}.weight", "F32", [4, 4]
        yield f"model.layers.{block}.input_layernorm.weight", "F32", [4]
        yield f"model.layers.{block}.post_attention_layernorm.weight", "F32", [4]
        yield f"model.layers.{block}.mlp.gate_proj.bias", "F32", [4]


def grouped_query(blocks, width, vocabulary, dtype):
    """The tensors of a model in Llama's layout, with biases: twelve a block."""
    hidden, keys = 29568 * width // 8192, width // 8
    yield "model.embed_tokens.weight", dtype, [vocabulary, width]
    for block in range(blocks):
        name = f"model.layers.{block}"
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield f"{name}.{norm}.weight", dtype, [width]
        for layer, rows in (("q", width), ("k", keys), ("v", keys)):
            yield f"{name}.self_attn.{layer}_proj.weight", dtype, [rows, width]
            yield f"{name}.self_attn.{layer}_proj.bias", dtype, [rows]
        yield f"{name}.self_attn.o_proj.weight", dtype, [width, width]
        yield f"{name}.mlp.gate_proj.weight", dtype, [hidden, width]
        yield f"{name}.mlp.up_proj.weight", dtype, [hidden, width]
        yield f"{name}.mlp.down_proj.weight", dtype, [width, hidden]
    yield "model.norm.weight", dtype, [width]
    yield "lm_head.weight", dtype, [vocabulary, width]


def halves(values):
    """The upper halves of f32 numbers: bf16, cut off."""
    pairs = array.array("H", values)
    return pairs[1::2].tobytes()


def normal_values(count):
    """The bytes of `count` f32 values with the spread of a trained network's."""
    generator = random.Random(1)
    return array.array("f", (generator.gauss(0, 0.04) for _ in range(count))).tobytes()


def write(path, tensors, values):
    """A checkpoint whose data repeats `values`; none makes a sparse file."""
    if os.path.exists(path):
        return
    header, length = layout(tensors)
    with open(path + ".part", "wb") as file:
        file.write(header)
        if values:
            whole, rest = divmod(length, len(values))
            for _ in range(whole):
                file.write(values)
            file.write(values[:rest])
        else:
            file.truncate(len(header) + length)
    os.rename(path + ".part", path)


def main(folder, *what):
    os.makedirs(folder, exist_ok=True)
    values = normal_values(1 << 20)
    write(f"{folder}/500mb.safetensors", transformer(12, 768, 50304, "F32"), values)
    write(f"{folder}/7gb.safetensors", transformer(32, 2944, 50304, "BF16"), None)
    write(f"{folder}/100k.safetensors", many(10_000), values)
    if "large" in what:
        # A prime number of values, so that no two tensors are alike.
        numbers = halves(values)[: 2 * 1048573]
        write(f"{folder}/20gb.safetensors", transformer(50, 4096, 32000, "BF16"), numbers)
        write(f"{folder}/145gb.safetensors", grouped_query(80, 8192, 152064, "BF16"), None)


if __name__ == "__main__":
    main(*sys.argv[1:])
