from __future__ import annotations

import os
import resource
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result

import gridrt
from gridrt.cli import exit_codes
from gridrt.cli.main import VERBS, VerbGroup, cli
from gridrt.errors import CheckpointError

HEAVY = {"PIL", "cv2", "numpy", "onnx", "onnxruntime", "onnxscript", "openvino", "torch", "tqdm"}


def run_program(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "gridrt", *arguments], capture_output=True, text=True, check=False)


def run_verb(monkeypatch: pytest.MonkeyPatch, body: click.Command, *arguments: str) -> Result:
    """Call a group whose one verb is `body`."""
    monkeypatch.setitem(sys.modules, "gridrt.cli.body", SimpleNamespace(command=body))
    return CliRunner().invoke(VerbGroup(name="gridrt", verbs={"body": "Do it."}), ["body", *arguments])


def test_help_lists_the_verbs_and_what_they_do() -> None:
    answer = CliRunner().invoke(cli, ["--help"])

    listed = dict(line.split(maxsplit=1) for line in answer.stdout.split("Verbs:")[1].splitlines() if line.strip())
    assert VERBS.items() <= listed.items()


def test_help_answers_in_a_fifth_of_a_second() -> None:
    """By the processor's time, which the tests that run beside this one do not lengthen."""

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run_program("--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(5)) < 0.2


def test_help_and_import_load_no_heavy_package() -> None:
    program = (
        "import sys, gridrt\n"
        "from gridrt.cli.main import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert HEAVY & set(answer.stderr.split()) == set()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    answer = CliRunner().invoke(cli, [verb, "--help"])

    assert answer.exit_code == 0
    assert answer.stdout.startswith(f"Usage: gridrt {verb} ")


def test_version() -> None:
    assert CliRunner().invoke(cli, ["--version"]).stdout.split()[-1] == gridrt.__version__


def test_a_users_error_is_one_line_and_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command
    def body() -> None:
        raise CheckpointError("weights must be finite", place="r50.pth", value="NaN")

    answer = run_verb(monkeypatch, body)

    assert (answer.exit_code, answer.stdout) == (exit_codes.USER_ERROR, "")
    assert answer.stderr == "error: r50.pth: weights must be finite (found NaN)\n"


def test_a_warning_is_one_line_without_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command
    def body() -> None:
        warnings.warn("w.pth names 80 classes\nfor a model of 3", stacklevel=1)

    answer = run_verb(monkeypatch, body)

    assert (answer.exit_code, answer.stderr) == (0, "warning: w.pth names 80 classes for a model of 3\n")


@pytest.mark.parametrize(("rank", "lines"), [("0", 1), ("1", 0)])
def test_of_processes_that_run_together_only_the_first_warns(
    monkeypatch: pytest.MonkeyPatch, rank: str, lines: int
) -> None:
    @click.command
    def body() -> None:
        warnings.warn("a remark", stacklevel=1)

    monkeypatch.setenv("RANK", rank)

    assert run_verb(monkeypatch, body).stderr.count("\n") == lines


def test_outside_the_program_warnings_stay_python_s(monkeypatch: pytest.MonkeyPatch) -> None:
    before = warnings.showwarning

    run_verb(monkeypatch, click.Command("body"))

    assert warnings.showwarning is before


def test_our_own_mistake_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command
    def body() -> None:
        raise ZeroDivisionError

    assert isinstance(run_verb(monkeypatch, body).exception, ZeroDivisionError)


def test_an_interrupted_verb_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command
    def body() -> None:
        raise KeyboardInterrupt

    answer = run_verb(monkeypatch, body)

    assert (answer.exit_code, answer.stderr) == (130, "interrupted\n")


def test_a_wrong_option_is_exit_code_2(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = run_verb(monkeypatch, click.Command("body"), "--no-such-option")

    assert answer.exit_code == 2
    assert "No such option" in answer.stderr


def test_a_misspelt_verb_is_exit_code_2_and_names_the_nearest() -> None:
    answer = CliRunner().invoke(cli, ["exprot"])

    assert answer.exit_code == 2
    assert all(verb in answer.stderr for verb in ("'exprot'", "'export'"))


def test_a_verb_unlike_any_other_gets_no_suggestion() -> None:
    answer = CliRunner().invoke(cli, ["xyzzy"])

    assert answer.exit_code == 2
    assert "Did you mean" not in answer.stderr


def test_a_reader_that_went_away_is_no_error_message() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    answer = subprocess.run(
        [sys.executable, "-m", "gridrt", "--help"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)

    assert answer.stderr == ""


def test_onnx_runtime_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    """Imported after GridRT, it keeps no queue of what it would report over the network."""
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}

    subprocess.run(
        [sys.executable, "-c", "import gridrt.runtime.onnxruntime.session"],
        env={**environment, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        check=True,
    )

    assert list(tmp_path.iterdir()) == []


def test_who_asks_onnx_runtime_for_its_telemetry_gets_it() -> None:
    program = "import gridrt, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}

    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )

    assert answer.stdout == "0\n"


def test_public_names_are_loaded_when_they_are_used() -> None:
    assert gridrt.GridRTError.__module__ == "gridrt.errors"
    assert gridrt.Detections.__module__ == "gridrt.types"
    assert all(hasattr(gridrt, name) for name in gridrt.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'load_modle'"):
        _ = gridrt.load_modle  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "module", sorted(Path(str(exit_codes.__file__)).parent.glob("*.py")), ids=lambda path: path.stem
)
def test_a_module_of_the_command_line_is_short_for_it_only_parses_calls_and_prints(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 120
