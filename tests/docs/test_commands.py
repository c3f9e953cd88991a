"""What the README and the site show can be typed."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path

import click
import pytest

from gridrt.cli.main import cli
from gridrt.cli.paths import InputModel, InputName, InputPath
from tests.docs_pages import ROOT, commands, mentions

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OUTSIDE = {".", "cmake", "docker", "python3", "trtexec", "tritonserver"}
"""Programs of others, whose options nothing here knows."""
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])


@pytest.mark.parametrize(("page", "command"), sorted(set(commands())))
def test_a_command_is_one_that_exists(page: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InputPath, "convert", click.Path.convert)  # its files are not there
    monkeypatch.setattr(InputModel, "convert", InputName.convert)
    program, *rest = shlex.split(command, comments=True)

    if program == "gridrt":
        check_verb(rest)
    elif program == "make":
        assert set(rest) <= TARGETS
    elif program == "pip":
        assert rest[0] in {"install", "uninstall"}
        assert set(re.findall(r"\[([^]]*)\]", command)) <= EXTRAS
    elif program.endswith("pytest"):
        assert (ROOT / rest[-1]).exists()
    elif program.endswith("python"):
        check_python(rest)
    else:
        assert program in OUTSIDE or (ROOT / program).is_file(), page


@pytest.mark.parametrize(("page", "command"), sorted(set(mentions())))
def test_a_command_within_a_sentence_has_options_that_exist(page: str, command: str) -> None:
    verb, *words = shlex.split(command)
    found = cli.get_command(click.Context(cli), verb)

    assert found is not None, page
    options = {option for parameter in found.params for option in parameter.opts + parameter.secondary_opts}
    assert {word for word in words if word.startswith("--")} <= options | {"--help"}


def check_verb(words: list[str]) -> None:
    """Options of a verb are parsed, and the verb is not run."""
    found = cli.get_command(click.Context(cli), words[0])
    assert found is not None
    found.make_context(words[0], words[1:])


def check_python(words: list[str]) -> None:
    """A module or a program that is there, or code that compiles."""
    if words[0] == "-m":
        assert words[1] == "venv" or importlib.util.find_spec(words[1])
    elif words[0] == "-c":
        compile(words[1], "-c", "exec")
    else:
        assert (ROOT / words[0]).is_file() or Path(words[0]).suffix == ""
