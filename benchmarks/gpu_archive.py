"""One file with all results of `benchmarks.gpu`, whole after each part: a run that is cut short leaves what it has."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from gridrt.files import write_bytes

NAME = "gpu.zip"
MOST_BYTES = 16 << 20
"""Of the file: some ways of bringing results home take no larger ones."""


def write_archive(folder: Path, contents: Mapping[str, bytes]) -> list[str]:
    """Write `folder/gpu.zip` atomically.

    Args:
        folder: to write to.
        contents: by name, the most important first.

    Returns:
        Names for which there was no room, because the file would be larger than `MOST_BYTES`.
    """
    memory, left_out = io.BytesIO(), list[str]()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            # Before compression, and a kilobyte for what the format adds: never too much.
            if memory.tell() + len(content) + 1024 * (len(contents) + 1) > MOST_BYTES:
                left_out.append(name)
            else:
                archive.writestr(name, content)
    write_bytes(folder / NAME, memory.getvalue())
    return left_out
