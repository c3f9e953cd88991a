"""Writing weights in the layout of the published files, so that mmdetection reads them too."""

from __future__ import annotations

import errno
from pathlib import Path

import torch

from gridrt.files import atomic_path
from gridrt.model.checkpoint.settings import settings_to_meta
from gridrt.model.grid_rcnn import GridRCNN


def save_weights(model: GridRCNN, path: str | Path) -> None:
    """Write `{"meta", "state_dict"}` atomically. `load_model` returns the same detector, with the same settings.

    `meta` holds `CLASSES` as mmdetection names it, `gridrt_version`, and the settings of GridRT: `gridrt_pixels`,
    `gridrt_proposals`, `gridrt_detections` and, where it is known, `gridrt_scale`.

    Raises:
        OutputError: the file cannot be written.
    """
    from gridrt import __version__

    state_dict = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    meta = {"gridrt_version": __version__, **settings_to_meta(model)}
    write_torch({"meta": meta, "state_dict": state_dict}, path)


def write_torch(content: object, path: str | Path) -> None:
    """Write with `torch.save`, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        try:
            torch.save(content, temporary)
        except RuntimeError as error:  # torch's writer raises it on a full disk
            raise OSError(errno.EIO, f"torch failed to write the file: {error}") from error
