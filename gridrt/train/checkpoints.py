"""The files from which a training goes on, and from which its detector is opened. The first process alone writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gridrt import processes
from gridrt.model.checkpoint import save_weights
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.train.folder import STATE, check_room, remove_what_a_kill_left, telling_of_a_full_disk
from gridrt.train.optimization import Optimization
from gridrt.train.recorder import Recorder
from gridrt.train.state import Progress, TrainingState, load_state, refuse_other_training, save_state


class Checkpoints:
    """Keeps training states and weights of a model in a folder.

    Args:
        folder: an existing one, which all processes see.
        model: whose they are.
        settings: what the weights depend on, see `lasting_settings`.
    """

    def __init__(self, folder: Path, model: GridRCNN, settings: Mapping[str, object]) -> None:
        self._folder, self._model, self._settings = folder, model, settings

    def load_state(self) -> TrainingState:
        """The state of the folder.

        Raises:
            DataError: it is of other classes.
            CheckpointError: it cannot be read, or began with other data or settings.
        """
        state = load_state(self._folder / STATE)
        refuse_other_training(self._folder / STATE, state, self._model.class_names, self._settings)
        return state

    def prepare_folder(self, optimization: Optimization) -> None:
        """Clear away what an earlier run had not finished writing, and refuse a disk without room.

        Raises:
            OutputError: there is no room, or the folder cannot be written to.
        """
        if processes.rank() == 0:
            remove_what_a_kill_left(self._folder)
            weights = sum(tensor.nbytes for tensor in self._model.state_dict().values())
            check_room(self._folder, weights + optimization.most_bytes(), weights)

    def save_state(self, progress: Progress, optimization: Optimization, recorder: Recorder) -> None:
        """Save all that a run needs to go on; every process must call this.

        Raises:
            OutputError: it cannot be written; what was there before is still there.
        """
        recorded = recorder.state_dict()  # by all processes
        if processes.rank() == 0:
            class_names, weights = self._model.class_names, self._model.state_dict()
            state = TrainingState(progress, class_names, self._settings, weights, optimization.state_dict(), recorded)
            save_state(self._folder / STATE, state)

    def save_weights(self, name: str) -> None:
        """Save the weights as they are.

        Raises:
            OutputError: likewise.
        """
        if processes.rank() == 0:
            with telling_of_a_full_disk():
                save_weights(self._model, self._folder / name)
