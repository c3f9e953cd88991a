from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from gridrt.data.image import load_image, save_image
from gridrt.data.video import Video, video_writer
from gridrt.detector import Detector
from gridrt.errors import ImageError, NonFiniteError, OutputError
from gridrt.report.annotate import DetectionFilter, frame_count, plan_targets
from gridrt.report.draw import draw
from gridrt.report.file_detections import FileDetections
from gridrt.report.records import Record
from gridrt.types import Int32Array, RawDetections, UInt8Array
from tests.fakes import FakeSession

IMAGE = np.random.default_rng(0).integers(0, 256, (50, 80, 3), np.uint8)


def annotate(detector: Detector, source: Path, target: Path, kept: DetectionFilter) -> Iterator[Record]:
    return iter(FileDetections(detector, [source], [target], kept))


@pytest.fixture
def detector() -> Detector:
    return Detector(FakeSession(), scale=(160, 100))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    with video_writer(tmp_path / "clip.mp4", fps=10) as append:
        for shade in (0, 100, 200):
            append(np.full((50, 80, 3), shade, np.uint8))
    return tmp_path / "clip.mp4"


@pytest.fixture
def cut_clip(tmp_path: Path) -> Path:
    """The first half of the bytes of a video of 20 frames; AVI, whose header comes first."""
    path = tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (80, 50))
    for _ in range(20):
        writer.write(IMAGE)
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def test_the_annotated_copy_shows_the_detections_of_the_record(tmp_path: Path, detector: Detector) -> None:
    source, target = tmp_path / "a.png", tmp_path / "made" / "a.png"
    save_image(source, IMAGE)

    (record,) = annotate(detector, source, target, DetectionFilter(0.5))

    assert (record.file, record.frame, record.width, record.height) == (source, None, 80, 50)
    np.testing.assert_array_equal([[5, 10, 15, 20]], record.detections.boxes)
    np.testing.assert_array_equal(draw(IMAGE, record.detections, ("cat", "dog")), load_image(target))


def test_the_threshold_leaves_out_what_is_below(tmp_path: Path, detector: Detector) -> None:
    save_image(tmp_path / "a.png", IMAGE)

    counts = [
        len(next(annotate(detector, tmp_path / "a.png", tmp_path / "b.png", DetectionFilter(threshold))).detections)
        for threshold in (0.0, 0.5, 0.95)
    ]

    assert counts == [2, 1, 0]


def test_a_video_gives_a_record_per_frame_and_one_annotated_video(
    tmp_path: Path, clip: Path, detector: Detector
) -> None:
    target = tmp_path / "made" / "clip.mp4"

    records = list(annotate(detector, clip, target, DetectionFilter(0.5)))

    assert [(record.file, record.frame) for record in records] == [(clip, 0), (clip, 1), (clip, 2)]
    drawn = Video(target)
    assert (drawn.fps, [frame.shape for frame in drawn]) == (10, [(50, 80, 3)] * 3)


def test_a_video_that_stops_halfway_leaves_no_annotated_video(tmp_path: Path, detector: Detector) -> None:
    """It is longer than what one worker does ahead of the first record."""
    source, target = tmp_path / "clip.mp4", tmp_path / "made" / "clip.mp4"
    with video_writer(source, fps=10) as append:
        for _ in range(30):
            append(IMAGE)

    records = iter(FileDetections(detector, [source], [target], DetectionFilter(0.5), workers=1))
    next(records)
    records.close()  # type: ignore[attr-defined]

    assert not target.parent.exists()


def test_a_video_that_is_cut_short_is_annotated_so_far_and_reported(
    tmp_path: Path, detector: Detector, cut_clip: Path
) -> None:
    target = tmp_path / "made" / "cut.mp4"
    frames: list[int | None] = []

    with pytest.raises(ImageError) as caught:
        frames.extend(record.frame for record in annotate(detector, cut_clip, target, DetectionFilter(0.5)))
    assert caught.value.place == cut_clip
    assert str(caught.value.value).endswith(" of 20 frames")

    assert 5 < len(frames) < 15
    assert len(frames) == len(list(Video(target)))


