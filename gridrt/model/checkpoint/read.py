"""From the bytes of a weights file to named tensors and what the file states about them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridrt.errors import CheckpointError
from gridrt.files import check_is_file, head_of
from gridrt.model.checkpoint.config_text import read_config
from gridrt.model.checkpoint.layout import Meta, StateDict, state_dict_and_meta
from gridrt.model.checkpoint.names import PREPROCESSOR, with_current_names
from gridrt.model.checkpoint.pickled import load_pickled
from gridrt.model.checkpoint.safetensors_file import load_safetensors, load_sharded_safetensors
from gridrt.model.shards import index_of_shard
from gridrt.model.weights_format import CHECKPOINT_SUFFIXES, Format, weights_format
from gridrt.model.zoo import PATH_OR_NAME


@dataclass(frozen=True)
class WeightsFile:
    """What a weights file holds.

    Attributes:
        path: where it was read; the index of weights in shards.
        format: how it is stored.
        state_dict: the tensors by today's names, in the file's dtypes, on the CPU.
        preprocessor: buffers of a data preprocessor, such as `mean` and `std`; {} in most files.
        meta: facts about the training, as they were written.
        config: variables of the training's config, parsed but never run; {} where there is none.
    """

    path: Path
    format: Format
    state_dict: StateDict
    preprocessor: StateDict
    meta: Meta
    config: Mapping[str, Any]


def read_weights(path: str | Path, *, trust_checkpoint: bool = False) -> WeightsFile:
    """Read a checkpoint or a state dict of mmdetection 1.x to 3.x, of GridRT, or safetensors.

    A warning names what is left out: other copies of the weights, buffers of averaging, a config that cannot be parsed.

    Args:
        path: the file; the index, or any shard, of weights in shards.
        trust_checkpoint: unpickle any class that the file names. That can run any code its author wrote.

    Raises:
        CheckpointError: no such file, not a weights file, a damaged one, or one that needs code which is not trusted.
    """
    path = Path(path)
    format_ = _format_of(path)
    if format_ == "safetensors" and (index := index_of_shard(path)):
        path, format_ = index, "safetensors index"
    if format_ == "safetensors":
        content: object = load_safetensors(path)
    elif format_ == "safetensors index":
        content = load_sharded_safetensors(path)
    else:
        content = load_pickled(path, trust_checkpoint=trust_checkpoint)
    state_dict, meta = state_dict_and_meta(content, path)
    weights = with_current_names(state_dict, path)
    buffers = {name: weights.pop(name) for name in list(weights) if name.startswith(PREPROCESSOR)}
    preprocessor = {name.removeprefix(PREPROCESSOR): tensor for name, tensor in buffers.items()}
    return WeightsFile(path, format_, weights, preprocessor, meta, _config_in(meta, path))


def _format_of(path: Path) -> Format:
    """Recognised by content; a file that torch did not write is never unpickled."""
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


def _config_in(meta: Meta, place: Path) -> Mapping[str, Any]:
    """The config of mmdetection 3.x (`cfg`) or of earlier versions (`config`)."""
    text = meta.get("cfg") or meta.get("config")
    if not isinstance(text, str):
        return {}
    try:
        return read_config(text)
    except ValueError as error:
        warnings.warn(f"{place}: its config cannot be parsed, so nothing is taken from it: {error}", stacklevel=3)
        return {}
