"""Writing weights in the layout of the published files, so that mmdetection reads them too."""

from __future__ import annotations

import errno
from pathlib import Path

import torch

from gridrt.files import atomic_path
from gridrt.model.checkpoint.layout import SCALE_KEY
from gridrt.model.grid_rcnn import GridRCNN


def save_weights(model: GridRCNN, path: str | Path) -> None:
    """Write `{"meta", "state_dict"}`, atomically; `load_model` gives the model back.

    The meta are `CLASSES` as mmdetection names it, `gridrt_version` and, where it is known, `gridrt_scale`.

    Raises:
        OutputError: the file cannot be written.
    """
    from gridrt import __version__

    state_dict = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    scale = {} if model.scale is None else {SCALE_KEY: model.scale}
    meta = {"CLASSES": model.class_names, "gridrt_version": __version__, **scale}
    write_torch({"meta": meta, "state_dict": state_dict}, path)


def write_torch(content: object, path: str | Path) -> None:
    """Write what `torch.save` can, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        try:
            torch.save(content, temporary)
        except RuntimeError as error:  # what torch's writer makes of a full disk
            raise OSError(errno.EIO, f"torch could not write the file: {error}") from error
