"""`python -m gridrt`: the same as the command `gridrt`."""

from __future__ import annotations

from gridrt.cli.main import cli

if __name__ == "__main__":
    cli(prog_name="gridrt")
