from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
import torch

from gridrt.errors import DependencyError, GraphError, GridRTError
from gridrt.files import sha256_of
from gridrt.model.zoo import SHIPPED
from gridrt.runtime import models_in, only_float_graph_in, only_model_in, open_session
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
from gridrt.runtime.pytorch.session import TorchSession
from gridrt.runtime.tensorrt import session as tensorrt_session
from tests.fakes import whole_image_graph


@pytest.mark.parametrize("name", ["a.ONNX", "a.bin", "a.pth", "a"])
def test_a_graph_opens_in_onnx_runtime_whatever_its_name(tmp_path: Path, name: str) -> None:
    onnx.save(whole_image_graph(), tmp_path / name)

    assert isinstance(open_session(tmp_path / name, threads=1), OnnxRuntimeSession)


@pytest.mark.parametrize("name", ["a.pth", "a.PT", "a.ckpt", "a.pth.tar", "a.bin", "a.onnx", "weights"])
def test_a_checkpoint_opens_in_pytorch_whatever_its_name(tmp_path: Path, name: str) -> None:
    shutil.copy(SHIPPED["tiny_bccd"], tmp_path / name)

    session = open_session(tmp_path / name, trust_checkpoint=True)

    assert isinstance(session, TorchSession)
    assert session.info.class_names == ("RBC", "WBC", "Platelets")


def test_weights_open_by_their_name() -> None:
    assert open_session("tiny_synthetic").info.variant == "tiny"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_half_precision_is_never_left_out_silently() -> None:
    with pytest.raises(DependencyError):
        open_session("tiny_synthetic", backend="pytorch_cuda")


@pytest.mark.parametrize(
    ("backend", "option"),
    [
        ("onnxruntime", {"trust_checkpoint": True}),
        ("openvino", {"trust_checkpoint": True}),
        ("pytorch_cuda", {"threads": 2}),
        ("tensorrt", {"threads": 2}),
        ("tensorrt", {"trust_checkpoint": True}),
    ],
)
def test_an_option_without_effect_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, option: dict[str, int]
) -> None:
    monkeypatch.setattr(tensorrt_session, "TensorRTSession", lambda _: pytest.fail("opened"))
    onnx.save(whole_image_graph(), tmp_path / "a.onnx")
    (tmp_path / "a.engine").write_bytes(b"ftrt")
    model = {
        "onnxruntime": tmp_path / "a.onnx",
        "openvino": tmp_path / "a.onnx",
        "tensorrt": tmp_path / "a.engine",
    }.get(backend, "tiny_synthetic")

    with pytest.raises(GridRTError, match="has no option") as refused:
        open_session(model, backend=backend, **option)  # type: ignore[arg-type]
    assert (refused.value.place, refused.value.remedy) == (model, f"Leave out `{next(iter(option))}`.")


