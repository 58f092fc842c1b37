"""Prints what `make bench` measured, as tables in Markdown.

    python3 report.py OURS PEERS        files of JSON objects, one after the other

An object holds figures by name. What was measured several times stands in several objects, or in
a list: the median counts, and the least and the most are told. A peer's figure has our figure's
name. A row without a peer has no ratio, and one without a known limit no share of it.
"""

import json
import os
import statistics
import sys
from collections import defaultdict
from typing import NamedTuple

# A token's operations in training the 6 × 384 network on windows of 256, without what causal
# attention skips: products forward, for inputs' gradients and for weights'. A third is forward.
TRAINING_FLOPS = 67.3e6

# The self-compressed network that is part of the program: no peer reads its packed codes, and
# caches hold them.
COMPRESSED = "shakespeare-char-compressed"
# How the files of pruned models begin, and of what they are made from.
PRUNED = "bf16-"


class Figures:
    """Figures by name, each with all that was measured, in order."""

    def __init__(self, path):
        self.values = defaultdict(list)
        text = open(path).read() if os.path.exists(path) else ""
        decoder, place = json.JSONDecoder(), 0
        while text[place:].strip():
            place += len(text[place:]) - len(text[place:].lstrip())
            fields, place = decoder.raw_decode(text, place)
            for name, value in fields.items():
                self.values[name] += value if isinstance(value, list) else [value]

    def all(self, name):
        return [value for value in self.values.get(name, ()) if isinstance(value, (int, float))]

    def get(self, name):
        """The median; None where nothing was measured."""
        values = self.all(name)
        return statistics.median(values) if values else None

    def text(self, name):
        return next((v for v in self.values.get(name, ()) if isinstance(v, str)), None)

    def named(self, prefix, suffix):
        """What stands between, of every name with both."""
        return sorted(name[len(prefix):-len(suffix)] for name in self.values
                      if name.startswith(prefix) and name.endswith(suffix) and self.all(name))


class Goal(NamedTuple):
    """What a row is to reach: at least (or at most) a number of the `ratio`, the `share` of the
    limit, or the `figure` itself."""

    of: str
    number: float
    most: bool = False

    def text(self, unit):
        sign = "≤" if self.most else "≥"
        if self.of == "share":
            return f"{sign} {self.number:.0%} of limit"
        return f"{sign} {self.number:g} {'×' if self.of == 'ratio' else unit}".rstrip()

    def is_met(self, reached):
        value = reached[self.of]
        if value is None:
            return None
        return value <= self.number if self.most else value >= self.number


def ratio(number):
    return Goal("ratio", number)


def share(number):
    return Goal("share", number)


def at_most(number):
    return Goal("figure", number, most=True)


class Row(NamedTuple):
    what: str
    unit: str
    name: str
    goals: tuple = ()
    # Our share of what the machine allows.
    share: float = None
    more: bool = True
    # The peer's name of the figure, where it has another.
    peer: str = None
    # A figure of ours to compare with, in place of a peer's.
    own: str = None


class Machine:
    """What the machine allows: memory's bandwidth in GB/s, and the peaks in GFLOP/s."""

    def __init__(self, ours):
        self.memory = ours.get("memory_read_gb_per_s")
        self.one_thread = ours.get("memory_read_1_thread_gb_per_s")
        self.f32 = ours.get("peak_f32_gflops")
        self.bf16 = ours.get("peak_bf16_gflops")
        self.best = max(filter(None, (self.f32, self.bf16)), default=None)
        self.f32_unit, self.bf16_unit = (ours.text(f"peak_{kind}_unit") for kind in ("f32", "bf16"))
        self.has_amx = (self.bf16_unit or "").startswith("AMX")
        self.threads = ours.get("threads")

    @staticmethod
    def share(rate, cost, limit):
        """Of a limit in 10⁹ a second, for what takes `cost` a piece."""
        return rate * cost / 1e9 / limit if rate and cost and limit else None

    def describe(self, peers):
        name = next((line.split(":", 1)[1].strip() for line in processor_lines()
                     if line.startswith("model name")), "unknown processor")
        flags = next((line.split() for line in processor_lines() if line.startswith("flags")), [])
        units = [unit for unit in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8",
                                   "amx_bf16") if unit in flags]
        yield f"{name}, {os.cpu_count()} cores: {', '.join(units) or 'none of the known units'}"
        if self.best:
            yield (f"{self.threads:.0f} threads: {self.f32:,.0f} GFLOP/s in f32 ({self.f32_unit}), "
                   f"{self.bf16 or 0:,.0f} in bf16 ({self.bf16_unit})")
        if self.memory:
            yield (f"memory is read at {self.one_thread:.1f} GB/s by 1 thread, "
                   f"{self.memory:.1f} by {self.threads:.0f}")
        versions = [text for name in ("torch", "llama", "libggml", "gguf", "tokenizers")
                    if (text := peers.text(name))]
        yield f"peers: {', '.join(versions) or 'none could be had'}"
        yield "medians (least–most) of runs in turn with the peer's"


