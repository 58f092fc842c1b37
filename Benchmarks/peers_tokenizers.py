"""Small tokenizers, and how quickly Hugging Face's `tokenizers` encodes with them.

    python peers_tokenizers.py make FOLDER      writes byte-level.json, sentencepiece-bpe.json
                                                and unigram.json, trained here, and
                                                documents.json: what is encoded
    python peers_tokenizers.py measure FOLDER   prints one JSON object

Documents are pieces of this repository's own text: English and code. Speeds are
megabytes of UTF-8 a second on one thread, the best of some runs, each by the quicker of
`encode` and `encode_batch_fast`, which leaves offsets out.
"""

import glob
import importlib.metadata
import json
import os
import sys
import time

# Before the library is loaded: one thread.
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

VOCABULARY = 8000
PIECE = 4096
TOTAL = 2_000_000
RUNS = 5


def documents():
    """Pieces of about 4 KB that end with lines."""
    paths = ["README.md", *sorted(glob.glob("Sources/**/*.swift", recursive=True))]
    pieces, piece, total = [], "", 0
    for path in paths:
        for line in open(path, encoding="utf-8"):
            piece += line
            if len(piece) >= PIECE:
                pieces.append(piece)
                total += len(piece)
                piece = ""
                if total >= TOTAL:
                    return pieces
    return pieces + [piece]


def byte_level():
    """As GPT-2's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, trainers.BpeTrainer(
        vocab_size=VOCABULARY, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def sentencepiece_bpe():
    """As Gemma's: spaces are replaced first, so a document is one piece."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Replace("▁", " ")
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    return tokenizer, trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, show_progress=False, limit_alphabet=200,
        max_token_length=16)


def unigram():
    """As T5's, without its map of characters."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer, trainers.UnigramTrainer(
        vocab_size=VOCABULARY, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>",
        show_progress=False)


KINDS = {"byte-level": byte_level, "sentencepiece-bpe": sentencepiece_bpe, "unigram": unigram}


def make(folder):
    os.makedirs(folder, exist_ok=True)
    texts = documents()
    for name, kind in KINDS.items():
        tokenizer, trainer = kind()
        tokenizer.train_from_iterator(texts, trainer)
        tree = json.loads(tokenizer.to_str())
        # Bytes are no special tokens in real files.
        tree["added_tokens"] = [
            token for token in tree["added_tokens"] if not token["content"].startswith("<0x")]
        with open(os.path.join(folder, f"{name}.json"), "w") as file:
            json.dump(tree, file)
    with open(os.path.join(folder, "documents.json"), "w") as file:
        json.dump(texts, file)


def measure(folder):
    with open(os.path.join(folder, "documents.json")) as file:
        texts = json.load(file)
    size = sum(len(text.encode()) for text in texts)
    figures = {"tokenizers": f"tokenizers {importlib.metadata.version('tokenizers')}"}
    for name in KINDS:
        tokenizer = Tokenizer.from_file(os.path.join(folder, f"{name}.json"))
        ways = [lambda: [tokenizer.encode(text, add_special_tokens=False) for text in texts]]
        if hasattr(tokenizer, "encode_batch_fast"):
            ways.append(lambda: tokenizer.encode_batch_fast(texts, add_special_tokens=False))
        best = float("inf")
        for way in ways:
            for _ in range(RUNS):
                began = time.perf_counter()
                found = way()
                best = min(best, time.perf_counter() - began)
        key = name.replace("-", "_")
        figures[f"encode_{key}_mb_per_s"] = size / best / 1e6
        figures[f"encode_{key}_tokens"] = sum(len(encoding) for encoding in found)
    print(json.dumps(figures))


if __name__ == "__main__":
    {"make": make, "measure": measure}[sys.argv[1]](sys.argv[2])
