"""From the bytes of a weights file to named tensors and what the file says about them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gridrt.errors import CheckpointError
from gridrt.files import check_is_file
from gridrt.model.checkpoint.layout import (
    Meta,
    StateDict,
    class_names_in,
    scale_in_meta,
    state_dict_and_meta,
    with_current_names,
)
from gridrt.model.checkpoint.pickled import load_pickled
from gridrt.model.kinds import is_graph
from gridrt.model.zoo import PATH_OR_NAME, published_scale

Format = Literal["torch zip", "torch legacy", "safetensors"]

_HEAD_BYTES = 64
_ZIP_MAGIC = b"PK\x03\x04"
_LEGACY_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")  # torch.save before 1.6 pickles this number first


@dataclass(frozen=True)
class WeightsFile:
    """What a weights file holds.

    Attributes:
        path: where it was read.
        format: how it is stored.
        state_dict: the tensors by today's names, in the file's dtypes, on the CPU.
        meta: facts about the training that came along, as they were written.
    """

    path: Path
    format: Format
    state_dict: StateDict
    meta: Meta

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The class names that the file brings along; None where it brings none."""
        return class_names_in(self.meta)

    @property
    def scale(self) -> tuple[int, int] | None:
        """The scale of the images that the model learned from; None where neither the file nor its name tells it.

        Raises:
            CheckpointError: what the file notes is no scale.
        """
        return scale_in_meta(self.meta, self.path) or published_scale(self.path)


def read_weights(path: str | Path, *, trust_checkpoint: bool = False) -> WeightsFile:
    """Read a checkpoint or a state dict of mmdetection 1.x to 3.x, of GridRT, or a safetensors file.

    Args:
        path: the file.
        trust_checkpoint: unpickle any class that the file names. That can run any code its author wrote.

    Raises:
        CheckpointError: no such file, not a weights file, a damaged one, or one that needs code which is not trusted.
    """
    path = Path(path)
    format_ = _format_of(path)
    safetensors = format_ == "safetensors"
    content = _load_safetensors(path) if safetensors else load_pickled(path, trust_checkpoint=trust_checkpoint)
    state_dict, meta = state_dict_and_meta(content, path)
    return WeightsFile(path, format_, with_current_names(state_dict), meta)


def _format_of(path: Path) -> Format:
    """Told by content, so that a wrong suffix does no harm; a file that torch did not write is never unpickled."""
    head = _head_of(path)
    if head.startswith(_ZIP_MAGIC):
        return "torch zip"
    if _LEGACY_MAGIC in head:
        return "torch legacy"
    if head[8:9] == b"{":  # after the length of the JSON header
        return "safetensors"
    raise CheckpointError(
        "weights must be a file that torch.save or safetensors wrote",
        place=path,
        value=f"a file that starts with {head[:16]!r}" if head else "an empty file",
        remedy="Give a .pth, .pt or .safetensors file.",
    )


def _head_of(path: Path) -> bytes:
    check_is_file(path, CheckpointError, PATH_OR_NAME)
    if is_graph(path):
        raise CheckpointError(
            "weights must be a PyTorch checkpoint",
            place=path,
            value="an ONNX graph",
            remedy="Give the file it was made from.",
        )
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise CheckpointError("the weights cannot be read", place=path, value=error.strerror or error) from error


def _load_safetensors(path: Path) -> dict[str, object]:
    """The tensors and the metadata of a safetensors file, in the layout of a checkpoint."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            # Copied out of the mapped file: a model must not change, or crash, when someone overwrites the file.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (not a dict)
            metadata: Mapping[str, str] = file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            "the safetensors file cannot be read", place=path, value=error, remedy="Fetch or copy it again."
        ) from error
    return {"state_dict": tensors, "meta": {**metadata, **_json_classes(metadata, path)}}


def _json_classes(metadata: Mapping[str, str], path: Path) -> dict[str, object]:
    """This format keeps strings only, so the class names lie there as a JSON list under `classes`."""
    if "classes" not in metadata:
        return {}
    try:
        return {"CLASSES": json.loads(metadata["classes"])}
    except ValueError as error:
        raise CheckpointError("`classes` in the metadata must be a JSON list", place=path, value=error) from error
