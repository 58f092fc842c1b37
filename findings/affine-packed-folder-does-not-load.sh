#!/usr/bin/env bash
# transformers does not load a folder of packed weights with zero points that compressed-tensors
# itself has written, unless it is asked to make plain weights of them at once: so an affine model
# cannot be run packed. A symmetric one loads either way.
#
# Versions: transformers 5.24.0, compressed-tensors 0.20.1, torch 2.13.0 (CPU), accelerate 1.15.0.
# Behaviour: `from_pretrained(FOLDER)` raises a RuntimeError about the shape of the zero points;
# with `CompressedTensorsConfig(dequantize=True)` the same folder loads and runs.
# Output seen:
#   symmetric, dequantize=False: runs
#   symmetric, dequantize=True: runs
#   affine, dequantize=False: RuntimeError
#   affine, dequantize=True: runs
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip --quiet install "torch==2.13.0+cpu" transformers==5.24.0 \
  compressed-tensors==0.20.1 accelerate==1.15.0

cat >look.py <<'PYTHON'
import warnings

warnings.filterwarnings("ignore")
import torch
import transformers
from compressed_tensors.compressors import ModelCompressor
from compressed_tensors.quantization import (
    QuantizationArgs, QuantizationConfig, QuantizationScheme, apply_quantization_config)

transformers.logging.set_verbosity_error()
config = transformers.LlamaConfig(
    vocab_size=64, hidden_size=64, intermediate_size=96, num_hidden_layers=1,
    num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=64)


def write(name, symmetric):
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    weights = QuantizationArgs(
        num_bits=4, symmetric=symmetric, strategy="group", group_size=32)
    scheme = QuantizationScheme(targets=["Linear"], weights=weights)
    apply_quantization_config(
        model, QuantizationConfig(config_groups={"all": scheme}, ignore=["lm_head"]))
    for layer in model.modules():
        if not hasattr(layer, "weight_scale"):
            continue
        groups = layer.weight.view(layer.weight.shape[0], -1, 32)
        low, high = groups.amin(-1).clamp(max=0), groups.amax(-1).clamp(min=0)
        if symmetric:
            layer.weight_scale.data.copy_(torch.maximum(-low, high) / 7)
        else:
            scale = (high - low) / 15
            layer.weight_scale.data.copy_(scale)
            layer.weight_zero_point.data.copy_((-8 - low / scale).round().clamp(-8, 7))
    compressor = ModelCompressor.from_pretrained_model(model)
    compressor.compress_model(model)
    model.save_pretrained(name)
    compressor.update_config(name)


def outcome(name, dequantize):
    options = {}
    if dequantize:
        options["quantization_config"] = transformers.CompressedTensorsConfig(dequantize=True)
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(name, **options)
        with torch.no_grad():
            model(torch.arange(8)[None])
    except Exception as error:
        return type(error).__name__
    return "runs"


for name in ["symmetric", "affine"]:
    write(name, name == "symmetric")
    for dequantize in [False, True]:
        print(f"{name}, dequantize={dequantize}: {outcome(name, dequantize)}")
PYTHON
venv/bin/python look.py 2>/dev/null | tee output
diff - output <<'EXPECTED'
symmetric, dequantize=False: runs
symmetric, dequantize=True: runs
affine, dequantize=False: RuntimeError
affine, dequantize=True: runs
EXPECTED
