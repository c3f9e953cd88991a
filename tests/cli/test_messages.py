from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import click
import onnx
import pytest
from click.testing import CliRunner, Result

import gridrt
from gridrt.cli.main import VERBS, cli
from gridrt.cli.messages import MOST_CHARACTERS, say
from gridrt.errors import GridRTError
from tests.fakes import whole_image_graph

LONG = "x" * 1000


def run_verb(monkeypatch: pytest.MonkeyPatch, body: click.Command, *arguments: str) -> Result:
    """Call the program with `body` as its verb `inspect`."""
    monkeypatch.setitem(sys.modules, "gridrt.cli.inspect", SimpleNamespace(command=body))
    return CliRunner().invoke(cli, [*arguments, "inspect"])


@click.command
def failing() -> None:
    warnings.warn(f"beware of \x1b[31m{LONG}", stacklevel=1)
    raise GridRTError("must be short", place="a\x07.png", value=LONG, remedy="Shorten it.")


def test_a_long_error_and_a_long_warning_keep_beginning_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    warning, error = run_verb(monkeypatch, failing).stderr.splitlines()

    assert len(error) <= MOST_CHARACTERS + len("error: ")
    assert error.startswith("error: a\\x07.png: must be short (found xxx")
    assert "Shorten it." in error
    assert error.endswith("gridrt --debug VERB]")
    assert warning.startswith("warning: beware of \\x1b[31mxxx")
    assert len(warning) <= MOST_CHARACTERS + len("warning: ")


def test_with_debug_they_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    warning, error = run_verb(monkeypatch, failing, "--debug").stderr.splitlines()

    assert error == f"error: a\\x07.png: must be short (found {LONG}). Shorten it."
    assert warning == f"warning: beware of \\x1b[31m{LONG}"


@pytest.mark.skipif(sys.platform != "linux", reason="uses /dev/full")
def test_a_full_disk_behind_stdout_is_one_line(tmp_path: Path) -> None:
    onnx.save(whole_image_graph(), tmp_path / "a.onnx")
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - as a shell does it
        answer = subprocess.run(
            [sys.executable, "-m", "gridrt", "inspect", tmp_path / "a.onnx"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (answer.returncode, answer.stderr.splitlines()[-1:]) == (
        1,
        ["error: cannot write to stdout: No space left on device"],
    )
    assert "Traceback" not in answer.stderr


NAMES = {"long": "a" * 300 + ".pth", "deep": "a/" * 3000 + "b", "control": "\x1b[2J.onnx", "surrogate": "\udc80.onnx"}
FIRST = {
    "export": (),
    "inspect": (),
    "detect": ("image.png", "--model"),
    "evaluate": ("--images", ".", "--annotations"),
    "train": ("--images", ".", "--annotations"),
    "calibrate": ("--images", ".", "--annotations"),
    "build-engine": (),
    "compare": ("tiny_synthetic",),
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("verb", FIRST)
def test_a_path_that_leads_nowhere_is_one_line_in_every_verb(verb: str, name: str) -> None:
    result = CliRunner().invoke(cli, [verb, *FIRST[verb], name])

    assert verb in VERBS
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    [line] = result.stderr.splitlines()
    assert line.isprintable()
    assert len(line) <= MOST_CHARACTERS + len("error: ")


def test_a_missing_path_is_refused_before_anything_heavy_is_imported() -> None:
    program = (
        "import sys\n"
        "from gridrt.cli.main import cli\n"
        "try:\n"
        "    cli(['inspect', 'none.onnx'])\n"
        "finally:\n"
        "    print(*{'torch', 'onnx', 'onnxruntime', 'numpy', 'PIL', 'cv2'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (answer.returncode, answer.stdout) == (1, "\n")
    assert answer.stderr.startswith("error: none.onnx: the file is missing")


def test_no_verb_prints_without_escaping() -> None:
    modules = (Path(gridrt.__file__).parent / "cli").glob("*.py")

    assert {path.stem for path in modules if "click.echo" in path.read_text()} == {"main", "messages"}


def test_names_of_files_control_no_terminal_and_lines_stay(capsys: pytest.CaptureFixture[str]) -> None:
    say("AP   0.5\nin a\x1b[2J.onnx")

    assert capsys.readouterr().out == "AP   0.5\nin a\\x1b[2J.onnx\n"
