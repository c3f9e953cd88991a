"""Each shape is run once as it is, then recorded and repeated; the GPU is a stand-in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from gridrt.errors import GridRTError
from gridrt.runtime.pytorch_cuda import graphs as torch_graphs
from gridrt.runtime.pytorch_cuda.graphs import TorchGraphs
from gridrt.runtime.pytorch_cuda.torch_gpu import TorchGpu
from gridrt.types import RawDetections
from tests.fake_gpu import FakeGpu
from tests.gpu_stream import one_at_a_time


class Detect:
    """Finds the whole image, with its mean brightness as the score."""

    def __init__(self) -> None:
        self.tuned: list[bool] = []
        self.inputs: set[int] = set()

    def __call__(self, images: Tensor, image_sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.tuned.append(torch.backends.cudnn.benchmark)
        self.inputs.add(images.data_ptr())
        boxes = torch.cat([torch.zeros_like(image_sizes), image_sizes.flip(1)], 1).float()[:, None]
        scores = images.float().mean((1, 2, 3)).unsqueeze(1) / 255
        return boxes, scores, torch.zeros(len(images), 1, dtype=torch.int32)


def graphs(gpu: FakeGpu, detect: Detect, *, cuda_graphs: bool = True) -> TorchGraphs:
    return TorchGraphs(cast("TorchGpu", gpu), detect, cuda_graphs=cuda_graphs)


def detected(run: TorchGraphs, height: int, brightness: int = 255) -> RawDetections:
    images = np.full((2, height, 64, 3), brightness, np.uint8)
    return run(images, np.array([[height, 50], [height - 3, 64]], np.int32))


@pytest.mark.parametrize("cuda_graphs", [True, False])
def test_it_gives_what_is_detected_and_keeps_earlier_results(*, cuda_graphs: bool) -> None:
    gpu = FakeGpu()
    run = graphs(gpu, Detect(), cuda_graphs=cuda_graphs)
    results = [detected(run, 32, brightness) for brightness in (255, 51, 102)]
    for found, score in zip(results, (1.0, 0.2, 0.4), strict=True):
        np.testing.assert_array_equal(found.boxes, [[[0, 0, 50, 32]], [[0, 0, 64, 29]]])
        np.testing.assert_allclose(found.scores, [[score]] * 2, rtol=1e-6)
        np.testing.assert_array_equal(found.labels, [[0]] * 2)
    assert (gpu.recorded, gpu.replayed) == ((1, 2) if cuda_graphs else (0, 0))


def test_threads_take_turns() -> None:
    gpu = FakeGpu()
    run = graphs(gpu, Detect())
    with one_at_a_time(gpu), ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda height: detected(run, height), (32, 64) * 4))
    assert [each.boxes[0, 0, 3] for each in found] == [32, 64] * 4


def test_each_shape_has_a_graph_over_memory_of_its_own() -> None:
    gpu, detect = FakeGpu(), Detect()
    run = graphs(gpu, detect)
    for height in (32, 64, 32, 64, 32):
        assert detected(run, height).boxes[0, 0, 3] == height
    assert (gpu.recorded, gpu.replayed) == (2, 3)
    assert len({graph._inputs[0].data_ptr() for graph in run._graphs.values()}) == 2


def test_shapes_beyond_the_most_graphs_are_launched_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_graphs, "MOST_GRAPHS", 1)
    gpu = FakeGpu()
    run = graphs(gpu, Detect())
    for height in (32, 64, 64, 32):
        assert detected(run, height).boxes[0, 0, 3] == height
    assert (gpu.recorded, gpu.replayed) == (1, 1)


def test_convolutions_are_tried_out_for_shapes_that_are_kept_and_the_setting_stays() -> None:
    assert not torch.backends.cudnn.benchmark
    for cuda_graphs in (True, False):
        detect = Detect()
        detected(graphs(FakeGpu(), detect, cuda_graphs=cuda_graphs), 32)
        assert set(detect.tuned) == {cuda_graphs}
        assert not torch.backends.cudnn.benchmark


def test_launches_that_cannot_be_recorded_are_an_error_with_the_way_round_it() -> None:
    gpu = FakeGpu()
    gpu.capture_error = RuntimeError("operation not permitted")
    with pytest.raises(GridRTError, match=r"cuda_graphs=False") as caught:
        detected(graphs(gpu, Detect()), 32)
    assert "\n" not in str(caught.value)


def test_want_of_memory_while_recording_is_not_taken_for_that() -> None:
    gpu = FakeGpu()
    gpu.capture_error = torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(torch.OutOfMemoryError):
        detected(graphs(gpu, Detect()), 32)


@pytest.mark.parametrize("cuda_graphs", [True, False])
def test_a_batch_that_stays_on_the_gpu_runs_again_without_copies(*, cuda_graphs: bool) -> None:
    gpu, detect = FakeGpu(), Detect()
    run = graphs(gpu, detect, cuda_graphs=cuda_graphs)
    launch = run.resident(np.zeros((2, 32, 64, 3), np.uint8), np.full((2, 2), 32, np.int32))
    calls = len(detect.tuned)
    launch()
    launch()
    assert (run.stream, gpu.replayed) == (gpu.stream, 2 * cuda_graphs)
    assert len(detect.tuned) == calls + 2  # the stand-in's recording calls it again