@pytest.mark.parametrize("name", ["a.jpg", "a.mp4"])
def test_what_cannot_be_read_writes_nothing(tmp_path: Path, detector: Detector, name: str) -> None:
    (tmp_path / name).write_text("words")

    with pytest.raises(ImageError):
        list(annotate(detector, tmp_path / name, tmp_path / "made" / name, DetectionFilter(0.5)))
    assert not (tmp_path / "made").exists()


def test_a_video_without_a_readable_frame_writes_nothing(
    tmp_path: Path, detector: Detector, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_frames(video: Video) -> Iterator[tuple[float, UInt8Array]]:  # noqa: ARG001 - the method's signature
        raise ImageError("no frame of this video can be read")

    monkeypatch.setattr(Video, "timed_frames", no_frames)

    with pytest.raises(ImageError):
        list(annotate(detector, clip, tmp_path / "made" / "clip.mp4", DetectionFilter(0.5)))
    assert not (tmp_path / "made").exists()


def test_a_file_in_the_way_of_the_folder_is_an_output_error(tmp_path: Path, detector: Detector) -> None:
    save_image(tmp_path / "a.png", IMAGE)
    (tmp_path / "made").touch()

    with pytest.raises(OutputError) as caught:
        list(annotate(detector, tmp_path / "a.png", tmp_path / "made" / "a.png", DetectionFilter(0.5)))
    assert caught.value.place == tmp_path / "made" / "a.png"


class SecondRunFails(FakeSession):
    """Returns a NaN in its second run."""

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        raw = super().run(images, image_sizes)
        if len(self.shapes_seen) == 2:
            raw.boxes[0, 0, 0] = np.nan
        return raw


def test_an_image_whose_output_is_not_finite_is_named_and_gets_no_copy(tmp_path: Path) -> None:
    detector = Detector(SecondRunFails(), scale=(160, 100))
    detector([IMAGE])
    save_image(tmp_path / "a.png", IMAGE)

    with pytest.raises(NonFiniteError) as caught:
        list(annotate(detector, tmp_path / "a.png", tmp_path / "made" / "a.png", DetectionFilter(0.5)))

    assert caught.value.place == tmp_path / "a.png"
    assert not (tmp_path / "made").exists()


def test_a_frame_whose_output_is_not_finite_is_named_after_the_others_are_done(tmp_path: Path, clip: Path) -> None:
    detector, target = Detector(SecondRunFails(), scale=(160, 100)), tmp_path / "made" / "clip.mp4"
    frames: list[int | None] = []

    with pytest.raises(NonFiniteError) as caught:
        frames.extend(record.frame for record in annotate(detector, clip, target, DetectionFilter(0.5)))
    assert caught.value.place == f"{clip}, frame 1"

    assert frames == [0, 2]
    assert len(list(Video(target))) == 3


def test_frames_are_counted_for_the_progress_bar(tmp_path: Path, clip: Path) -> None:
    assert [frame_count(clip), frame_count(tmp_path / "any.jpg"), frame_count(tmp_path / "missing.mp4")] == [3, 1, 1]


def planned(*names: str) -> list[str]:
    return [target.as_posix() for target in plan_targets([Path(name) for name in names], Path("out"))]


def test_jpeg_png_and_mp4_keep_their_names_and_others_get_a_suffix() -> None:
    names = ("x/a.jpg", "x/b.JPEG", "x/c.png", "x/d.webp", "x/e.mp4", "x/f.avi")

    assert planned(*names) == ["out/a.jpg", "out/b.JPEG", "out/c.png", "out/d.webp.png", "out/e.mp4", "out/f.avi.mp4"]


def test_control_characters_of_a_name_do_not_go_into_the_name_of_the_copy() -> None:
    assert planned("x/a\x1b[2J\n.jpg", "x/b\u202egnp.webp") == [r"out/a\x1b[2J\n.jpg", r"out/b\u202egnp.webp.png"]


def test_files_of_one_name_keep_their_folders() -> None:
    assert planned("x/day/a.jpg", "x/night/a.jpg", "x/b.jpg") == ["out/day/a.jpg", "out/night/a.jpg", "out/b.jpg"]


def test_files_of_one_name_on_either_side_of_a_parent_keep_their_folders() -> None:
    assert planned("x/a.jpg", "x/../y/a.jpg") == ["out/x/a.jpg", "out/y/a.jpg"]
