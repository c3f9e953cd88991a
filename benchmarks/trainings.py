"""Train a small detector and measure it: the weights that ship, and Faster R-CNN to compare with.

    python -m benchmarks.trainings synthetic tiny

A run that was stopped is resumed.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from benchmarks.training_card import card
from benchmarks.training_sets import SETS, THREADS, TrainingSet
from gridrt.files import make_folder, sha256_of, write_text
from gridrt.machine.conditions import machine
from gridrt.model.checkpoint import load_model, save_weights
from gridrt.model.zoo import SHIPPED
from gridrt.report.metrics import points

RESULTS = Path(__file__).parent / "results"
MODELS = ("tiny", "faster_tiny")


@click.command
@click.argument("data", type=click.Choice(list(SETS)))
@click.argument("model", type=click.Choice(MODELS))
@click.option("--out", type=click.Path(path_type=Path), default="training", show_default=True, help="Folder of runs.")
@click.option("--note", default="nothing else ran on the machine", show_default=True, help="On the conditions.")
@click.option("--ship", is_flag=True, help="Also write weights, log, curves and card to gridrt/weights.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=RESULTS,
    show_default="benchmarks/results",
    help="Folder of the JSON file to write.",
)
def command(*, data: str, model: str, out: Path, note: str, ship: bool, results: Path) -> None:
    """Train MODEL on DATA, and measure the weights as they ship: rounded to half precision."""
    recipe, run = SETS[data], out / f"{data}_{model}"
    folder = recipe.find(out)
    train(recipe, model, folder, run)
    weights = run / "half.pth"
    save_weights(load_model(run / "last.pth").half(), weights)
    figures = {"set": data, "model": model, **described(recipe, model, run, note), **measured(recipe, weights, folder)}
    write_text(results / f"training_{data}_{model}.json", json.dumps(figures, indent=2) + "\n")
    if ship:
        ship_weights(SHIPPED[f"{model}_{data}"], run, figures)
    click.echo(f"AP {points(figures['overall']['ap'])} after {figures['seconds'] / 60:.0f} minutes, in {run}")


def train(recipe: TrainingSet, model: str, folder: Path, run: Path) -> None:
    """Train to the end, from the last state if there is one."""
    _gridrt(*recipe.train_arguments(model, folder, run), "--resume")


def described(recipe: TrainingSet, model: str, run: Path, note: str) -> dict[str, Any]:
    """How the weights came to be, by the log of the run."""
    last = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    command = ["gridrt", *recipe.train_arguments(model, Path("DATA"), Path("training"))]
    return {
        "origin": recipe.origin,
        "command": shlex.join(command),
        "epochs": last["epoch"],
        "iterations": last["iteration"],
        "seconds": last["seconds"],
        "conditions": {**machine(), "threads": THREADS, "note": note},
    }


def measured(recipe: TrainingSet, weights: Path, folder: Path) -> dict[str, Any]:
    """What the weights are, and how well they detect by `gridrt evaluate`."""
    listed = weights.with_suffix(".json")
    _gridrt(*recipe.evaluate_arguments(weights, folder), "--threads", str(THREADS), "--json", str(listed))
    found = json.loads(listed.read_text())
    parameters = sum(parameter.numel() for parameter in load_model(weights).parameters())
    figures = {name: found[name] for name in ("images", "scale", "overall", "per_class")}
    return {"parameters": parameters, "sha256": sha256_of(weights), "bytes": weights.stat().st_size, **figures}


def ship_weights(target: Path, run: Path, figures: dict[str, Any]) -> None:
    """Put weights, log, curves and card side by side."""
    make_folder(target.parent)
    for source, suffix in (("half.pth", ".pth"), ("log.jsonl", ".jsonl"), ("curves.png", ".png")):
        shutil.copyfile(run / source, target.with_suffix(suffix))
    write_text(target.with_suffix(".md"), card(target.stem, figures))


def _gridrt(*arguments: str) -> None:
    """Run a command; if it fails it has printed the reason, and this program exits with the same code."""
    done = subprocess.run([sys.executable, "-m", "gridrt", *arguments], check=False)  # noqa: S603 - no part from outside
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    command()
