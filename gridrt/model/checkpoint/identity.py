"""The identity of weights: a hash of the tensors, whatever file they came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import torch
from torch import Tensor, nn


def weights_sha256(weights: nn.Module | Mapping[str, Tensor]) -> str:
    """SHA-256 over a state dict: for each name in order, its dtype, shape and bytes.

    Two loaded models have the same hash exactly where all their tensors are equal, so it survives another container,
    another order and the prefix of a wrapper. Settings such as class names do not enter.

    Args:
        weights: a model as `load_model` gives it, or its state dict.

    Returns:
        64 hexadecimal digits.
    """
    state_dict = weights.state_dict() if isinstance(weights, nn.Module) else weights
    digest = hashlib.sha256()
    for name in sorted(state_dict):
        tensor = state_dict[name].detach().cpu().contiguous()
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
