"""The hash of weights: equal tensors, equal hash, whatever file they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from gridrt.model.checkpoint import load_model, save_weights, weights_sha256
from gridrt.model.presets import build

Weights = dict[str, Tensor]


def save_again(weights: Weights, path: Path) -> None:
    model = build("tiny", num_classes=3)
    model.load_state_dict(weights)
    save_weights(model, path)


SAVERS: dict[str, Callable[[Weights, Path], None]] = {
    "saved again": save_again,
    "legacy": lambda weights, path: torch.save(weights, path, _use_new_zipfile_serialization=False),
    "prefix": lambda weights, path: torch.save({f"module._orig_mod.{name}": weights[name] for name in weights}, path),
    "another order": lambda weights, path: torch.save(dict(reversed(weights.items())), path),
    "float64": lambda weights, path: torch.save({name: tensor.double() for name, tensor in weights.items()}, path),
    "safetensors": save_file,
}


@pytest.mark.parametrize("saver", SAVERS)
def test_the_hash_survives_another_container(tmp_path: Path, tiny_weights: Weights, saver: str) -> None:
    SAVERS[saver](tiny_weights, tmp_path / "w.pth")

    assert weights_sha256(load_model(tmp_path / "w.pth")) == weights_sha256(tiny_weights)


def test_the_hash_follows_its_definition() -> None:
    bias, three = torch.tensor([1.0, -2.0]), bytes([3] + [0] * 7)
    names = b'["a.bias", "torch.float32", [2]]', b'["b", "torch.int64", []]'
    expected = hashlib.sha256(names[0] + bias.numpy().tobytes() + names[1] + three)

    assert weights_sha256({"b": torch.tensor(3), "a.bias": bias}) == expected.hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        lambda tensor: (tensor.view(torch.int32) ^ 1).view(torch.float32),  # the last bit of the mantissa
        lambda tensor: tensor.reshape(-1, 1),
        lambda tensor: tensor.double(),
        lambda tensor: tensor.view(torch.int32),
        lambda tensor: tensor[:-1],
    ],
    ids=["bit", "shape", "precision", "dtype", "length"],
)
def test_any_change_of_a_tensor_changes_the_hash(change: Callable[[Tensor], Tensor]) -> None:
    weights = {"a": torch.arange(4.0), "b": torch.ones(2)}

    assert weights_sha256(weights | {"a": change(weights["a"])}) != weights_sha256(weights)


def test_a_change_of_a_name_changes_the_hash() -> None:
    assert weights_sha256({"a": torch.ones(2)}) != weights_sha256({"b": torch.ones(2)})


def test_strides_do_not_enter() -> None:
    tensor = torch.arange(6.0).reshape(2, 3)

    assert weights_sha256({"a": tensor.T.contiguous().T}) == weights_sha256({"a": tensor})


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.bool, torch.int8])
def test_every_dtype_has_a_hash(dtype: torch.dtype) -> None:
    assert weights_sha256({"a": torch.zeros(3, dtype=dtype)}) != weights_sha256({"a": torch.zeros(3)})
