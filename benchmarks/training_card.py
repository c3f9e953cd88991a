"""The results of trainings in Markdown: the card of the weights, and the grid beside box regression.

    python -m benchmarks.training_card

prints the second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from gridrt.report.metrics import FIGURES, points

MODELS = {"faster_tiny": "boxes regressed (Faster R-CNN)", "tiny": "grid"}


@click.command
def command() -> None:
    """Print the grid beside box regression, as it stands in docs/train.md."""
    click.echo("\n".join(comparison(Path(__file__).parent / "results")))


def comparison(results: Path) -> Iterator[str]:
    """The table in Markdown, from the results of `benchmarks.trainings`: figures in points of 100."""
    yield f"| set | second stage | parameters | {' | '.join(FIGURES)} |"
    yield "| --- " * (len(FIGURES) + 3) + "|"
    for data in ("bccd", "synthetic"):
        for model, title in MODELS.items():
            found = json.loads((results / f"training_{data}_{model}.json").read_text())
            yield f"| {data} | {title} | {found['parameters'] / 1e6:.2f} M | {_cells(found['overall'])} |"


def _cells(precision: Mapping[str, float | None]) -> str:
    return " | ".join(points(precision[key]) for key in FIGURES.values())


def card(name: str, figures: Mapping[str, Any]) -> str:
    """The card of weights that ship, in Markdown."""
    conditions = figures["conditions"]
    precisions = {"all classes": figures["overall"], **figures["per_class"]}
    rows = "\n".join(f"| {of} | {each['objects']} | {_cells(each)} |" for of, each in precisions.items())
    versions = ", ".join(f"{package} {version}" for package, version in conditions["versions"].items())
    return f"""# {name}

Grid R-CNN `{figures["model"]}`, {figures["parameters"]:,} parameters, stored in half precision
({figures["bytes"] / 1e6:.1f} MB, SHA-256 `{figures["sha256"]}`). Licence: Apache-2.0.

* Data: {figures["origin"]}.
* Command: `{figures["command"]}`
* Time: {figures["seconds"] / 60:.0f} minutes for {figures["iterations"]} iterations ({figures["epochs"]} epochs) with
  `--threads {conditions["threads"]}` on {conditions["cpu"]} ({conditions["note"]}; {versions}). Log: `{name}.jsonl`.
* Classes: {", ".join(figures["per_class"])}.

On {figures["images"]} images, resized to at most {figures["scale"][0]} x {figures["scale"][1]}, with these weights as
stored, by PyTorch in float32, in points of 100:

| | objects | {" | ".join(FIGURES)} |
{"| --- " * (len(FIGURES) + 2)}|
{rows}

![Losses and average precision over the training]({name}.png)
"""


if __name__ == "__main__":
    command()
