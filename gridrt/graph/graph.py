"""An ONNX graph of GridRT: one file read once, hashed and parsed from the same bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import onnx
import onnx.checker
import onnx.external_data_helper
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import ModelProto

from gridrt.errors import GraphError
from gridrt.graph.external_data import external_files
from gridrt.graph.metadata import metadata_of
from gridrt.unchanged import sha256_of_all, unchanged


class Graph:
    """A graph in memory. Treat it as read-only: a rewrite works on a copy of the model.

    Args:
        model: the parsed file.
        path: the file that it was read from or will be written to; errors and default names refer to it.
        sha256: of the file and its data files, in hexadecimal; None has it computed from the model when it is needed.
        data_files: that hold weights beside the file.

    Attributes:
        model: the parsed file.
        path: its file.
        data_files: as given.
        metadata: its `metadata_props`, unchecked.
    """

    def __init__(
        self, model: ModelProto, path: Path, sha256: str | None = None, data_files: Sequence[Path] = ()
    ) -> None:
        self.model, self.path, self.metadata = model, path, metadata_of(model)
        self._sha256, self.data_files = sha256, data_files

    @property
    def sha256(self) -> str:
        """SHA-256 of what it was read from (see `sha256_of_all`); for a graph in memory, of the file to become."""
        if self._sha256 is None:
            self._sha256 = hashlib.sha256(self.model.SerializeToString()).hexdigest()
        return self._sha256


def load_graph(path: str | Path, *, external_data: bool = True) -> Graph:
    """Read an ONNX file. Whether it is a graph of `gridrt export`, `gridrt.graph.contract.check_contract` tells.

    Args:
        path: the file.
        external_data: whether to read weights that another program moved to files of their own; without them the
            graph can be looked at, not run.

    Raises:
        GraphError: the file is missing, cannot be read, or is not an ONNX graph.
    """
    path = Path(path)
    data_files = external_files(path)
    there = [file for file in data_files if os.path.isfile(file)]  # noqa: PTH113 - Path.is_file raises on a name too long
    with unchanged([path, *there], GraphError):
        try:
            content = path.read_bytes()
            model = onnx.load_model_from_string(content)
            if external_data:
                onnx.external_data_helper.load_external_data_for_model(model, str(path.parent))
        except (OSError, ValueError, TypeError, onnx.checker.ValidationError) as error:  # such as of external data
            raise GraphError("cannot read the ONNX file", place=path, value=error) from error
        except DecodeError:
            model = ModelProto()
        sha256 = sha256_of_all([path, *there]) if there else hashlib.sha256(content).hexdigest()
    if not model.graph.node or not _has_text(model):  # protobuf also parses an empty file, and some that are damaged
        raise GraphError("this is not an ONNX graph, or it is damaged", place=path, remedy="Export it again.")
    return Graph(model, path, sha256, data_files)


def _has_text(model: ModelProto) -> bool:
    """Whether all names and notes are text: protobuf gives bytes for those that are not UTF-8."""
    graph = model.graph
    texts = [text for entry in model.metadata_props for text in (entry.key, entry.value)]
    texts += [each.name for each in (*graph.initializer, *graph.input, *graph.output)]
    for node in (*graph.node, *(node for function in model.functions for node in function.node)):
        texts += [node.name, node.op_type, node.domain, *node.input, *node.output]
    return all(isinstance(text, str) for text in texts)