def processor_lines():
    try:
        return open("/proc/cpuinfo").read().splitlines()
    except OSError:
        return []


def network_rows(ours, machine):
    """The 6 × 384 network that is part of the program, beside PyTorch."""
    def rate(what, name, goal, flops, peak, peer=None):
        return Row(what, "tokens/s", name, (ratio(goal),),
                   machine.share(ours.get(name), flops, peak), peer=peer)

    amx = machine.has_amx
    exact, half = (f"evaluation_{kind}_tokens_per_second" for kind in ("f32", "bf16"))
    faster = half if (ours.get(half) or 0) > (ours.get(exact) or 0) else exact
    yield rate("training, batch 16 × 256", "training_tokens_per_second", 2.2 if amx else 1.35,
               TRAINING_FLOPS, machine.best)
    yield rate("self-compressing, all channels", "compressing_tokens_per_second",
               2.5 if amx else 1.5, TRAINING_FLOPS, machine.best)
    yield rate("self-compressing, 70 % of channels gone", "compressed_70_tokens_per_second",
               7 if amx else 5, None, None, "compressing_tokens_per_second")
    yield rate("evaluation, f32", exact, 1.5, TRAINING_FLOPS / 3, machine.f32)
    yield rate("evaluation, best precision", faster, 1.5, TRAINING_FLOPS / 3, machine.best,
               "evaluation_best_tokens_per_second")
    yield Row("memory while training", "MB", "training_resident_mb", (ratio(2),), more=False)
    for kind in ("f32", "bf16"):
        # A network as small as this one does not keep AMX's tiles busy.
        goals = () if amx and kind == "bf16" else (share(0.85),)
        yield Row(f"matrix products, {kind}", "GFLOP/s", f"products_{kind}_gflops", goals,
                  ours.get(f"products_{kind}_share_of_peak"))


def model_rows(ours, machine):
    """Models from their stored form, beside llama.cpp."""
    prompt_goal = ratio(3 if machine.has_amx else 2)
    models = [model for model in ours.named("prompt_", "_tokens_per_second")
              if model != COMPRESSED and not model.startswith(PRUNED)]
    for model in models:
        name = f"prompt_{model}_tokens_per_second"
        flops = 2 * ours.get(f"block_weights_{model}")
        yield Row(f"{model}: prompt of 512", "tokens/s", name, (prompt_goal,),
                  machine.share(ours.get(name), flops, machine.best))
    for model in models:
        name = f"generation_{model}_tokens_per_second"
        yield Row(f"{model}: generation", "tokens/s", name, (ratio(1.5), share(0.8)),
                  machine.share(ours.get(name), ours.get(f"bytes_per_token_{model}"),
                                machine.memory))
    yield Row("self-compressed network: generation", "tokens/s",
              f"generation_{COMPRESSED}_tokens_per_second", (Goal("figure", 3000),))
    for window in (512, 2048):
        for model in ours.named(f"evaluation_{window}_", "_tokens_per_second"):
            if model.startswith(PRUNED):
                continue
            name = f"evaluation_{window}_{model}_tokens_per_second"
            # The head is needed for the second half of each window.
            flops = 2 * ours.get(f"block_weights_{model}") + ours.get(f"head_weights_{model}")
            yield Row(f"{model}: evaluation, windows of {window:,}", "tokens/s", name, (ratio(3),),
                      machine.share(ours.get(name), flops, machine.best))


def pruned_rows(ours):
    """What is left of a model, beside the dense one in the same numbers: ours, both."""
    dense = f"generation_{PRUNED}dense_tokens_per_second"
    for kind, what, goal in (("2of4", "2:4", 1.5), ("80", "80 % gone, bitmap", 2.5),
                             ("tiles", "80 % gone, in tiles", 1),
                             ("half", "half of the channels taken out", 1.7)):
        yield Row(f"generation, {what}", "tokens/s", f"generation_{PRUNED}{kind}_tokens_per_second",
                  (ratio(goal),), own=dense)
    for work, what in (("prompt", "prompt of 512"), ("evaluation_512", "evaluation")):
        yield Row(f"{what}, half of the channels taken out", "tokens/s",
                  f"{work}_{PRUNED}half_tokens_per_second", (ratio(1.7),),
                  own=f"{work}_{PRUNED}dense_tokens_per_second")


