"""What an ONNX file holds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import onnx

from gridrt.config import DetectionConfig
from gridrt.formatting import format_noted_scale, format_thresholds, listed
from gridrt.graph.graph import load_graph
from gridrt.graph.metadata import (
    CLASSES_KEY,
    RECIPE_KEY,
    class_names_in,
    detections_in,
    detections_to_metadata,
    metadata_of,
    scale_in_input,
)

_LONGEST_VALUE = 80
_OWN_LINES = (CLASSES_KEY, RECIPE_KEY, *detections_to_metadata(DetectionConfig()))


@dataclass(frozen=True)
class Port:
    """An input or an output of a graph; a dimension is a number, a name, or "?"."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} [{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class GraphSummary:
    """Facts about an ONNX file.

    Attributes:
        opsets: version by domain; the domain of standard ops is `ai.onnx`.
        class_names: as GridRT notes them; None in a graph of others.
        scale: most pixels on the long and on the short side of the images that it learned from; None if not known.
        metadata: what the file says about itself, such as GridRT's `gridrt.*`.
        ops: how many nodes of each op, those inside If and Loop too; ops of other domains as `domain::Op`.
        functions: how many nodes each local function has.
        initializer_bytes: by dtype.
    """

    file: str
    size_bytes: int
    sha256: str
    ir_version: int
    opsets: Mapping[str, int]
    producer: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    class_names: tuple[str, ...] | None
    scale: tuple[int, int] | None
    metadata: Mapping[str, str]
    ops: Mapping[str, int]
    functions: Mapping[str, int]
    initializer_bytes: Mapping[str, int]

    def lines(self) -> list[str]:
        """For people: one fact per line."""
        notes = self.metadata.items()
        one_line = {key: " ".join(value.split()) for key, value in notes if key not in _OWN_LINES}
        return [
            f"{self.file}: ONNX graph, {self.size_bytes:,} bytes",
            f"versions      IR {self.ir_version}, {_joined(self.opsets)}, by {self.producer}",
            *(f"input         {port}" for port in self.inputs),
            *(f"output        {port}" for port in self.outputs),
            *self._learned_lines(),
            f"ops           {_joined(self.ops)}",
            f"functions     {_joined(self.functions) or 'none'}",
            f"initialisers  {', '.join(f'{dtype} {count:,} bytes' for dtype, count in self.initializer_bytes.items())}",
            f"sha256        {self.sha256}",
            *(
                f"{key}: {value if len(value) <= _LONGEST_VALUE else f'{value[: _LONGEST_VALUE - 3]}...'}"
                for key, value in one_line.items()
            ),
        ]

    def _learned_lines(self) -> list[str]:
        if self.class_names is None:
            return []
        classes = f"{len(self.class_names)}: {listed(self.class_names)}"
        precision = self.metadata.get(RECIPE_KEY, "fp32")
        return [
            f"precision     {precision}",
            f"classes       {classes}",
            f"scale         {format_noted_scale(self.scale)}",
            f"detections    {format_thresholds(asdict(detections_in(self.metadata, self.file)))}",
        ]


def graph_summary(path: Path) -> GraphSummary:
    """Parse the ONNX file at `path`, without its external data, and tell what it holds.

    Raises:
        GraphError: no such file, not ONNX, or metadata of GridRT that were broken since.
    """
    loaded = load_graph(path, external_data=False)
    model, graph = loaded.model, loaded.model.graph
    metadata = metadata_of(model)
    is_ours = CLASSES_KEY in metadata
    return GraphSummary(
        file=str(path),
        size_bytes=path.stat().st_size,
        sha256=str(loaded.sha256),
        ir_version=model.ir_version,
        opsets={opset.domain or "ai.onnx": opset.version for opset in model.opset_import},
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        inputs=_ports(graph.input),
        outputs=_ports(graph.output),
        class_names=class_names_in(metadata, path) if is_ours else None,
        scale=scale_in_input(metadata, path) if is_ours else None,
        metadata=metadata,
        ops=dict(Counter(_qualified(node.domain, node.op_type) for node in _nodes(graph)).most_common()),
        functions={_qualified(function.domain, function.name): len(function.node) for function in model.functions},
        initializer_bytes=_bytes_by_dtype(graph.initializer),
    )


def _ports(values: Iterable[onnx.ValueInfoProto]) -> tuple[Port, ...]:
    ports = []
    for value in values:
        tensor = value.type.tensor_type
        dims = (dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?" for dim in tensor.shape.dim)
        ports.append(Port(value.name, _dtype(tensor.elem_type), tuple(dims)))
    return tuple(ports)


def _dtype(elem_type: int) -> str:
    names: Mapping[int, str] = {number: name for name, number in onnx.TensorProto.DataType.items()}
    return names.get(elem_type, f"type {elem_type}").lower()


def _qualified(domain: str, name: str) -> str:
    return f"{domain}::{name}" if domain else name


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _nodes(attribute.g)


def _bytes_by_dtype(tensors: Iterable[onnx.TensorProto]) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    for tensor in tensors:
        try:
            size = math.prod(tensor.dims) * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        except (KeyError, TypeError, ValueError):  # a type of a later version, or of a damaged file
            size = tensor.ByteSize()
        sizes[_dtype(tensor.data_type)] += size
    return dict(sizes.most_common())


def _joined(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in numbers.items())
