from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import pytest

from gridrt.errors import GraphError
from gridrt.files import sha256_of
from gridrt.graph.graph import Graph, load_graph
from tests.fakes import whole_image_graph


def test_a_file_is_read_as_onnx_reads_it_and_hashed(tmp_path: Path) -> None:
    onnx.save(whole_image_graph(), tmp_path / "a.onnx")

    graph = load_graph(tmp_path / "a.onnx")

    assert graph.model == onnx.load(tmp_path / "a.onnx")
    assert graph.path == tmp_path / "a.onnx"
    assert graph.sha256 == sha256_of(tmp_path / "a.onnx")
    assert graph.metadata == {entry.key: entry.value for entry in graph.model.metadata_props}
    assert "gridrt.classes" in graph.metadata


def test_a_graph_in_memory_has_the_hash_of_its_file_to_be(tmp_path: Path) -> None:
    graph = Graph(whole_image_graph(), tmp_path / "a.onnx")
    (tmp_path / "a.onnx").write_bytes(graph.model.SerializeToString())

    assert graph.sha256 == sha256_of(tmp_path / "a.onnx")


def test_a_file_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So hash and model are of the same bytes."""
    onnx.save(whole_image_graph(), tmp_path / "a.onnx")
    reads, read_bytes = [], Path.read_bytes

    def noted(path: Path) -> bytes:
        reads.append(path.name)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    assert load_graph(tmp_path / "a.onnx").sha256
    assert reads == ["a.onnx"]


def external(folder: Path) -> Path:
    model = whole_image_graph()
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.arange(2000, dtype=np.float32), "apart"))
    onnx.save(model, folder / "a.onnx", save_as_external_data=True, location="a.data")
    return folder / "a.onnx"


def test_weights_in_a_file_of_their_own_are_read(tmp_path: Path) -> None:
    (tensor,) = (each for each in load_graph(external(tmp_path)).model.graph.initializer if each.name == "apart")

    assert onnx.numpy_helper.to_array(tensor).tolist() == list(range(2000))


def test_without_those_weights_a_graph_can_be_looked_at(tmp_path: Path) -> None:
    path = external(tmp_path)
    (tmp_path / "a.data").unlink()

    assert load_graph(path, external_data=False).model.graph.node
    with pytest.raises(GraphError, match=r"a\.onnx: cannot read"):
        load_graph(path)


@pytest.mark.parametrize("content", [b"", b"These are words, not a graph.\n" * 9, bytes(999)])
def test_what_is_no_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.onnx").write_bytes(content)

    with pytest.raises(GraphError, match=r"a\.onnx: .*not an ONNX"):
        load_graph(tmp_path / "a.onnx")


@pytest.mark.parametrize("name", ["width_first", "labels", "gridrt.classes"])
def test_a_name_that_is_no_utf8_is_damage(tmp_path: Path, name: str) -> None:
    content = whole_image_graph().SerializeToString()
    assert name.encode() in content
    (tmp_path / "a.onnx").write_bytes(content.replace(name.encode(), b"\xff" + name.encode()[1:]))

    with pytest.raises(GraphError, match=r"a\.onnx: .*not an ONNX"):
        load_graph(tmp_path / "a.onnx")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.onnx").mkdir()

    for name in ("missing.onnx", "folder.onnx"):
        with pytest.raises(GraphError, match=name):
            load_graph(tmp_path / name)
