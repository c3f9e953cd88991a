from __future__ import annotations

import json
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import click
import onnx
import pytest
from click.testing import CliRunner

from benchmarks import cpu_memory
from benchmarks.cpu_memory import OPENERS, Curve, curve, distinct_shapes, line
from gridrt.runtime.openvino import compile as openvino_compile
from tests.fakes import whole_image_graph


def test_sizes_are_different_multiples_of_the_stride() -> None:
    shapes = distinct_shapes(100, (640, 480))

    assert len(set(shapes)) == 100
    assert all(height % 32 == width % 32 == 0 for height, width in shapes)
    assert max(height for height, _ in shapes) <= 480
    assert max(width for _, width in shapes) <= 640


def test_more_sizes_than_there_are_are_refused() -> None:
    with pytest.raises(click.UsageError, match="only 9 sizes"):
        distinct_shapes(10, (128, 128))


@pytest.mark.parametrize("name", OPENERS)
def test_a_curve_has_a_point_for_each_new_size(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_compile, "KERNELS", openvino_compile.KERNELS)  # a child process changes it
    monkeypatch.setattr(cpu_memory, "SHOWN", 2)
    onnx.save(whole_image_graph(), tmp_path / "a.onnx")

    found = curve(name, tmp_path / "a.onnx", [(64, 64), (64, 96), (96, 64)], 1)

    assert len(found.mebibytes) == 3
    assert min(found.seconds_new, found.seconds_again) > 0


def test_a_curve_is_shown_at_a_few_points() -> None:
    shown = line("some runtime", Curve([float(number) for number in range(1, 101)], 0.5, 0.25))

    assert "10:10 20:20" in shown
    assert "100:100; s new 0.500, again 0.250" in shown


def test_a_run_that_was_interrupted_goes_on_at_the_curve_that_it_was_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def measured(name: str, *_: object) -> Future[Curve]:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(name)
        future = Future[Curve]()
        future.set_result(Curve([1.0, 2.0], 0.5, 0.25))
        return future

    monkeypatch.setattr(ProcessPoolExecutor, "submit", lambda _self, _curve, name, *rest: measured(name, *rest))
    monkeypatch.setattr(cpu_memory, "onnx_from_model", lambda *_: whole_image_graph())
    out = tmp_path / "memory.json"
    arguments = ["--variant", "tiny", "--sizes", "2", "--out", str(out)]

    interrupted = CliRunner().invoke(cpu_memory.command, arguments)
    first, done = done, []
    resumed = CliRunner().invoke(cpu_memory.command, [*arguments, "--resume"])

    assert (interrupted.exit_code, out.exists()) == (1, True), resumed.output
    assert first + done == list(OPENERS)
    assert list(json.loads(out.read_text())["curves"]) == list(OPENERS)
    assert [path.name for path in tmp_path.iterdir()] == ["memory.json"]
