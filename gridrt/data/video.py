"""Videos, as sequences of RGB frames, read and written with OpenCV's FFmpeg."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from gridrt.errors import ImageError, OutputError
from gridrt.files import atomic_path, check_is_file
from gridrt.types import UInt8Array

# Neither shall print of its own accord: the errors raised here tell it. FFmpeg's level is read at its first use.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)

FALLBACK_FPS = 25.0
# By how much the count in a whole video's header may exceed its frames: some containers hold only the duration.
COUNT_TOLERANCE = 2
RELATIVE_COUNT_TOLERANCE = 0.1
CODEC = "mp4v"  # MPEG-4, the one that OpenCV's wheels can write into an .mp4 everywhere


class Video:
    """A video file, whose frames are read as they are asked for.

    Args:
        path: any container and codec that OpenCV reads.

    Attributes:
        frame_count: as its header says, which may be a few off; 0 where it does not say.
        fps: frames per second.

    Raises:
        ImageError: missing, or not a video.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._capture = _capture(self._path)
        self.frame_count = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        self.fps = self._capture.get(cv2.CAP_PROP_FPS) or FALLBACK_FPS
        self._frames_read = 0

    def __iter__(self) -> Iterator[UInt8Array]:
        """Yield each frame, uint8 [H, W, 3], RGB; once only.

        Raises:
            ImageError: not even one frame can be read.
        """
        is_frame, frame = self._capture.read()
        if not is_frame:
            raise ImageError("no frame of this video can be read", place=self._path)
        while is_frame:
            self._frames_read += 1
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)  # type: ignore[misc]
            is_frame, frame = self._capture.read()
        self._capture.release()

    def check_whole(self) -> None:
        """Refuse, after the last frame, a video that holds clearly fewer than its header says.

        Raises:
            ImageError: it was cut short.
        """
        missing = self.frame_count - self._frames_read
        if missing > max(COUNT_TOLERANCE, RELATIVE_COUNT_TOLERANCE * self.frame_count):
            found = f"{self._frames_read} of {self.frame_count} frames"
            raise ImageError("the video is cut short", place=self._path, value=found)


@contextmanager
def video_writer(target: str | Path, fps: float) -> Iterator[Callable[[UInt8Array], None]]:
    """Yield a function that appends an RGB frame; the .mp4 is whole at `target` if the block ends well, else absent.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_path(target) as temporary:
        sink = _Sink(temporary, fps)
        try:
            yield sink.append
        finally:
            sink.close()
        _check_written(temporary, sink.frame_count, target)


def _check_written(path: Path, expected: int, target: str | Path) -> None:
    """OpenCV's writer tells of no failure, not even of a full disk; so count what can be read back."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    actual = sum(1 for _ in iter(capture.grab, False))
    capture.release()
    if actual != expected or expected == 0:
        found = f"{actual} of {expected} frames"
        raise OutputError(
            "the video cannot be written here",
            place=target,
            value=found,
            remedy="Choose another place, or make room.",
        )


class _Sink:
    """OpenCV's writer, opened when the first frame tells the size; counts the frames that it was given."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps = path, fps
        self._writer: cv2.VideoWriter | None = None
        self.frame_count = 0

    def append(self, frame: UInt8Array) -> None:
        if self._writer is None:
            size = (frame.shape[1], frame.shape[0])
            codec = cv2.VideoWriter.fourcc(*CODEC)
            self._writer = cv2.VideoWriter(str(self._path), cv2.CAP_FFMPEG, codec, self._fps, size)
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        self.frame_count += 1

    def close(self) -> None:
        if self._writer is not None:
            self._writer.release()


def _capture(path: Path) -> cv2.VideoCapture:
    check_is_file(path, ImageError)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise ImageError("not a video that OpenCV can read", place=path)
    return capture
