"""Whether a file is an ONNX graph, by its first bytes; onnx is not imported."""

from __future__ import annotations

from pathlib import Path

from gridrt.files import head_of

_IR_VERSION = 0x08  # the tag of field 1, a number; protobuf writes fields in this order
_LATEST_IR_VERSION = 32  # far above today's 13, and below the letters that texts begin with
_NEXT_TAGS = frozenset(field << 3 | kind for field, kind in ((2, 2), (3, 2), (4, 2), (5, 0), (6, 2), (7, 2), (8, 2)))


def is_onnx(path: Path) -> bool:
    """Whether the file begins as serialised ONNX models do: with its IR version and another field of a model."""
    head = head_of(path, 3)
    return len(head) == 3 and head[0] == _IR_VERSION and head[1] <= _LATEST_IR_VERSION and head[2] in _NEXT_TAGS
