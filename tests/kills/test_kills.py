"""A few kills of one verb, and that each kind of violation is found; `make kills` goes through all verbs."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import onnx
import pytest

from gridrt.data.image import save_image
from tests.fakes import whole_image_graph
from tests.kills import kill as killing
from tests.kills.kill import kill
from tests.kills.verbs import Verb
from tests.kills.whole import READERS, damage_in

DETECT = Verb(
    ("detect", "../inputs/a.png", "--model", "../inputs/model.onnx", "--json", "found.json", "--scale", "96", "64"),
    ("found.json", "detections/a.png"),
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kills") / "inputs"
    folder.mkdir()
    onnx.save(whole_image_graph(), folder / "model.onnx")
    save_image(folder / "a.png", np.full((48, 64, 3), 255, np.uint8))
    return folder


@pytest.mark.parametrize(("number", "moment"), [(signal.SIGKILL, 0.5), (signal.SIGTERM, 0.7), (signal.SIGINT, 3600)])
def test_a_verb_that_is_killed_leaves_nothing_half_done(inputs: Path, number: signal.Signals, moment: float) -> None:
    found = kill(DETECT, number, moment, inputs.parent / number.name)

    assert found.violations == []


@pytest.mark.parametrize(
    ("program", "violation"),
    [
        ("open('found.json', 'w').write('[')", "found.json is not whole"),
        ("open('figures.partial.jsonl', 'w').write('{}\\n{')", "figures.partial.jsonl is not whole"),
        ("open('.gridrt.1-2.x', 'w')", ".gridrt.1-2.x is left"),
        ("import os; open(os.environ['TMPDIR'] + '/x', 'w')", "x is left in TMPDIR"),
        ("pass", "figures.json is missing"),
        ("import sys; sys.exit(7)", "exit status 7"),
        ("import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(2)'])", "a child"),
    ],
)
def test_what_is_wrong_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, violation: str) -> None:
    monkeypatch.setattr(killing, "CHILDREN_END_WITHIN", 0.2)
    monkeypatch.setattr(killing, "PROGRAM", ("-c", program))

    found = kill(Verb((), ("figures.json",)), signal.SIGTERM, 60, tmp_path / "run")

    assert any(violation in each for each in found.violations)


@pytest.mark.parametrize("suffix", [*READERS, ".other"])
def test_a_file_that_is_cut_short_is_found(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_bytes(b"{")

    assert len(list(damage_in(tmp_path))) == 1
