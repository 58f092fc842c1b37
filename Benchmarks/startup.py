"""Times the explorer from the start of its process to its first frame.

    python3 startup.py PARE [FILE …]        prints one JSON object

Each file is opened five times in a terminal of 200 × 60 cells; the embedded
checkpoint comes first. The program tells of its frames in the file that
PARE_TRACE names.
"""

import fcntl
import json
import os
import pty
import select
import struct
import sys
import tempfile
import termios
import time

RUNS = 5
LIMIT_SECONDS = 60


def first_frame(command, folder, number):
    """Seconds from fork to the first frame's line in the trace."""
    trace = f"{folder}/trace.{number}"
    environment = dict(os.environ, PARE_TRACE=trace, PARE_NO_SESSION="1", TERM="xterm-256color",
                       LANG="C.UTF-8", XDG_STATE_HOME=folder)
    began = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
        os.execve(command[0], command, environment)
    elapsed = None
    while time.perf_counter() - began < LIMIT_SECONDS:
        if select.select([terminal], [], [], 0.0005)[0]:
            try:
                if not os.read(terminal, 1 << 16):
                    break
            except OSError:
                break
        if os.path.exists(trace) and os.path.getsize(trace) > 0:
            elapsed = time.perf_counter() - began
            break
    os.kill(child, 9)
    os.waitpid(child, 0)
    os.close(terminal)
    if elapsed is None:
        raise SystemExit(f"startup.py: no frame came from {' '.join(command)}")
    return elapsed


def main(program, files):
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for index, file in enumerate([None] + files):
            command = [program] + ([file] if file else [])
            runs = [first_frame(command, folder, f"{index}.{run}") for run in range(RUNS)]
            name = os.path.basename(file) if file else "embedded"
            figures[f"first_frame_{name}_seconds"] = runs
    print(json.dumps(figures, indent=2, sort_keys=True))


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]), sys.argv[2:])
