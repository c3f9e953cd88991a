"""From the bytes of a weights file to named tensors and what the file says about them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gridrt.errors import CheckpointError
from gridrt.files import check_is_file, head_of
from gridrt.model.checkpoint.layout import (
    Meta,
    StateDict,
    class_names_in,
    scale_in_meta,
    state_dict_and_meta,
    with_current_names,
)
from gridrt.model.checkpoint.pickled import load_pickled
from gridrt.model.weights_format import CHECKPOINT_SUFFIXES, Format, weights_format
from gridrt.model.zoo import PATH_OR_NAME, published_scale


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
    """Told by content; a file that torch did not write is never unpickled."""
    check_is_file(path, CheckpointError, PATH_OR_NAME)
    try:
        path.open("rb").close()
    except OSError as error:
        raise CheckpointError("the weights cannot be read", place=path, value=error.strerror or error) from error
    found = weights_format(path)
    if found is None:
        raise CheckpointError(
            "weights must be a file that torch.save or safetensors wrote",
            place=path,
            value=f"a file that starts with {head_of(path, 16)!r}" if path.stat().st_size else "an empty file",
            remedy=f"Give one of {', '.join(CHECKPOINT_SUFFIXES)}.",
        )
    return found


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
