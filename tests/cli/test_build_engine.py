"""`gridrt build-engine` from the command line."""

from __future__ import annotations

import functools
import json
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result

from gridrt.cli.main import cli
from gridrt.data.image import save_image
from gridrt.files import sha256_of
from gridrt.runtime.tensorrt import library as tensorrt_library
from gridrt.types import UInt8Array
from tests.fakes import whole_image_graph


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["build-engine", *map(str, arguments)], catch_exceptions=False)


def metadata(graph: Path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(graph).metadata_props}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one graph, which is quick to open."""
    monkeypatch.chdir(tmp_path)
    onnx.save(whole_image_graph(), tmp_path / "scene.onnx")
    return tmp_path


@pytest.fixture
def tiny(exported: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the graph of a detector."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.onnx").symlink_to(exported("tiny"))
    return tmp_path


@pytest.fixture
def no_tensorrt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_library, "_load", functools.cache(tensorrt_library._load.__wrapped__))
    for name in ("tensorrt", "tensorrt_rtx"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture(scope="module")
def built(
    tensorrt_rtx: object, exported: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Result]:
    """A folder with the graph of a detector and an engine of it."""
    assert tensorrt_rtx
    folder = tmp_path_factory.mktemp("built")
    (folder / "tiny.onnx").symlink_to(exported("tiny"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, run("--fp16", "--plugins", "python", "--runtime", "tensorrt-rtx", "--size", "256x320")


def test_a_precision_gives_a_graph_an_engine_and_a_manifest_and_the_next_command(built: tuple[Path, Result]) -> None:
    folder, result = built
    assert result.exit_code == 0, result.output
    assert result.stdout.count("\n") == 1
    assert "built ahead of time for compute capabilities 8.0 and later, " in result.stdout
    assert "weighted layers 42 in fp16, 10 in fp32, in tiny.fp16.engine, " in result.stdout
    assert "Next, on such a GPU and with tiny.fp16.engine.json beside it: " in result.stdout
    assert result.stdout.endswith("evaluate tiny.fp16.engine --images DIR --annotations FILE\n")
    names = ["tiny.fp16.engine", "tiny.fp16.engine.json", "tiny.fp16.onnx", "tiny.onnx"]
    assert sorted(path.name for path in folder.iterdir()) == names
    manifest = json.loads((folder / "tiny.fp16.engine.json").read_text())
    assert manifest["graph"]["sha256"] == sha256_of(folder / "tiny.fp16.onnx")
    assert manifest["graph"]["metadata"]["gridrt.parent_sha256"] == sha256_of(folder / "tiny.onnx")
    assert manifest["profile"]["images"] == [[1, 256, 320, 3]] * 3


def test_an_engine_is_told_by_its_manifest(built: tuple[Path, Result]) -> None:
    engine = built[0] / "tiny.fp16.engine"
    told = CliRunner().invoke(cli, ["inspect", str(engine)]).stdout
    assert told.startswith(f"{engine}: TensorRT engine, {engine.stat().st_size:,} bytes\n")
    assert "plugins     python, version 1\n" in told
    assert "images      1 of 256x320 to 1 of 256x320, tuned for 1 of 256x320\n" in told


def test_int8_is_calibrated_on_the_pictures(tiny: Path, photo: Callable[[str], UInt8Array]) -> None:
    (tiny / "photos").mkdir()
    save_image(tiny / "photos/coffee.png", photo("coffee_crop"))
    result = run("--int8", "--images", "photos", "--onnx-only", "--scale", 320, 256, "--threads", 1)
    assert result.exit_code == 0, result.output
    assert metadata(tiny / "tiny.int8.onnx")["gridrt.precision"] == "int8"
    assert json.loads(metadata(tiny / "tiny.int8.onnx")["gridrt.calibration"])["images"] == 1
    shapes = [word.partition(",")[0] for word in shlex.split(result.stdout) if "Shapes=" in word]
    assert [shape.partition(":")[2] for shape in shapes] == ["1x32x32x3", "1x256x320x3", "1x320x320x3"]


def test_a_graph_that_was_rewritten_is_taken_as_it_is(
    built: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewritten = shutil.copy(built[0] / "tiny.fp16.onnx", tmp_path)
    before = sha256_of(rewritten)
    monkeypatch.chdir(tmp_path)
    result = run("--model", "tiny.fp16.onnx", "--runtime", "tensorrt-rtx", "--size", "256x320")
    assert "42 in fp16" in result.stdout, result.output
    assert sha256_of(rewritten) == before
    assert (tmp_path / "tiny.fp16.engine").exists()


@pytest.mark.usefixtures("no_tensorrt")
def test_without_tensorrt_the_graph_for_trtexec_can_be_written(tiny: Path) -> None:
    result = run("--fp16", "--onnx-only", "--batch", "1..8", "--size", "32x32..256x320", "--out", "my tiny.engine")
    assert result.exit_code == 0, result.output
    command = shlex.split(result.stdout.partition("Next: ")[2])
    assert command == [
        "trtexec",
        "--onnx=my tiny.onnx",
        "--stronglyTyped",
        "--dynamicPlugins=libgridrt_plugins.so",
        "--saveEngine=my tiny.engine",
        "--minShapes=images:1x32x32x3,image_sizes:1x2",
        "--optShapes=images:8x256x320x3,image_sizes:8x2",
        "--maxShapes=images:8x256x320x3,image_sizes:8x2",
    ]
    nodes = {node.name for node in onnx.load(tiny / "my tiny.onnx").graph.node}
    assert "ReduceMax" not in nodes, "the count of detections that would size a slice"
    assert metadata(tiny / "my tiny.onnx")["gridrt.precision"] == "fp16"
    assert sorted(path.name for path in tiny.iterdir()) == ["my tiny.onnx", "tiny.onnx"]


@pytest.mark.usefixtures("no_tensorrt")
@pytest.mark.parametrize("precision", [(), ("--fp16",)])
def test_without_tensorrt_it_stops_before_the_work_and_says_what_to_install(
    folder: Path, precision: tuple[str, ...]
) -> None:
    result = run("--runtime", "tensorrt-rtx", *precision)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: tensorrt-rtx: ")
    assert result.stderr.endswith('Run: pip install "gridrt[trt-rtx]"\n')
    assert [path.name for path in folder.iterdir()] == ["scene.onnx"]


@pytest.mark.parametrize(
    ("plugins", "complaint"),
    [
        ("aot", "plugins: ahead-of-time plugins must be built with TensorRT 10.16 or later"),
        ("library", "plugins: GRIDRT_PLUGIN_LIBRARY must name the file libgridrt_plugins.so. Build it: "),
    ],
)
def test_plugins_that_cannot_be_had_stop_before_the_work(
    tensorrt_rtx: object, folder: Path, plugins: str, complaint: str
) -> None:
    assert tensorrt_rtx
    result = run("--runtime", "tensorrt-rtx", "--fp16", "--plugins", plugins)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: {complaint}")
    assert [path.name for path in folder.iterdir()] == ["scene.onnx"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--fp16", "--int8"), "--fp16, --int8 and --recipe"),
        (("--int8",), "--images DIR"),
        (("--recipe", "mixed"), "--images DIR"),
        (("--fp16", "--images", "."), "--images has no effect"),
        (("--max-images", "3"), "--max-images has no effect"),
        (("--onnx-only",), "--fp16, --int8 or --recipe"),
        (("--fp16", "--onnx-only", "--refit"), "--refit has no effect"),
        (("--batch", "some"), "'some'"),
        (("--size", "800..1344"), "'800..1344'"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_options_that_contradict_each_other_are_a_usage_error(arguments: tuple[str, ...], complaint: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--batch", "0"), "(found 0 of "),
        (("--size", "800x1333"), "(found 1 of 800x1333)"),
        (("--out", "scene.onnx"), "error: scene.onnx: an engine"),
        (("--out", "scene.onnx/x.engine"), "error: scene.onnx/x.engine: "),
        (("--fp16", "--out", "scene.engine"), "(found the input scene.onnx)"),
        (("--model", "other.onnx"), "error: other.onnx: "),
        (("--recipe", "fast"), "error: --recipe: "),
    ],
)
def test_what_cannot_be_done_is_one_line(folder: Path, arguments: tuple[str, ...], complaint: str) -> None:
    before = sha256_of(folder / "scene.onnx")
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert complaint in result.stderr
    assert result.stderr.count("\n") == 1
    assert sha256_of(folder / "scene.onnx") == before
    assert [path.name for path in folder.iterdir()] == ["scene.onnx"]


def test_a_cache_that_cannot_be_written_stops_before_the_work(tiny: Path) -> None:
    """By default it lies here, under the graph's name."""
    (tiny / "tiny.calibration.npz").mkdir()
    save_image(tiny / "a.png", np.zeros((4, 4, 3), np.uint8))
    result = run("--int8", "--images", ".", "--onnx-only")
    assert result.exit_code == 1
    assert "error: tiny.calibration.npz: " in result.stderr
    assert "found a folder" in result.stderr
    assert sorted(path.name for path in tiny.iterdir()) == ["a.png", "tiny.calibration.npz", "tiny.onnx"]


@pytest.mark.usefixtures("no_tensorrt")
def test_a_graph_in_another_precision_is_not_rewritten_again(tiny: Path) -> None:
    assert run("--fp16", "--onnx-only").exit_code == 0
    result = run("--model", "tiny.fp16.onnx", "--fp16", "--onnx-only", "--out", "twice.engine")
    assert result.exit_code == 1
    assert "error: tiny.fp16.onnx: " in result.stderr
    assert "recipe fp16" in result.stderr
    assert not (tiny / "twice.onnx").exists()


def test_two_graphs_are_listed(folder: Path) -> None:
    onnx.save(whole_image_graph(), folder / "another.onnx")
    result = run()
    assert result.exit_code == 1
    assert "another.onnx, scene.onnx" in result.stderr
