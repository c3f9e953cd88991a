"""Detection in tiles, for images in which objects are too small once the whole image is resized to the model's scale.

An image is cut into overlapping tiles of one size. Each tile, and the whole image once, runs through the model as an
image of its own, and the detections are merged.

Shapes: N, M detections in one run of the model or in all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from gridrt.config import DetectionConfig
from gridrt.data.transform import Batch, Prepared
from gridrt.detector import Detector
from gridrt.errors import GridRTError, NonFiniteError
from gridrt.runtime.backend import Session
from gridrt.types import BoolArray, Detections, Float32Array, Float64Array, Int32Array, UInt8Array

IntArray: TypeAlias = npt.NDArray[np.intp]

DEFAULT_OVERLAP = 0.2
MIN_TILE = 32
MAX_OVERLAP = 0.9
MERGE_IOU = DetectionConfig.iou_threshold
"""Of two detections of one class in different runs whose IoU exceeds this, one is dropped: the model's own NMS."""
MERGE_INSIDE = 0.7
"""A cut detection can be a piece of one in another run if more than this share of its area lies in that one."""
MERGE_FILLS = 0.3
"""It is one if it also covers more than this share of what its tile sees of that one: a small object on it does not."""
CUT_WITHIN = 0.02
"""A box counts as cut if it ends beyond an inner edge of its tile, or before it by less than this share of its side."""

TILES_UNTOLD = 1.0
"""An image that takes fewer seconds gets no progress bar of its own."""


