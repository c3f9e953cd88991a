"""How many kernels PyTorch launches on CUDA for an operator, and the bytes that they move: by rules, not measured.

Bytes are those of the inputs (weights too) and of the outputs, each once, and of every further pass that a rule states.
`benchmarks.gpu_operators` counts the launches on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor
from torch._ops import OpOverload
from torch.utils._pytree import tree_leaves


@dataclass(frozen=True)
class Launched:
    """Of one call of an operator.

    Attributes:
        name: of the operator.
        launches: of kernels.
        bytes: read and written.
    """

    name: str
    launches: int
    bytes: int


@dataclass(frozen=True)
class Rule:
    """For an operator that is not one launch.

    Attributes:
        reason: why, as a sentence.
        launches: of a call, by its arguments.
        passes: over its first output beyond reading the inputs and writing the outputs once.
    """

    reason: str
    launches: Callable[[Sequence[Any]], int]
    passes: Callable[[Sequence[Any]], int] = lambda _arguments: 0


SMALL_TOPK = 4096
"""Elements of a row: up to here one block selects, above it several do, digit by digit."""


def _has_bias(arguments: Sequence[Any]) -> int:
    return int(arguments[2] is not None)


RULES: Mapping[str, Rule] = {
    "aten::convolution": Rule(
        "cuDNN computes a convolution in one launch; the bias is a pass of its own, which reads and writes the output",
        lambda arguments: 1 + _has_bias(arguments),
        lambda arguments: 2 * _has_bias(arguments),
    ),
    "aten::native_group_norm": Rule(
        "copied to channels first; moments, then scales, then the result: the features are read twice more",
        lambda _arguments: 4,
        lambda _arguments: 3,
    ),
    "aten::topk": Rule(
        "blocks select by digits, 4 of 2 launches, then gather, then sort; a short row takes one block, and a sort",
        lambda arguments: 2 if arguments[0].shape[-1] <= SMALL_TOPK else 12,
    ),
    "aten::constant_pad_nd": Rule("filled, then copied into", lambda _arguments: 2),
    "aten::_unsafe_view": Rule("a view", lambda _arguments: 0),
    "aten::_reshape_alias": Rule("a view", lambda _arguments: 0),
    **{
        f"aten::{name}": Rule("memory alone", lambda _arguments: 0)
        for name in ("empty", "empty_like", "new_empty", "empty_strided")
    },
}
"""All others are one launch, and views none."""


def launched(operator: OpOverload, arguments: Sequence[Any], keywords: Mapping[str, Any], outputs: object) -> Launched:
    """What a call costs, by the rules."""
    name = operator.name().partition(".")[0]
    rule = RULES.get(name)
    launches = 0 if is_view(operator) else 1 if rule is None else rule.launches(arguments)
    if not launches:
        return Launched(name, 0, 0)
    written = _tensors(outputs)
    passes = 0 if rule is None else rule.passes(arguments)
    moved = sum(map(stored_bytes, [*_tensors((arguments, keywords)), *written])) + passes * stored_bytes(written[0])
    return Launched(name, launches, moved)


def is_view(operator: OpOverload) -> bool:
    """Whether the result shares the memory of an input that is not written to."""
    returned = [result.alias_info for result in operator._schema.returns]  # noqa: SLF001 - PyTorch has no other
    return bool(returned) and all(alias is not None and not alias.is_write for alias in returned)


def stored_bytes(tensor: Tensor) -> int:
    """Bytes of a tensor's elements in memory: what is expanded is there once."""
    sizes = (size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride)
    return prod(sizes) * tensor.element_size()


def _tensors(tree: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
