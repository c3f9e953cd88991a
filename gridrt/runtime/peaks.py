"""Measure the peaks of a device: arithmetic, and memory traffic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from gridrt.runtime.pytorch.stage_times import Clock, clock_of

TRIES = 5
"""Of which the best counts; the first ones warm up."""
MATRIX_SIDE = {"cpu": 2048, "cuda": 8192}
MAP_SIZE = {"cpu": (100, 168), "cuda": (200, 336)}
"""Of P3 and P2 of 800 x 1344 pixels: a GPU needs more work to be busy."""
COPIED_BYTES = {"cpu": 1 << 28, "cuda": 1 << 30}
"""Far more than caches hold."""
CPU = torch.device("cpu")

INT8_PRODUCT = """
<ir_version: 10, opset_import: ["" : 20]>
product (uint8[N, N] left, int8[N, N] right) => (int32[N, N] result) { result = MatMulInteger (left, right) }
"""


@dataclass(frozen=True)
class Peaks:
    """The best measured rates of a device.

    Attributes:
        flops: operations per second, where factors are of `dtype`.
        bytes: per second, read and written together.
        dtype: such as float32, or int8 where activations are uint8.
        element_size: bytes of one.
    """

    flops: float
    bytes: float
    dtype: str
    element_size: int


@torch.inference_mode()
def measured_peaks(device: torch.device, dtype: torch.dtype = torch.float32) -> Peaks:
    """Measure a device, with PyTorch's threads and settings as they stand.

    Arithmetic is the better of a large matrix product and a convolution as the detector has them: on a GPU, PyTorch may
    round the factors of float32 convolutions alone.

    Args:
        device: a CPU or a CUDA GPU.
        dtype: floating-point type that products are measured in.
    """
    clock = clock_of(device)
    flops = max(work / _best_seconds(run, clock) for run, work in _products(device, dtype))
    return Peaks(flops, _copied_per_second(device), str(dtype).removeprefix("torch."), dtype.itemsize)


def measured_cpu_peaks() -> Peaks:
    """Measure the CPU in float32, with PyTorch's threads as they stand."""
    return measured_peaks(CPU)


def measured_int8_peaks(threads: int | None) -> Peaks:
    """Measure integer products on the CPU, by ONNX Runtime's own: the INT8 graphs for a CPU run on those.

    Args:
        threads: of the product; None means as many as the process may use. Copies are with PyTorch's threads.
    """
    import onnx.parser

    from gridrt.runtime.onnxruntime.inference_session import inference_session

    side = MATRIX_SIDE["cpu"]
    product = onnx.parser.parse_model(INT8_PRODUCT).SerializeToString()
    session = inference_session(product, threads=threads)
    left = torch.randint(0, 255, (side, side), dtype=torch.uint8).numpy()
    right = torch.randint(-127, 127, (side, side), dtype=torch.int8).numpy()
    seconds = _best_seconds(lambda: session.run(None, {"left": left, "right": right}), clock_of(CPU))
    return Peaks(2 * side**3 / seconds, _copied_per_second(CPU), "int8", 1)


def _copied_per_second(device: torch.device) -> float:
    source = torch.zeros(COPIED_BYTES[device.type], dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    return 2 * source.numel() / _best_seconds(lambda: target.copy_(source), clock_of(device))


def _products(device: torch.device, dtype: torch.dtype) -> Iterator[tuple[Callable[[], object], int]]:
    """Products to time, each with its operations; factors are random, since a GPU multiplies equal ones faster."""
    side = MATRIX_SIDE[device.type]
    matrix = torch.randn(side, side, device=device, dtype=dtype)
    yield lambda: matrix @ matrix, 2 * side**3
    features = torch.randn(1, 256, *MAP_SIZE[device.type], device=device, dtype=dtype)
    weight = torch.randn(256, 256, 3, 3, device=device, dtype=dtype)
    yield lambda: F.conv2d(features, weight, padding=1), 2 * features.numel() * weight[0].numel()


def _best_seconds(run: Callable[[], object], clock: Clock) -> float:
    seconds = []
    for _ in range(TRIES):
        start = clock.mark()
        run()
        seconds.append(clock.seconds(start, clock.mark()))
    return min(seconds)
