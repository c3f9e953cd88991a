"""Config files as data: read, never run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gridrt.model.checkpoint.config_text import UNKNOWN, read_config


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("a = 1", {"a": 1}),
        ("a = -0.5", {"a": -0.5}),
        ("a = dict(b=[1, 2], c=(True, None, 'x'))", {"a": {"b": [1, 2], "c": (True, None, "x")}}),
        ("a = {'b': {'c': 1}}", {"a": {"b": {"c": 1}}}),
        ("a = [.0] * 4", {"a": [0.0, 0.0, 0.0, 0.0]}),
        ("a = dict(x=1)\nb = dict(type='N', **a)", {"a": {"x": 1}, "b": {"type": "N", "x": 1}}),
        ("a = dict(x=1)\nb = {**a, 'x': 2}", {"a": {"x": 1}, "b": {"x": 2}}),
        ("a = 1\na = [a, a]", {"a": [1, 1]}),
        ("'doc'\n# comment\na = 1", {"a": 1}),
        ("", {}),
    ],
)
def test_literals_and_variables_are_read(text: str, variables: dict[str, Any]) -> None:
    assert read_config(text) == variables


@pytest.mark.parametrize(
    "text",
    [
        "a = f()",
        "a = 1 / 255",
        "a = b",
        "a = b.c",
        "a = [1] * 10**9",
        "a = dict([('x', 1)])",
        "a = {1: 2}",
        "a = dict(**b)",
        "a = 1\na += 1",
        "a = 1\nif True:\n    a = 2",
        "a = dict(x=1)\na['x'] = 2",
        "a = dict(x=1)\na.update(x=2)",
        "a = 1\nfor a in (1, 2): pass",
        "a = b = 1",
    ],
)
def test_what_would_have_to_run_is_unknown(text: str) -> None:
    assert read_config(text)["a"] is UNKNOWN


def test_an_unknown_part_leaves_the_rest_known() -> None:
    assert read_config("a = dict(x=f(), y=1)") == {"a": {"x": UNKNOWN, "y": 1}}


def test_nothing_in_a_config_runs(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    read_config(f"import os\nos.mkdir({str(trace)!r})\na = dict(x=os.mkdir({str(trace)!r}))\n__import__('os')")

    assert not trace.exists()


@pytest.mark.parametrize("text", ["a = (", "a b c", "a = " + "[" * 5000, "a = " + "-" * 100_000 + "1", "a = '\0'"])
def test_text_that_cannot_be_parsed_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_config(text)


def test_files_of_an_inherited_config_are_merged_as_mmcv_does() -> None:
    text = """/home/someone/configs/_base_/model.py
model = dict(head=dict(classes=80, norm=dict(type='BN')), neck=1)
configs/mine.py
_base_ = './_base_/model.py'
model = dict(head=dict(classes=3, norm=dict(_delete_=True, type='GN')))
"""

    assert read_config(text)["model"] == {"head": {"classes": 3, "norm": {"_delete_": True, "type": "GN"}}, "neck": 1}


def test_a_config_that_inherits_nothing_assigns_as_python_does() -> None:
    assert read_config("a = dict(x=1)\na = dict(y=2)") == {"a": {"y": 2}}
