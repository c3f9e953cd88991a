"""The format of a weights file, recognised by its content: the suffix does not matter. Needs no PyTorch."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from gridrt.files import head_of

Format = Literal["torch zip", "torch legacy", "safetensors", "safetensors index"]

CHECKPOINT_SUFFIXES = (".pth", ".pt", ".ckpt", ".pth.tar", ".bin", ".safetensors", ".safetensors.index.json")
_CUT_ZIP_HEAD_BYTES = 1 << 10
_INDEX_HEAD_BYTES = 1 << 16  # metadata may come before the key that marks an index
_ZIP_MAGIC = b"PK\x03\x04"
_LEGACY_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")  # torch.save before 1.6 pickles this number first


def weights_format(path: Path) -> Format | None:
    """How a file stores weights; None where neither torch nor safetensors wrote it, or it cannot be read."""
    head = head_of(path)
    if head.startswith(_ZIP_MAGIC):
        try:
            with zipfile.ZipFile(path) as archive:
                return "torch zip" if any(name.endswith("data.pkl") for name in archive.namelist()) else None
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):  # cut or damaged: data.pkl comes first
            return "torch zip" if b"/data.pkl" in head_of(path, _CUT_ZIP_HEAD_BYTES) else None
    if _LEGACY_MAGIC in head:
        return "torch legacy"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:  # the length of its JSON header
        return "safetensors"
    if head.startswith(b"{") and b'"weight_map"' in head_of(path, _INDEX_HEAD_BYTES):
        return "safetensors index"
    return None
