"""The program that compute-sanitizer runs: its inputs are within what kernels take, and lie as variants want them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from benchmarks import gpu_launches
from benchmarks.gpu_edge import Edge
from benchmarks.gpu_launches import Driver, edges_of, laid_out, launch_all
from gridrt.plugins.contract import Attributes
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.kernel import Kernel, Shapes, Variant
from gridrt.plugins.kernels import ALL_KERNELS
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL
from tests.plugins.host_kernel import Compiler, HostKernel


@pytest.mark.parametrize("kernel", ALL_KERNELS, ids=lambda kernel: kernel.contract.name)
def test_kernels_run_at_their_edges_without_leaving_their_tensors(kernel: Kernel, compile_for_host: Compiler) -> None:
    """On the CPU, where memory around each tensor is watched; one variant, for time."""
    for edge in edges_of(kernel):
        inputs = [torch.from_numpy(np.array(edge.inputs[name])) for name in kernel.contract.inputs]
        HostKernel(kernel, kernel.variants[-1], edge.attributes, compile_for_host)(*inputs)


@pytest.mark.parametrize("kernel", ALL_KERNELS, ids=lambda kernel: kernel.contract.name)
def test_an_edge_has_no_rows(kernel: Kernel) -> None:
    assert any(0 in shape for edge in edges_of(kernel) for shape in edge.shapes.values())


def test_maps_lie_as_the_variant_wants_them() -> None:
    kernel, shape = MULTI_LEVEL_ROI_ALIGN_KERNEL, (1, 2, 1, 3)
    edge = Edge(
        {}, {name: np.arange(6).reshape(shape) for name in kernel.contract.inputs[:4]} | {"rois": np.ones((1, 5))}
    )

    linear = laid_out(kernel, Variant("float32"), edge)
    last = laid_out(kernel, Variant("float16", channels_last=True), edge)

    assert (linear[0].ravel().tolist(), linear[0].dtype.name) == ([0, 1, 2, 3, 4, 5], "float32")
    assert (last[0].ravel().tolist(), last[0].dtype.name) == ([0, 3, 1, 4, 2, 5], "float16")
    assert (last[4].shape, last[4].dtype.name) == ((1, 5), "float32")


class FakeDriver(Driver):
    """Addresses from 1 on; remembers how large each is."""

    def __init__(self) -> None:
        self.stream, self.sizes, self.freed = 7, [0], list[int]()

    def memory(self, size: int) -> int:
        self.sizes.append(size)
        return len(self.sizes) - 1

    def copied(self, array: npt.NDArray[np.generic]) -> int:
        return self.memory(array.nbytes)

    def finish(self, addresses: Sequence[int]) -> None:
        self.freed += addresses


def test_each_variant_is_launched_at_each_edge_with_memory_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    driver, launched = FakeDriver(), list[tuple[str, int, int]]()

    class FakeKernel:
        def __init__(self, _kernel: Kernel, variant: Variant, _attributes: Attributes) -> None:
            self._variant = variant

        def launch(self, shapes: Shapes, inputs: Sequence[int], outputs: Sequence[int], stream: int) -> None:
            assert stream == driver.stream
            assert driver.sizes[outputs[0]] == driver.sizes[inputs[0]], shapes  # features in and out
            launched.append((self._variant.name, inputs[0], outputs[0]))

    monkeypatch.setattr(gpu_launches, "CudaKernel", FakeKernel)
    kernel = GRID_FUSION_KERNEL

    assert launch_all(kernel, driver) == len(launched) == len(kernel.variants) * len(list(edges_of(kernel)))
    assert driver.freed == list(range(1, len(driver.sizes)))


class Stream:
    """Its handle is valid as long as it lives."""

    def __init__(self, destroyed: list[int]) -> None:
        self.handle, self._destroyed = 7, destroyed

    def __del__(self) -> None:
        self._destroyed.append(self.handle)


def test_the_stream_that_kernels_are_launched_on_lives_as_long_as_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    destroyed: list[int] = []
    device = SimpleNamespace(set_current=lambda: None, create_stream=lambda: Stream(destroyed))
    monkeypatch.setattr(gpu_launches, "cuda_core", lambda: SimpleNamespace(Device=lambda _index: device))
    monkeypatch.setitem(sys.modules, "cuda", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "cuda.bindings", SimpleNamespace(driver=None))

    driver = Driver()

    assert driver.stream == 7
    assert destroyed == []


def test_the_program_imports_no_pytorch(root: Path) -> None:
    code = "import sys, benchmarks.gpu_launches; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
