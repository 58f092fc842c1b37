#!/usr/bin/env python3
"""Loads a folder that `pare … --layout` wrote with the tools of its layout, and compares weights.

    quantized_loads.py FOLDER DENSE.safetensors

DENSE is what Pare reads of the folder (`pare convert FOLDER -o DENSE --dtype f32`). Prints
`LAYERS layers are equal`, or which are not, with status 1. The tools multiply in f16, so each weight
is to be the nearest of that type. compressed-tensors is read by transformers, GPTQ and AWQ by
GPTQModel; status 77 says that they are not there.
"""

import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")


def missing(error):
    print(f"not there: {error}")
    sys.exit(77)


def compressed_tensors(folder):
    try:
        import compressed_tensors  # noqa: F401
        from transformers import AutoModelForCausalLM, CompressedTensorsConfig
    except ImportError as error:
        missing(error)
    import torch

    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, quantization_config=CompressedTensorsConfig(dequantize=True)
    )
    return lambda name: model.state_dict()[name]


def gptq_model(folder, method):
    try:
        from gptqmodel import BACKEND, GPTQModel
    except ImportError as error:
        missing(error)
    import torch

    backend = BACKEND.TORCH if method == "gptq" else BACKEND.TORCH_AWQ
    model = GPTQModel.load(folder, backend=backend, device="cpu", dtype=torch.float16).model

    def weight(name):
        layer = model.get_submodule(name.removesuffix(".weight"))
        if not hasattr(layer, "qweight"):
            return layer.weight
        if hasattr(layer, "dequantize_weight"):
            return layer.dequantize_weight().T
        # Outputs for each input alone.
        return layer(torch.eye(layer.in_features, dtype=torch.float16)).T

    return weight


def main():
    folder, dense = sys.argv[1:]
    with open(os.path.join(folder, "config.json")) as file:
        method = json.load(file)["quantization_config"]["quant_method"]
    weight = (
        compressed_tensors(folder)
        if method == "compressed-tensors"
        else gptq_model(folder, method)
    )
    import torch
    from safetensors.torch import load_file

    names = [name for name in load_file(os.path.join(folder, "model.safetensors"))]
    layers = {name.rsplit(".", 1)[0] for name in names if name.endswith(("qweight", "weight_packed"))}
    expected = load_file(dense)
    wrong = [
        layer
        for layer in sorted(layers)
        if not torch.equal(weight(layer + ".weight").half(), expected[layer + ".weight"].half())
    ]
    if wrong or not layers:
        print(f"{len(wrong)} of {len(layers)} layers differ: {' '.join(wrong[:3])}")
        sys.exit(1)
    print(f"{len(layers)} layers are equal")


main()
