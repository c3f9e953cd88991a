"""Videos, as sequences of RGB frames, read and written with OpenCV's FFmpeg."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import cv2

from gridrt.data.image import check_pixels
from gridrt.errors import ImageError, OutputError
from gridrt.files import atomic_path, check_is_file
from gridrt.types import UInt8Array

# Neither may print on its own: the errors raised here say it. FFmpeg's level is read at its first use.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

FALLBACK_FPS = 25.0
# By how much the count in a whole video's header may exceed its frames: some containers hold only the duration.
COUNT_TOLERANCE = 2
RELATIVE_COUNT_TOLERANCE = 0.1
CODEC = "mp4v"  # MPEG-4, the one that OpenCV's wheels can write into an .mp4 everywhere
MAX_NUMERATOR = 65535  # of a frame rate in lowest terms, by the MPEG-4 standard
MIN_FPS = 0.01


class Video:
    """The frames of a video file, in RGB, read as they are asked for.

        for frame in gridrt.Video("street.mp4"):
            found = detector([frame])[0]

    Each loop starts again at the first frame. Frames are upright, as the file says.

    Args:
        path: any container and codec that OpenCV reads.

    Attributes:
        frame_count: from the header; an estimate where that holds only the duration; 0 where it does not say.
        fps: frames per second; 25 where the header does not say.

    Raises:
        ImageError: missing, not a video, or of frames with more pixels than an image may have.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        capture = self._capture()
        self.frame_count = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        width, height = (int(capture.get(each)) for each in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        check_pixels(width, height, self._path)
        fps = capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if math.isfinite(fps) and fps > 0 else FALLBACK_FPS
        capture.release()
        self._frames_read = 0
        self._seconds_read = 0.0

    def __iter__(self) -> Iterator[UInt8Array]:
        """Yield each frame, uint8 [H, W, 3], RGB.

        Raises:
            ImageError: not even one frame can be read.
        """
        return (frame for _, frame in self.timed_frames())

    def timed_frames(self) -> Iterator[tuple[float, UInt8Array]]:
        """Yield each frame with the seconds from the start of the video to it, by the file's own time stamps.

        Raises:
            ImageError: not even one frame can be read.
        """
        capture = self._capture()
        try:
            self._frames_read = 0
            is_frame, frame = capture.read()
            if not is_frame:
                raise ImageError("cannot read one frame of this video", place=self._path)
            while is_frame:
                self._frames_read += 1
                seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                self._seconds_read = seconds + 1 / self.fps
                yield seconds, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)  # type: ignore[misc]
                is_frame, frame = capture.read()
        finally:
            capture.release()

    def check_whole(self) -> None:
        """Refuse, after the last frame, a video that ends clearly before its header says, by frames and by time.

        Matroska holds no number of frames, so OpenCV multiplies duration and nominal rate: far too many where the rate
        varies, as in a screen recording. Only the time stamps show that such a video is whole.

        Raises:
            ImageError: it was cut short.
        """
        missing = self.frame_count - max(self._frames_read, round(self._seconds_read * self.fps))
        if missing > max(COUNT_TOLERANCE, RELATIVE_COUNT_TOLERANCE * self.frame_count):
            found = f"{self._frames_read} of {self.frame_count} frames"
            raise ImageError("the video is not whole: it is cut short", place=self._path, value=found)

    def _capture(self) -> cv2.VideoCapture:
        check_is_file(self._path, ImageError)
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise ImageError("the file is not a video that OpenCV can read", place=self._path)
        return capture


@contextmanager
def video_writer(target: str | Path, fps: float) -> Iterator[Callable[[UInt8Array], None]]:
    """Yield a function that appends an RGB frame; the .mp4 is whole at `target` if the block ends well, else absent.

    Args:
        target: to be written.
        fps: frames per second; where MPEG-4 cannot express it, the nearest rate that it can.

    Raises:
        OutputError: it cannot be written; of a size or codec that cannot be, at the first frame.
    """
    with atomic_path(target) as temporary:
        sink = _Sink(temporary, writable_fps(fps), target)
        try:
            yield sink.append
        finally:
            sink.close()
        # OpenCV's writer reports no failure, not even of a full disk; so count what can be read back.
        capture = cv2.VideoCapture(str(temporary), cv2.CAP_FFMPEG)
        written = sum(1 for _ in iter(capture.grab, False))
        capture.release()
        if written != sink.frame_count or written == 0:
            raise OutputError(
                "cannot write the video",
                place=target,
                value=f"{written} of {sink.frame_count} frames",
                remedy="Choose another place, or make room.",
            )


def writable_fps(fps: float) -> float:
    """The nearest frame rate that OpenCV's MPEG-4 can write: to three decimals, with a numerator of at most 65535."""
    bounded = min(max(fps, MIN_FPS), MAX_NUMERATOR)
    rates = (Fraction(f"{bounded:.{decimals}f}") for decimals in (3, 2, 1, 0))
    return float(next((rate for rate in rates if rate.numerator <= MAX_NUMERATOR), MAX_NUMERATOR))


class _Sink:
    """OpenCV's writer, opened when the first frame gives the size; counts the frames that it was given."""

    def __init__(self, path: Path, fps: float, target: str | Path) -> None:
        self._path, self._fps, self._target = path, fps, target
        self._size: tuple[int, int] | None = None
        self._writer: cv2.VideoWriter | None = None
        self.frame_count = 0

    def append(self, frame: UInt8Array) -> None:
        size = (frame.shape[1], frame.shape[0])
        if self._writer is None:
            self._size = size
            codec = cv2.VideoWriter.fourcc(*CODEC)
            self._writer = cv2.VideoWriter(str(self._path), cv2.CAP_FFMPEG, codec, self._fps, size)
            if not self._writer.isOpened():
                found = f"{size[0]} x {size[1]} pixels, {self._fps:g} frames per second"
                raise OutputError("cannot write MPEG-4 frames of this size and rate", place=self._target, value=found)
        if size != self._size:
            raise OutputError("frames of a video must have one size", place=self._target, value=f"{self._size}, {size}")
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        self.frame_count += 1

    def close(self) -> None:
        if self._writer is not None:
            self._writer.release()
