"""The checkpoint that a training is resumed from, and the weights that a detector is opened from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gridrt import processes
from gridrt.files import remove_leftovers
from gridrt.model.checkpoint import save_weights
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.training.folder import STATE, check_room, explain_full_disk
from gridrt.training.optimization import Optimization
from gridrt.training.recorder import Recorder
from gridrt.training.state import Progress, TrainingState, load_state, refuse_other_training, save_state


class Checkpoints:
    """Writes training states and weights to a folder, in the first process only.

    Args:
        folder: an existing one, which all processes see.
        model: the model that is trained.
        settings: of `fixed_settings`.
    """

    def __init__(self, folder: Path, model: GridRCNN, settings: Mapping[str, object]) -> None:
        self._folder, self._model, self._settings = folder, model, settings

    def load_state(self) -> TrainingState:
        """Load the state in the folder.

        Raises:
            DataError: its classes are not the model's.
            CheckpointError: it cannot be read, or has other data or settings.
        """
        state = load_state(self._folder / STATE)
        refuse_other_training(self._folder / STATE, state, self._model.class_names, self._settings)
        return state

    def prepare_folder(self, optimization: Optimization) -> None:
        """Remove unfinished files of a killed run, and check that the disk has room.

        Raises:
            OutputError: the disk has too little room, or the folder cannot be written to.
        """
        if processes.rank() == 0:
            remove_leftovers(self._folder)
            weights = sum(tensor.nbytes for tensor in self._model.state_dict().values())
            check_room(self._folder, weights + optimization.most_bytes(), weights)

    def save_state(self, progress: Progress, optimization: Optimization, recorder: Recorder) -> None:
        """Save the state to resume from; every process must call this.

        Raises:
            OutputError: it cannot be written; the previous state is still there.
        """
        recorded = recorder.state_dict()  # a collective
        if processes.rank() == 0:
            class_names, weights = self._model.class_names, self._model.state_dict()
            state = TrainingState(progress, class_names, self._settings, weights, optimization.state_dict(), recorded)
            save_state(self._folder / STATE, state)

    def save_weights(self, name: str) -> None:
        """Save the weights under this file name.

        Raises:
            OutputError: they cannot be written; the previous file is still there.
        """
        if processes.rank() == 0:
            with explain_full_disk():
                save_weights(self._model, self._folder / name)
