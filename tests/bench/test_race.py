from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from gridrt.bench.contestant import Contestant, ContestantError, Timed
from gridrt.bench.entry import Entry
from gridrt.bench.race import LEAST_RUNS, WARM_UP, race
from gridrt.bench.result import DETECTOR, SESSION
from gridrt.types import Detections

NOTHING = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))
Trouble = Callable[[int], None]
PICTURES = [Path(f"{number}.png") for number in range(LEAST_RUNS)]


class Runner:
    """In place of a process: notes who was asked for what, and answers at once."""

    def __init__(
        self, name: str, asked: list[tuple[str, str]], trouble: Callable[[int], None] = lambda _: None
    ) -> None:
        self.name, self.asked, self.trouble, self.runs = name, asked, trouble, 0

    def ask(self, method: str, picture: Path) -> Timed:
        assert method == "detect"
        self.runs += 1
        self.trouble(self.runs)
        self.asked.append((self.name, picture.stem))
        return Timed(NOTHING, session=float(self.runs), detector=float(self.runs) + 0.5)


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.bench.race.REST_SECONDS", 0)


def run(*runners: Runner, pictures: list[Path] = PICTURES) -> tuple[bool, list[Entry]]:
    entries = [Entry(runner.name) for runner in runners]
    pairs = [(entry, cast("Contestant", runner)) for entry, runner in zip(entries, runners, strict=True)]
    return race(pairs, pictures), entries


def test_each_picture_goes_through_all_in_turn_and_another_one_begins_each_time() -> None:
    asked: list[tuple[str, str]] = []

    complete, _ = run(Runner("A", asked), Runner("B", asked))

    assert complete
    counted = asked[2 * WARM_UP :]
    assert counted[:4] == [("B", "0"), ("A", "0"), ("A", "1"), ("B", "1")]
    assert len(counted) == 2 * len(PICTURES)


def test_the_warm_up_does_not_count() -> None:
    _, [entry] = run(Runner("A", []))

    assert entry.seconds[SESSION][0] == WARM_UP + 1
    assert entry.seconds[DETECTOR][0] == WARM_UP + 1.5
    assert len(entry.seconds[SESSION]) == len(PICTURES) == len(entry.detections)


def test_few_pictures_are_run_again_until_there_are_enough_times() -> None:
    _, [entry] = run(Runner("A", []), pictures=PICTURES[:3])

    assert len(entry.seconds[SESSION]) >= LEAST_RUNS
    assert len(entry.seconds[SESSION]) % 3 == 0
    assert list(entry.detections) == PICTURES[:3]


def test_one_that_fails_is_out_and_the_others_go_on() -> None:
    def break_down(runs: int) -> None:
        if runs == 10:
            raise ContestantError("broken")

    _, [broken, sound] = run(Runner("A", [], break_down), Runner("B", []))

    assert (broken.failure, sound.failure) == ("broken", "")
    assert len(sound.detections) == len(PICTURES)


def test_control_c_ends_with_whole_rounds() -> None:
    def interrupt(runs: int) -> None:
        if runs == WARM_UP + 5:
            raise KeyboardInterrupt

    complete, entries = run(Runner("A", [], interrupt), Runner("B", []))

    assert not complete
    assert [len(entry.detections) for entry in entries] == [4, 4]
