from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gridrt.data.coco import CocoDataset
from gridrt.detector import Detector
from gridrt.errors import CheckpointError, GridRTError, OutputError
from gridrt.eval import Metrics
from gridrt.files import remove_leftovers
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.training.optimization import Optimization
from gridrt.training.state import TrainingState, load_state, save_state
from tests.moments import NEVER, exit_codes_of, signal_at
from tests.training.stand_ins import (
    PER_EPOCH,
    SCALE,
    SCHEDULE,
    SETTINGS,
    Begin,
    beginning,
    data_of,
    metrics_of,
    one_weight,
    records_in,
    train_until,
    weight_of,
)

LOG_EVERY = 4


class KilledError(BaseException):
    """Ends a run where it stands."""


def kill(*_: object, **__: object) -> None:
    raise KilledError


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.training.recorder.LOG_EVERY", LOG_EVERY)
    monkeypatch.setattr("gridrt.training.recorder.draw_curves", lambda *_: None)


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, Detector]]:
    """Of each evaluation the weight and the detector; its AP is the weight."""
    made = []

    def evaluate(detector: Detector, _: CocoDataset, **__: object) -> Metrics:
        weight = weight_of(detector._session.model)  # type: ignore[attr-defined]
        made.append((weight, detector))
        return metrics_of(weight)

    monkeypatch.setattr("gridrt.training.trainer.evaluate", evaluate)
    return made


@pytest.fixture
def begin(pictures: Path, evaluations: list[object]) -> Begin:
    del evaluations  # there for the evaluation that it puts in place
    return beginning(pictures)


@pytest.fixture
def snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the training's folder, `<epoch>_<step>`, as a kill after each save would leave it."""

    def save(path: Path, state: TrainingState) -> None:
        save_state(path, state)
        name = f"{state.progress.epoch}_{state.progress.step}"
        shutil.copytree(path.parent, tmp_path / "snapshots" / name, dirs_exist_ok=True)

    monkeypatch.setattr("gridrt.training.checkpoints.save_state", save)
    return tmp_path / "snapshots"


def weight_in(folder: Path, name: str = "last.pth") -> float:
    return float(torch.load(folder / name)["state_dict"]["weight"])


@pytest.mark.parametrize("at", ["0_0", "0_1", "0_3", "0_4", "0_6", "1_0", "1_5", "1_6"])
def test_a_resumed_run_reaches_the_weights_and_the_log_of_an_uninterrupted_one(
    begin: Begin, snapshots: Path, tmp_path: Path, at: str
) -> None:
    begin(tmp_path / "never stopped").run()
    shutil.copytree(snapshots / at, tmp_path / "stopped")

    begin(tmp_path / "stopped", resume=True).run()

    assert weight_in(tmp_path / "stopped") == weight_in(tmp_path / "never stopped")
    assert records_in(tmp_path / "stopped") == records_in(tmp_path / "never stopped")


