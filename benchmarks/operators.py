"""Launches and bytes of one run of R-50 by the PyTorch session on CUDA, counted from its operators, without a GPU.

    python -m benchmarks.operators

The session's model is run on tensors without memory, 800 x 1344 pixels, batch 1, half precision, before and after its
layers are fused. How many kernels an operator launches, and what they move, is by the rules of
`benchmarks.launch_rules`; the session replays all of it from one CUDA graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import click
import torch
from torch import Tensor
from torch.library import _scoped_library
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.launch_rules import RULES, Launched, launched
from gridrt.model.presets import build
from gridrt.ops import fused_layers
from gridrt.plugins.adapters.torch_ops import KERNEL_OPS
from gridrt.runtime.pytorch_cuda.session import prepared
from gridrt.runtime.static_grid_rcnn import StaticGridRCNN

SHAPE = (1, 800, 1344, 3)
META = torch.device("meta")
ON_CUDA_ONLY: Mapping[str, Callable[..., Tensor]] = {
    "cudnn_convolution_relu": fused_layers.cudnn_convolution_relu,
    "cudnn_convolution_add_relu": fused_layers.cudnn_convolution_add_relu,
    "mm.dtype": fused_layers.product,
}
"""PyTorch knows shapes of these on CUDA only: by their definitions here."""


CONVOLUTIONS = frozenset(("aten::convolution", "aten::cudnn_convolution_relu", "aten::cudnn_convolution_add_relu"))
"""With cuDNN they keep channels last; on tensors without memory PyTorch says otherwise."""


class Recorder(TorchDispatchMode):
    """Notes each operator that is called."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Launched] = []

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - PyTorch's signature
        _types: object,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """As PyTorch calls it."""
        outputs = func(*args, **(kwargs or {}))
        if func.name().partition(".")[0] in CONVOLUTIONS:
            is_last = args[0].is_contiguous(memory_format=torch.channels_last)
            outputs = outputs.contiguous(memory_format=torch.channels_last if is_last else torch.contiguous_format)
        self.calls.append(launched(func, args, kwargs or {}, outputs))
        return outputs


def recorded(variant: str, shape: Sequence[int], *, fused: bool) -> list[Launched]:
    """The operators of one run of the session's model, in their order.

    Args:
        variant: of the model.
        shape: of the images.
        fused: after its layers are fused, or before.
    """
    with META:
        model = build(variant).eval()
    detect = StaticGridRCNN(prepared(model, "float16", META, fused=fused), KERNEL_OPS)
    images = torch.empty(tuple(shape), dtype=torch.uint8, device=META)
    sizes = torch.empty((shape[0], 2), dtype=torch.int32, device=META)
    with ExitStack() as stack:
        aten = stack.enter_context(_scoped_library("aten", "IMPL"))
        for name, definition in ON_CUDA_ONLY.items():
            aten.impl(name, definition, "Meta")
        stack.enter_context(torch.no_grad())  # not inference_mode, which hides of what operators others are made
        detect(images, sizes)  # what is made once for a size is made here, as before a capture
        recorder = stack.enter_context(Recorder())
        detect(images, sizes)
    calls: list[Launched] = recorder.calls
    return calls


def table(before: Sequence[Launched], after: Sequence[Launched]) -> Iterator[str]:
    """Launches and megabytes of each operator, before and after, and their sums."""
    columns = [_by_name(calls) for calls in (before, after)]
    names = sorted(set().union(*columns), key=lambda name: -max(column[name][1] for column in columns))
    yield f"{'operator':<36} {'launches':>9} {'MB':>9} {'launches':>9} {'MB':>9}"
    for name in names:
        yield _line(name, *(column[name] for column in columns))
    sums = [(sum(n for n, _ in column.values()), sum(size for _, size in column.values())) for column in columns]
    yield _line("all", *sums)


def _line(name: str, *figures: tuple[int, int]) -> str:
    return f"{name:<36}" + "".join(f" {launches:>9} {size / 1e6:>9.1f}" for launches, size in figures)


class _Figures(dict[str, tuple[int, int]]):
    def __missing__(self, name: str) -> tuple[int, int]:
        return 0, 0


def _by_name(calls: Sequence[Launched]) -> _Figures:
    launches, sizes = Counter[str](), Counter[str]()
    for call in calls:
        if call.launches:
            launches[call.name] += call.launches
            sizes[call.name] += call.bytes
    return _Figures({name: (launches[name], sizes[name]) for name in launches})


@click.command
@click.option("--variant", default="r50", show_default=True, help="Of the model.")
def command(*, variant: str) -> None:
    """Count launches and bytes of one run, before and after layers are fused."""
    before, after = (recorded(variant, SHAPE, fused=fused) for fused in (False, True))
    click.echo(f"{variant}, {list(SHAPE)}, float16: before fusing, then after")
    click.echo("\n".join(table(before, after)))
    click.echo("rules, beside one launch for each operator and none for views:")
    for name, rule in RULES.items():
        click.echo(f"  {name}: {rule.reason}")


if __name__ == "__main__":
    command()
