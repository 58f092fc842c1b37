"""Prints what `make bench` measured: the figure, the peer's, the goal.

    python3 report.py FOLDER       with pare.json, startup.json and perhaps peers.json
                                   and peers_gguf.json, peers_tokenizers.json
"""

import json
import os
import sys


def read(folder, name):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        return {}
    with open(path) as file:
        return json.load(file)


def number(value, unit):
    if value is None:
        return "–"
    digits = 5 if value < 0.01 else 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f} {unit}".rstrip()


def rows(pare, startup, peers):
    """(what, unit, ours, PyTorch's, whether more is better, goal)."""
    def both(what, unit, key, more, goal, peer=None):
        return what, unit, pare.get(key), peers.get(peer or key), more, goal

    yield both("summary and mask, f32, of memory's speed", "",
               "summary_and_mask_f32_share_of_memory", True, "≥ 0.7")
    yield both("summary and mask, bf16, of memory's speed", "",
               "summary_and_mask_bf16_share_of_memory", True, "≥ 0.7")
    yield both("and a histogram, f32", "GB/s", "summary_mask_histogram_f32_gb_per_s", True, "≥ 15")
    yield both("and a histogram, bf16", "GB/s", "summary_mask_histogram_bf16_gb_per_s", True, "≥ 15")
    yield both("all statistics of 500 MB", "s", "statistics_500mb_seconds", False, "< 0.3")
    yield both("prune half of 100 M weights", "s", "prune_100m_seconds", False, "≥ 40 ×")
    yield both("evaluation, f32", "tokens/s", "evaluation_f32_tokens_per_second", True, "≥ 1.1 ×")
    yield both("evaluation, best precision", "tokens/s", "evaluation_best_tokens_per_second",
               True, "≥ 1.1 ×")
    yield both("training, batch 16 × 256", "tokens/s", "training_tokens_per_second",
               True, "≥ 1.2 ×")
    yield both("self-compressing, all channels", "tokens/s", "compressing_tokens_per_second",
               True, "≥ 1.4 ×")
    yield both("self-compressing, 70 % of channels gone", "tokens/s",
               "compressed_70_tokens_per_second", True, "≥ 4 ×", "compressing_tokens_per_second")
    yield both("matrix products, f32, of the peak", "", "products_f32_share_of_peak", True,
               "≥ 0.85")
    yield both("matrix products, bf16, of the peak", "", "products_bf16_share_of_peak", True,
               "≥ 0.85")
    yield both("memory while training", "MB", "training_resident_mb", False, "≥ 2 ×")
    yield both("a frame of 200 × 60", "ms", "frame_200x60_milliseconds", False, "< 2")
    yield both("key to frame while a pass runs, p99", "ms", "key_to_frame_p99_milliseconds",
               False, "< 16")
    goals = {"embedded": "< 0.05", "500mb.safetensors": "< 0.1", "7gb.safetensors": "< 0.1",
             "100k.safetensors": "< 0.15"}
    for name, goal in goals.items():
        figure = startup.get("first_frame_seconds", {}).get(name, {}).get("median")
        yield f"start to first frame, {name}", "s", figure, None, False, goal


def block_rows(pare, peers):
    """Weights in blocks, and the opening of files: (what, unit, ours, libggml's or the
    reader's, the gguf package's, whether more is better, goal)."""
    for work in ("dequantize", "quantize"):
        for key in sorted(pare):
            if key.startswith(f"{work}_") and pare[key]:
                name = key.removeprefix(f"{work}_").removesuffix("_gb_per_s")
                package = peers.get(f"{work}_{name}_package_gb_per_s")
                yield (f"{work} {name.upper()}", "GB/s", pare[key], peers.get(key), package,
                       True, "≥ 1.2 ×")
    for key in sorted(pare):
        if key.startswith("open_"):
            name = key.removeprefix("open_").removesuffix("_seconds")
            file = name.removesuffix("_model")
            what = "to a list" if file == name else "and its blocks"
            peer = peers.get(f"open_{file}_seconds")
            yield f"open {file}, {what}", "s", pare[key], peer, None, False, "≥ 5 ×"


def encoding_rows(pare, peers):
    """Text to tokens on one thread: (what, unit, ours, tokenizers', whether more is better,
    goal)."""
    for key in sorted(pare):
        if key.startswith("encode_") and key.endswith("_mb_per_s"):
            name = key.removeprefix("encode_").removesuffix("_mb_per_s")
            tokens = f"encode_{name}_tokens"
            differ = tokens in peers and peers[tokens] != pare.get(tokens)
            what = f"encode, {name.replace('_', ' ')}" + (" (TOKENS DIFFER)" if differ else "")
            yield what, "MB/s", pare[key], peers.get(key), True, "≥ 1 ×"


def show(table):
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip())


def ratio_of(ours, theirs, more):
    if not ours or not theirs:
        return None
    return ours / theirs if more else theirs / ours


def show_blocks(pare, peers):
    names = peers.get("libggml", "no libggml"), peers.get("gguf", "no gguf")
    table = [("", "Pare", f"{names[0]}, or reader", "ratio", names[1], "ratio", "goal")]
    for what, unit, ours, theirs, package, more, goal in block_rows(pare, peers):
        table.append((
            what, number(ours, unit), number(theirs, unit),
            number(ratio_of(ours, theirs, more), "×"), number(package, unit),
            number(ratio_of(ours, package, more), "×"), goal))
    print()
    show(table)


def show_rows(rows, peer):
    table = [("", "Pare", peer, "ratio", "goal")]
    for what, unit, ours, theirs, more, goal in rows:
        ratio = ratio_of(ours, theirs, more)
        table.append((what, number(ours, unit), number(theirs, unit), number(ratio, "×"), goal))
    show(table)


def main(folder):
    pare, startup, peers, blocks, encoding = (
        read(folder, f"{name}.json")
        for name in ("pare", "startup", "peers", "peers_gguf", "peers_tokenizers"))
    speeds = [pare.get(f"evaluation_{kind}_tokens_per_second") or 0 for kind in ("f32", "bf16")]
    pare["evaluation_best_tokens_per_second"] = max(speeds) or None
    show_rows(rows(pare, startup, peers), peers.get("peer", "no peer"))
    show_blocks(pare, blocks)
    if any(key.startswith("encode_") for key in pare):
        print()
        show_rows(encoding_rows(pare, encoding), encoding.get("tokenizers", "no tokenizers"))


if __name__ == "__main__":
    main(sys.argv[1])
