"""The training state on disk: all that a run needs to go on to the weights that it would have reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from gridrt.errors import CheckpointError, DataError
from gridrt.model.checkpoint.layout import TRAINING_STATE
from gridrt.model.checkpoint.pickled import load_pickled
from gridrt.model.checkpoint.save import write_torch
from gridrt.train.folder import telling_of_a_full_disk

FORMAT = 1  # of what is saved; a state of another one is not read


@dataclass
class Progress:
    """How far a training is.

    Attributes:
        epoch: the one under way, from 0.
        step: iterations done in it.
        iteration: iterations done in all.
        best_ap: of the evaluations so far.
        seconds: that it took so far.
    """

    epoch: int = 0
    step: int = 0
    iteration: int = 0
    best_ap: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class TrainingState:
    """What is saved.

    Attributes:
        progress: how far it is.
        class_names: of the model.
        settings: what the weights depend on; to be the same when the run goes on.
        model: state dict.
        optimization: `Optimization.state_dict()`.
        recorder: `Recorder.state_dict()`.
    """

    progress: Progress
    class_names: tuple[str, ...]
    settings: Mapping[str, Any]
    model: Mapping[str, Tensor]
    optimization: Mapping[str, Any]
    recorder: Mapping[str, Any]


def save_state(path: Path, state: TrainingState) -> None:
    """Write a state, atomically.

    Raises:
        OutputError: it cannot be written; what was there before is still there.
    """
    parts = ("class_names", "settings", "model", "optimization", "recorder")
    content = {part: getattr(state, part) for part in parts}
    with telling_of_a_full_disk():
        write_torch({"kind": TRAINING_STATE, "format": FORMAT, "progress": asdict(state.progress), **content}, path)


def load_state(path: Path) -> TrainingState:
    """Read what `save_state` wrote.

    Raises:
        CheckpointError: there is none, it is damaged, or of another version's format.
    """
    if not path.is_file():
        raise CheckpointError("there is no training to resume", place=path)
    content = load_pickled(path, trust_checkpoint=False)
    if not isinstance(content, dict) or content.pop("kind", None) != TRAINING_STATE:
        raise CheckpointError("a training must go on from the checkpoint that it wrote", place=path)
    _check_format(path, content.pop("format", None))
    return TrainingState(**content | {"progress": Progress(**content["progress"])})


def _check_format(path: Path, found: object) -> None:
    if found != FORMAT:
        raise CheckpointError(
            f"a training must go on from a state of format {FORMAT}",
            place=path,
            value="a state without a format" if found is None else found,
            remedy="Go on with the version of GridRT that began it.",
        )


def refuse_other_training(
    path: Path, state: TrainingState, class_names: tuple[str, ...], settings: Mapping[str, Any]
) -> None:
    """Refuse to go on with other classes or settings.

    Raises:
        DataError: the classes differ.
        CheckpointError: a setting differs.
    """
    if state.class_names != class_names:
        raise DataError(
            "the data must have the classes of the checkpoint",
            place=path,
            value=f"{_counted(state.class_names)} in the checkpoint, {_counted(class_names)} in the data",
        )
    changed = list(_differences(state.settings, settings))
    if changed:
        raise CheckpointError(
            "a training must go on with the data and the settings that it began with",
            place=path,
            value=", ".join(changed),
            remedy="Repeat the command that began it, with --resume.",
        )


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """Such as `lr 0.02 instead of 0.01`, one for each value that differs."""
    for name in {**new, **old}:
        before, now = old.get(name), new.get(name)
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            yield from _differences(before, now, f"{within}{name}.")
        elif before != now:
            yield f"{within}{name} {now} instead of {before}"


def _counted(class_names: tuple[str, ...]) -> str:
    return f"{len(class_names)} ({', '.join(class_names[:5])}{', ...' if len(class_names) > 5 else ''})"
