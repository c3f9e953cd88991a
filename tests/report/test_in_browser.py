"""The report of a bench as a browser shows it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from html import escape, unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gridrt.bench.result import Row
from gridrt.classes import COCO_CLASSES
from gridrt.data.image import save_image
from gridrt.report.bench_report import save_bench_report
from tests.bench_results import accuracy, bench_result, disagreement, gates, many_rows, rows

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SECONDS = 60  # that the browser is given
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
)
SIZES = {"phone": (390, 844), "desktop": (1440, 900)}
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')

ERRORS = "<script>window.found = []; addEventListener('error', (event) => found.push(String(event.message)));</script>"
# Leaves what the browser sees where the frame is. Figures are rounded by the browser's own toFixed.
PROBE = """<script>
const result = JSON.parse(document.getElementById("result").textContent);
const three = (x) => x.toFixed(x >= 99.95 ? 0 : x >= 9.995 ? 1 : 2);
const wrong = [];
let compared = 0;
const compare = (cell, value) => {
  const shown = (cell.querySelector(".figure") ?? cell).textContent;
  compared += 1;
  if (shown !== value) wrong.push(`${cell.dataset.key}: ${shown} is not ${value}`);
};
for (const line of document.querySelectorAll("tr[data-artefact]")) {
  const row = result.rows[line.dataset.artefact];
  for (const cell of line.querySelectorAll("td[data-key]")) {
    const [part, name] = cell.dataset.key.split(".");
    const overall = row.accuracy?.overall;
    if (overall && part in overall) compare(cell, overall[part] === null ? "-" : (100 * overall[part]).toFixed(1));
    if (!row.speed || !name) continue;
    if (name === "speedup") compare(cell, row.speed.speedup[part].toFixed(1));
    else compare(cell, three(row.speed.latency[part][name] * (name === "fps" ? 1 : 1000)));
  }
}
const legend = document.querySelector("#iou .legend button");
legend?.click();
const hidden = document.querySelectorAll("svg.chart .off").length;
const outcome = {
  errors: found, wrong, compared, hidden, width: innerWidth, page: document.documentElement.scrollWidth,
  pictures: [...document.querySelectorAll("svg.photo use")].map((use) => use.getBoundingClientRect().width > 100),
};
frameElement.dataset.outcome = JSON.stringify(outcome);
</script>"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome on the PATH")


def dumped(page: Path) -> subprocess.CompletedProcess[str]:
    """What the browser makes of a page, and what it logs; it cannot outlive the test."""
    assert BROWSER is not None
    profile = page.with_suffix(".profile")
    command = [BROWSER, *QUIET, f"--user-data-dir={profile}", "--window-size=1600,1000", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)


def outcomes(frames: Sequence[tuple[Path, tuple[int, int]]], around: Path) -> list[dict[str, Any]]:
    """What the probe finds in copies of pages, which have no policy, as that would not let the probe run.

    Each copy is in a frame, as no window is as narrow as a phone.
    """
    body = ""
    for page, (width, height) in frames:
        probed = POLICY.sub(ERRORS, page.read_text(encoding="utf-8")).replace("</body>", f"{PROBE}</body>")
        body += f'<iframe width="{width}" height="{height}" style="border: 0" srcdoc="{escape(probed)}"></iframe>'
    around.write_text(f'<!DOCTYPE html><html><meta charset="utf-8"><body>{body}', encoding="utf-8")
    found = re.findall(r'<iframe[^>]* data-outcome="([^"]*)"', dumped(around).stdout)
    assert len(found) == len(frames), "a probe came to no end"
    return [json.loads(unescape(each)) for each in found]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with everything on it, and names that have no place to break."""
    tmp_path = tmp_path_factory.mktemp("page")
    save_image(tmp_path / "a.png", np.full((80, 100, 3), 90, np.uint8))
    long = replace(rows()[1], name=f"runs/blood/{'a' * 150}.onnx", accuracy=accuracy(classes=COCO_CLASSES))
    failed = Row("runs/blood/b.engine", failure="x" * 300, warnings=["<script>alert(1)</script>"])
    found = disagreement(tmp_path / "a.png")
    every = [found, replace(found, file=tmp_path / f"{'b' * 120}.png")]
    result = bench_result([*rows(), long, failed], gates=gates(), complete=False, disagreements=every)
    save_bench_report(tmp_path / "report.html", result)
    return tmp_path / "report.html"


@pytest.fixture(scope="module")
def found_in(page: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What one browser finds in that page at each size, and in one of twelve rows."""
    folder = tmp_path_factory.mktemp("frames")
    save_bench_report(folder / "rows.html", bench_result(many_rows(12)))
    frames = {name: (page, size) for name, size in SIZES.items()} | {"rows": (folder / "rows.html", SIZES["phone"])}
    return dict(zip(frames, outcomes(list(frames.values()), folder / "around.html"), strict=True))


@pytest.mark.parametrize("size", SIZES)
def test_the_page_fits_and_shows_the_figures_of_its_json(found_in: dict[str, dict[str, Any]], size: str) -> None:
    found = found_in[size]

    assert found["errors"] == []
    assert found["width"] == SIZES[size][0]
    assert found["page"] <= found["width"]
    assert found["wrong"] == []
    assert found["compared"] == 5 * (8 + 9)  # figures of accuracy and of speed, of those that were measured
    assert found["pictures"] == [True, True]


def test_an_entry_of_a_legend_hides_its_row_in_every_chart(found_in: dict[str, dict[str, Any]]) -> None:
    assert found_in["desktop"]["hidden"] == 2 + 2 + 3 + 2 + 1


def test_the_browser_has_nothing_to_complain_of(page: Path) -> None:
    done = dumped(page)

    assert "CONSOLE" not in done.stderr
    assert done.stdout.count('aria-pressed="true"') == 5 * 3  # under its policy, the script has run


def test_twelve_rows_fit_on_a_phone(found_in: dict[str, dict[str, Any]]) -> None:
    found = found_in["rows"]

    assert found["page"] <= found["width"]
    assert found["wrong"] == []
