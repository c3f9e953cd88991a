"""How the command line names itself: as a line that calls it again, and its options."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

NAME = "gridrt"


def command_line(*words: object) -> str:
    """A verb and its arguments as a line to paste; with the path of `gridrt` where the shell would not find it."""
    was_called_by_path = Path(sys.argv[0]).name == NAME and shutil.which(NAME) is None
    return shlex.join([sys.argv[0] if was_called_by_path else NAME, *map(str, words)])


def with_flags(message: object) -> str:
    """A message of the library, which names an option `trust_checkpoint`, for the shell: --trust-checkpoint."""
    return re.sub(r"`(\w+)`", lambda option: f"--{option[1].replace('_', '-')}", str(message))