@pytest.mark.parametrize("name", ["a.txt", "a.engine.json"])
def test_another_kind_of_file_is_refused_with_those_that_are_known(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    with pytest.raises(GridRTError, match="is not a model file") as refused:
        open_session(tmp_path / name)
    assert refused.value.place == tmp_path / name
    assert all(suffix in refused.value.remedy for suffix in (".pth", ".onnx", ".engine"))


@pytest.mark.parametrize("model", ["a.txt", "r5000"])
def test_what_is_neither_a_file_nor_a_name_is_answered_with_the_names(model: str) -> None:
    with pytest.raises(GridRTError) as refused:
        open_session(model)
    assert (str(refused.value.place), "r50, " in refused.value.remedy) == (model, True)


def test_a_text_file_named_onnx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_text("words")

    with pytest.raises(GraphError):
        open_session(tmp_path / "a.onnx")


@pytest.mark.parametrize("content", [b"ftrt, and a plan", b"a plan"])
def test_an_engine_opens_in_tensorrt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(tensorrt_session, "TensorRTSession", opened.append)
    engine = tmp_path / "a.engine"
    engine.write_bytes(content)

    open_session(engine)

    assert opened == [engine]


def test_an_engine_is_taken_only_where_nothing_else_lies(tmp_path: Path) -> None:
    (tmp_path / "r50.engine").write_bytes(b"ftrt")
    (tmp_path / "r50.engine.json").touch()
    assert only_model_in(tmp_path) == tmp_path / "r50.engine"

    (tmp_path / "r50.onnx").touch()
    assert only_model_in(tmp_path) == tmp_path / "r50.onnx"


@pytest.mark.parametrize("name", ["r50.onnx", "r50.pth"])
def test_the_only_model_in_a_folder_is_taken(tmp_path: Path, name: str) -> None:
    for other in (name, "notes.txt", ".r50.part.onnx"):
        (tmp_path / other).touch()

    assert only_model_in(tmp_path) == tmp_path / name


def test_several_models_are_listed_and_none_is_taken(tmp_path: Path) -> None:
    for name in ("r50.pth", "r50.onnx"):
        (tmp_path / name).touch()

    with pytest.raises(GridRTError, match=r"found r50\.onnx, r50\.pth\)"):
        only_model_in(tmp_path)


def test_a_graph_is_taken_beside_the_checkpoint_that_it_was_made_from(tmp_path: Path) -> None:
    (tmp_path / "r50.pth").write_bytes(b"weights")
    export_of(tmp_path / "r50.pth", tmp_path / "r50.onnx")

    assert only_model_in(tmp_path) == tmp_path / "r50.onnx"


def test_a_graph_of_another_checkpoint_decides_nothing(tmp_path: Path) -> None:
    (tmp_path / "r50.pth").write_bytes(b"weights")
    export_of(tmp_path / "r50.pth", tmp_path / "r50.onnx")
    (tmp_path / "r50.pth").write_bytes(b"trained on")

    with pytest.raises(GridRTError, match=r"found r50\.onnx, r50\.pth"):
        only_model_in(tmp_path)


def test_of_two_graphs_none_is_taken(tmp_path: Path) -> None:
    (tmp_path / "r50.pth").write_bytes(b"weights")
    for name in ("r50.onnx", "r50.int8.onnx"):
        export_of(tmp_path / "r50.pth", tmp_path / name)

    with pytest.raises(GridRTError, match=r"r50\.int8\.onnx, r50\.onnx, r50\.pth"):
        only_model_in(tmp_path)


def test_a_named_backend_leaves_out_what_it_does_not_open(tmp_path: Path) -> None:
    (tmp_path / "r50.engine").write_bytes(b"ftrt")
    onnx.save(whole_image_graph(), tmp_path / "r50.onnx")
    shutil.copy(SHIPPED["tiny_bccd"], tmp_path / "other.pth")

    chosen = {name: only_model_in(tmp_path, name) for name in ("pytorch", "onnxruntime", "tensorrt")}

    files = {"pytorch": "other.pth", "onnxruntime": "r50.onnx", "tensorrt": "r50.engine"}
    assert chosen == {name: tmp_path / file for name, file in files.items()}


def test_where_the_named_backend_opens_no_file_opening_says_which_does(tmp_path: Path) -> None:
    onnx.save(whole_image_graph(), tmp_path / "r50.onnx")

    model = only_model_in(tmp_path, "tensorrt")

    with pytest.raises(GridRTError, match="onnxruntime"):
        open_session(model, backend="tensorrt")


def export_of(checkpoint: Path, graph: Path) -> None:
    model = whole_image_graph()
    model.metadata_props.add(key="gridrt.weights_sha256", value=sha256_of(checkpoint))
    onnx.save(model, graph)


def test_a_folder_without_a_model_is_told_so_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(GridRTError, match=r"no model file.*tiny_bccd"):
        only_model_in(tmp_path)


def rewritten_graph() -> onnx.ModelProto:
    model = whole_image_graph()
    model.metadata_props.add(key="gridrt.precision", value="int8")
    return model


def test_of_graphs_the_only_one_in_fp32_is_taken(tmp_path: Path) -> None:
    onnx.save(whole_image_graph(), tmp_path / "r50.onnx")
    onnx.save(rewritten_graph(), tmp_path / "a.onnx")
    onnx.save(rewritten_graph(), tmp_path / "r50.int8.onnx")
    for other in ("r50.pth", ".hidden.onnx"):
        (tmp_path / other).touch()
    (tmp_path / "folder.onnx").mkdir()

    assert only_float_graph_in(tmp_path) == tmp_path / "r50.onnx"


def test_several_graphs_in_fp32_are_listed_and_one_that_is_no_graph_is_for_others_to_refuse(tmp_path: Path) -> None:
    onnx.save(rewritten_graph(), tmp_path / "r50.fp16.onnx")
    onnx.save(whole_image_graph(), tmp_path / "r50.onnx")
    (tmp_path / "words.onnx").write_text("words")

    with pytest.raises(GridRTError, match=r"found r50\.onnx, words\.onnx"):
        only_float_graph_in(tmp_path)


def test_a_folder_with_rewritten_graphs_alone_has_none_in_fp32(tmp_path: Path) -> None:
    onnx.save(rewritten_graph(), tmp_path / "r50.int8.onnx")

    with pytest.raises(GridRTError, match=r"no ONNX file in FP32"):
        only_float_graph_in(tmp_path)


def test_a_large_graph_is_read_without_its_weights(tmp_path: Path) -> None:
    model = whole_image_graph()
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(2000, np.float32), "unused"))
    onnx.save(model, tmp_path / "r50.onnx", save_as_external_data=True, location="r50.data")
    (tmp_path / "r50.data").unlink()

    assert only_float_graph_in(tmp_path) == tmp_path / "r50.onnx"


def test_importing_the_package_loads_no_backend() -> None:
    heavy = ("torch", "onnxruntime", "openvino", "onnx", "cv2")
    code = f"import sys, gridrt.runtime; print([m for m in {heavy} if m in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_models_in_a_folder_are_all_files_of_their_suffixes_by_name(tmp_path: Path) -> None:
    for name in ("b.onnx", "a.engine", "c.PTH", ".hidden.onnx", "a.engine.json", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.onnx").mkdir()

    assert [path.name for path in models_in(tmp_path)] == ["a.engine", "b.onnx", "c.PTH"]


def test_a_folder_without_models_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()

    with pytest.raises(GridRTError, match=r"no model file.*tiny_bccd"):
        models_in(tmp_path)
