#!/usr/bin/env bash
# llama.cpp's converter leaves Mistral's sliding window out of a GGUF file, and says nothing. The
# file then computes something else than the folder it was made from, for every text longer than
# the window, so that losses of the two are not those of one model.
#
# Versions: the converter and gguf-py in the source distribution of llama-cpp-python 0.3.36,
# transformers 5.24.0, torch 2.13.0 (CPU), sentencepiece 0.2.1.
# Behaviour: convert_hf_to_gguf.py ends with status 0; neither its output nor the file mentions
# the window. In transformers the logits of the last of 24 tokens differ by more
# than a tenth of their size with and without a window of 6.
# Output seen:
#   mistral: status 0, keys with 'window': [], said of it: nothing
#   mistral: logits with and without the window differ by 112% of their size
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip --quiet install "torch==2.13.0+cpu" transformers==5.24.0 \
  sentencepiece==0.2.1 numpy protobuf pyyaml tqdm requests
venv/bin/python -m pip --quiet download --no-deps --no-binary llama-cpp-python \
  llama-cpp-python==0.3.36 -d .
tar xzf llama_cpp_python-0.3.36.tar.gz
llama=$folder/llama_cpp_python-0.3.36/vendor/llama.cpp

cat >look.py <<'PYTHON'
import copy, io, os, subprocess, sys

import sentencepiece
import torch
import transformers

llama = sys.argv[1]
sys.path.insert(0, llama + "/gguf-py")
import gguf

transformers.logging.set_verbosity_error()
words = " ".join(f"word{i % 97} {i}" for i in range(4000))
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=io.StringIO("\n".join(words[i : i + 80] for i in range(0, 20000, 80))),
    model_prefix="tokenizer", vocab_size=280, model_type="bpe", byte_fallback=True)
common = dict(
    vocab_size=280, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128)
rope = {"rope_type": "default", "rope_theta": 10000.0}
name, word = "mistral", "window"
config = transformers.MistralConfig(**common, sliding_window=6, rope_parameters=rope)
torch.manual_seed(1)
model = transformers.AutoModelForCausalLM.from_config(config).eval()
with torch.no_grad():
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.normal_(0, 0.2)
model.save_pretrained(name)
os.link("tokenizer.model", name + "/tokenizer.model")
run = subprocess.run(
    [sys.executable, llama + "/convert_hf_to_gguf.py", name, "--outtype", "f32",
     "--outfile", name + ".gguf"], capture_output=True, text=True)
said = [line for line in (run.stdout + run.stderr).splitlines() if word in line.lower()]
keys = [key for key in gguf.GGUFReader(name + ".gguf").fields if word in key]
print(f"{name}: status {run.returncode}, keys with '{word}': {keys}, "
      f"said of it: {said or 'nothing'}")
assert run.returncode == 0 and not keys and not said
whole = copy.deepcopy(config)
whole.sliding_window = None
other = transformers.AutoModelForCausalLM.from_config(whole).eval()
other.load_state_dict(model.state_dict())
ids = torch.tensor([[3 + 7 * i % 250 for i in range(24)]])
with torch.no_grad():
    a, b = (m(ids).logits[0, -1] for m in (model, other))
share = ((a - b).norm() / a.norm()).item()
print(f"{name}: logits with and without the window differ by {share:.0%} of their size")
assert share > 0.1
PYTHON
venv/bin/python look.py "$llama"
