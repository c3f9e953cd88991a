from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import onnxruntime
import pytest

from gridrt.errors import DependencyError, GraphError
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

    assert (session.info.scale, session.info.scale_origin == "noted") == (scale, is_noted)


@pytest.mark.parametrize("rule", ["480 x 360", "[480, 360]", '{"scale": [480]}', '{"scale": [480, 0]}'])
def test_metadata_with_another_scale_than_two_positive_numbers_is_refused(tmp_path: Path, rule: str) -> None:
    onnx.save(whole_image_graph(input_rule=rule), tmp_path / "a.onnx")

    with pytest.raises(GraphError, match=r"a\.onnx: .* \(found metadata gridrt\.input has no scale of two positive"):
        OnnxRuntimeSession(tmp_path / "a.onnx")


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

    with pytest.raises(DependencyError, match=rf"NoSuchProvider: .* It has {available}\."):
        OnnxRuntimeSession(graph, providers=["NoSuchProvider"])


def test_a_provider_that_does_not_start_is_no_silent_fallback(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = onnxruntime.InferenceSession
    there = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda path, options, **_: start(path, options, ["CPUExecutionProvider"])
    )

    with pytest.raises(DependencyError, match="CUDAExecutionProvider: the provider does not start here"):
        OnnxRuntimeSession(graph, providers=["CUDAExecutionProvider"])


@pytest.mark.parametrize(("threads", "expected"), [(3, 3), (None, 0)])
def test_threads_reach_the_runtime(graph: Path, threads: int | None, expected: int) -> None:
    session = OnnxRuntimeSession(graph, threads=threads)

    assert session._session.get_session_options().intra_op_num_threads == expected


@pytest.mark.parametrize(
    "content", [b"", b"These are words, not a graph.\n" * 9, bytes(999)], ids=["empty", "text", "zeros"]
)
def test_what_is_no_graph_is_refused_in_one_line(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.onnx").write_bytes(content)

    with pytest.raises(GraphError, match=r"a\.onnx: not a graph that ONNX Runtime can open") as caught:
        OnnxRuntimeSession(tmp_path / "a.onnx")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_truncated_graph_is_refused(graph: Path) -> None:
    graph.write_bytes(graph.read_bytes()[:300])

    with pytest.raises(GraphError):
        OnnxRuntimeSession(graph)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"a\.onnx: there is no such file"):
        OnnxRuntimeSession(tmp_path / "a.onnx")


def test_a_folder_is_told_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").mkdir()

    with pytest.raises(GraphError, match=r"a\.onnx: this must be a file \(found a folder\)"):
        OnnxRuntimeSession(tmp_path / "a.onnx")


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_weights_that_are_not_finite_are_refused_by_name(
    tmp_path: Path, broken: float, dtype: type[np.floating]
) -> None:
    model = whole_image_graph()
    tensors = {"sound": np.ones(3, dtype), "count": np.arange(3), "head.weight": np.array([[1, broken]], dtype)}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in tensors.items())
    onnx.save(model, tmp_path / "a.onnx")

    with pytest.raises(GraphError, match=r"a\.onnx: weights .* \(found NaN or infinity in 1 tensors: head\.weight\)"):
        OnnxRuntimeSession(tmp_path / "a.onnx")


def test_a_label_without_a_name_is_refused(tmp_path: Path) -> None:
    text = WHOLE_IMAGE_GRAPH.replace("Cast<to: int = 6>(zeros)", "Cast<to: int = 6>(scores)")  # white: label 1
    onnx.save(whole_image_graph(text), tmp_path / "a.onnx")
    session = OnnxRuntimeSession(tmp_path / "a.onnx")
    sizes = np.array([[32, 32]], np.int32)

    assert session.run(np.zeros((1, 32, 32, 3), np.uint8), sizes).labels == [[0]]
    with pytest.raises(GraphError, match=r"a\.onnx: .* \(found label 1, but 1 class names\)"):
        session.run(np.full((1, 32, 32, 3), 255, np.uint8), sizes)


def test_a_run_that_fails_is_one_line(graph: Path) -> None:
    session = OnnxRuntimeSession(graph)

    with pytest.raises(GraphError, match=r"model\.onnx: ONNX Runtime cannot run the graph") as caught:
        session.run(np.zeros((1, 32, 32, 3), np.uint8), np.zeros((1, 5), np.int32))
    assert "\n" not in str(caught.value)


def test_a_foreign_graph_is_refused_and_told_what_it_lacks(tmp_path: Path) -> None:
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    inside = onnx.helper.make_graph([node], "relu", [value("x", 1, [1])], [value("y", 1, [1])])
    model = onnx.helper.make_model(inside, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, tmp_path / "relu.onnx")

    with pytest.raises(
        GraphError, match=r"relu\.onnx: not a graph that gridrt export wrote \(found no input named images\)"
    ):
        OnnxRuntimeSession(tmp_path / "relu.onnx")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("uint8[B,H,W,3] images", "float[B,H,W,3] images", r"input images of type and rank \('tensor\(float\)', 4\)"),
        ("uint8[B,H,W,3] images", "uint8[B,N] images", "input images of type and rank"),
        ("scores", "confidences", "no output named scores"),
        ("int32[B,1] labels)", "int32[B,1] labels, float[B] brightness)", "a further output named brightness"),
    ],
)
def test_a_graph_off_the_contract_is_refused(tmp_path: Path, before: str, after: str, told: str) -> None:
    text = WHOLE_IMAGE_GRAPH.replace(before, after).replace("[1, 2, 3]", "[1]" if "B,N" in after else "[1, 2, 3]")
    onnx.save(whole_image_graph(text), tmp_path / "a.onnx")

    with pytest.raises(GraphError, match=told):
        OnnxRuntimeSession(tmp_path / "a.onnx")


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        (None, r"no metadata gridrt\.classes"),
        *((classes, "is not a JSON list of strings") for classes in ("person, car", "80", '"abc"', '{"a": 1}', "[1]")),
    ],
)
def test_a_graph_without_class_names_is_refused(tmp_path: Path, classes: str | None, told: str) -> None:
    onnx.save(whole_image_graph(classes=classes), tmp_path / "a.onnx")

    with pytest.raises(GraphError, match=told):
        OnnxRuntimeSession(tmp_path / "a.onnx")
