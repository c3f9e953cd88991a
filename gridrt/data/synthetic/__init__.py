"""A synthetic data set in COCO's format: six classes of shapes on clutter, so that nothing need be downloaded."""

from gridrt.data.synthetic.shapes import CLASS_NAMES
from gridrt.data.synthetic.write import write_split, write_synthetic

__all__ = ["CLASS_NAMES", "write_split", "write_synthetic"]
