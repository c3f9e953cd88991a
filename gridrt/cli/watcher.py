"""The watcher of `gridrt/cli/last_words.py`. It runs alone, without this package, to start within milliseconds."""

import os
import sys

CAUSE = b"Fatal Python error: "  # as faulthandler begins


def main() -> None:
    """Read from stdin what another process works on, and print that where the process ends before it is done."""
    work, cause = b"", b"no cause told: it was killed, by hand or for want of memory"
    for line in sys.stdin.buffer:
        if line.startswith(b"work "):
            work = line.removeprefix(b"work ").strip()
        elif line.startswith(CAUSE):
            cause = line.removeprefix(CAUSE).strip()
        elif line == b"done\n":
            return
    if not work:  # it was interrupted before it began
        return
    below = b"\n" if os.isatty(2) else b""  # the line of a progress bar
    os.write(2, below + b"error: " + work + b": the process died here (found " + cause + b")\n")


if __name__ == "__main__":
    main()
