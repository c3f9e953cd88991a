"""Weights in safetensors: one file, or several shards with an index (`*.safetensors.index.json`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gridrt.errors import CheckpointError
from gridrt.json_files import parse_json
from gridrt.model.shards import shards_in


def load_safetensors(path: Path) -> dict[str, Any]:
    """The tensors and the metadata of a safetensors file, in the layout of a checkpoint.

    Raises:
        CheckpointError: the file is damaged, or its class names are not JSON.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            # Copied out of the mapped file: a model must not change, or crash, when someone overwrites the file.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (not a dict)
            metadata: dict[str, Any] = file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            "the safetensors file cannot be read", place=path, value=error, remedy="Download or copy it again."
        ) from error
    if "classes" in metadata:  # this format keeps strings only
        try:
            metadata = metadata | {"CLASSES": parse_json(metadata["classes"])}
        except ValueError as error:
            raise CheckpointError("`classes` in the metadata must be a JSON list", place=path, value=error) from error
    return {"state_dict": tensors, "meta": metadata}


def load_sharded_safetensors(index: Path) -> dict[str, Any]:
    """The tensors and the metadata of all shards that `index` names, in the layout of a checkpoint.

    Raises:
        CheckpointError: the index is damaged, or a shard is missing, damaged, or without a tensor that the index names.
    """
    content: dict[str, Any] = {"state_dict": {}, "meta": {}}
    weight_map = shards_in(index)
    for name in sorted(set(weight_map.values())):
        shard = index.parent / name
        if not shard.is_file():
            raise CheckpointError("a shard of these weights is missing", place=index, value=f"no file {name}")
        loaded = load_safetensors(shard)
        content["state_dict"] |= loaded["state_dict"]
        content["meta"] |= loaded["meta"]
    missing = [name for name in weight_map if name not in content["state_dict"]]
    if missing:
        raise CheckpointError("a tensor of the index is missing in its shard", place=index, value=missing[0])
    return content