def weight_rows(ours, peers):
    """Passes over weights, beside PyTorch, libggml and the gguf package."""
    for work, what, goal in (("summary_and_mask", "summary and mask", 0.7),
                             ("summary_mask_histogram", "and a histogram", 0.6)):
        for kind in ("f32", "bf16"):
            yield Row(f"{what}, {kind}", "GB/s", f"{work}_{kind}_gb_per_s", (share(goal),),
                      ours.get(f"{work}_{kind}_share_of_memory"))
    yield Row("all statistics of 500 MB", "s", "statistics_500mb_seconds", (at_most(0.3),),
              more=False)
    yield Row("prune half of 100 M weights", "s", "prune_100m_seconds", (ratio(40),), more=False)
    yield Row("the same, in times of reading them", "", "prune_100m_times_reading",
              (at_most(2.5),), more=False)
    for work in ("dequantize", "quantize"):
        for kind in ours.named(f"{work}_", "_gb_per_s"):
            name = f"{work}_{kind}_gb_per_s"
            goal = 2 if work == "quantize" and kind in ("q4_1", "q4_k", "q6_k") else 1.2
            yield Row(f"{work} {kind.upper()}", "GB/s", name, (ratio(goal),))
    for work in ("dequantize", "quantize"):
        for kind in ours.named(f"{work}_", "_gb_per_s"):
            package = f"{work}_{kind}_package_gb_per_s"
            if not peers.all(package):
                continue
            yield Row(f"{work} {kind.upper()}, gguf's Python", "GB/s",
                      f"{work}_{kind}_gb_per_s", (ratio(1.2),), peer=package)


def program_rows(ours, peers):
    """Opening, start-up, the screen, and text to tokens on one thread."""
    for file in ours.named("open_", "_model_seconds"):
        peer = f"open_{file}_seconds"
        yield Row(f"open {file}, to a list", "s", peer, (ratio(5),), more=False)
        yield Row(f"open {file}, and its blocks", "s", f"open_{file}_model_seconds", (ratio(5),),
                  more=False, peer=peer)
    limits = {"embedded": 0.05, "100k.safetensors": 0.15}
    for file in ours.named("first_frame_", "_seconds"):
        yield Row(f"start to first frame, {file}", "s", f"first_frame_{file}_seconds",
                  (at_most(limits.get(file, 0.1)),), more=False)
    yield Row("a frame of 200 × 60", "ms", "frame_200x60_milliseconds", (at_most(2),), more=False)
    yield Row("key to frame while a pass runs, p99", "ms", "key_to_frame_p99_milliseconds",
              (at_most(16),), more=False)
    for kind in ours.named("encode_", "_mb_per_s"):
        tokens = f"encode_{kind}_tokens"
        differ = peers.get(tokens) not in (None, ours.get(tokens))
        yield Row(f"encode, {kind.replace('_', ' ')}{' (TOKENS DIFFER)' * differ}", "MB/s",
                  f"encode_{kind}_mb_per_s", (ratio(1),))


def number(value):
    digits = 5 if value < 0.01 else 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def spread(figures, name):
    values = figures.all(name)
    if not values:
        return "–"
    median = number(figures.get(name))
    return f"{median} ({number(min(values))}–{number(max(values))})" if len(values) > 1 else median


def cells(row, ours, peers):
    peer = row.own or row.peer or row.name
    others = ours if row.own else peers
    figure, theirs = ours.get(row.name), others.get(peer)
    times = (figure / theirs if row.more else theirs / figure) if figure and theirs else None
    reached = {"figure": figure, "ratio": times, "share": row.share}
    met = [goal.is_met(reached) for goal in row.goals]
    verdict = "–" if None in met or not met else "yes" if all(met) else "no"
    what = f"{row.what}, {row.unit}" if row.unit else row.what
    return (what, spread(ours, row.name), spread(others, peer),
            f"{times:.2f} ×" if times else "–", f"{row.share:.0%}" if row.share else "–",
            ", ".join(goal.text(row.unit) for goal in row.goals), verdict)


def show(title, rows, ours, peers):
    """A table of the rows that were measured."""
    table = [cells(row, ours, peers) for row in rows if ours.all(row.name)]
    if not table:
        return
    head = (title, "Pare", "peer", "ratio", "of limit", "goal", "met")
    widths = [max(len(line[column]) for line in table + [head]) for column in range(len(head))]

    def line(texts):
        padded = [texts[0].ljust(widths[0])] + [t.rjust(w) for t, w in zip(texts[1:], widths[1:])]
        return "| " + " | ".join(padded) + " |"

    print("\n" + line(head))
    print("| " + " | ".join(["-" * widths[0]] + ["-" * (w - 1) + ":" for w in widths[1:]]) + " |")
    for texts in table:
        print(line(texts))


def main(our_path, peer_path):
    ours, peers = Figures(our_path), Figures(peer_path)
    machine = Machine(ours)
    for line in machine.describe(peers):
        print(line)
    show("network", network_rows(ours, machine), ours, peers)
    show("models from their stored form", model_rows(ours, machine), ours, peers)
    show("SmolLM2 in bf16, pruned, beside dense", pruned_rows(ours), ours, peers)
    show("weights", weight_rows(ours, peers), ours, peers)
    show("program", program_rows(ours, peers), ours, peers)


if __name__ == "__main__":
    main(*sys.argv[1:])
