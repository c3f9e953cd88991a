from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result

from gridrt import api
from gridrt.cli.main import cli
from gridrt.data.coco import CocoDataset
from gridrt.data.image import save_image
from gridrt.detector import Detector
from gridrt.errors import GridRTError, OutputError
from gridrt.eval.outcomes import Outcome, record_of
from gridrt.partial_file import CHECKSUM, Record, line_of
from gridrt.report.evaluation_files import DETERMINES_RESULTS
from gridrt.types import UInt8Array
from tests.cli.evaluation_to_kill import evaluate_together, evaluate_until
from tests.datasets import write_dataset
from tests.fakes import FakeSession, whole_image_graph
from tests.moments import NEVER, exit_codes_of
from tests.test_processes import free_port

IMAGES = 12
DAMAGED = 2
INTERRUPTED_AT = 4
KILLS = 6
PARTIAL = Path("results.json.partial.jsonl")
OUTPUTS = ("--results", "results.json", "--json", "figures.json")
ARGUMENTS = ("evaluate", "--scale", "64", "48", "--images", "images", "--annotations", "annotations.json", *OUTPUTS)


def changed(record: dict[str, Any]) -> str:
    """The line of a record that was read from one and changed since."""
    return line_of({name: value for name, value in record.items() if name != CHECKSUM})


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that finds each image whole, the brighter the surer, and twelve images, one of them damaged."""
    folder = tmp_path_factory.mktemp("inputs")
    onnx.save(whole_image_graph(), folder / "model.onnx")
    (folder / "images").mkdir()
    boxes = [[0, 0, 64 if n % 3 else 20, 48] for n in range(IMAGES)]
    write_dataset(
        folder / "images",
        {
            "images": [{"id": 20 - n, "file_name": f"{n}.png", "width": 64, "height": 48} for n in range(IMAGES)],
            "categories": [{"id": 1, "name": "scene"}],
            "annotations": [
                {"id": n, "image_id": 20 - n, "category_id": 1, "bbox": box} for n, box in enumerate(boxes)
            ],
        },
    )
    (folder / "images/annotations.json").rename(folder / "annotations.json")
    pixels = np.random.default_rng(0).integers(0, 255, (IMAGES, 48, 64, 3), np.uint8)
    for number in range(IMAGES):
        save_image(folder / f"images/{number}.png", pixels[number] // (number + 1))
    (folder / f"images/{DAMAGED}.png").write_bytes(b"no image")
    return folder


@pytest.fixture(autouse=True)
def folder(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder. A process that a shell starts in the background ignores Control-C; the evaluations do not."""
    shutil.copytree(inputs, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield tmp_path
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Indices of the images, as they are run."""
    loaded, load = list[int](), CocoDataset.load_image

    def logged(dataset: CocoDataset, index: int, read: Callable[[Path], UInt8Array]) -> UInt8Array:
        loaded.append(index)
        return load(dataset, index, read)

    monkeypatch.setattr(CocoDataset, "load_image", logged)
    return loaded


def evaluate(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*ARGUMENTS, *arguments], catch_exceptions=False)


def interrupted(at: int = INTERRUPTED_AT) -> Result:
    """An evaluation that gets a SIGINT when that image is done, and its record not yet kept."""

    def interrupt(outcome: Outcome, *others: Any) -> Record:  # noqa: ANN401 - those of record_of
        if outcome.index == at:
            os.kill(os.getpid(), signal.SIGINT)
        return record_of(outcome, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gridrt.eval.results.record_of", interrupt)
        return evaluate()


def written() -> tuple[bytes, dict[str, Any]]:
    """The results to the byte, and the figures without the time that they took."""
    figures = json.loads(Path("figures.json").read_text())
    del figures["seconds"]
    return Path("results.json").read_bytes(), figures


def undisturbed() -> tuple[bytes, dict[str, Any]]:
    """What an evaluation writes that nothing interrupts."""
    evaluate()
    found = written()
    for name in ("results.json", "figures.json"):
        Path(name).unlink()
    return found


def test_an_interrupt_leaves_the_partial_file_alone_and_says_how_to_go_on() -> None:
    before = set(Path().iterdir())

    result = interrupted()

    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.splitlines() == ["The same command with --resume continues.", "interrupted"]
    assert set(Path().iterdir()) - before == {PARTIAL}
    header, *records = map(json.loads, PARTIAL.read_text().splitlines())
    assert header.keys() == {*DETERMINES_RESULTS, CHECKSUM}
    assert [record["image_id"] for record in records] == [20, 19, 18, 17]
    assert [bool(record["error"]) for record in records] == [False, False, True, False]


def test_a_resumed_evaluation_runs_the_other_images_and_writes_the_same_bytes(run: list[int]) -> None:
    expected = undisturbed()
    interrupted()
    run.clear()

    result = evaluate("--resume")

    assert sorted(run) == [DAMAGED, *range(INTERRUPTED_AT, IMAGES)]
    assert "resumed: 3 of 12 images done" in result.stderr
    assert f"images/{DAMAGED}.png" in result.stderr.splitlines()[-1]
    assert result.exit_code == 1
    assert written() == expected
    assert not PARTIAL.exists()


def test_killed_at_random_moments_it_loses_no_image_and_runs_none_twice(folder: Path) -> None:
    shutil.copy("images/0.png", f"images/{DAMAGED}.png")
    expected, moments, resumed_from = undisturbed(), np.random.default_rng(0), list[int]()
    code: int | None = -signal.SIGKILL
    while code == -signal.SIGKILL:
        lines = PARTIAL.read_text().splitlines()[1:] if PARTIAL.exists() else []
        done = {20 - json.loads(line)["image_id"] for line in lines}
        (folder / "log").write_text("")
        call = int(moments.integers(1, 700)) if len(resumed_from) < KILLS else NEVER

        [code] = exit_codes_of(evaluate_until, (call, folder, [*ARGUMENTS, *["--resume"] * bool(resumed_from)]))

        assert done.isdisjoint(map(int, (folder / "log").read_text().splitlines()))
        assert Path("results.json").exists() == (code == 0)
        resumed_from.append(len(done))
    assert code == 0
    assert len(set(resumed_from)) > KILLS // 2
    assert written() == expected
    assert not PARTIAL.exists()


def test_the_time_of_a_resumed_evaluation_is_that_of_both_runs() -> None:
    interrupted()
    header, *records = map(json.loads, PARTIAL.read_text().splitlines())
    records[-1]["seconds"] = 1000
    PARTIAL.write_text("".join(map(changed, (header, *records))))

    evaluate("--resume")

    assert 1000 < json.loads(Path("figures.json").read_text())["seconds"] < 1900


def test_an_image_that_failed_and_is_repaired_counts(run: list[int]) -> None:
    interrupted()
    shutil.copy("images/0.png", f"images/{DAMAGED}.png")
    run.clear()

    result = evaluate("--resume")

    assert DAMAGED in run
    assert (result.exit_code, "on 12 images" in result.stdout) == (0, True)


def test_an_image_that_changed_is_run_again(run: list[int]) -> None:
    interrupted()
    shutil.copy("images/0.png", "images/1.png")
    expected = undisturbed_elsewhere()
    run.clear()

    evaluate("--resume")

    assert 1 in run
    assert Path("results.json").read_bytes() == expected


def undisturbed_elsewhere() -> bytes:
    evaluate("--results", "other.json")
    return Path("other.json").read_bytes()


def test_images_that_moved_to_another_folder_are_known(run: list[int]) -> None:
    interrupted()
    Path("images").rename("moved")
    run.clear()

    evaluate("--resume", "--images", "moved")

    assert sorted(run) == [DAMAGED, *range(INTERRUPTED_AT, IMAGES)]


def change_model() -> None:
    model = whole_image_graph()
    model.doc_string = "another one"
    onnx.save(model, "model.onnx")


def change_annotations() -> None:
    content = json.loads(Path("annotations.json").read_text())
    content["annotations"].pop()
    Path("annotations.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "more", "told"),
    [
        (lambda: None, ("--scale", "96", "72"), "scale [64, 48], asked for [96, 72]"),
        (lambda: None, ("--max-images", "3"), "max_images None, asked for 3"),
        (change_annotations, (), "annotations_sha256 "),
        (change_model, (), "model_sha256 "),
    ],
    ids=["scale", "max_images", "annotations", "model"],
)
def test_another_evaluation_is_not_resumed(change: Callable[[], None], more: tuple[str, ...], told: str) -> None:
    interrupted()
    before = PARTIAL.read_bytes()
    change()

    result = evaluate("--resume", *more)

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith(f"error: {PARTIAL}: cannot resume ")
    assert told in result.stderr
    assert PARTIAL.read_bytes() == before


@pytest.mark.parametrize("condition", DETERMINES_RESULTS)
def test_each_condition_that_determines_the_results_must_be_equal(condition: str) -> None:
    interrupted()
    header, *lines = PARTIAL.read_text().splitlines()
    PARTIAL.write_text(changed({**json.loads(header), condition: "other"}) + "\n".join([*lines, ""]))

    result = evaluate("--resume")

    assert result.exit_code == 1
    assert f"(found {condition} " in result.stderr
    assert " other, asked for " in result.stderr


def test_without_resume_an_interrupted_evaluation_is_not_overwritten() -> None:
    interrupted()
    before = PARTIAL.read_bytes()

    result = evaluate()

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith(f"error: {PARTIAL}: cannot start over")
    assert "--resume" in result.stderr
    assert PARTIAL.read_bytes() == before


def test_where_there_is_nothing_to_resume_it_begins_and_says_so() -> None:
    expected = undisturbed()

    result = evaluate("--resume")

    assert result.stderr.startswith(f"warning: {PARTIAL}: nothing to resume")
    assert written() == expected


def test_resume_needs_an_output() -> None:
    result = CliRunner().invoke(cli, [*ARGUMENTS[: -len(OUTPUTS)], "--resume"])

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("error: --resume: ")
    assert "interrupted run" in result.stderr


def test_an_interrupted_evaluation_without_an_output_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(Path().iterdir())
    monkeypatch.setattr("tests.cli.test_evaluate_resume.ARGUMENTS", ARGUMENTS[: -len(OUTPUTS)])
    monkeypatch.setattr(Detector, "run", lambda *_: os.kill(os.getpid(), signal.SIGINT))

    assert evaluate().stderr.splitlines() == ["interrupted"]
    assert set(Path().iterdir()) == before


def test_outputs_that_cannot_be_written_cost_no_image(run: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = undisturbed()

    def fail(*_: object) -> None:
        raise OutputError("cannot write", place="results.json")

    with monkeypatch.context() as patch:
        patch.setattr("gridrt.report.evaluation_files.write_text", fail)
        assert evaluate().exit_code == 1
    assert PARTIAL.exists()
    run.clear()

    evaluate("--resume")

    assert run == [DAMAGED]
    assert written() == expected


def test_an_output_does_not_overwrite_an_input() -> None:
    before = Path("annotations.json").read_bytes()

    result = evaluate("--json", "annotations.json")

    assert (result.exit_code, "annotations.json: " in result.stderr) == (1, True)
    assert Path("annotations.json").read_bytes() == before


def test_two_processes_resume_what_both_did_and_share_the_rest(folder: Path) -> None:
    expected = undisturbed()
    interrupted()
    header, *lines = PARTIAL.read_text().splitlines()
    header = changed({**json.loads(header), "processes": 2}).rstrip()
    others = PARTIAL.with_suffix(".1.jsonl")
    PARTIAL.write_text("\n".join([header, *lines[:2], ""]))
    others.write_text("\n".join([header, *lines[2:], ""]))
    shutil.copy("images/0.png", f"images/{DAMAGED}.png")
    results = undisturbed_elsewhere()

    port = free_port()
    shares = [(rank, 2, port, folder, [*ARGUMENTS, "--resume"]) for rank in range(2)]
    assert exit_codes_of(evaluate_together, *shares) == [0, 0]

    found, figures = written()
    assert found == results
    assert (figures["processes"], expected[1]["processes"]) == (2, 1)
    assert not PARTIAL.exists()
    assert not others.exists()


def test_the_library_resumes_too(run: list[int]) -> None:
    expected = undisturbed()
    interrupted()
    run.clear()
    options: dict[str, Any] = {"scale": (64, 48), "results_file": "results.json", "json_file": "figures.json"}

    report = api.evaluate("model.onnx", "images", "annotations.json", **options, resume=True)

    assert sorted(run) == [DAMAGED, *range(INTERRUPTED_AT, IMAGES)]
    assert written() == expected
    assert json.loads(Path("results.json").read_text()) == report.results


def test_an_open_detector_has_no_file_to_be_known_by_and_is_not_resumed() -> None:
    detector = Detector(FakeSession([(0, 0, 64, 48, 0.9, 0)], ("scene",)), (64, 48))

    with pytest.raises(GridRTError) as caught:
        api.evaluate(detector, "images", "annotations.json", results_file="results.json", resume=True)
    assert caught.value.place == "`resume`"
    api.evaluate(detector, "images", "annotations.json", results_file="results.json")

    assert len(json.loads(Path("results.json").read_text())) == IMAGES - 1
