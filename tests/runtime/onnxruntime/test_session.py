from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import onnxruntime
import pytest

from gridrt.errors import DependencyError, GraphError
from gridrt.graph.graph import Graph, load_graph
from gridrt.machine.devices import Cpu
from gridrt.runtime.advice import warn_of_saturation
from gridrt.runtime.backend import SessionOptions
from gridrt.runtime.onnxruntime.backend import BACKEND
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
from tests.fakes import WHOLE_IMAGE_GRAPH, whole_image_graph


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    onnx.save(whole_image_graph(), path)
    return path


def test_a_batch_runs_through_the_graph(graph: Path) -> None:
    images = np.zeros((2, 32, 64, 3), np.uint8)
    images[1] = 255

    found = OnnxRuntimeSession(graph).run(images, np.array([[20, 60], [32, 50]], np.int32))

    np.testing.assert_array_equal([[[0, 0, 60, 20]], [[0, 0, 50, 32]]], found.boxes)
    np.testing.assert_array_equal([[0], [1]], found.scores)
    np.testing.assert_array_equal([[0], [0]], found.labels)
    assert [found.boxes.dtype.name, found.scores.dtype.name, found.labels.dtype.name] == ["float32", "float32", "int32"]


def test_class_names_come_from_the_metadata(tmp_path: Path) -> None:
    onnx.save(whole_image_graph(classes='["cell", "Zelle \\u00e4"]'), tmp_path / "a.onnx")

    assert OnnxRuntimeSession(tmp_path / "a.onnx").info.class_names == ("cell", "Zelle ä")


