"""The files beside an ONNX file that hold its weights, where another program moved them there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

_KEY = b"\x0a\x08location"
"""How protobuf writes the key under which a tensor names its file."""
_BLOCK_BYTES = 1 << 20


def external_files(path: Path) -> list[Path]:
    """The files that an ONNX file names, in the order of their names, whether or not they are there.

    None where `path` cannot be read as ONNX. A file that names none is not parsed.
    """
    if not _may_name_files(path):
        return []
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load(path, load_external_data=False)
    except (OSError, DecodeError):
        return []
    tensors = [*_in_graph(model.graph), *(tensor for body in model.functions for tensor in _in_nodes(body.node))]
    external = (tensor.external_data for tensor in tensors if tensor.data_location == onnx.TensorProto.EXTERNAL)
    names = {entry.value for entries in external for entry in entries if entry.key == "location"}
    return [path.parent / name for name in sorted(names)]


def _may_name_files(path: Path) -> bool:
    """Whether the key is among the bytes; weights may have them by chance."""
    try:
        with path.open("rb") as file:
            tail = b""
            while block := file.read(_BLOCK_BYTES):
                if _KEY in tail + block:
                    return True
                tail = block[-len(_KEY) :]
    except OSError:  # which the reader of the file reports
        pass
    return False


def _in_graph(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    yield from _in_nodes(graph.node)


def _in_nodes(nodes: Iterable[NodeProto]) -> Iterator[TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for graph in (attribute.g, *attribute.graphs):
                yield from _in_graph(graph)
