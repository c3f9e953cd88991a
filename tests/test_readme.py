"""What README shows can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from gridrt.cli.main import cli
from gridrt.cli.paths import InputModel, InputName, InputPath

README = (Path(__file__).parents[1] / "README.md").read_text()
# A line of a block, with those that a backslash appends; or code within a sentence, where it has options.
COMMANDS = re.findall(r"^    (gridrt (?:.*\\\n)*.*)$", README, re.MULTILINE)
COMMANDS += re.findall(r"`(gridrt [^`]*--[^`]*)`", README)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_have_the_verbs_and_the_options_that_they_need(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InputPath, "convert", click.Path.convert)  # its files are not there
    monkeypatch.setattr(InputModel, "convert", InputName.convert)
    _, verb, *words = shlex.split(command.replace("\\\n", " "), comments=True)
    found = cli.get_command(click.Context(cli), verb)

    assert found is not None
    found.make_context(verb, words)


def test_its_snippet_uses_what_is_there() -> None:
    import gridrt

    names = set(re.findall(r"gridrt\.(\w+)\(", README))

    assert names == {"load_image", "load_model", "open_detector"}
    assert names <= set(gridrt.__all__)


@pytest.mark.parametrize("link", sorted({link for link in re.findall(r"\]\(([^)]*)\)", README) if "://" not in link}))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (Path(__file__).parents[1] / link).exists()
