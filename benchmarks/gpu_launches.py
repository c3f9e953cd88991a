"""Every variant of a kernel, launched once at each edge of what it takes: a small program for compute-sanitizer.

    compute-sanitizer --tool memcheck python -m benchmarks.gpu_launches GridFusion

It imports no PyTorch, which would make thousands of launches of its own: memory is the driver's, each tensor an
allocation of exactly its size, so that a step beyond its end is seen. Results are not looked at; tests/gpu does that.
It has not run on a GPU yet.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gridrt.errors import GridRTError
from gridrt.ops.grid import EDGES, POINTS
from gridrt.plugins.adapters.cuda_kernel import CudaKernel, cuda_core
from gridrt.plugins.contract import Attributes, ElementType
from gridrt.plugins.kernel import Kernel, Shapes, Variant
from gridrt.plugins.kernels import KERNELS
from gridrt.plugins.multi_level_roi_align.kernel import STRIDES

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Edge:
    """A node at an edge.

    Attributes:
        attributes: of the node.
        inputs: by name; feature maps [N, C, H, W], in any type.
    """

    attributes: Attributes
    inputs: Mapping[str, Array]

    @property
    def shapes(self) -> Shapes:
        """Of the inputs."""
        return {name: array.shape for name, array in self.inputs.items()}


def grid_fusion_edges(random: np.random.Generator) -> Iterator[Edge]:
    """No RoI, one, and several; the smallest and the largest maps and channels."""
    for rois, channels, side in ((0, 16, 7), (1, 64, 7), (3, 16, 1), (2, 32, 2), (2, 48, 5)):
        rows = len(EDGES) * channels
        weights = ((rows, 1, 5, 5), (rows,), (rows, channels, 1, 1), (rows,))
        shapes = ((rois, POINTS * channels, side, side), *weights, *weights)
        names = KERNEL_NAMED["GridFusion"].contract.inputs
        yield Edge({}, {name: random.normal(0, 0.1, shape) for name, shape in zip(names, shapes, strict=True)})


def roi_align_edges(random: np.random.Generator) -> Iterator[Edge]:
    """No RoI; RoIs on each level, across borders, empty, turned around and huge; maps of odd sides, one of a cell."""
    corners: list[tuple[float, float, float, float]] = [
        (0, 0, 9, 7),
        (5, 5, 5, 5),
        (-40, -30, 20, 10),
        (60, 50, 200, 180),
        (0, 0, 399, 299),
        (30, 30, 10, 10),
    ]
    corners += [(1, 2, 500, 460), (-5000, -5000, 5000, 5000), (76.5, 59.5, 77.5, 60.5)]
    table = np.array([(index % 2, *xyxy) for index, xyxy in enumerate(corners)], np.float32)
    for bins, channels, rois in ((7, 64, table[:0]), (7, 72, table), (14, 8, table), (32, 8, table[:2]), (1, 8, table)):
        maps = {f"p{level + 2}": (2, channels, 61 // 2**level, 79 // 2**level or 1) for level in range(len(STRIDES))}
        maps["p5"] = (2, channels, 1, 1)
        features = {name: random.normal(0, 1, shape) for name, shape in maps.items()}
        yield Edge({"output_size": bins, "strides": STRIDES}, {**features, "rois": rois})


def nms_edges(random: np.random.Generator) -> Iterator[Edge]:
    """No candidate, one, ties, more than a window of 1024, and nothing above the threshold."""
    for rows, columns, kept, score in (
        (0, 1, 5, -1),
        (1, 1, 5, -1),
        (33, 3, 100, 0.5),
        (2500, 1, 1000, -1),
        (40, 2, 7, 9),
    ):
        points = random.uniform(0, 500, (2, rows, 2, 2))
        boxes = np.concatenate((points.min(2), points.max(2)), -1)
        scores = np.round(random.uniform(0, 1, (2, rows, columns)), 1)  # so that many are equal
        attributes = {"iou_threshold": 0.5, "score_threshold": float(score), "max_output": kept}
        yield Edge(attributes, {"boxes": boxes, "scores": scores, "groups": np.arange(rows) % 3})


KERNEL_NAMED: Mapping[str, Kernel] = {kernel.contract.name: kernel for kernel in KERNELS}
EDGES_OF: Mapping[str, Callable[[np.random.Generator], Iterator[Edge]]] = {
    "BatchedNms": nms_edges,
    "GridFusion": grid_fusion_edges,
    "MultiLevelRoiAlign": roi_align_edges,
}


def laid_out(kernel: Kernel, variant: Variant, edge: Edge) -> list[Array]:
    """The inputs in order, as a variant takes them."""
    return [
        _in_layout(edge.inputs[spec.name].astype(_dtype(spec.dtype, variant)), variant, is_map=spec.is_map)
        for spec in kernel.contract.input_tensors
    ]


def output_bytes(kernel: Kernel, variant: Variant, edge: Edge) -> list[int]:
    """The size of each output."""
    sizes = []
    for spec in kernel.contract.output_tensors:
        shape = [size.value(edge.shapes) for size in spec.shape(edge.attributes)]
        sizes.append(int(np.prod(shape)) * np.dtype(_dtype(spec.dtype, variant)).itemsize)
    return sizes


def _dtype(element: ElementType, variant: Variant) -> str:
    return variant.precision if element == "feature" else element


def _in_layout(array: Array, variant: Variant, *, is_map: bool) -> Array:
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1) if is_map and variant.channels_last else array)


class Driver:
    """The first GPU, by CUDA's driver."""

    def __init__(self) -> None:
        from cuda.bindings import driver

        device = cuda_core().Device(0)
        device.set_current()
        self._driver = driver
        self.stream = int(device.create_stream().handle)

    def memory(self, size: int) -> int:
        """The address of so many bytes; of one where there are none."""
        return int(self._done(self._driver.cuMemAlloc(max(size, 1))))

    def copied(self, array: Array) -> int:
        """The address of an array's copy."""
        address = self.memory(array.nbytes)
        if array.nbytes:
            self._done(self._driver.cuMemcpyHtoD(address, array.ctypes.data, array.nbytes))
        return address

    def finish(self, addresses: Sequence[int]) -> None:
        """Wait for all launches, and free memory."""
        self._done(self._driver.cuCtxSynchronize())
        for address in addresses:
            self._done(self._driver.cuMemFree(address))

    def _done(self, answer: tuple[Any, ...]) -> Any:  # noqa: ANN401 - what a function of the driver gives, if anything
        status, *results = answer
        if status != self._driver.CUresult.CUDA_SUCCESS:
            raise GridRTError("the driver does what it is asked for", place="CUDA", value=status)
        return results[0] if results else None


def launch_all(kernel: Kernel, driver: Driver) -> int:
    """Launch every variant at every edge, one after another; how many that were."""
    launches = 0
    for variant in kernel.variants:
        for edge in EDGES_OF[kernel.contract.name](np.random.default_rng(0)):
            inputs = [driver.copied(array) for array in laid_out(kernel, variant, edge)]
            outputs = [driver.memory(size) for size in output_bytes(kernel, variant, edge)]
            CudaKernel(kernel, variant, edge.attributes).launch(edge.shapes, inputs, outputs, driver.stream)
            driver.finish(inputs + outputs)
            launches += 1
    return launches


if __name__ == "__main__":
    print(f"{launch_all(KERNEL_NAMED[sys.argv[1]], Driver())} launches")  # noqa: T201 - for who calls it
