"""How to call this program again."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

NAME = "gridrt"


def command_line(*words: object) -> str:
    """The line that runs a verb, ready to paste: where the shell does not find `gridrt`, as it was found this time."""
    was_called_by_path = Path(sys.argv[0]).name == NAME and shutil.which(NAME) is None
    return shlex.join([sys.argv[0] if was_called_by_path else NAME, *map(str, words)])
