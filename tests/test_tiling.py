"""Tiles, and detections in them: by hypothesis, with a session that sees rectangles exactly, and on real images."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridrt import tiling
from gridrt.api import open_detector
from gridrt.data.coco import CocoDataset
from gridrt.detector import Detector
from gridrt.errors import GridRTError, NonFiniteError
from gridrt.runtime.info import ModelInfo
from gridrt.tiling import MERGE_FILLS, MERGE_INSIDE, MERGE_IOU, Run, Tile, TiledDetector, merge, tile_boxes
from gridrt.types import Detections, Float32Array, Int32Array, RawDetections, UInt8Array
from tests.fakes import FakeSession

TILE = 64
SCALE = (TILE, TILE)  # tiles keep their size
ROWS = 50

INFO = ModelInfo(("thing",), SCALE, "fake", "fp32", "nothing", "nowhere", max_detections=ROWS)

Floats = npt.NDArray[np.float64]


@dataclass
class SeesRectangles:
    """Finds each white rectangle as far as it is seen, with a score that depends on its place in the run."""

    scores: Sequence[float] = (0.5,)
    shapes_seen: list[tuple[int, ...]] = field(default_factory=list)
    info: ModelInfo = field(default_factory=lambda: INFO)

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        del image_sizes  # padding is black
        self.shapes_seen.append(images.shape)
        boxes, scores = np.zeros((1, ROWS, 4), np.float32), np.zeros((1, ROWS), np.float32)
        _, _, found, _ = cv2.connectedComponentsWithStats((images[0, ..., 0] > 127).astype(np.uint8))
        rectangles = [(left, top, left + width, top + height) for left, top, width, height, _ in found[1:]][:ROWS]
        boxes[0, : len(rectangles)] = np.reshape(rectangles, (-1, 4))
        scores[0, : len(rectangles)] = [
            self.scores[(len(self.shapes_seen) + n) % len(self.scores)] for n in range(len(rectangles))
        ]
        order = np.argsort(-scores[0], kind="stable")
        return RawDetections(boxes[:, order], scores[:, order], np.where(scores[:, order] > 0, 0, -1).astype(np.int32))


def picture(width: int, height: int, rectangles: Sequence[tuple[int, int, int, int]]) -> UInt8Array:
    image = np.zeros((height, width, 3), np.uint8)
    for left, top, right, bottom in rectangles:
        image[top:bottom, left:right] = 255
    return image


@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    tile=st.integers(32, 200),
    overlap=st.floats(0, 0.9),
)
def test_tiles_cover_every_pixel_have_one_size_and_overlap_as_asked(
    width: int, height: int, tile: int, overlap: float
) -> None:
    tiles = tile_boxes(width, height, tile, overlap)

    covered = np.zeros((height, width), bool)
    for one in tiles:
        covered[one.top : one.bottom, one.left : one.right] = True
    assert covered.all()
    assert {(one.right - one.left, one.bottom - one.top) for one in tiles} == {(min(width, tile), min(height, tile))}
    for near, far, length in (("left", "right", width), ("top", "bottom", height)):
        intervals = sorted({(getattr(one, near), getattr(one, far)) for one in tiles})
        assert (intervals[0][0], intervals[-1][1]) == (0, length)
        assert all(end - start >= overlap * tile for (_, end), (start, _) in itertools.pairwise(intervals))


def test_tiles_are_as_few_as_the_overlap_allows() -> None:
    assert len(tile_boxes(6000, 4000, 480, 0.2)) == 16 * 11  # 480 + 15 * 384 >= 6000, 480 + 10 * 384 >= 4000
    assert tile_boxes(100, 64, 64, 0) == [Tile(0, 0, 64, 64), Tile(36, 0, 100, 64)]


def iou_and_shared(box: Float32Array, other: Float32Array) -> tuple[float, float]:
    sides = [min(box[2 + axis], other[2 + axis]) - max(box[axis], other[axis]) for axis in (0, 1)]
    shared = float(max(sides[0], 0)) * float(max(sides[1], 0))
    return shared / (area(box) + area(other) - shared), shared


def area(box: Float32Array) -> float:
    return float(box[2] - box[0]) * float(box[3] - box[1])


@st.composite
def some_runs(draw: st.DrawFn) -> list[Run]:
    runs = []
    for _ in range(draw(st.integers(1, 4))):
        left, top = draw(st.integers(0, 20)), draw(st.integers(0, 20))
        rows = draw(
            st.lists(
                st.tuples(*[st.integers(0, 20)] * 2, *[st.integers(1, 20)] * 2, st.integers(1, 99), st.integers(0, 1)),
                max_size=5,
            )
        )
        rows.sort(key=lambda row: -row[4])
        boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, _, _ in rows], np.float32).reshape(-1, 4)
        scores = np.array([row[4] / 100 for row in rows], np.float32)
        labels = np.array([row[5] for row in rows], np.int32)
        is_cut = np.array(draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), bool)
        runs.append(Run(Tile(left, top, left + 20, top + 20), Detections(boxes, scores, labels), is_cut))
    return runs


@given(runs=some_runs())
def test_merging_keeps_what_a_plain_greedy_loop_keeps(runs: list[Run]) -> None:
    rows = [
        (run, run.found.boxes[n], float(run.found.scores[n]), int(run.found.labels[n]), bool(run.is_cut[n]))
        for run in runs
        for n in range(len(run.found))
    ]
    kept: list[tuple[Run, Float32Array, float, int, bool]] = []
    for row in sorted(rows, key=lambda row: (row[4], -area(row[1]) if row[4] else -row[2])):
        if not any(drops(winner, row) for winner in kept):
            kept.append(row)

    found = merge(runs)

    assert sorted((tuple(box), score, label) for box, score, label in found) == sorted(
        (tuple(box), score, label) for _, box, score, label, _ in kept
    )
    assert (np.diff(found.scores) <= 0).all()
    for row in kept:  # the law that the order of the loop must bring about: no piece beside its whole
        assert not any(drops(winner, row) for winner in kept)


def drops(winner: tuple[Run, Float32Array, float, int, bool], row: tuple[Run, Float32Array, float, int, bool]) -> bool:
    if winner[0] is row[0] or winner[3] != row[3]:
        return False
    iou, shared = iou_and_shared(winner[1], row[1])
    _, seen = iou_and_shared(winner[1], np.array(row[0].part, np.float32))
    is_piece = row[4] and shared > MERGE_INSIDE * area(row[1]) and shared > MERGE_FILLS * seen
    return iou > MERGE_IOU or is_piece


@given(runs=some_runs())
def test_merging_one_run_changes_nothing(runs: list[Run]) -> None:
    assert merge(runs[:1]) == runs[0].found


@given(data=st.data())
def test_every_object_within_the_overlap_is_found_once_and_whole_whatever_the_scores(data: st.DataObject) -> None:
    overlap, cell = 0.4, 40  # 26 px of 64; a rectangle keeps 2 % of the tile away from an edge to count as whole
    columns, rows = data.draw(st.integers(2, 4), "columns"), data.draw(st.integers(1, 3), "rows")
    rectangles = []
    for n in range(columns * rows):
        x, y, w, h = (data.draw(st.integers(low, high)) for low, high in ((0, 8), (0, 8), (4, 22), (4, 22)))
        left, top = n % columns * cell + x, n // columns * cell + y
        rectangles.append((left, top, left + w, top + h))
    scores = data.draw(st.lists(st.sampled_from([0.3, 0.5, 0.7, 0.9]), min_size=1, max_size=7), "scores")
    detector = TiledDetector(SeesRectangles(scores), tile=TILE, overlap=overlap)

    [found] = detector([picture(columns * cell, rows * cell, rectangles)])

    assert sorted(map(tuple, found.boxes.tolist())) == sorted(rectangles)


@pytest.mark.parametrize("scores", [(0.9, 0.8, 0.7), (0.7, 0.9, 0.8), (0.8, 0.7, 0.9), (0.5,)])
def test_an_object_that_every_tile_cuts_is_the_whole_image_s_alone_whatever_the_scores(scores: Sequence[float]) -> None:
    wide = (20, 10, 180, 50)
    detector = TiledDetector(SeesRectangles(scores), tile=TILE, overlap=0.25)

    [found] = detector([picture(200, 64, [wide])])

    np.testing.assert_allclose(found.boxes, [wide], atol=200 / TILE)  # a pixel of the resized image


def run(part: Tile, box: tuple[int, int, int, int], *, is_cut: bool) -> Run:
    found = Detections(np.array([box], np.float32), np.array([0.9], np.float32), np.array([0], np.int32))
    return Run(part, found, np.array([is_cut]))


def test_an_object_that_only_its_pieces_show_stays_in_pieces() -> None:
    left, right = Tile(0, 0, 64, 64), Tile(48, 0, 112, 64)

    assert len(merge([run(left, (10, 0, 64, 50), is_cut=True), run(right, (48, 0, 100, 50), is_cut=True)])) == 2


def test_a_small_object_at_an_edge_is_no_piece_of_a_large_one_behind_it() -> None:
    everything, tile = Tile(0, 0, 200, 200), Tile(0, 0, 64, 64)
    large = run(everything, (0, 0, 150, 150), is_cut=False)

    assert len(merge([large, run(tile, (50, 20, 64, 34), is_cut=True)])) == 2
    assert len(merge([large, run(tile, (1, 2, 64, 60), is_cut=True)])) == 1


@pytest.mark.parametrize(("height", "width"), [(64, 64), (40, 64), (30, 20)])
def test_an_image_no_larger_than_a_tile_gives_what_it_gives_whole_bit_for_bit(height: int, width: int) -> None:
    image = picture(width, height, [(1, 2, 9, 12), (12, 5, 19, 25)])
    session = SeesRectangles((0.4, 0.9))

    [found] = TiledDetector(session, tile=TILE)([image])

    assert found == Detector(SeesRectangles((0.4, 0.9)))([image])[0]
    assert len(session.shapes_seen) == 1


def test_every_tile_runs_alone_on_the_canvas_that_it_has_alone() -> None:
    session = SeesRectangles()

    TiledDetector(session, scale=(96, 40), tile=TILE)([np.zeros((150, 170, 3), np.uint8)] * 2)

    tiles = len(tile_boxes(170, 150, TILE, 0.2))
    assert session.shapes_seen == [(1, 64, 64, 3)] * 2 * (1 + tiles)  # 40 x 40, and 45 x 40, the image


def test_the_default_tile_is_the_short_side_of_the_scale() -> None:
    assert TiledDetector(FakeSession(scale=(1333, 800))).tile == 800
    assert TiledDetector(FakeSession(), (64, 480)).tile == 64


@pytest.mark.parametrize(
    ("tile", "overlap", "place"),
    [(31, 0.2, "`tile`"), (0, 0.2, "`tile`"), (64, -0.1, "`tile_overlap`"), (64, 0.95, "`tile_overlap`")],
)
def test_a_tile_or_an_overlap_out_of_range_is_refused(tile: int, overlap: float, place: str) -> None:
    with pytest.raises(GridRTError, match="must") as caught:
        TiledDetector(FakeSession(), tile=tile, overlap=overlap)

    assert caught.value.place == place


def test_what_is_no_image_is_refused_before_any_run() -> None:
    session = FakeSession()

    with pytest.raises(GridRTError) as caught:
        TiledDetector(session, tile=64)([np.zeros((100, 100, 3), np.uint8), np.zeros((4, 5), np.uint8)])
    assert (caught.value.place, caught.value.value) == ("images[1]", "uint8 [4, 5]")

    assert session.shapes_seen == []


def test_a_full_tile_marks_the_image_and_more_than_the_model_s_limit_are_returned() -> None:
    dense = [(x, y, x + 4, y + 4) for y in range(0, 64, 8) for x in range(0, 128, 8)]
    sparse = dense[::8]
    detector = TiledDetector(SeesRectangles((0.5,)), tile=TILE, overlap=0)

    [full], [not_full] = (detector([picture(128, 64, rectangles)]) for rectangles in (dense, sparse))

    assert len(full) > ROWS
    assert (full.is_full(0.3), full.is_full(0.6), not_full.is_full()) == (True, False, False)


def test_an_output_that_is_not_finite_names_the_image_and_the_tile() -> None:
    detector = TiledDetector(FakeSession(rows=[(0, 0, np.nan, 8, 0.9, 0)]), tile=TILE)

    with pytest.raises(NonFiniteError) as caught:
        detector([np.zeros((100, 90, 3), np.uint8)])

    assert str(caught.value.place) == "images[0], Tile(left=0, top=0, right=90, bottom=100)"


def test_opening_with_tiles_gives_a_detector_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.runtime.open_session", lambda *_, **__: FakeSession(scale=(96, 48)))

    plain, default = open_detector("any"), open_detector("any", tile="auto")
    asked = open_detector("any", tile=64, tile_overlap=0.5)

    assert (plain.tile, plain.tile_overlap) == (None, None)
    assert (default.tile, default.tile_overlap) == (48, 0.2)
    assert (asked.tile, asked.tile_overlap) == (64, 0.5)


def test_an_overlap_without_tiles_is_refused() -> None:
    with pytest.raises(GridRTError) as caught:
        open_detector("tiny_bccd", tile_overlap=0.5)
    assert caught.value.value == 0.5

    assert caught.value.place == "`tile_overlap`"


@dataclass(frozen=True)
class Collage:
    """Annotated images side by side, and what a detector finds in each alone, at a score of 0.3."""

    image: UInt8Array
    boxes: Float32Array
    labels: npt.NDArray[np.int64]
    alone: Detections


def collage(detector: Detector, dataset: CocoDataset, width: int, height: int, shrink: float) -> Collage:
    canvas = np.full((height, width, 3), 128, np.uint8)
    boxes, labels, alone = [], [], []
    found_in: dict[int, Detections] = {}
    columns, rows = (int(side // (each * shrink)) for side, each in ((width, 640), (height, 480)))
    for place in range(columns * rows):
        index = place % len(dataset)
        image, objects = dataset.load_image(index), dataset.objects(index)
        image = np.asarray(cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
        top, left = place // columns * image.shape[0], place % columns * image.shape[1]
        canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
        if index not in found_in:
            found_in[index] = detector([image])[0].above(0.3)
        corner = np.array([left, top] * 2, np.float32)
        boxes.append(objects.boxes * np.float32(shrink) + corner)
        labels.append(objects.labels)
        one = found_in[index]
        alone.append((one.boxes + corner, one.scores, one.labels))
    in_each, scores, names = (np.concatenate(parts) for parts in zip(*alone, strict=True))
    return Collage(canvas, np.concatenate(boxes), np.concatenate(labels), Detections(in_each, scores, names))


def overlaps(boxes: Float32Array, others: Float32Array) -> tuple[Floats, Floats]:
    """IoU, and intersection over the smaller area, of each pair."""
    sides = np.minimum(boxes[:, None, 2:], others[:, 2:]) - np.maximum(boxes[:, None, :2], others[:, :2])
    shared = sides.clip(0).prod(2)
    first, second = ((each[:, 2:] - each[:, :2]).prod(1) for each in (boxes, others))
    return shared / (first[:, None] + second - shared), shared / np.minimum(first[:, None], second)


def hits(found: Detections, truth: Collage) -> npt.NDArray[np.bool_]:
    """Which objects are found at an IoU of 0.5, bool [G]."""
    iou = np.where(found.labels[:, None] == truth.labels, overlaps(found.boxes, truth.boxes)[0], 0)
    return np.asarray(iou.max(0, initial=0) >= 0.5)


def twice_at_seams(runs: Sequence[Run], found: Detections, truth: Collage) -> int:
    """Pairs of different runs that show one object, with an IoU above 0.5 or one 80 % inside the other."""
    run_of = {box.tobytes(): number for number, run in enumerate(runs) for box in run.found.boxes}
    run = np.array([run_of[box.tobytes()] for box in found.boxes])
    iou = np.where(found.labels[:, None] == truth.labels, overlaps(found.boxes, truth.boxes)[0], 0)
    shows = np.where(iou.max(1) >= 0.5, iou.argmax(1), -1 - np.arange(len(found)))
    between, inside = overlaps(found.boxes, found.boxes)
    alike = (shows[:, None] == shows) & (run[:, None] != run) & ((between > 0.5) | (inside > 0.8))
    return int(np.triu(alike, 1).sum())


@pytest.mark.parametrize(
    ("width", "height", "shrink", "tile"),
    [
        (2000, 1500, 1.0, 480),
        pytest.param(6000, 4000, 1.0, 480, marks=pytest.mark.slow),
        pytest.param(6000, 4000, 0.5, 240, marks=pytest.mark.slow),
    ],
)
def test_a_collage_shows_as_many_objects_as_its_images_alone_and_none_twice(
    width: int,
    height: int,
    shrink: float,
    tile: int,
    tiny_bccd_file: Path,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The tile resizes cells as the images alone do: to 480 x 360."""
    dataset = CocoDataset(data_dir / "bccd/images", data_dir / "bccd/annotations/instances_test.json")
    truth = collage(open_detector(tiny_bccd_file, threads=1), dataset, width, height, shrink)
    seen: list[Run] = []

    def merge_seen(runs: Sequence[Run]) -> Detections:
        seen.extend(runs)
        return merge(runs)

    monkeypatch.setattr(tiling, "merge", merge_seen)

    found = open_detector(tiny_bccd_file, threads=1, tile=tile)([truth.image])[0].above(0.3)

    small = (truth.boxes[:, 2:] - truth.boxes[:, :2]).max(1) <= 0.2 * tile  # as the overlap
    alone, tiled = hits(truth.alone, truth), hits(found, truth)
    assert tiled[small].mean() >= alone[small].mean()
    assert tiled.mean() >= alone.mean()
    assert twice_at_seams(seen, found, truth) == 0
