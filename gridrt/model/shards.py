"""Weights in shards: safetensors files and the index that names them. Needs no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gridrt.errors import CheckpointError
from gridrt.json_files import read_json_object
from gridrt.model.weights_format import weights_format


def weights_files(path: Path) -> list[Path]:
    """The files that weights are read from: their own, and those of all shards where it is an index or a shard.

    Raises:
        CheckpointError: the index cannot be read.
    """
    format_ = weights_format(path)
    index = index_of_shard(path) if format_ == "safetensors" else path if format_ == "safetensors index" else None
    return (
        [path] if index is None else [index, *(index.parent / name for name in sorted(set(shards_in(index).values())))]
    )


def index_of_shard(path: Path) -> Path | None:
    """The index beside a safetensors file that names it as a shard; None where there is none."""
    for index in sorted(path.parent.glob("*.safetensors.index.json")):
        if weights_format(index) == "safetensors index" and path.name in shards_in(index).values():
            return index
    return None


def shards_in(index: Path) -> Mapping[str, str]:
    """Tensor name -> file name of its shard, which lies beside the index.

    Raises:
        CheckpointError: the file is not such an index.
    """
    names, _ = read_json_object(index, CheckpointError, "an index of shards")
    shards = names.get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(shard, str) for shard in shards.values()):
        raise CheckpointError("the index of the shards must map names to files", place=f"{index}: weight_map")
    for shard in shards.values():
        if Path(shard).name != shard:  # an index must not lead to files elsewhere
            raise CheckpointError("a shard must be a file beside its index", place=index, value=shard)
    return shards
