"""The tests that need a GPU, as a part of `benchmarks.gpu`.

python -m benchmarks.gpu_tests tests/gpu/test_engine.py
"""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from benchmarks.gpu_report import RESULTS, Report, run_part
from gridrt.errors import DependencyError

OLDEST_PYTEST = 9


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS / "gpu_tests.json", help="JSON file to write.")
def command(*, arguments: tuple[str, ...], out: Path) -> None:
    """Run pytest with ARGUMENTS; each test that fails is a problem, each that is skipped is not applicable here."""
    run_part(out, lambda report: measure(arguments, report), arguments=list(arguments))


def measure(arguments: tuple[str, ...], report: Report) -> None:
    """One row for each test that did not pass, and one for the number of those that did.

    Raises:
        DependencyError: pytest would ignore the settings of this project.
    """
    if int(pytest.__version__.split(".")[0]) < OLDEST_PYTEST:
        raise DependencyError(
            "pytest must be version 9 or later: older ones ignore the table [tool.pytest] of pyproject.toml",
            place="pytest",
            value=pytest.__version__,
            remedy='Run: pip install "pytest>=9"',
        )
    recorder = Recorder(report)
    code = pytest.main(["-m", "gpu", "--quiet", *arguments], plugins=[recorder])
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        report.problem("pytest", f"it ended with {code!r}")
    report.add("tests that passed", str(recorder.passed), passed=recorder.passed)


class Recorder:
    """A plugin of pytest.

    Args:
        report: gets the tests that fail or are skipped.

    Attributes:
        passed: number of tests that passed.
    """

    def __init__(self, report: Report) -> None:
        self._report, self.passed = report, 0

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Called by pytest for each file: one that does not import has no tests."""
        if report.failed:
            self._report.problem(report.nodeid, str(report.longrepr).strip().splitlines()[-1])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest for the set-up, the call and the teardown of each test."""
        name = report.nodeid.rpartition("::")[2]
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self._report.problem(name, crash.message if crash else report.longrepr)
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            self._report.inapplicable(name, reason)
        elif report.when == "call":
            self.passed += 1


if __name__ == "__main__":
    command()
