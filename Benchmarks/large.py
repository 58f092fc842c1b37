"""Runs a command and tells how long it took, how fast that is for the bytes it
had to move, and how much memory it held.

    python3 large.py GIGABYTES COMMAND...

Memory is the largest sum of anonymous pages seen (sampled 50 times a second);
pages of mapped files, which the system takes back as it likes, are told apart.
"""

import subprocess
import sys
import time


def status(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            fields = dict(line.split(":", 1) for line in file if ":" in line)
    except OSError:
        return {}
    return {key: int(value.split()[0]) / 1024
            for key, value in fields.items() if key in ("RssAnon", "RssFile")}


def main(gigabytes, command):
    start = time.monotonic()
    process = subprocess.Popen(command)
    anonymous = mapped = 0.0
    while process.poll() is None:
        now = status(process.pid)
        anonymous = max(anonymous, now.get("RssAnon", 0))
        mapped = max(mapped, now.get("RssFile", 0))
        time.sleep(0.02)
    seconds = time.monotonic() - start
    print(f"{seconds:.1f} s, {gigabytes / seconds:.2f} GB/s, "
          f"{anonymous:.0f} MB anonymous, {mapped:.0f} MB of files, status {process.returncode}")


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