def test_an_evaluation_that_was_not_saved_is_recorded_once(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("gridrt.training.checkpoints.Checkpoints.save_weights", kill)
        with pytest.raises(KilledError):
            begin(tmp_path).run()
    assert "ap" in records_in(tmp_path)[-1]

    begin(tmp_path, resume=True).run()

    evaluated = [record["iteration"] for record in records_in(tmp_path) if "ap" in record]
    assert evaluated == [PER_EPOCH, 2 * PER_EPOCH]


def test_the_state_is_saved_before_an_evaluation(begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.training.trainer.evaluate", kill)

    with pytest.raises(KilledError):
        begin(tmp_path, settings=replace(SETTINGS, save_every=500)).run()

    progress = load_state(tmp_path / "checkpoint.pth").progress
    assert (progress.epoch, progress.step, progress.iteration) == (0, PER_EPOCH, PER_EPOCH)


@pytest.mark.parametrize(("aps", "best"), [((0.5, 0.3), 0), ((0.3, 0.5), 1), ((None, 0.3), 1), ((0.3, None), 0)])
def test_the_best_weights_are_those_of_the_best_evaluation(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aps: tuple[float | None, ...], best: int
) -> None:
    model, weights = one_weight(), list[float]()

    def evaluate(*_: object, **__: object) -> Metrics:
        weights.append(weight_of(model))
        return metrics_of(aps[len(weights) - 1])

    monkeypatch.setattr("gridrt.training.trainer.evaluate", evaluate)
    trainer = begin(tmp_path, model=model)
    trainer.run()

    assert weights[0] != weights[1]
    assert weight_in(tmp_path, "best.pth") == weights[best]
    assert trainer.progress.best_ap == aps[best]


def test_an_evaluation_is_made_at_the_scale_of_the_training(
    begin: Begin, tmp_path: Path, evaluations: list[tuple[float, Detector]]
) -> None:
    begin(tmp_path).run()

    assert [detector.scale for _, detector in evaluations] == [SCALE, SCALE]


def test_the_last_epoch_is_evaluated_always(begin: Begin, tmp_path: Path) -> None:
    begin(tmp_path, settings=replace(SETTINGS, schedule=replace(SCHEDULE, epochs=3, eval_every=2))).run()

    assert [record["epoch"] for record in records_in(tmp_path) if "ap" in record] == [2, 3]
    assert "ap" in records_in(tmp_path)[-1]


def interrupt_after(iteration: int, monkeypatch: pytest.MonkeyPatch, number: signal.Signals = signal.SIGINT) -> None:
    """Send a signal to this process in the middle of that iteration, counted from 1."""
    step = Optimization.step

    def interrupted(optimization: Optimization, done: int, *given: Any) -> dict[str, float]:  # noqa: ANN401 - passed on
        if done == iteration - 1:
            os.kill(os.getpid(), number)
        return step(optimization, done, *given)

    monkeypatch.setattr(Optimization, "step", interrupted)


RARELY = replace(SETTINGS, save_every=500)


@pytest.mark.parametrize("iteration", [3, PER_EPOCH, PER_EPOCH + 1])
def test_an_interrupted_run_is_saved_after_its_iteration_and_resumed_there(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], iteration: int
) -> None:
    begin(tmp_path / "never stopped", settings=RARELY).run()
    with monkeypatch.context() as patch:
        interrupt_after(iteration, patch)
        with pytest.raises(KeyboardInterrupt):
            begin(tmp_path / "stopped", settings=RARELY).run()
    assert f"saved at iteration {iteration}" in capsys.readouterr().err.splitlines()

    begin(tmp_path / "stopped", settings=RARELY, resume=True).run()

    assert f"resumed at iteration {iteration}" in capsys.readouterr().err.splitlines()
    assert weight_in(tmp_path / "stopped") == weight_in(tmp_path / "never stopped")
    assert records_in(tmp_path / "stopped") == records_in(tmp_path / "never stopped")


MOMENTS = 10
KILLED_SETTINGS = replace(SETTINGS, save_every=4)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The iterations, as they begin, counted from 0."""
    begun, step = list[int](), Optimization.step

    def logged(optimization: Optimization, done: int, *given: Any) -> dict[str, float]:  # noqa: ANN401 - passed on
        begun.append(done)
        return step(optimization, done, *given)

    monkeypatch.setattr(Optimization, "step", logged)
    return begun


@pytest.fixture
def terminable() -> Iterator[None]:
    """SIGTERM ends the training and not the tests."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("terminable")
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_interrupted_at_random_moments_a_run_reaches_the_same_weights_with_at_most_one_iteration_twice(
    begin: Begin, tmp_path: Path, steps: list[int], number: signal.Signals
) -> None:
    begin(tmp_path / "warm-up", settings=RARELY).run()
    trainer = begin(tmp_path / "never stopped", settings=RARELY)
    with signal_at(NEVER, number) as calls:
        trainer.run()
    for moment in np.random.default_rng(0).integers(1, calls(), MOMENTS):
        out = tmp_path / str(moment)
        steps.clear()
        trainer = begin(out, settings=RARELY)
        with suppress(KeyboardInterrupt, SystemExit), signal_at(int(moment), number):
            trainer.run()

        begin(out, settings=RARELY, resume=True).run()

        assert set(steps) == set(range(2 * PER_EPOCH)), moment
        assert len(steps) <= 2 * PER_EPOCH + 1, moment
        assert weight_in(out) == weight_in(tmp_path / "never stopped"), moment
        assert records_in(out) == records_in(tmp_path / "never stopped"), moment


def test_killed_at_random_moments_a_run_reaches_the_same_weights_with_at_most_save_every_iterations_twice(
    begin: Begin, pictures: Path, tmp_path: Path, steps: list[int]
) -> None:
    never = tmp_path / "never stopped"
    assert exit_codes_of(train_until, (NEVER, pictures, never, KILLED_SETTINGS)) == [0]
    calls = int((never / "calls").read_text())
    for moment in np.random.default_rng(0).integers(1, calls, MOMENTS):
        out = tmp_path / str(moment)
        assert exit_codes_of(train_until, (int(moment), pictures, out, KILLED_SETTINGS)) == [-signal.SIGKILL]
        steps.clear()

        begin(out, settings=KILLED_SETTINGS, resume=True).run()

        begun = (out / "steps").stat().st_size + len(steps)
        assert begun <= 2 * PER_EPOCH + KILLED_SETTINGS.save_every, moment
        assert weight_in(out) == weight_in(never), moment


def test_a_terminated_run_is_saved_too(begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(3, monkeypatch, signal.SIGTERM)

    with pytest.raises(SystemExit) as caught:
        begin(tmp_path, settings=RARELY).run()

    assert caught.value.code == 143
    assert load_state(tmp_path / "checkpoint.pth").progress.iteration == 3


def test_an_interrupt_does_not_wait_for_an_evaluation(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def evaluate(*_: object, **__: object) -> Metrics:
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("the evaluation went on")

    monkeypatch.setattr("gridrt.training.trainer.evaluate", evaluate)

    with pytest.raises(KeyboardInterrupt):
        begin(tmp_path, settings=RARELY).run()

    assert f"saved at iteration {PER_EPOCH}" in capsys.readouterr().err.splitlines()


def test_a_signal_to_another_process_stops_this_one_at_the_same_iteration(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = iter([False, True])
    monkeypatch.setattr("gridrt.processes.anywhere", lambda _: next(asked))

    with pytest.raises(KeyboardInterrupt):
        begin(tmp_path, settings=RARELY).run()

    assert load_state(tmp_path / "checkpoint.pth").progress.iteration == 2


def test_images_that_fail_in_an_evaluation_do_not_stop_the_training_and_are_named_at_its_end(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def evaluate(_: Detector, __: CocoDataset) -> Metrics:
        return replace(metrics_of(0.5), failed={Path("val/7.png"): "boxes must be finite numbers"})

    monkeypatch.setattr("gridrt.training.trainer.evaluate", evaluate)

    with pytest.raises(GridRTError, match=r"1 image, .*val/7\.png"):
        begin(tmp_path).run()

    assert load_state(tmp_path / "checkpoint.pth").progress.epoch == 2
    reported = [line for line in capsys.readouterr().err.splitlines() if "evaluated in" in line]
    assert [line.endswith("AP75 25.0; failed for 1 image") for line in reported] == [True, True]


def test_records_are_means_over_the_iterations_since_the_last_one(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, seen = Optimization.step, list[dict[str, float]]()

    def watched(*given: Any) -> dict[str, float]:  # noqa: ANN401 - passed on
        seen.append({**step(*given), "lr": given[3]})
        return seen[-1]

    monkeypatch.setattr(Optimization, "step", watched)
    begin(tmp_path, evaluated=False).run()

    ends = [4, 6, 8, 12]  # every 4 iterations, and those left at the end of an epoch
    records = records_in(tmp_path)
    assert [record["iteration"] for record in records] == ends
    for record, start, end in zip(records, [0, *ends], ends, strict=False):
        for name in ("loss", "loss_a", "loss_b", "gradient_norm"):
            mean = sum(losses[name] for losses in seen[start:end]) / (end - start)
            assert record[name] == pytest.approx(mean, rel=1e-12), name
        assert record["lr"] == seen[end - 1]["lr"]


def frozen() -> GridRCNN:
    model = one_weight()
    model.register_parameter("other", nn.Parameter(torch.zeros(()), requires_grad=False))
    return model


CHANGES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "seed 1 instead of 0": lambda pictures: {"data": data_of(pictures, seed=1)},
    "batch_size 2 instead of 1": lambda _: {"settings": replace(SETTINGS, schedule=replace(SCHEDULE, batch_size=2))},
    "validation_set none instead of": lambda _: {"evaluated": False},
    "frozen 1 weights of other instead of nothing": lambda _: {"model": frozen()},
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_is_named_before_the_model_is_touched(
    begin: Begin, tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    begin(tmp_path)
    monkeypatch.setattr(nn.Module, "load_state_dict", kill)

    with pytest.raises(CheckpointError, match=change):
        begin(tmp_path, resume=True, **CHANGES[change](pictures))


def test_the_data_may_move_to_another_folder(begin: Begin, tmp_path: Path, pictures: Path) -> None:
    begin(tmp_path / "out")
    shutil.copytree(pictures, tmp_path / "moved")

    assert begin(tmp_path / "out", resume=True, data=data_of(tmp_path / "moved")).progress.iteration == 0


def test_without_a_state_to_resume_a_training_starts_and_says_so(
    begin: Begin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(tmp_path, resume=True).run()

    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first == "There is no training to resume: a new one starts."
    assert second == (
        "12 images, 6 classes: 2 epochs, 12 iterations, batch size 1, scale 96 x 64, peak learning rate 0.001"
    )
    assert load_state(tmp_path / "checkpoint.pth").progress.iteration == 2 * PER_EPOCH


def test_a_run_reports_its_epochs_and_evaluations(
    begin: Begin, tmp_path: Path, capsys: pytest.CaptureFixture[str], evaluations: list[tuple[float, Detector]]
) -> None:
    begin(tmp_path).run()

    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch ")]
    assert [line.split(":")[0].split(" in ")[0] for line in said] == [
        "epoch 1 of 2",
        "epoch 1 evaluated",
        "epoch 2 of 2",
        "epoch 2 evaluated",
    ]
    assert f"AP {100 * evaluations[0][0]:.1f}, AP50 75.0, AP75 25.0" in said[1]
    assert said[2].endswith("; 00:00 left")


def test_a_resumed_run_reports_where_it_resumes(
    begin: Begin, snapshots: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(tmp_path / "never stopped").run()
    shutil.copytree(snapshots / "1_5", tmp_path / "stopped")
    capsys.readouterr()

    begin(tmp_path / "stopped", resume=True).run()

    said = capsys.readouterr().err
    assert "resumed at iteration 11" in said.splitlines()
    assert "iterations 11 to 12" in said
    assert "no training to resume" not in said


def test_the_mean_losses_of_an_epoch_are_reported(
    begin: Begin, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([{"loss": float(n), "loss_a": 1.0, "gradient_norm": 0.0} for n in range(2 * PER_EPOCH)])
    monkeypatch.setattr(Optimization, "step", lambda *_: next(losses))

    begin(tmp_path).run()

    said = capsys.readouterr().err
    assert "epoch 1 of 2: loss 2.500, a 1.000;" in said
    assert "epoch 2 of 2: loss 8.500, a 1.000;" in said


def test_a_disk_without_room_is_refused_at_the_start(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=31))

    with pytest.raises(OutputError, match="must have room"):
        begin(tmp_path)  # a weight of 4 bytes, its two moments, all twice, and the weight twice again: 32
    assert list(tmp_path.iterdir()) == []


def test_room_for_all_is_enough(begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=32))

    begin(tmp_path)


def test_what_a_killed_save_left_is_removed_at_the_start(begin: Begin, tmp_path: Path) -> None:
    program = """
import os, signal, sys
from gridrt.files import atomic_path
with atomic_path(sys.argv[1]):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program, tmp_path / "state.pth"], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    remove_leftovers.cache_clear()

    begin(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pth"]


def test_missing_matplotlib_is_reported_once(
    begin: Begin, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridrt.report.figure.find_spec", lambda _: None)

    begin(tmp_path).run()

    (said,) = [line for line in capsys.readouterr().err.splitlines() if "curves.png" in line]
    assert "matplotlib" in said
    assert "pip install matplotlib" in said
