"""Whether the files that a killed verb has left are whole, by other readers than the project's own."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
from PIL import Image

LEFT_BY_SIGKILL = (".gridrt.", "train.lock")
"""How the names of files begin that only SIGKILL may leave."""


def damage_in(folder: Path, *, after_sigkill: bool = False) -> Iterator[str]:
    """A text for each file below the folder that is not whole, or should not be there."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.name.startswith(LEFT_BY_SIGKILL):
            if not after_sigkill:
                yield f"{path.relative_to(folder)} is left"
            continue
        try:
            READERS[path.suffix](path)
        except Exception as error:  # noqa: BLE001 - of any reader
            yield f"{path.relative_to(folder)} is not whole: {type(error).__name__}: {error}"


def _read_lines(path: Path) -> None:
    content = path.read_bytes()
    assert content.endswith(b"\n") or not content, "the last line has no end"
    for line in content.splitlines():
        json.loads(line)


def _read_image(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


def _read_archive(path: Path) -> None:
    """Also of PyTorch, which has checksums."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None, "a checksum differs"


def _read_page(path: Path) -> None:
    assert path.read_text().endswith("</html>"), "the page has no end"


def _read_engine(path: Path) -> None:
    """With the manifest beside it, which may be that of the old engine for a moment."""
    manifest = json.loads(path.with_name(f"{path.name}.json").read_text())
    assert manifest["engine"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest(), "the manifest is another's"


READERS: dict[str, Callable[[Path], object]] = {
    ".json": lambda path: json.loads(path.read_bytes()),
    ".jsonl": _read_lines,
    ".png": _read_image,
    ".onnx": onnx.load,
    ".npz": _read_archive,
    ".pth": _read_archive,
    ".html": _read_page,
    ".engine": _read_engine,
}
