"""Engines are opened where they belong and nowhere else, and run shape by shape; TensorRT and GPU are stand-ins."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gridrt.errors import DependencyError, EngineError, GraphError
from gridrt.plugins.kernels import KERNELS
from gridrt.runtime.tensorrt import plugins as engine_plugins
from gridrt.runtime.tensorrt import runner as engine_runner
from gridrt.runtime.tensorrt import session as tensorrt_session
from gridrt.runtime.tensorrt.library import MessageLog, TensorRT
from gridrt.runtime.tensorrt.session import TensorRTSession
from gridrt.types import RawDetections
from tests.fake_cuda import STREAM, FakeCuda
from tests.fake_tensorrt import LAYERS, Engine, fake_tensorrt
from tests.gpu_stream import one_at_a_time


@pytest.fixture
def gpu(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    """A machine with a GPU and TensorRT."""
    library = TensorRT("tensorrt", fake_tensorrt(put=cuda.submit), MessageLog())
    monkeypatch.setattr(tensorrt_session, "load_tensorrt", lambda _name: library)
    monkeypatch.setattr(engine_plugins, "cuda_core", lambda: None)
    return cuda


def detect(session: TensorRTSession, batch: int, height: int, width: int, brightness: int = 255) -> RawDetections:
    """In pictures with one pixel that is not black."""
    images = np.zeros((batch, height, width, 3), np.uint8)
    images[:, 0, 0] = brightness
    return session.run(images, np.full((batch, 2), (height - 1, width - 2), np.int32))


def engine_of(session: TensorRTSession) -> Any:  # noqa: ANN401 - the stand-in behind TensorRT's type
    engine = session._run._engine
    assert isinstance(engine, Engine)
    return engine


@pytest.mark.usefixtures("gpu")
def test_names_and_scale_are_those_of_the_graph_and_the_library_is_told(write: Callable[..., Path]) -> None:
    session = TensorRTSession(write())
    info = session.info
    assert (info.class_names, info.noted_scale) == (("cat", "dog"), (96, 64))
    assert (info.backend, info.device, info.format) == ("tensorrt 11.4.0", "cuda", "TensorRT")


@pytest.mark.parametrize("cuda_graphs", [True, False])
def test_it_gives_what_the_engine_writes_and_keeps_earlier_results(
    gpu: FakeCuda, write: Callable[..., Path], *, cuda_graphs: bool
) -> None:
    session = TensorRTSession(write(), cuda_graphs=cuda_graphs)
    results = [detect(session, 2, 64, 96, brightness) for brightness in (255, 51, 102)]
    for found, score in zip(results, (1.0, 0.2, 0.4), strict=True):
        np.testing.assert_array_equal(found.boxes, [[[0, 0, 94, 63], [0, 0, 94, 63], [0, 0, 0, 0]]] * 2)
        np.testing.assert_allclose(found.scores, [[score, score, 0]] * 2, rtol=1e-6)
        np.testing.assert_array_equal(found.labels, [[1, 0, -1]] * 2)
        assert (found.boxes.dtype.name, found.labels.dtype.name) == ("float32", "int32")
    assert set(engine_of(session).streams) == {STREAM}
    assert (gpu.recorded, gpu.replayed) == ((1, 2) if cuda_graphs else (0, 0))


@pytest.mark.usefixtures("gpu")
def test_threads_take_turns(write: Callable[..., Path]) -> None:
    session = TensorRTSession(write())
    gpu = session._run._gpu
    with one_at_a_time(gpu), ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda height: detect(session, 2, height, 96), (64, 96) * 4))
    assert [each.boxes[0, 0, 3] for each in found] == [63, 95] * 4


def test_each_shape_has_a_graph_and_a_context_of_its_own_over_the_same_memory(
    gpu: FakeCuda, write: Callable[..., Path]
) -> None:
    session = TensorRTSession(write())
    for height in (64, 96, 64, 96):
        assert detect(session, 2, height, 96).boxes[0, 0, 3] == height - 1
    assert (gpu.recorded, gpu.replayed) == (2, 2)
    contexts = engine_of(session).contexts
    assert [context.shapes.get("images") for context in contexts] == [None, (2, 64, 96, 3), (2, 96, 96, 3)]
    assert len({context.memory for context in contexts}) == 1
    assert contexts[0].memory[1] == 100


def test_shapes_beyond_the_most_graphs_are_launched_afresh(
    gpu: FakeCuda, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_runner, "MOST_GRAPHS", 1)
    session = TensorRTSession(write())
    for height in (64, 96, 96, 64):
        assert detect(session, 2, height, 96).boxes[0, 0, 3] == height - 1
    assert (gpu.recorded, gpu.replayed) == (1, 1)


@pytest.mark.usefixtures("gpu")
def test_a_batch_below_the_smallest_is_padded_and_its_rows_are_cut_off_again(write: Callable[..., Path]) -> None:
    session = TensorRTSession(write())
    found = detect(session, 1, 32, 32, 51)
    assert engine_of(session).contexts[1].shapes == {"images": (2, 32, 64, 3), "image_sizes": (2, 2)}
    assert (found.boxes.shape, found.scores.shape, found.labels.shape) == ((1, 3, 4), (1, 3), (1, 3))
    np.testing.assert_array_equal(found.boxes[0, 0], [0, 0, 30, 31])
    np.testing.assert_allclose(found.scores[0, 0], 0.2, rtol=1e-6)


@pytest.mark.parametrize("shape", [(5, 64, 96), (1, 128, 96), (1, 96, 128)])
@pytest.mark.usefixtures("gpu")
def test_a_batch_beyond_the_largest_is_refused(write: Callable[..., Path], shape: tuple[int, int, int]) -> None:
    found = rf"2 of 32x64 to 4 of 96x96 .*\(found {shape[0]} of {shape[1]}x{shape[2]}\)"
    with pytest.raises(EngineError, match=found):
        detect(TensorRTSession(write()), *shape)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"plugins": {"adapter": "python", "version": 2}}, r"plugins of version 2, this GridRT has version 1"),
        (
            {"runtime": {"name": "tensorrt", "version": "10.8.1"}},
            r"built for tensorrt 10\.8\.1, and 11\.4\.0 is installed",
        ),
        ({"gpu": {"name": "H100", "compute_capability": "9.0"}}, r"capability 9\.0, this GPU has 8\.9"),
        ({"gpu": None, "compute_capabilities": ["8.6", "12.0"]}, r"8\.6, 12\.0, this GPU has 8\.9"),
    ],
)
@pytest.mark.usefixtures("gpu")
def test_an_engine_from_elsewhere_is_refused_with_both_versions(
    write: Callable[..., Path], parts: dict[str, object], message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        TensorRTSession(write(**parts))


RTX = {"name": "tensorrt-rtx", "version": "11.4.0", "packages": {}}


@pytest.mark.usefixtures("gpu")
def test_on_a_data_centre_gpu_an_engine_for_rtx_is_refused_with_the_runtime_that_serves_it(
    gpu: FakeCuda, write: Callable[..., Path]
) -> None:
    gpu.compute_capability = (9, 0)
    with pytest.raises(EngineError) as caught:
        TensorRTSession(write(gpu=None, runtime=RTX))
    assert str(caught.value.place).endswith("a.engine")
    assert "9.0" in caught.value.rule
    assert "`runtime` tensorrt." in caught.value.remedy


@pytest.mark.parametrize(
    ("capability", "parts", "runs"),
    [
        ((9, 0), {"options": {"hardware": "ampere-plus"}}, True),
        ((7, 5), {"options": {"hardware": "ampere-plus"}}, False),
        ((9, 0), {"options": {"hardware": "same-compute-capability"}}, False),
        ((9, 0), {"gpu": None}, True),
        ((7, 5), {"gpu": None}, False),
        ((12, 0), {"gpu": None, "compute_capabilities": ["8.9", "12.0"]}, True),
        *(((9, 0), {"gpu": None, "runtime": RTX}, False), ((10, 0), {"gpu": None, "runtime": RTX}, False)),
        *(((8, 9), {"gpu": None, "runtime": RTX}, True), ((12, 1), {"gpu": None, "runtime": RTX}, True)),
    ],
)
def test_what_an_engine_was_built_for_decides_where_it_runs(
    gpu: FakeCuda, write: Callable[..., Path], capability: tuple[int, int], parts: dict[str, object], *, runs: bool
) -> None:
    gpu.compute_capability = capability
    if runs:
        TensorRTSession(write(**parts))
    else:
        with pytest.raises(EngineError, match="compute capability"):
            TensorRTSession(write(**parts))


@pytest.mark.parametrize(("adapter", "ops"), [("python", len(KERNELS)), ("aot", 0)])
@pytest.mark.usefixtures("gpu")
def test_the_plugins_are_those_that_the_manifest_names(write: Callable[..., Path], adapter: str, ops: int) -> None:
    session = TensorRTSession(write(plugins={"adapter": adapter, "version": 1}))
    assert len(session._run._library.trt.get_plugin_registry().all_creators) == ops


@pytest.mark.usefixtures("gpu")
def test_an_engine_whose_library_is_missing_is_refused_with_the_remedy(write: Callable[..., Path]) -> None:
    with pytest.raises(EngineError, match=r"GRIDRT_PLUGIN_LIBRARY.*README"):
        TensorRTSession(write(plugins={"adapter": "library", "version": 1, "file": "plugins.so", "sha256": "0" * 64}))


@pytest.mark.usefixtures("gpu")
def test_a_library_that_is_not_the_one_the_engine_was_built_with_is_refused(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "plugins.so"
    library.write_bytes(b"other kernels")
    monkeypatch.setenv("GRIDRT_PLUGIN_LIBRARY", str(library))
    loaded: list[Path] = []
    monkeypatch.setattr(engine_plugins, "register_plugin_library", lambda _trt, file, _kernels: loaded.append(file))
    built_with = {"adapter": "library", "version": 1, "file": "plugins.so"}

    with pytest.raises(EngineError) as refused:
        TensorRTSession(write(plugins={**built_with, "sha256": hashlib.sha256(b"kernels").hexdigest()}))
    assert (refused.value.place, loaded) == (library, [])

    TensorRTSession(write(plugins={**built_with, "sha256": hashlib.sha256(b"other kernels").hexdigest()}))
    assert loaded == [library]


def test_an_engine_without_its_manifest_is_refused(write: Callable[..., Path]) -> None:
    engine = write()
    engine.with_name("a.engine.json").unlink()
    with pytest.raises(EngineError, match=r"a\.engine\.json \(found"):
        TensorRTSession(engine)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("words", "is not a manifest"),
        ("[]", "is not a manifest"),
        ('{"seconds": 1}', "is not a manifest"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(write: Callable[..., Path], text: str, found: str) -> None:
    engine = write()
    engine.with_name("a.engine.json").write_text(text)
    with pytest.raises(EngineError, match=found):
        TensorRTSession(engine)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"runtime": {"name": "tensorrt"}}, r"no runtime\.version"),
        ({"runtime": {"name": "a", "version": "1"}}, "runtime a"),
        ({"plugins": {"adapter": "b", "version": 1}}, "plugins by b"),
        ({"gpu": {"name": "a GPU"}}, r"no gpu\.compute_capability"),
        ({"engine": {"sha256": "0"}}, "is not the manifest of this engine"),
    ],
)
def test_a_manifest_of_another_form_or_engine_is_refused(
    write: Callable[..., Path], parts: dict[str, object], found: str
) -> None:
    with pytest.raises(EngineError, match=found):
        TensorRTSession(write(**parts))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_line_says_so(write: Callable[..., Path]) -> None:
    with pytest.raises(DependencyError, match=r"gridrt doctor") as caught:
        TensorRTSession(write())
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("gpu")
def test_what_tensorrt_does_not_take_is_told_in_its_words(write: Callable[..., Path]) -> None:
    with pytest.raises(EngineError, match=r"found a header that"):
        TensorRTSession(write(b"words"))


@pytest.mark.parametrize(
    ("fault", "message"),
    [("refuses_shapes", "failed to take the shape of images"), ("fails", "failed to run the engine")],
)
@pytest.mark.usefixtures("gpu")
def test_a_run_that_fails_is_an_error_with_tensorrts_words(
    write: Callable[..., Path], fault: str, message: str
) -> None:
    session = TensorRTSession(write())
    setattr(engine_of(session), fault, True)
    session._run._library.log.errors.append("out of luck")
    with pytest.raises(EngineError, match=rf"{message}.*out of luck"):
        detect(session, 2, 64, 96)


def test_launches_that_cannot_be_recorded_are_an_error_with_the_way_round_it(
    gpu: FakeCuda, write: Callable[..., Path]
) -> None:
    gpu.capture_error = "operation not permitted"
    with pytest.raises(EngineError, match=r"cuda_graphs=False"):
        detect(TensorRTSession(write()), 2, 64, 96)


@pytest.mark.usefixtures("gpu")
def test_a_class_without_a_name_is_refused(write: Callable[..., Path]) -> None:
    session = TensorRTSession(write())
    engine_of(session).label = 2
    with pytest.raises(GraphError, match=r"label 2, .*2"):
        detect(session, 2, 64, 96)


def test_every_layer_tells_its_time_in_every_run_and_nothing_is_recorded(
    gpu: FakeCuda, write: Callable[..., Path]
) -> None:
    session = TensorRTSession(write())
    images, sizes = np.zeros((1, 64, 96, 3), np.uint8), np.array([[64, 96]], np.int32)

    runs = session.layer_times(images, sizes, runs=2)

    assert [[tuple(layer) for layer in layers] for layers in runs] == [
        [(LAYERS[0], pytest.approx(0.001)), (LAYERS[1], pytest.approx(0.002))],
        [(LAYERS[0], pytest.approx(0.002)), (LAYERS[1], pytest.approx(0.004))],
    ]
    assert gpu.recorded == 0
    engine = engine_of(session)
    assert [shape for shape, _ in engine.profiled] == [(2, 64, 96, 3)] * 2  # the smallest batch of the engine
    assert all("yes" in profiler.constructed for _, profiler in engine.profiled)
    detect(session, 2, 64, 96)
    assert len(engine.profiled) == 2


@pytest.mark.usefixtures("gpu")
def test_the_layers_of_an_engine_are_told(write: Callable[..., Path]) -> None:
    assert all(layer in TensorRTSession(write()).layers for layer in LAYERS)


@pytest.mark.parametrize("cuda_graphs", [True, False])
def test_a_batch_that_stays_on_the_gpu_runs_again_without_copies(
    gpu: FakeCuda, write: Callable[..., Path], *, cuda_graphs: bool
) -> None:
    session = TensorRTSession(write(), cuda_graphs=cuda_graphs)
    images, sizes = np.zeros((2, 64, 96, 3), np.uint8), np.full((2, 2), 64, np.int32)

    launch = session.resident(images, sizes)
    before = len(engine_of(session).streams)
    launch()
    launch()

    assert gpu.replayed == 2 * cuda_graphs
    assert len(engine_of(session).streams) - before + gpu.replayed == 2
    assert session.stream == STREAM
