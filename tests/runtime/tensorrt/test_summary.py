"""What is told of engines."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from gridrt.errors import EngineError
from gridrt.files import sha256_of
from gridrt.runtime.tensorrt.manifest import read_manifest
from gridrt.runtime.tensorrt.summary import engine_summary

FROM_AMPERE = "8.0, 8.6, 8.7, 8.9, 9.0, 10.0, 10.3, 11.0, 12.0, 12.1"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes an engine with its manifest; what is given replaces a part of that."""

    def written(**parts: object) -> Path:
        engine = tmp_path / "a.engine"
        engine.write_bytes(b"1234")
        metadata = {
            "gridrt.classes": '["cat", "dog"]',
            "gridrt.input": '{"scale": [320, 256]}',
            "gridrt.precision": "int8",
        }
        manifest = {
            "gridrt": "0.1",
            "engine": {"file": engine.name, "sha256": sha256_of(engine), "bytes": 4},
            "graph": {"file": "a.onnx", "sha256": "abc", "metadata": metadata},
            "runtime": {"name": "tensorrt", "version": "11.4.0", "packages": {}},
            "gpu": {"name": "NVIDIA H100", "compute_capability": "9.0"},
            "compute_capabilities": [],
            "plugins": {"adapter": "library", "version": 1, "file": "libgridrt_plugins.so", "sha256": "def"},
            "profile": {"images": [[1, 32, 32, 3], [2, 256, 320, 3], [4, 320, 320, 3]]},
            "precision": {"backbone": {"int8": 20}, "rpn_head": {"fp16": 5, "fp32": 10}},
            "options": {"workspace_mib": None, "hardware": "none", "refit": False},
            "warnings": ["slow"],
            "seconds": 3.5,
        }
        (tmp_path / "a.engine.json").write_text(json.dumps(manifest | parts))
        return engine

    return written


def test_everything_of_the_manifest_is_told(write: Callable[..., Path]) -> None:
    engine = write()
    build_sha256 = read_manifest(engine).build_sha256
    assert engine_summary(engine).lines() == [
        f"{engine}: TensorRT engine, 4 bytes",
        "built by    tensorrt 11.4.0, GridRT 0.1, in 3.5 s",
        "built for   NVIDIA H100, compute capability 9.0",
        "plugins     library, version 1, libgridrt_plugins.so, sha256 def",
        "images      1 of 32x32 to 4 of 320x320, tuned for 2 of 256x320",
        "precision   backbone: 20 int8",
        "precision   rpn_head: 5 fp16, 10 fp32",
        "classes     2: cat, dog",
        "scale       320 x 256",
        "detections  score_threshold 0.03, iou_threshold 0.3, max_detections 100",
        "graph       a.onnx in int8, sha256 abc",
        f"sha256      {sha256_of(engine)} (of this file: a rebuild has other bytes)",
        f"build       sha256 {build_sha256} of graph, runtime, GPU and options: equal for a rebuild",
        "hardware: none",
        "refit: False",
        "warning: slow",
    ]


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (
            {"gpu": None},
            f"built for   compute capability {FROM_AMPERE}, ahead of time",
        ),
        (
            {"gpu": None, "compute_capabilities": ["8.9", "12.0"]},
            "built for   compute capability 8.9, 12.0, ahead of time",
        ),
        (
            {"options": {"hardware": "ampere-plus"}},
            f"built for   NVIDIA H100, compute capability {FROM_AMPERE}",
        ),
        ({"plugins": {"adapter": "aot", "version": 1}}, "plugins     aot, version 1"),
    ],
)
def test_where_it_runs_and_what_its_plugins_are(
    write: Callable[..., Path], parts: dict[str, object], line: str
) -> None:
    assert line in engine_summary(write(**parts)).lines()


def test_json_has_the_manifest(write: Callable[..., Path]) -> None:
    told = json.loads(json.dumps(asdict(engine_summary(write()))))
    assert told["manifest"]["runtime"]["version"] == "11.4.0"
    assert (told["size_bytes"], told["class_names"], told["scale"]) == (4, ["cat", "dog"], [320, 256])


def test_an_engine_without_its_manifest_or_with_anothers_is_refused(write: Callable[..., Path]) -> None:
    engine = write()
    engine.write_bytes(b"5678")
    with pytest.raises(EngineError, match="manifest"):
        engine_summary(engine)
    engine.with_name("a.engine.json").unlink()
    with pytest.raises(EngineError, match=r"a\.engine\.json \(found"):
        engine_summary(engine)
    engine.unlink()
    with pytest.raises(EngineError, match="the file is missing"):
        engine_summary(engine)
