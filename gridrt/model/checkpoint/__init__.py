"""Weights files: reading what others wrote, fitting it to a model, writing our own.

`read_weights` turns a path into a `WeightsFile`; `load_model` makes the model that its tensors fit; `save_weights`
writes a file that both GridRT and mmdetection read.
"""

from gridrt.model.checkpoint.load import load_model
from gridrt.model.checkpoint.read import WeightsFile, read_weights
from gridrt.model.checkpoint.save import save_weights

__all__ = ["WeightsFile", "load_model", "read_weights", "save_weights"]
