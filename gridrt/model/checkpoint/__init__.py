"""Weights files: reading those of other tools, fitting them to a model, writing GridRT's own.

`read_weights` turns a path into a `WeightsFile`. `load_model` builds the model that its tensors fit, with the settings
that the file states. `save_weights` writes a file that both GridRT and mmdetection read. `weights_sha256` identifies
weights, whatever file they come from.
"""

from gridrt.model.checkpoint.identity import weights_sha256
from gridrt.model.checkpoint.load import load_model
from gridrt.model.checkpoint.read import WeightsFile, read_weights
from gridrt.model.checkpoint.save import save_weights

__all__ = ["WeightsFile", "load_model", "read_weights", "save_weights", "weights_sha256"]