class Tile(NamedTuple):
    """A part of an image, in pixels: x from `left` to `right`, y from `top` to `bottom`."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, eq=False)
class Run:
    """The detections in one tile, or in the whole image.

    Attributes:
        part: of the image, in which they were found.
        found: boxes in pixels of the image.
        is_cut: bool [N], whether the object may continue beyond the part.
    """

    part: Tile
    found: Detections
    is_cut: BoolArray


class TiledDetector(Detector):
    """A detector that cuts images into tiles.

    An image no larger than a tile runs whole, as in `Detector`. In a larger one, every object no wider and no higher
    than the overlap lies whole in a tile. Of larger objects, which every tile may cut, the run of the whole image finds
    those that are large enough after resizing; where it misses one, the pieces that the tiles see are returned. The
    model's limit on detections holds for each run; all detections that are left after merging are returned.

    Runs are not batched: each tile has the canvas that it has alone, and sessions for single images suffice.

    Args:
        session: see `Detector`.
        scale: see `Detector`; each tile, and the whole image, is resized to it.
        find_stage: see `Detector`.
        tile: side of a tile, in pixels of the image; "auto" is the short side of the scale, so that tiles keep their
            size.
        overlap: least overlap of neighbouring tiles, as a share of their side.
        stretch: see `Detector`.
        reopen: see `Detector`.

    Raises:
        GridRTError: `scale`, `tile` or `overlap` is out of range.
    """

    tile: int
    tile_overlap: float

    def __init__(
        self,
        session: Session,
        scale: tuple[int, int] | None = None,
        find_stage: Callable[[Batch], str | None] | None = None,
        *,
        tile: int | Literal["auto"] = "auto",
        overlap: float = DEFAULT_OVERLAP,
        stretch: bool = False,
        reopen: Callable[[], Detector] | None = None,
    ) -> None:
        super().__init__(session, scale, find_stage, stretch=stretch, reopen=reopen)
        self.tile, self.tile_overlap = min(self.scale) if tile == "auto" else tile, overlap
        if self.tile < MIN_TILE:
            raise GridRTError(f"a tile must have at least {MIN_TILE} pixels a side", place="`tile`", value=self.tile)
        if not 0 <= overlap <= MAX_OVERLAP:
            raise GridRTError(
                f"the overlap of tiles must be from 0 to {MAX_OVERLAP} of their side",
                place="`tile_overlap`",
                value=overlap,
            )

    def prepare(self, image: UInt8Array) -> Prepared:
        """The image as it is: its tiles are cut and resized one by one as they run."""
        return Prepared(image, np.ones(2, np.float32))

    def run(self, images: Sequence[Prepared]) -> list[Detections | NonFiniteError]:
        """Detect objects in images that `prepare` returned, one by one, with a progress bar for many tiles.

        Returns:
            As `Detector.run`; the place of an error is the tile.
        """
        return [self._in_image(image.pixels) for image in images]

    def _in_image(self, image: UInt8Array) -> Detections | NonFiniteError:
        height, width = image.shape[:2]
        everything = Tile(0, 0, width, height)
        tiles = tile_boxes(width, height, self.tile, self.tile_overlap)
        parts = [everything] if len(tiles) == 1 else [everything, *tiles]
        found = []
        for part in tqdm(parts, "tiles", unit="tile", leave=False, disable=None, delay=TILES_UNTOLD):
            result = self._in_part(image, part)
            if isinstance(result, NonFiniteError):
                return result
            found.append(result)
        if len(tiles) == 1:
            return found[0]
        # Tiles see smaller objects whole, and at a higher resolution.
        whole = found[0]
        is_large = (whole.boxes[:, 2:] - whole.boxes[:, :2]).max(1) > overlap_in_pixels(self.tile, self.tile_overlap)
        runs = [Run(everything, whole.where(is_large), np.zeros(int(is_large.sum()), bool))]
        for tile, of_tile in zip(tiles, found[1:], strict=True):
            runs.append(Run(tile, of_tile, ends_at_inner_edge(of_tile.boxes, tile, width, height)))
        return merge(runs)

    def _in_part(self, image: UInt8Array, part: Tile) -> Detections | NonFiniteError:
        """The detections in a part of an image, in pixels of the image."""
        [found] = super().run([super().prepare(image[part.top : part.bottom, part.left : part.right])])
        if isinstance(found, NonFiniteError):
            return found.at(f", {part}")
        corner = np.array([part.left, part.top], np.float32)
        return replace(found, boxes=found.boxes + np.tile(corner, 2))


def overlap_in_pixels(tile: int, overlap: float) -> int:
    """The least overlap of neighbouring tiles: `overlap` times their side, rounded up."""
    return math.ceil(tile * overlap)


def tile_boxes(width: int, height: int, tile: int, overlap: float) -> list[Tile]:
    """The tiles of an image, row by row.

    They cover every pixel and none beyond the image; all have one size, `tile` or the image's where that is smaller;
    neighbours overlap by at least `overlap` times `tile`, rounded up; as few as that allows, evenly spread.

    Args:
        width: of the image.
        height: of the image.
        tile: side in pixels.
        overlap: share of `tile`, below 1.
    """
    least = overlap_in_pixels(tile, overlap)
    return [
        Tile(left, top, right, bottom)
        for top, bottom in _intervals(height, tile, least)
        for left, right in _intervals(width, tile, least)
    ]


def _intervals(length: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    """Equal intervals that cover 0..length."""
    if length <= tile:
        return [(0, length)]
    steps = math.ceil((length - tile) / (tile - overlap))
    starts = (index * (length - tile) // steps for index in range(steps + 1))
    return [(start, start + tile) for start in starts]


def ends_at_inner_edge(boxes: Float32Array, tile: Tile, width: int, height: int) -> BoolArray:
    """Whether each box reaches an edge of its tile that is not one of the image, bool [N].

    Args:
        boxes: float32 [N, 4], xyxy in pixels of the image.
        tile: in which they were found.
        width: of the image.
        height: of the image.
    """
    margin = CUT_WITHIN * max(tile.right - tile.left, tile.bottom - tile.top)
    near = np.array([*tile], np.float64) + np.array([margin, margin, -margin, -margin])
    is_inner = np.array([tile.left > 0, tile.top > 0, tile.right < width, tile.bottom < height])
    ends = np.concatenate((boxes[:, :2] <= near[:2], boxes[:, 2:] >= near[2:]), axis=1)
    is_cut: BoolArray = np.any(ends & is_inner, axis=1)
    return is_cut


def merge(runs: Sequence[Run]) -> Detections:
    """The detections of several runs on parts of one image, each object once, best score first.

    Greedy: detections that are not cut come first, by score, then cut ones, by area. Each is dropped if a kept one of
    its class in another run overlaps it by more than `MERGE_IOU`, or if it is cut and a piece of a kept one, by
    `MERGE_INSIDE` and `MERGE_FILLS`. Within a run, the model itself has decided. So

        merge([run]) == run.found
        no two of a class are left, of different runs, whose IoU exceeds MERGE_IOU
        no cut detection is left beside one of another run of which it is a piece

    Args:
        runs: at least one.
    """
    found = [run.found for run in runs]
    boxes, scores, labels = (
        np.concatenate([getattr(one, name) for one in found]) for name in ("boxes", "scores", "labels")
    )
    is_cut = np.concatenate([run.is_cut for run in runs])
    order = np.lexsort((-np.where(is_cut, _areas(boxes), scores), is_cut))  # [N]
    kept = np.ones(len(boxes), bool)
    dropped_by = _dropped_by(runs, boxes, labels, is_cut, np.argsort(order))
    for index in order:
        if kept[index]:
            kept[dropped_by[index]] = False
    best_first = np.flatnonzero(kept)
    best_first = best_first[np.argsort(-scores[best_first], kind="stable")]
    full_at = max((one.full_at for one in found if one.full_at is not None), default=None)
    return Detections(boxes[best_first], scores[best_first], labels[best_first], full_at)


def _dropped_by(
    runs: Sequence[Run], boxes: Float32Array, labels: Int32Array, is_cut: BoolArray, ranks: IntArray
) -> list[IntArray]:
    """For each detection, the indices of those that are dropped if it is kept.

    Args:
        runs: T of them.
        boxes: of all runs, float32 [N, 4].
        labels: int32 [N].
        is_cut: bool [N].
        ranks: int [N], the place of each detection in the order in which they are kept.
    """
    areas = _areas(boxes)
    run_of = np.repeat(np.arange(len(runs)), [len(run.found) for run in runs])  # [N]
    parts = np.array([run.part for run in runs], np.float32)[run_of]  # [N, 4]
    dropped = []
    for run in np.unique(run_of):
        own = np.flatnonzero(run_of == run)
        near, far = boxes[own, :2].min(0), boxes[own, 2:].max(0)  # the corners of all of this run
        meets = (boxes[:, 2:] > near).all(1) & (boxes[:, :2] < far).all(1)  # [N]
        others = np.flatnonzero((run_of != run) & meets)  # [M]
        shared = _shared(boxes[own], boxes[others])
        is_same = shared > MERGE_IOU * (areas[own, None] + areas[others] - shared)
        fills = shared > MERGE_FILLS * _shared(boxes[own], parts[others])
        is_piece = is_cut[others] & (shared > MERGE_INSIDE * areas[others]) & fills
        comes_first = ranks[own, None] < ranks[others]
        drops = (is_same | is_piece) & comes_first & (labels[own, None] == labels[others])
        dropped += [others[row] for row in drops]
    return dropped


def _areas(boxes: Float32Array) -> Float64Array:
    """float64 [N]."""
    areas: Float64Array = np.prod(boxes[:, 2:].astype(np.float64) - boxes[:, :2], axis=1)
    return areas


def _shared(boxes: Float32Array, others: Float32Array) -> Float64Array:
    """The area of the intersection of each pair, float64 [N, M]."""
    near = np.maximum(boxes[:, None, :2], others[None, :, :2]).astype(np.float64)
    far = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared: Float64Array = (far - near).clip(min=0).prod(2)
    return shared
