"""The form with static shapes detects what the model detects, and asks for no value while it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gridrt.errors import GridRTError
from gridrt.model.checkpoint import load_model
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.presets import build
from gridrt.model.roi_head import DetectionRows
from gridrt.ops.custom_ops import CustomOps
from gridrt.ops.grid_fusion import grid_fusion
from gridrt.ops.nms import batched_nms
from gridrt.ops.roi_align import multi_level_roi_align
from gridrt.plugins.adapters.torch_kernel import TorchKernel
from gridrt.plugins.adapters.torch_ops import custom_ops
from gridrt.runtime.pytorch_cuda.half_precision import halve
from gridrt.runtime.static_grid_rcnn import StaticGridRCNN
from gridrt.types import UInt8Array

DEFINITIONS = CustomOps(multi_level_roi_align, grid_fusion, batched_nms)


@pytest.fixture
def batch(photo: Callable[[str], UInt8Array]) -> tuple[Tensor, Tensor]:
    """Two pictures of different sizes."""
    picture = photo("coffee")[:128, :160]
    images = np.stack([picture, picture[:, ::-1]])
    return torch.from_numpy(images), torch.tensor([[128, 160], [120, 150]], dtype=torch.int32)


@pytest.mark.parametrize("scores", [1.0, 0.0], ids=["objects", "nothing"])
def test_it_detects_what_the_model_detects(batch: tuple[Tensor, Tensor], scores: float) -> None:
    model = load_model("tiny_synthetic")
    with torch.inference_mode():
        model.roi_head.bbox_head.fc_cls.bias[-1] += 100 * (1 - scores)  # the background's
        expected, found = model(*batch), DetectionRows(*StaticGridRCNN(model, DEFINITIONS)(*batch))
    assert bool((expected.labels >= 0).any()) == bool(scores)
    assert torch.equal(found.labels, expected.labels)
    torch.testing.assert_close(found.scores, expected.scores)
    torch.testing.assert_close(found.boxes, expected.boxes, atol=1e-3, rtol=0)


def test_it_compiles_as_one_graph_and_gives_a_plain_tuple(
    untrained: Callable[[str], GridRCNN], batch: tuple[Tensor, Tensor]
) -> None:
    """A tuple with names, and one made by `_replace`, do not compile with each version of PyTorch."""
    ops = custom_ops(lambda kernel: TorchKernel(kernel).fake)
    compiled = torch.compile(StaticGridRCNN(untrained("tiny"), ops), backend="eager", fullgraph=True)
    with torch.no_grad():
        found = compiled(*batch)
    assert type(found) is tuple
    assert [tuple(part.shape) for part in found] == [(2, 100, 4), (2, 100), (2, 100)]


def test_the_baseline_has_no_such_form() -> None:
    with pytest.raises(GridRTError, match=r"found faster_tiny\)"):
        StaticGridRCNN(build("faster_tiny"), DEFINITIONS)


# What a GPU cannot do by itself: a constant that the host makes, and a value or a shape that the host reads.
WAITING = ("lift_fresh", "local_scalar", "nonzero", "unique", "masked_select", "bincount")


class Calls(TorchDispatchMode):
    """Counts what PyTorch is asked to do."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.made: Counter[str] = Counter()

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - PyTorch's signature
        _types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        self.made[func.name()] += 1
        return func(*args, **(kwargs or {}))

    def waiting(self) -> set[str]:
        return {name for name in self.made if any(part in name for part in WAITING)}


@pytest.mark.parametrize("half", [False, True])
def test_nothing_passes_between_host_and_gpu_while_it_runs(
    untrained: Callable[[str], GridRCNN], batch: tuple[Tensor, Tensor], *, half: bool
) -> None:
    model = build("tiny").eval() if half else untrained("tiny")
    if half:
        halve(model)
    detect = StaticGridRCNN(model, custom_ops(lambda kernel: TorchKernel(kernel).fake))
    with torch.no_grad(), Calls() as calls:
        detect(*batch)
    assert calls.made["aten::convolution"] > 20
    assert not calls.waiting()


def test_the_model_as_it_is_would_not_pass_that_test(
    untrained: Callable[[str], GridRCNN], batch: tuple[Tensor, Tensor]
) -> None:
    with torch.no_grad(), Calls() as calls:
        untrained("tiny")(*batch)
    assert {"aten::_local_scalar_dense", "aten::nonzero"} <= calls.waiting()
