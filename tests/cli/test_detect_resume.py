from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result

from gridrt.cli.main import cli
from gridrt.data.image import save_image
from gridrt.data.video import Video, video_writer
from gridrt.report.annotate import save_annotated
from gridrt.report.finished_files import FinishedFiles
from tests.cli.detection_to_kill import detect_until
from tests.fakes import whole_image_graph
from tests.moments import NEVER, exit_codes_of

IMAGES = 12
KILLS = 6
PARTIAL = Path("found.json.partial.jsonl")
ARGUMENTS = (
    "detect",
    "photos",
    "clip.mp4",
    "--scale",
    "64",
    "48",
    "--workers",
    "1",
    "--json",
    "found.json",
    "--jsonl",
    "found.jsonl",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A model that finds each image whole, twelve images and a video of four frames."""
    monkeypatch.chdir(tmp_path)
    onnx.save(whole_image_graph(), tmp_path / "model.onnx")
    pixels = np.random.default_rng(0).integers(128, 255, (IMAGES, 48, 64, 3), np.uint8)
    for number in range(IMAGES):
        save_image(tmp_path / f"photos/{number:02}.png", pixels[number])
    with video_writer(tmp_path / "clip.mp4", 10) as append:
        for number in range(4):
            append(pixels[number])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield tmp_path
    signal.signal(signal.SIGINT, before)


def detect(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*ARGUMENTS, *arguments], catch_exceptions=False)


def written() -> dict[str, Any]:
    """The lists and the copies of images to the byte; of the video the number of frames."""
    files = [Path("found.json"), Path("found.jsonl"), *sorted(Path("detections").glob("*.png"))]
    return {str(file): file.read_bytes() for file in files} | {"frames": len(list(Video("detections/clip.mp4")))}


def undisturbed() -> dict[str, Any]:
    assert detect().exit_code == 0
    assert not PARTIAL.exists()
    found = written()
    shutil.rmtree("detections")
    for name in ("found.json", "found.jsonl"):
        Path(name).unlink()
    return found


def interrupted(at: int = 4) -> Result:
    """A run that gets a SIGINT when that file is done, and not yet kept."""
    add, done = FinishedFiles.add, list[Path]()

    def interrupt(files: FinishedFiles, source: Path, *others: Any) -> None:  # noqa: ANN401 - those of add
        if len(done) == at:
            os.kill(os.getpid(), signal.SIGINT)
        done.append(source)
        add(files, source, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FinishedFiles, "add", interrupt)
        return detect()


def test_an_interrupt_leaves_whole_files_and_says_how_to_go_on() -> None:
    result = interrupted()

    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.splitlines() == ["The same command with --resume continues.", "interrupted"]
    names = [f"photos/{number:02}.png" for number in range(4)]
    assert [entry["file"] for entry in json.loads(Path("found.json").read_text())] == names
    assert [json.loads(line)["file"] for line in Path("found.jsonl").read_text().splitlines()] == names
    assert [json.loads(line)["file"] for line in PARTIAL.read_text().splitlines()[1:]] == names


def test_a_resumed_run_does_the_other_files_and_writes_the_same_bytes() -> None:
    expected = undisturbed()
    interrupted()
    stamps = {file: file.stat().st_mtime_ns for file in Path("detections").glob("0[0-3].png")}

    result = detect("--resume")

    assert result.exit_code == 0
    assert "resumed: 4 files done" in result.stderr
    assert written() == expected
    assert {file: file.stat().st_mtime_ns for file in stamps} == stamps
    assert not PARTIAL.exists()


def test_a_file_that_changed_or_whose_copy_is_gone_is_done_again() -> None:
    interrupted()
    Path("detections/01.png").unlink()
    save_image("photos/02.png", np.full((32, 32, 3), 255, np.uint8))

    assert detect("--resume").exit_code == 0

    entries = json.loads(Path("found.json").read_text())
    assert [entry["file"] for entry in entries[:IMAGES]] == [f"photos/{number:02}.png" for number in range(IMAGES)]
    assert (entries[2]["width"], Path("detections/01.png").exists()) == (32, True)


def test_a_file_that_changed_after_it_was_read_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = save_annotated

    def draw_and_replace(target: Path, *others: Any) -> None:  # noqa: ANN401 - those of save_annotated
        draw(target, *others)
        if target.name == "01.png":
            save_image("photos/01.png", np.full((32, 32, 3), 255, np.uint8))

    with monkeypatch.context() as patch:
        patch.setattr("gridrt.report.file_detections.save_annotated", draw_and_replace)
        interrupted()

    assert detect("--resume").exit_code == 0

    assert json.loads(Path("found.json").read_text())[1]["width"] == 32


def test_without_resume_an_interrupted_run_is_not_overwritten() -> None:
    interrupted()
    before = PARTIAL.read_bytes()

    result = detect()

    assert (result.exit_code, result.stderr.startswith(f"error: {PARTIAL}: cannot start over")) == (1, True)
    assert PARTIAL.read_bytes() == before


@pytest.mark.parametrize("more", [("--score-threshold", "0.5"), ("--scale", "96", "72"), ("--classes", "scene")])
def test_a_run_with_other_options_is_not_resumed(more: tuple[str, ...]) -> None:
    interrupted()

    result = detect("--resume", *more)

    assert (result.exit_code, result.stderr.startswith(f"error: {PARTIAL}: cannot resume ")) == (1, True)


def test_killed_at_random_moments_it_loses_no_file_and_does_none_twice(folder: Path) -> None:
    expected, moments, resumed_from = undisturbed(), np.random.default_rng(0), list[int]()
    code: int | None = -signal.SIGKILL
    while code == -signal.SIGKILL:
        lines = list(map(json.loads, PARTIAL.read_text().split("\n")[1:-1])) if PARTIAL.exists() else []
        done = {line["file"] for line in lines if line["sha256"]}
        (folder / "log").unlink(missing_ok=True)
        call = int(moments.integers(1, 300)) if len(resumed_from) < KILLS else NEVER

        [code] = exit_codes_of(detect_until, (call, folder, [*ARGUMENTS, *["--resume"] * bool(resumed_from)]))

        log = folder / "log"
        assert done.isdisjoint(log.read_text().splitlines() if log.exists() else [])
        resumed_from.append(len(done))
    assert code == 0
    assert len(set(resumed_from)) > KILLS // 2
    assert written() == expected
    assert not PARTIAL.exists()
