"""The command line that calls this program again."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

NAME = "gridrt"


def command_line(*words: object) -> str:
    """A verb and its arguments as a line to paste; with the path of `gridrt` where the shell would not find it."""
    was_called_by_path = Path(sys.argv[0]).name == NAME and shutil.which(NAME) is None
    return shlex.join([sys.argv[0] if was_called_by_path else NAME, *map(str, words)])