@pytest.mark.parametrize(
    ("rule", "scale", "is_noted"),
    [
        (None, (1333, 800), False),
        ('{"layout": "NHWC"}', (1333, 800), False),
        ('{"scale": [480, 360]}', (480, 360), True),
    ],
)
def test_the_scale_comes_from_the_metadata(
    tmp_path: Path, rule: str | None, scale: tuple[int, int], *, is_noted: bool
) -> None:
    onnx.save(whole_image_graph(input_rule=rule), tmp_path / "a.onnx")

    session = OnnxRuntimeSession(tmp_path / "a.onnx")

    assert (session.info.scale, session.info.scale_origin) == (scale, "noted" if is_noted else "assumed")


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        (["TensorrtExecutionProvider", "CPUExecutionProvider"], ["CPUExecutionProvider"]),
        (["CPUExecutionProvider", "CUDAExecutionProvider"], ["CUDAExecutionProvider", "CPUExecutionProvider"]),
    ],
)
def test_unasked_cuda_is_preferred_and_tensorrt_never_taken(
    graph: Path, monkeypatch: pytest.MonkeyPatch, there: list[str], taken: list[str]
) -> None:
    start = onnxruntime.InferenceSession
    asked = []

    def start_on_cpu(path: Path, options: onnxruntime.SessionOptions, providers: list[str]) -> object:
        asked.append(providers)
        return start(path, options, ["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    monkeypatch.setattr(onnxruntime, "InferenceSession", start_on_cpu)

    assert OnnxRuntimeSession(graph).providers == ("CPUExecutionProvider",)
    assert asked == [taken]


def test_a_provider_that_is_not_there_is_refused_and_those_that_are_get_named(graph: Path) -> None:
    available = ", ".join(onnxruntime.get_available_providers())

    with pytest.raises(DependencyError, match=rf"^NoSuchProvider: .*{available}"):
        OnnxRuntimeSession(graph, providers=["NoSuchProvider"])


def test_a_provider_that_does_not_start_is_no_silent_fallback(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = onnxruntime.InferenceSession
    there = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda path, options, **_: start(path, options, ["CPUExecutionProvider"])
    )

    with pytest.raises(DependencyError, match=r"^CUDAExecutionProvider"):
        OnnxRuntimeSession(graph, providers=["CUDAExecutionProvider"])


@pytest.mark.parametrize(
    ("device", "providers", "called"),
    [
        ("cpu", ["CPUExecutionProvider"], "cpu"),
        ("cuda", ["CUDAExecutionProvider"], "cuda"),
        ("cuda:0", [("CUDAExecutionProvider", {"device_id": "0"})], "cuda:0"),
        ("cuda:3", [("CUDAExecutionProvider", {"device_id": "3"})], "cuda:3"),
    ],
)
def test_a_device_by_its_name_reaches_the_runtime(
    graph: Path, monkeypatch: pytest.MonkeyPatch, device: str, providers: list[object], called: str
) -> None:
    class Started:
        def __init__(self, _path: Path, _options: object, providers: list[object]) -> None:
            self.asked = providers

        def get_providers(self) -> list[str]:
            first = self.asked[0]
            return [first if isinstance(first, str) else first[0], "CPUExecutionProvider"]  # type: ignore[index]

    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    monkeypatch.setattr(onnxruntime, "InferenceSession", Started)

    session = BACKEND.open(graph, SessionOptions(device=device))

    assert isinstance(session, OnnxRuntimeSession)
    assert session._session.asked == providers
    assert session.info.device == called


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cuda1", "mps"])
def test_a_device_that_it_does_not_know_is_refused(graph: Path, device: str) -> None:
    with pytest.raises(DependencyError, match="has no such device") as refused:
        BACKEND.open(graph, SessionOptions(device=device))
    assert (refused.value.place, refused.value.value) == ("`device`", device)


@pytest.mark.parametrize(
    "content", [b"", b"These are words, not a graph.\n" * 9, bytes(999)], ids=["empty", "text", "zeros"]
)
def test_what_is_no_graph_is_refused_in_one_line(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.onnx").write_bytes(content)

    with pytest.raises(GraphError, match=r"a\.onnx: .*not an ONNX") as caught:
        OnnxRuntimeSession(tmp_path / "a.onnx")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_truncated_graph_is_refused(graph: Path) -> None:
    graph.write_bytes(graph.read_bytes()[:300])

    with pytest.raises(GraphError):
        OnnxRuntimeSession(graph)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"a\.onnx: .*missing"):
        OnnxRuntimeSession(tmp_path / "a.onnx")


def test_a_folder_is_told_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").mkdir()

    with pytest.raises(GraphError, match=r"a\.onnx: .*found a folder"):
        OnnxRuntimeSession(tmp_path / "a.onnx")


def test_a_label_without_a_name_is_refused(tmp_path: Path) -> None:
    text = WHOLE_IMAGE_GRAPH.replace("Cast<to: int = 6>(zeros)", "Cast<to: int = 6>(scores)")  # white: label 1
    onnx.save(whole_image_graph(text), tmp_path / "a.onnx")
    session = OnnxRuntimeSession(tmp_path / "a.onnx")
    sizes = np.array([[32, 32]], np.int32)

    assert session.run(np.zeros((1, 32, 32, 3), np.uint8), sizes).labels == [[0]]
    with pytest.raises(GraphError, match=r"a\.onnx: .*label 1\b"):
        session.run(np.full((1, 32, 32, 3), 255, np.uint8), sizes)


def test_a_run_that_fails_is_one_line(graph: Path) -> None:
    session = OnnxRuntimeSession(graph)

    with pytest.raises(GraphError, match=r"model\.onnx: ") as caught:
        session.run(np.zeros((1, 32, 32, 3), np.uint8), np.zeros((1, 5), np.int32))
    assert "\n" not in str(caught.value)


def test_a_foreign_graph_is_refused_and_told_what_it_lacks(tmp_path: Path) -> None:
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    inside = onnx.helper.make_graph([node], "relu", [value("x", 1, [1])], [value("y", 1, [1])])
    model = onnx.helper.make_model(inside, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, tmp_path / "relu.onnx")

    with pytest.raises(GraphError, match=r"relu\.onnx: .*images"):
        OnnxRuntimeSession(tmp_path / "relu.onnx")


def test_a_graph_in_memory_runs_as_its_file_does(graph: Path) -> None:
    images, sizes = np.full((1, 32, 32, 3), 100, np.uint8), np.array([[32, 32]], np.int32)

    from_memory = OnnxRuntimeSession(Graph(whole_image_graph(), Path("nowhere.onnx")), threads=1)

    from_file = OnnxRuntimeSession(graph, threads=1)
    assert from_memory.path == Path("nowhere.onnx")
    found, expected = from_memory.run(images, sizes), from_file.run(images, sizes)
    for name in ("boxes", "scores", "labels"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_tensors_inside_a_graph_can_be_observed(graph: Path) -> None:
    """Others than its outputs; the graph in memory stays as it is."""
    loaded = load_graph(graph)
    before = loaded.model.SerializeToString()
    images, sizes = np.full((1, 32, 32, 3), 51, np.uint8), np.array([[32, 32]], np.int32)

    session = OnnxRuntimeSession(loaded, observed=["brightness", "far_corner"])
    raw, (brightness, far_corner) = session.run_observed(images, sizes)

    assert (brightness.tolist(), far_corner.tolist()) == ([51], [[32, 32]])
    assert raw.scores.tolist() == session.run(images, sizes).scores.tolist() == [[np.float32(0.2)]]
    assert loaded.model.SerializeToString() == before


@pytest.mark.parametrize("source", [Path, load_graph])
def test_a_graph_off_the_contract_is_refused(tmp_path: Path, source: Callable[[Path], Path | Graph]) -> None:
    onnx.save(whole_image_graph(classes=None), tmp_path / "a.onnx")

    with pytest.raises(GraphError, match=r"a\.onnx: .*gridrt\.classes"):
        OnnxRuntimeSession(source(tmp_path / "a.onnx"))


@pytest.fixture
def int8_graph(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a graph that says that it was rewritten for a target."""

    def write(target: str) -> Path:
        model = whole_image_graph()
        model.metadata_props.add(key="gridrt.target", value=target)
        onnx.save(model, tmp_path / f"{target}.onnx")
        return tmp_path / f"{target}.onnx"

    return write


def on_cpu_with(monkeypatch: pytest.MonkeyPatch, *instruction_sets: str) -> None:
    monkeypatch.setattr("gridrt.runtime.advice.find_cpu", lambda: Cpu("Some CPU", 1, instruction_sets))
    warn_of_saturation.cache_clear()


def test_int8_for_the_cpu_warns_once_where_products_saturate(
    int8_graph: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_cpu_with(monkeypatch, "avx2", "avx512f")

    with pytest.warns(UserWarning, match=r"Some CPU.* no VNNI"):
        OnnxRuntimeSession(int8_graph("cpu"), threads=1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        OnnxRuntimeSession(int8_graph("cpu"), threads=1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("target", "instruction_sets"),
    [
        ("tensorrt", ["avx2"]),
        ("cpu", ["avx2", "avx_vnni"]),
        ("cpu", ["avx2", "avx512f", "avx512_vnni"]),
        ("cpu", ["avx2", "avx512f", "amx_int8"]),
        ("cpu", ["asimd", "asimddp"]),
        ("cpu", []),
    ],
)
def test_other_targets_and_processors_do_not(
    int8_graph: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, target: str, instruction_sets: list[str]
) -> None:
    on_cpu_with(monkeypatch, *instruction_sets)

    OnnxRuntimeSession(int8_graph(target), threads=1)


@pytest.mark.skipif(
    not hasattr(onnxruntime.InferenceSession, "get_provider_graph_assignment_info"),
    reason="ONNX Runtime before 1.24 does not tell which provider runs a node",
)
def test_nodes_that_a_gpu_leaves_to_the_cpu_are_told(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime's own account of the nodes; only the provider of one part of them is a stand-in."""

    class OnGpu(onnxruntime.InferenceSession):  # type: ignore[misc]  # of a package without types
        def __init__(self, model: Path, options: onnxruntime.SessionOptions, providers: object) -> None:
            del providers
            super().__init__(model, options, providers=["CPUExecutionProvider"])

        def get_providers(self) -> list[str]:
            return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
    monkeypatch.setattr(onnxruntime, "InferenceSession", OnGpu)

    with pytest.warns(UserWarning, match=r"^.*CUDA.* nodes .*\d"):
        session = OnnxRuntimeSession(graph)

    assert session.info.device.startswith("cuda, with ")
    assert session.info.device.endswith(" on the cpu")


def test_on_a_cpu_nothing_is_left_to_it(graph: Path) -> None:
    assert OnnxRuntimeSession(graph, ["CPUExecutionProvider"]).info.device == "cpu"
