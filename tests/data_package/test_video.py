from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from gridrt.data.video import Video, video_writer, writable_fps
from gridrt.errors import ImageError, OutputError

COLORS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (120, 120, 120))


def write_clip(path: Path, size: tuple[int, int] = (48, 64), fps: float = 10) -> Path:
    with video_writer(path, fps) as append:
        for color in COLORS:
            append(np.full((*size, 3), color, np.uint8))
    return path


def test_frames_come_back_in_order_and_in_rgb(tmp_path: Path) -> None:
    video = Video(write_clip(tmp_path / "a.mp4"))

    frames = list(video)

    assert (len(COLORS), 10) == (video.frame_count, video.fps)
    assert [(48, 64, 3)] * len(COLORS) == [frame.shape for frame in frames]
    np.testing.assert_allclose([frame[24, 32] for frame in frames], COLORS, atol=12)


def test_opencv_reads_what_was_written(tmp_path: Path) -> None:
    capture = cv2.VideoCapture(str(write_clip(tmp_path / "a.mp4")))

    is_frame, frame = capture.read()

    assert is_frame
    np.testing.assert_allclose(frame[24, 32], COLORS[0][::-1], atol=12)


@pytest.mark.parametrize("content", [b"", b"These are words.\n" * 99, b"\0\0\0\x20ftypisom" + bytes(400)])
def test_what_is_no_video_is_refused_in_silence(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)

    with pytest.raises(ImageError) as caught:
        Video(path)
    assert caught.value.place == path
    assert capfd.readouterr() == ("", "")


def test_a_missing_video_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        Video(tmp_path / "a.mp4")
    assert caught.value.place == tmp_path / "a.mp4"


def test_each_loop_starts_at_the_first_frame(tmp_path: Path) -> None:
    video = Video(write_clip(tmp_path / "a.mp4"))
    next(iter(video))

    first, second = list(video), list(video)

    np.testing.assert_array_equal(first, second)
    assert len(first) == len(COLORS)
    video.check_whole()
    next(iter(video))
    with pytest.raises(ImageError) as caught:
        video.check_whole()
    assert (caught.value.place, caught.value.value) == (tmp_path / "a.mp4", "1 of 4 frames")


def test_a_header_without_frames_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4")
    content = path.read_bytes()
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    path.write_bytes(content[:start] + bytes(end - start) + content[end:])

    with pytest.raises(ImageError, match="one frame") as caught:
        next(iter(Video(path)))
    assert caught.value.place == path


