"""The work of `pare bench --model`, done by llama.cpp; prints one JSON object.

    python3 peers_llama.py FOLDER FILE.gguf [WINDOW …]

FOLDER has llama-bench and llama-perplexity. A prompt of 512 tokens and 64 new ones, once after a
run that is not counted, and the evaluation of text in windows of the given lengths. Of the latter
the time within the network counts, without the losses' own.
"""

import json
import os
import re
import subprocess
import sys

# Any text that is long enough: which tokens it has does not matter for time.
TEXT = os.path.join(os.path.dirname(__file__), "..", "README.md")
EVALUATED = 1024


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise SystemExit(f"peers_llama.py: {' '.join(command)}:\n{done.stderr[-2000:]}")
    return done.stdout, done.stderr


def main(folder, model, *windows):
    threads = os.environ.get("PARE_THREADS", "2")
    name = os.path.basename(model).split(".")[0]
    runs = json.loads(output(f"{folder}/llama-bench", "-m", model, "-t", threads, "-p", "512",
                             "-n", "64", "-r", "1", "-o", "json")[0])
    figures = {"llama": f"llama.cpp {runs[0]['build_commit']}"}
    for run in runs:
        work = "generation" if run["n_gen"] else "prompt"
        figures[f"{work}_{name}_tokens_per_second"] = run["avg_ts"]
    for window in map(int, windows):
        # All windows are one pass.
        tokens = max(EVALUATED // window, 1) * window
        _, said = output(
            f"{folder}/llama-perplexity", "-m", model, "-t", threads, "-f", TEXT, "-c",
            str(window), "-b", str(tokens), "--chunks", str(tokens // window))
        seconds = re.search(r"([\d.]+) seconds per pass", said)
        figures[f"evaluation_{window}_{name}_tokens_per_second"] = tokens / float(seconds[1])
    print(json.dumps(figures, indent=2, sort_keys=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
