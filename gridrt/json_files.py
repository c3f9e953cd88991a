"""JSON from outside: all that can go wrong in parsing it becomes one error with its place."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from gridrt.errors import GridRTError
from gridrt.unchanged import unchanged


def read_json_object(
    path: Path, error: type[GridRTError], what: str, remedy: str = "Check the file."
) -> tuple[dict[str, Any], str]:
    """The object in a JSON file, and the SHA-256 of the bytes that it was parsed from.

    Args:
        path: of the file.
        error: the class of the errors.
        what: the kind of file, such as "a manifest".
        remedy: of the errors.

    Raises:
        GridRTError: of the class `error`, if the file cannot be read, is no JSON, or holds no object.
    """
    try:
        with unchanged([path], error):
            content = path.read_bytes()
    except OSError as reason:
        raise error(f"cannot read {what}", place=path, value=reason.strerror or reason, remedy=remedy) from reason
    try:
        parsed = parse_json(content)
    except ValueError as reason:
        raise error(f"{what} must be JSON", place=path, value=reason, remedy=remedy) from reason
    if not isinstance(parsed, dict):
        raise error(f"{what} must be a JSON object", place=path, value=type(parsed).__name__, remedy=remedy)
    return parsed, hashlib.sha256(content).hexdigest()


def parse_json(text: str | bytes) -> Any:  # noqa: ANN401 - what JSON holds
    """The value of a JSON text; raises ValueError, of its encoding, its form, or for lists that nest too deep."""
    try:
        return json.loads(text)
    except RecursionError as reason:
        raise ValueError("lists or objects nested too deep") from reason
