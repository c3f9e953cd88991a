"""No option of any verb lets an output overwrite an input, or another output.

The parameters of the verbs come from click's own lists, so that a new one cannot be forgotten: its type says whether
the verb reads from there or writes there, or it stands in `NO_PATHS`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gridrt.calib.recipe import recipe_text
from gridrt.cli.main import VERBS, cli
from gridrt.cli.paths import InputName, InputPath, OutputFolder, OutputPath
from gridrt.cli.spans import Span
from tests.calib.small_detector import small_recipe, write_detector, write_pictures, write_truth

INPUTS = (InputPath, InputName)
NUMBERS_AND_CHOICES = (
    click.types.IntParamType,
    click.types.FloatParamType,
    click.types.BoolParamType,
    click.Choice,
    Span,
)
NO_PATHS = {
    ("detect", "backend"),
    ("detect", "classes"),
    ("detect", "device"),
    ("detect", "tile"),  # a number or auto
    ("evaluate", "backend"),
    ("evaluate", "device"),
    ("evaluate", "tile"),
    ("compare", "backend"),
    ("bench", "backends"),
    ("bench", "batches"),  # numbers
    ("triton", "urls"),
    ("triton", "name"),
    ("triton", "triton_version"),
    ("triton", "backend"),
    ("train", "device"),
    ("train", "model"),  # the name of a variant
    ("train", "schedule"),
}

DATA = {"images": "images", "annotations": "truth.json"}
USUAL: Mapping[str, Mapping[str, str]] = {
    "export": {"model": "weights.pth", "image": "images/1.png", "class_names": "names.txt"},
    "detect": {"images": "images", "model": "cells.onnx", "coco_ids": "truth.json"},
    "calibrate": {**DATA, "model": "cells.onnx", "calibrate_annotations": "truth.json", "recipe": "own.toml"},
    "build-engine": {"model": "cells.onnx", "images": "images", "recipe": "own.toml"},
    "train": {
        **DATA,
        "val_images": "images",
        "val_annotations": "truth.json",
        "backbone_weights": "weights.pth",
        "weights": "weights.pth",
        "model": "tiny",
    },
    "compare": {"reference": "cells.onnx", "other": "cells.onnx", "images": "images"},
    "evaluate": {**DATA, "model": "cells.onnx"},
    "triton": {"model": "cells.onnx", "images": "images"},
    "bench": {**DATA, "models": "cells.onnx", "reference": "cells.onnx"},
}
"""What each verb is called with beside its outputs; a value for every path that it reads."""
SUFFIX_OF_OUT = {"export": ".onnx", "calibrate": ".onnx", "build-engine": ".engine"}
APART = {("triton", "out", "images")}
"""Options of one verb that exclude each other: it writes a repository, or checks a server."""
WRITTEN_IN_FOLDER = {
    "triton": "cells/config.pbtxt",
    "detect": "1.png",
    "evaluate": "precision_recall.png",
    "train": "log.jsonl",
}


def parameters(verb: str) -> Sequence[click.Parameter]:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    return command.params


def names_of(verb: str, kinds: tuple[type, ...]) -> list[str]:
    """The parameters of these types, without other spellings of one."""
    hidden = [str(each.name) for each in parameters(verb) if getattr(each, "hidden", False)]
    return [
        str(each.name) for each in parameters(verb) if isinstance(each.type, kinds) and str(each.name) not in hidden
    ]


def arguments(verb: str, values: Mapping[str, str]) -> Iterator[str]:
    for parameter in parameters(verb):
        if parameter.name in values:
            yield from (parameter.opts[-1],) if isinstance(parameter, click.Option) else ()
            yield values[parameter.name]


def pairs_of(verb: str) -> Iterator[tuple[str, str]]:
    """Each output with each input, and with each other output."""
    outputs = names_of(verb, (OutputPath,))
    pairs = itertools.product(outputs, names_of(verb, INPUTS))
    yield from (pair for pair in pairs if (verb, *pair) not in APART)
    yield from itertools.combinations(outputs, 2)


def place_of(verb: str, name: str) -> tuple[str, Path]:
    """The value of a parameter, and a file that it stands for."""
    if name in USUAL[verb]:
        value = USUAL[verb][name]
        return value, Path("images/1.png" if value == "images" else value)
    [parameter] = [each for each in parameters(verb) if each.name == name]
    if isinstance(parameter.type, OutputFolder):
        return name, Path(name, WRITTEN_IN_FOLDER[verb])
    value = name + (SUFFIX_OF_OUT[verb] if name == "out" else "")
    return value, Path(value)


@pytest.fixture(scope="module")
def working_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verbs")
    graph = write_detector(folder / "cells.onnx")
    write_pictures(folder / "images", 2)
    write_truth(folder / "truth.json", folder / "images", graph)
    (folder / "own.toml").write_text(recipe_text(small_recipe()))
    (folder / "names.txt").write_text("scene\n")
    (folder / "weights.pth").write_bytes(b"weights")
    return folder


@pytest.mark.parametrize("verb", VERBS)
def test_every_parameter_says_whether_it_is_a_path_to_read_or_to_write(verb: str) -> None:
    declared = (*INPUTS, OutputPath, *NUMBERS_AND_CHOICES)
    undeclared = {(verb, str(each.name)) for each in parameters(verb) if not isinstance(each.type, declared)}

    assert undeclared == {each for each in NO_PATHS if each[0] == verb}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_writes_has_a_value_here_for_every_path_that_it_reads(verb: str) -> None:
    if verb != "demo" and names_of(verb, (OutputPath,)):  # the demo reads what it wrote
        assert set(names_of(verb, INPUTS)) <= USUAL[verb].keys()


@pytest.mark.parametrize(
    ("verb", "output", "other"), [(verb, *pair) for verb in USUAL for pair in pairs_of(verb)], ids=str
)
def test_an_output_in_the_place_of_another_path_is_refused_and_nothing_changes(
    working_folder: Path, monkeypatch: pytest.MonkeyPatch, verb: str, output: str, other: str
) -> None:
    monkeypatch.chdir(working_folder)
    (value, written), (other_value, target) = place_of(verb, output), place_of(verb, other)
    written.parent.mkdir(exist_ok=True, parents=True)
    written.symlink_to(target.absolute())
    before = {path: path.read_bytes() for path in working_folder.rglob("*") if path.is_file()}

    try:
        usual = {name: text for name, text in USUAL[verb].items() if (verb, output, name) not in APART}
        values = {**usual, output: value, other: other_value}
        result = CliRunner().invoke(cli, [verb, *arguments(verb, values)])

        assert result.exit_code == 1, result.output
        assert "overwrite" in result.stderr.splitlines()[-1]
        assert {path: path.read_bytes() for path in working_folder.rglob("*") if path.is_file()} == before
    finally:
        written.unlink()
        if written.parent != Path():
            written.parent.rmdir()
