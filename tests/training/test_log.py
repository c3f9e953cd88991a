from __future__ import annotations

from pathlib import Path

import pytest

from gridrt.errors import OutputError
from gridrt.training.log import Log


def test_records_are_read_as_written(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.jsonl", 0)
    log.write({"iteration": 20, "loss": 0.5})
    log.write({"iteration": 40, "ap": None})

    assert log.records() == [{"iteration": 20, "loss": 0.5}, {"iteration": 40, "ap": None}]


def test_a_resumed_run_keeps_the_records_that_it_does_not_write_again(tmp_path: Path) -> None:
    before = Log(tmp_path / "log.jsonl", 0)
    for iteration in (20, 40, 40, 60):  # the second of 40 is an evaluation that no state knows of
        before.write({"iteration": iteration})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"iteration": 7')  # killed here

    after = Log(tmp_path / "log.jsonl", 2)

    assert after.records() == [{"iteration": 20}, {"iteration": 40}]
    after.write({"iteration": 60})
    assert after.count == len(after.records()) == 3


def test_a_log_is_made_with_its_first_record(tmp_path: Path) -> None:
    """A run that is killed earlier leaves no file that the next run would take for a training."""
    log = Log(tmp_path / "log.jsonl", 0)

    assert list(tmp_path.iterdir()) == []
    assert (log.count, log.records()) == (0, [])


def test_a_log_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.jsonl", 0)
    (tmp_path / "log.jsonl").mkdir()

    with pytest.raises(OutputError, match="cannot write the log"):
        log.write({"iteration": 20})
