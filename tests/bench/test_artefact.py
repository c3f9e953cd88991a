from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import onnx.helper
import pytest

from gridrt.bench.artefact import artefact_of
from gridrt.errors import EngineError, GraphError, GridRTError
from gridrt.files import sha256_of
from gridrt.model.zoo import SHIPPED
from gridrt.runtime.tensorrt.manifest import Manifest
from tests.fakes import whole_image_graph


def write_graph(path: Path, **metadata: str) -> Path:
    model = whole_image_graph()
    onnx.helper.set_model_props(model, {f"gridrt.{key}": value for key, value in metadata.items()})
    onnx.save(model, path)
    return path


def write_engine(path: Path, metadata: Any) -> Path:  # noqa: ANN401 - what JSON holds
    path.write_bytes(b"plan")
    parts: dict[str, Any] = {name: {} for name in Manifest.__dataclass_fields__}
    parts |= {
        "engine": {"sha256": sha256_of(path)},
        "graph": {"file": "a.onnx", "sha256": "", "metadata": metadata},
        "runtime": {"name": "tensorrt", "version": "11.4"},
        "gpu": None,
        "plugins": {"adapter": "python", "version": 1},
        "profile": {"images": []},
        "options": {"hardware": "none"},
    }
    path.with_name(f"{path.name}.json").write_text(json.dumps(parts))
    return path


def test_weights_by_name_are_a_checkpoint_made_from_itself() -> None:
    found = artefact_of("tiny_bccd")

    assert (found.name, found.format, found.precision) == ("tiny_bccd", "PyTorch", "fp32")
    assert found.bytes == SHIPPED["tiny_bccd"].stat().st_size
    assert found.weights_sha256 == found.sha256 == sha256_of(SHIPPED["tiny_bccd"])


def test_a_graph_tells_its_weights_and_that_it_is_in_fp32_by_telling_no_precision(tmp_path: Path) -> None:
    found = artefact_of(write_graph(tmp_path / "a.onnx", weights_sha256="ab12"))

    assert (found.format, found.precision, found.weights_sha256) == ("ONNX", "fp32", "ab12")
    assert found.sha256 == sha256_of(tmp_path / "a.onnx")


def test_a_rewritten_graph_tells_its_recipe(tmp_path: Path) -> None:
    assert artefact_of(write_graph(tmp_path / "a.onnx", precision="int8")).precision == "int8"


def test_a_graph_may_not_tell_its_weights(tmp_path: Path) -> None:
    assert artefact_of(write_graph(tmp_path / "a.onnx")).weights_sha256 is None


def test_an_engine_is_what_its_graph_was(tmp_path: Path) -> None:
    engine = write_engine(tmp_path / "a.engine", {"gridrt.precision": "fp16", "gridrt.weights_sha256": "cd34"})

    found = artefact_of(engine)

    assert (found.format, found.precision, found.weights_sha256, found.bytes) == ("TensorRT", "fp16", "cd34", 4)


def test_a_manifest_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"a manifest tells the metadata of its graph \(found list\)"):
        artefact_of(write_engine(tmp_path / "a.engine", []))


def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"no graph at all")

    with pytest.raises(GraphError, match=r"a\.onnx: this is not an ONNX graph"):
        artefact_of(tmp_path / "a.onnx")


@pytest.mark.parametrize(("name", "rule"), [("a.txt", "must be a file that ends in"), ("a.onnx", "there is no such")])
def test_what_is_no_model_file_is_refused(tmp_path: Path, name: str, rule: str) -> None:
    with pytest.raises(GridRTError, match=rule):
        artefact_of(tmp_path / name)
