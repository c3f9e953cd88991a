"""How much files from outside may claim, each with the reason. A small file must not take the memory of a machine."""

from __future__ import annotations

MOST_PIXELS = 178_956_970
"""Of an image that is decoded, unless the variable GRIDRT_MAX_PIXELS says otherwise: Pillow's limit, 512 MB in RGB."""

BYTES_PER_PIXEL = 7
"""At most, while an image is decoded: 4 in Pillow, and 3 in the array."""

MOST_ANNOTATED_SIDE = 1_000_000
"""Pixels of a side of an image, in an annotation file: no format has more, and areas stay exact in float64."""

MOST_NOTED_SIDE = 4096
"""Pixels of a side of the scale in a model file: thrice the published one. Small images are enlarged to it, so it sets
how much memory a file takes; a caller may ask for more."""

MOST_CLASSES = 25_000
"""Of a model: above the 21,841 of ImageNet-21k. They size the classifier and the names."""

MOST_STORED_SHARE = 1.1
"""Of the size of a checkpoint's file, in the tensors and texts that its archive declares: torch does not compress."""

MOST_CONFIG_CHARACTERS = 1 << 20
"""Of the config in a checkpoint; a parsed text takes about a hundred times its size, and real ones have 50,000."""

MOST_CONFIG_VALUES = 100_000
"""In a variable of a config, counted as often as they are repeated: lists of variables grow by powers."""

MOST_RECIPE_BYTES = 1 << 20
"""A rule for each node of the deepest model takes 100 KB."""

MOST_KEY_PARTS = 32
"""Of a dotted key in a recipe, whose own have one: the memory of the parser grows with their square. Texts are not told
from keys; the names of nodes have fewer parts."""

LARGEST_WEIGHT = 2.0**63
"""Magnitude of a number in a tensor of weights: the square of a larger one is infinite in float32, sound ones are below
a million."""