def test_frames_that_stop_coming_leave_nothing_behind(tmp_path: Path) -> None:
    def write_and_break() -> None:
        with video_writer(tmp_path / "a.mp4", 10) as append:
            append(np.zeros((48, 64, 3), np.uint8))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_break()

    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_the_folder_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OutputError) as caught:
        write_clip(tmp_path / "file" / "a.mp4")
    assert (caught.value.place, caught.value.value) == (tmp_path / "file" / "a.mp4", "File exists")


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files as POSIX does")
@pytest.mark.parametrize("limit", [100, 20_000])
def test_a_video_that_the_disk_did_not_take_whole_is_an_output_error(tmp_path: Path, limit: int) -> None:
    program = """
import resource, sys
import numpy as np
from gridrt.data.video import video_writer
frames = np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), np.uint8)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
with video_writer(sys.argv[1], 10) as append:
    for frame in frames:
        append(frame)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "a.mp4"), str(limit)]

    ended = subprocess.run(command, check=False, capture_output=True, text=True)

    assert "OutputError" in ended.stderr
    assert "a.mp4: cannot write the video (found " in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_frame_of_another_size_is_an_output_error(tmp_path: Path) -> None:
    def write_both() -> None:
        with video_writer(tmp_path / "a.mp4", 10) as append:
            append(np.zeros((48, 64, 3), np.uint8))
            append(np.zeros((64, 48, 3), np.uint8))

    with pytest.raises(OutputError) as caught:
        write_both()
    assert (caught.value.place, caught.value.value) == (tmp_path / "a.mp4", "(64, 48), (48, 64)")


def test_a_header_that_is_a_few_frames_off_is_no_error(tmp_path: Path) -> None:
    video = Video(write_clip(tmp_path / "a.mp4"))
    list(video)
    video.frame_count += 2

    video.check_whole()


def test_a_header_that_says_nothing_is_no_error(tmp_path: Path) -> None:
    video = Video(write_clip(tmp_path / "a.mp4"))
    list(video)
    video.frame_count = 0

    video.check_whole()


def test_frames_that_are_missing_are_counted(tmp_path: Path) -> None:
    video = Video(write_clip(tmp_path / "a.mp4"))
    list(video)
    video.frame_count += 3

    with pytest.raises(ImageError) as caught:
        video.check_whole()
    assert (caught.value.place, caught.value.value) == (tmp_path / "a.mp4", "4 of 7 frames")


def matroska(path: Path, milliseconds: Sequence[int], duration: int) -> Path:
    """Write JPEG frames at these times, and a header of 30 fps as screen recorders write it, whatever the real rate."""

    def element(identity: int, content: bytes) -> bytes:
        name = identity.to_bytes((identity.bit_length() + 7) // 8, "big")
        return name + (len(content) | 1 << 56).to_bytes(8, "big") + content  # a length of eight bytes: 1, then 56 bits

    def number(identity: int, value: int) -> bytes:
        return element(identity, value.to_bytes(8, "big"))

    frame = cv2.imencode(".jpg", np.full((48, 64, 3), 99, np.uint8))[1].tobytes()
    info = element(0x1549A966, number(0x2AD7B1, 1_000_000) + element(0x4489, struct.pack(">d", duration)))
    picture = element(0xE0, number(0xB0, 64) + number(0xBA, 48))
    track = number(0xD7, 1) + number(0x73C5, 1) + number(0x83, 1) + number(0x23E383, 33_333_333)
    tracks = element(0x1654AE6B, element(0xAE, track + element(0x86, b"V_MJPEG") + picture))
    blocks = b"".join(element(0xA3, b"\x81" + time.to_bytes(2, "big") + b"\x80" + frame) for time in milliseconds)
    cluster = element(0x1F43B675, number(0xE7, 0) + blocks)
    path.write_bytes(element(0x1A45DFA3, element(0x4282, b"matroska")) + element(0x18538067, info + tracks + cluster))
    return path


def test_a_recording_of_variable_rate_is_whole_though_its_frames_are_fewer_than_rate_times_duration(
    tmp_path: Path,
) -> None:
    video = Video(matroska(tmp_path / "screen.mkv", range(0, 3000, 300), 3000))

    assert len(list(video)) == 10 < video.frame_count / 5
    video.check_whole()


def test_a_recording_of_variable_rate_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    video = Video(matroska(tmp_path / "screen.mkv", range(0, 1500, 300), 3000))

    list(video)

    with pytest.raises(ImageError) as caught:
        video.check_whole()
    assert caught.value.place == tmp_path / "screen.mkv"
    assert str(caught.value.value).endswith(" of 90 frames")


def test_no_frame_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught, video_writer(tmp_path / "a.mp4", 10):
        pass
    assert (caught.value.place, caught.value.value) == (tmp_path / "a.mp4", "0 of 0 frames")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fps", [24, 23.976, 29.97, 59.94, 119.88, 240, 1000, 65535, 0.5, 12.346, 65.536])
def test_a_rate_that_mpeg_4_can_express_stays(fps: float) -> None:
    assert writable_fps(fps) == fps


@pytest.mark.parametrize(
    ("fps", "nearest"),
    [(119.97333, 119.97), (211.222, 211.22), (999.99, 1000), (7000.05, 7000), (90_000, 65_535), (1e-9, 0.01)],
)
def test_a_video_of_another_rate_has_all_frames_at_the_nearest_one(tmp_path: Path, fps: float, nearest: float) -> None:
    video = Video(write_clip(tmp_path / "a.mp4", fps=fps))

    assert video.fps == pytest.approx(nearest)
    assert len(list(video)) == len(COLORS)


def test_a_size_that_cannot_be_written_is_an_error_at_the_first_frame(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def write() -> None:
        with video_writer(tmp_path / "a.mp4", 10) as append:
            append(np.zeros((16, 9000, 3), np.uint8))
            pytest.fail("the frame was taken")

    with pytest.raises(OutputError) as caught:
        write()
    assert caught.value.place == tmp_path / "a.mp4"
    assert str(caught.value.value).startswith("9000 x 16 ")

    assert capfd.readouterr() == ("", "")
