"""The training state on disk, from which a resumed run reaches the same weights as an uninterrupted one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from gridrt.errors import CheckpointError, DataError
from gridrt.model.checkpoint.layout import TRAINING_STATE
from gridrt.model.checkpoint.pickled import load_pickled
from gridrt.model.checkpoint.save import write_torch
from gridrt.training.folder import explain_full_disk

FORMAT = 1  # version of the file format


@dataclass
class Progress:
    """The progress of a training.

    Attributes:
        epoch: the current epoch, from 0.
        step: iterations done in this epoch.
        iteration: iterations done in all.
        best_ap: the highest AP of the evaluations so far; None before the first.
        seconds: of training so far.
    """

    epoch: int = 0
    step: int = 0
    iteration: int = 0
    best_ap: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class TrainingState:
    """A saved training.

    Attributes:
        progress: when it was saved.
        class_names: of the model.
        settings: of `fixed_settings`; a resumed run must have the same.
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
        OutputError: it cannot be written; the previous file is still there.
    """
    parts = ("class_names", "settings", "model", "optimization", "recorder")
    content = {part: getattr(state, part) for part in parts}
    with explain_full_disk():
        write_torch({"kind": TRAINING_STATE, "format": FORMAT, "progress": asdict(state.progress), **content}, path)


def load_state(path: Path) -> TrainingState:
    """Read a state that `save_state` wrote.

    Raises:
        CheckpointError: the file is missing, damaged, or not a training state of this format.
    """
    if not path.is_file():
        raise CheckpointError("the training state is missing", place=path)
    content = load_pickled(path, trust_checkpoint=False)
    if not isinstance(content, dict) or content.pop("kind", None) != TRAINING_STATE:
        raise CheckpointError("this is not a training state of gridrt train", place=path)
    found = content.pop("format", None)
    if found != FORMAT:
        raise CheckpointError(
            f"the training state must have format {FORMAT}",
            place=path,
            value="no format" if found is None else f"format {found}",
            remedy="Resume with the version of GridRT that started the training.",
        )
    with damage_refused(path):
        progress: Any = Progress(**content["progress"])
        counts, numbers = (progress.epoch, progress.step, progress.iteration), (progress.best_ap or 0, progress.seconds)
        if not all(isinstance(count, int) and count >= 0 for count in counts):
            raise ValueError(f"progress of {counts}")
        if not all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers):
            raise ValueError(f"progress of {numbers}")
        state: Any = TrainingState(**content | {"progress": progress})
        parts = (state.settings, state.model, state.optimization, state.recorder)
        if not isinstance(state.class_names, tuple) or not all(isinstance(part, Mapping) for part in parts):
            raise TypeError("a part of another type")
        return TrainingState(**content | {"progress": progress})


@contextmanager
def damage_refused(path: Path) -> Iterator[None]:
    """Turn what goes wrong in restoring a state from a file into one error.

    Raises:
        CheckpointError: something went wrong.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            "the training state is damaged: it must be as gridrt train wrote it",
            place=path,
            value=f"{type(error).__name__}: {error}",
            remedy="Choose another folder, `out`, and start again.",
        ) from error


def refuse_other_training(
    path: Path, state: TrainingState, class_names: tuple[str, ...], settings: Mapping[str, Any]
) -> None:
    """Require the classes and settings of a saved training.

    Raises:
        DataError: the classes differ.
        CheckpointError: a setting differs.
    """
    if state.class_names != class_names:
        raise DataError(
            "the classes of the checkpoint and of the data differ",
            place=path,
            value=f"{_described(state.class_names)} in the checkpoint, {_described(class_names)} in the data",
        )
    changed = list(_differences(state.settings, settings))
    if changed:
        raise CheckpointError(
            "cannot resume with other data or settings",
            place=path,
            value=", ".join(changed),
            remedy="Start the training as before, with `resume`.",
        )


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """One text per value that differs, such as `lr 0.02 instead of 0.01`."""
    for name in {**new, **old}:
        before, now = old.get(name), new.get(name)
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            yield from _differences(before, now, f"{within}{name}.")
        elif before != now:
            yield f"{within}{name} {now} instead of {before}"


def _described(class_names: tuple[str, ...]) -> str:
    """Such as `2 (cat, dog)`."""
    return f"{len(class_names)} ({', '.join(class_names[:5])}{', ...' if len(class_names) > 5 else ''})"
