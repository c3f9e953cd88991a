"""The session detects what the eager reference detects; the CPU runs the kernels, and the GPU is a stand-in.

All is as on a GPU but what runs it: PyTorch's dispatcher finds the ops, which check and lay out the tensors, and launch
the kernels' own sources on their memory.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.library import _scoped_library

from gridrt.detector import Detector
from gridrt.errors import DependencyError, GridRTError
from gridrt.export.verify import BOX_TOLERANCE, EXCUSED_SHARE, SCORE_TOLERANCE
from gridrt.model.checkpoint import load_model
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.presets import build
from gridrt.ops import fused_layers
from gridrt.plugins.adapters import torch_kernel
from gridrt.plugins.adapters.torch_kernel import TorchKernel
from gridrt.plugins.contract import DOMAIN, Attributes, FeatureType
from gridrt.plugins.kernel import Kernel, Variant
from gridrt.plugins.kernels import ALL_KERNELS
from gridrt.runtime.pytorch.session import TorchSession
from gridrt.runtime.pytorch_cuda import session as torch_cuda_session
from gridrt.runtime.pytorch_cuda.session import TorchCudaSession
from gridrt.types import Int32Array, UInt8Array
from tests.fake_gpu import FakeGpu
from tests.half_precision import assert_errors_of_half_precision, with_coarse_weights
from tests.plugins.host_kernel import Compiler, HostLauncher

ON_CUDA_ONLY: Mapping[str, Callable[..., Tensor]] = {
    "cudnn_convolution_relu": fused_layers.cudnn_convolution_relu,
    "cudnn_convolution_add_relu": fused_layers.cudnn_convolution_add_relu,
    "mm.dtype": fused_layers.product,
}
"""Operators that the session calls, and PyTorch has on CUDA only, by their definitions."""


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    """A machine with a GPU and all that compiles kernels."""
    found = FakeGpu()
    monkeypatch.setattr(torch_cuda_session, "TorchGpu", lambda: found)
    monkeypatch.setattr(torch_cuda_session, "cuda_core", lambda: None)
    monkeypatch.setattr(torch_kernel, "current_stream", lambda: found.stream)
    return found


@pytest.fixture
def compiled(compile_for_host: Compiler) -> Iterator[list[str]]:
    """The ops run on the CPU, by the kernels; which of those have been compiled."""
    names: list[str] = []

    def load(kernel: Kernel, variant: Variant, attributes: Attributes) -> HostLauncher:
        names.append(f"{kernel.contract.name} {variant.name}")
        return HostLauncher(kernel, variant, attributes, compile_for_host)

    with _scoped_library(DOMAIN, "IMPL") as library, _scoped_library("aten", "IMPL") as aten:
        for kernel in ALL_KERNELS:
            library.impl(kernel.contract.folder.name, TorchKernel(kernel, load), "CPU")
        for name, definition in ON_CUDA_ONLY.items():
            aten.impl(name, definition, "CPU")
        yield names


@pytest.fixture
def batch(photo: Callable[[str], UInt8Array]) -> tuple[UInt8Array, Int32Array]:
    """Two pictures of different sizes."""
    picture = photo("coffee")[:256, :320]
    return np.stack([picture, picture[:, ::-1]]), np.array([[256, 320], [240, 300]], np.int32)


@pytest.fixture
def model() -> GridRCNN:
    """With fewer rows, on all of which the kernels work, than the published hundreds."""
    model = load_model("tiny_synthetic")
    model.roi_head.detections = replace(model.roi_head.detections, max_detections=20)
    model.rpn_head.proposals = replace(model.rpn_head.proposals, candidates_per_level=200, max_proposals=200)
    return model


@pytest.mark.usefixtures("gpu", "compiled")
def test_in_float32_the_kernels_detect_what_the_reference_detects(
    model: GridRCNN, batch: tuple[UInt8Array, Int32Array]
) -> None:
    session = TorchCudaSession(model, feature_type="float32")
    expected = TorchSession(model, "cpu").run(*batch)
    assert (expected.labels >= 0).sum() > 20
    for _ in range(2):  # launched afresh, then repeated
        found = session.run(*batch)
        np.testing.assert_array_equal(found.labels, expected.labels)
        np.testing.assert_allclose(found.scores, expected.scores, rtol=0, atol=SCORE_TOLERANCE)
        # Where two cells of a heatmap are equal to the last bits, either may win.
        errors = np.abs(found.boxes - expected.boxes).max(-1)[expected.labels >= 0]
        assert (errors > BOX_TOLERANCE).mean() <= EXCUSED_SHARE


def test_in_half_precision_the_same_objects_are_found(
    gpu: FakeGpu, compiled: list[str], model: GridRCNN, photo: Callable[[str], UInt8Array]
) -> None:
    picture = photo("coffee")
    detector = Detector(TorchCudaSession(model))
    (first,), (second,) = detector([picture]), detector([picture])
    models = (model, with_coarse_weights(model))
    expected, coarse = (Detector(TorchSession(each, "cpu"))([picture])[0] for each in models)
    assert len(expected) > 10
    assert_errors_of_half_precision(expected, first, coarse)
    np.testing.assert_array_equal(first.boxes, second.boxes)
    assert (gpu.recorded, gpu.replayed) == (1, 1)
    assert sorted(compiled) == [
        "BatchedNms float32",
        "BatchedNms float32",
        "GridFusion float16_channels_last",
        "GroupNormRelu float16_channels_last",
        "MultiLevelRoiAlign float16_channels_last",
        "MultiLevelRoiAlign float16_channels_last",
    ]


@pytest.mark.usefixtures("gpu")
def test_the_model_stays_as_it_is_and_tells_classes_and_scale() -> None:
    model = load_model("tiny_synthetic").train()
    session = TorchCudaSession(model)
    assert model.training
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    info = session.info
    assert (info.class_names, info.noted_scale, info.precision) == (model.class_names, (320, 256), "fp16")


@pytest.mark.usefixtures("gpu")
def test_want_of_memory_is_an_error_that_tells_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_inputs: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    session = TorchCudaSession(build("tiny"))
    monkeypatch.setattr(session._graphs, "_detect", no_memory)
    with pytest.raises(GridRTError, match=r"found \[1, 32, 64, 3\]"):
        session.run(np.zeros((1, 32, 64, 3), np.uint8), np.array([[32, 64]], np.int32))


@pytest.mark.usefixtures("gpu")
def test_the_baseline_is_refused() -> None:
    with pytest.raises(GridRTError, match=r"found faster_tiny\).*pytorch"):
        TorchCudaSession(build("faster_tiny"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("feature_type", ["float32", "float16"])
def test_without_a_gpu_one_line_says_so(feature_type: FeatureType) -> None:
    with pytest.raises(DependencyError, match=r"gridrt doctor") as caught:
        TorchCudaSession(build("tiny"), feature_type=feature_type)
    assert "\n" not in str(caught.value)


def test_without_what_compiles_kernels_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_cuda_session, "TorchGpu", FakeGpu)
    monkeypatch.setitem(sys.modules, "cuda", None)
    with pytest.raises(DependencyError, match=r"^cuda-core: .*gridrt\[cuda\]"):
        TorchCudaSession(build("tiny"))
