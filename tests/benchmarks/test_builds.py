"""The comparison of two builds, with stand-ins for the `gridrt` of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.builds import ARTEFACTS, command

STAND_IN = """#!/bin/sh
echo "$0 $1" >> {log}
[ "$1" = bench ] && cp {result} bench.json
exit 0
"""


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two executables that note their calls in `log`; the artefacts of the second are 1.5 times as fast."""
    monkeypatch.setattr("benchmarks.builds.link_set", lambda *_: None)
    monkeypatch.setenv("GRIDRT_DATA", str(tmp_path))
    (tmp_path / "bccd").mkdir()
    paths = []
    for name, speedup in (("old", 2.0), ("new", 3.0)):
        rows = [
            {"artefact": one, "accuracy": {"overall": {"ap": 0.5}}, "speed": {"speedup": {"session": speedup}}}
            for one in ARTEFACTS
        ]
        result, path = tmp_path / f"{name}.json", tmp_path / name
        result.write_text(json.dumps({"rows": rows}))
        path.write_text(STAND_IN.format(log=tmp_path / "log", result=result))
        path.chmod(0o755)
        paths.append(str(path))
    return paths


def test_builds_are_interleaved_and_speedups_are_compared(builds: list[str], tmp_path: Path) -> None:
    out = tmp_path / "builds.json"
    ran = CliRunner().invoke(command, [*builds, "--rounds", "2", "--out", str(out)], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    benches = [Path(line.split()[0]).name for line in (tmp_path / "log").read_text().splitlines() if "bench" in line]
    assert benches == ["old", "new", "new", "old"]
    rows = json.loads(out.read_text())["rows"]
    assert set(rows) == set(ARTEFACTS)
    assert all(row["old"]["speedup"] == [2.0, 2.0] and row["new"]["speedup"] == [3.0, 3.0] for row in rows.values())
    assert "+50.0%" in ran.output


def test_a_build_that_fails_ends_the_comparison(builds: list[str], tmp_path: Path) -> None:
    Path(builds[1]).write_text("#!/bin/sh\nexit 1\n")
    ran = CliRunner().invoke(command, [*builds, "--out", str(tmp_path / "builds.json")])
    assert ran.exit_code != 0
    assert not (tmp_path / "builds.json").exists()
