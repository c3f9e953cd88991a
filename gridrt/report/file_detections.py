"""Detections in many image and video files, with annotated copies and lists of all of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gridrt.data.sources import is_video
from gridrt.data.video import Video
from gridrt.detector import Detector
from gridrt.errors import GridRTError, ImageError, NonFiniteError, OutputError
from gridrt.files import new_folders_removed, sha256_of
from gridrt.formatting import format_full_images
from gridrt.pipeline import Outcome, Workers, detect_in_order, in_order
from gridrt.report.annotate import AnnotatedVideos, DetectionFilter, frame_count, save_annotated
from gridrt.report.finished_files import FinishedFiles
from gridrt.report.record_files import RecordFile, closing_all
from gridrt.report.records import Record
from gridrt.types import Detections, UInt8Array
from gridrt.unchanged import state_of


@dataclass(frozen=True)
class _Job:
    """An image, a frame of a video, or the end of a video.

    Attributes:
        number: of the file among the sources.
        frame: index within the video; None for an image, and for the end of a video.
        pixels: of the frame.
        seconds: from the start of the video to the frame.
        fps: of the video.
        state: of the file, before it was read; None for a frame.
        error: why the video is not whole, at its end.
    """

    number: int
    frame: int | None = None
    pixels: UInt8Array | None = None
    seconds: float | None = None
    fps: float = 0.0
    state: tuple[int, ...] | None = None
    error: ImageError | None = None
    is_video_end: bool = False

    @property
    def is_last(self) -> bool:
        """Whether the file ends with it."""
        return self.frame is None


class _VideoEndError(GridRTError):
    """In place of the pixels of a job that is the end of a video."""


@dataclass(frozen=True)
class FileDetections:
    """Runs a detector over files as it is iterated over, and yields a record for each image and frame, in order.

    Each iteration starts from the first file and shows a progress bar on a terminal. Files are read and copies drawn in
    other threads; memory does not grow with the number of files. The lists are whole at its end, also where it ends
    early: with an error, an interruption, or because its consumer stops. A warning at the end counts the images and
    frames with as many detections as the model can return.

    Attributes:
        detector: runs in this thread.
        sources: images and videos, told apart by their suffixes.
        targets: of the annotated copies, one for each source; empty where nothing is drawn.
        kept: which detections count; others are left out.
        on_error: called with the error of a source that cannot be read as a whole, or for which the output is not
            finite, before the next source; None raises the error.
        batch: most images in a batch.
        workers: threads that read, draw and write; None is one for each CPU.
        lists: opens the files that records are listed in.
        finished: opens the partial file, with the files that an earlier run has finished; None keeps none.
    """

    detector: Detector
    sources: Sequence[Path]
    targets: Sequence[Path]
    kept: DetectionFilter
    on_error: Callable[[GridRTError], None] | None = None
    batch: int = 1
    workers: int | None = None
    lists: Callable[[], Sequence[RecordFile]] = tuple
    finished: Callable[[], FinishedFiles] | None = None

    def __iter__(self) -> Iterator[Record]:
        full, first_full = 0, ""
        finished = None if self.finished is None else self.finished()
        total = sum(map(frame_count, self.sources))
        lists = self.lists()
        try:
            with closing_all(lists), tqdm(total=total, unit="image", disable=None if total > 1 else True) as bar:
                for record in self._records(finished):
                    for each in lists:
                        each.append(record)
                    full += record.is_full
                    first_full = first_full or record.place * record.is_full
                    yield record
                    bar.update()
            if finished is not None:
                finished.forget()
        finally:
            if finished is not None:
                finished.close()
            if full:
                limit = self.detector.info.max_detections
                warnings.warn(format_full_images(full, first_full, limit, self.detector.tile), stacklevel=1)

    def _records(self, finished: FinishedFiles | None) -> Iterator[Record]:
        """The records of all sources in order: of an earlier run, or of this one."""
        stored = [
            None if finished is None else finished.records_of(source, self.targets[number : number + 1])
            for number, source in enumerate(self.sources)
        ]
        missing = [number for number, records in enumerate(stored) if records is None]
        with ExitStack() as stack:
            for folder in {target.parent for target in self.targets}:  # of two threads, none alone knows which are new
                stack.enter_context(new_folders_removed(folder))
            workers = stack.enter_context(Workers(self.workers))
            running = stack.enter_context(closing(self._run(missing, workers, finished)))
            for records in stored:
                if records is None:
                    yield from self._records_of_next(running)
                else:
                    yield from records

    def _records_of_next(self, running: Iterator[_Job | Record | GridRTError]) -> Iterator[Record]:
        """The records of the next source of `_run`."""
        error: GridRTError | None = None
        for each in running:
            if isinstance(each, Record):
                yield each
            elif isinstance(each, GridRTError):
                error = error or each
            else:
                break
        if error is not None and self.on_error is None:
            raise error
        if error is not None and self.on_error is not None:
            self.on_error(error)

    def _run(
        self, numbers: Sequence[int], workers: Workers, finished: FinishedFiles | None
    ) -> Generator[_Job | Record | GridRTError, None, None]:
        """For each source its records and errors, once its copy is as far, and then its last job."""
        with AnnotatedVideos(workers, self.detector.class_names) as videos:
            outcomes = detect_in_order(
                self.detector,
                self._jobs(numbers),
                self._read,
                workers,
                self.batch,
                name=self._place_of,
                keep_pixels=bool(self.targets),
            )
            results = ((each, self._result_of(each)) for each in outcomes)
            begun = (
                ((outcome.job, result), self._write(outcome, result, workers, videos, hashed=finished is not None))
                for outcome, result in results
            )
            failed = False
            for (job, result), sha256 in in_order(begun, 2 * workers.count):
                failed = failed or isinstance(result, GridRTError)
                if finished is not None and (isinstance(result, Record) or job.is_last):
                    record = result if isinstance(result, Record) else None
                    finished.add(self.sources[job.number], record, None if failed else sha256)
                if result is not None:
                    yield result
                if job.is_last:
                    failed = False
                    yield job

    def _jobs(self, numbers: Iterable[int]) -> Iterator[_Job]:
        for number in numbers:
            state = state_of(self.sources[number])
            if not is_video(self.sources[number]):
                yield _Job(number, state=state)
                continue
            error = None
            try:
                video = Video(self.sources[number])
                for index, (seconds, frame) in enumerate(video.timed_frames()):
                    yield _Job(number, index, frame, seconds, video.fps)
                video.check_whole()
            except ImageError as raised:
                error = raised
            yield _Job(number, state=state, error=error, is_video_end=True)

    def _read(self, job: _Job) -> UInt8Array:
        if job.is_video_end:
            raise job.error or _VideoEndError("cannot read beyond the last frame")
        return self.detector.load_image(self.sources[job.number]) if job.pixels is None else job.pixels

    def _place_of(self, job: _Job) -> str:
        return f"{self.sources[job.number]}" + ("" if job.frame is None else f", frame {job.frame}")

    def _result_of(self, outcome: Outcome[_Job]) -> Record | GridRTError | None:
        """The record of an image or a frame, the error in its place, or None at the end of a video."""
        job, found, source = outcome.job, outcome.found, self.sources[outcome.job.number]
        if isinstance(found, _VideoEndError):
            return None
        if isinstance(found, NonFiniteError):
            return found.at(
                f"{self._place_of(job)}{found.place or ''}" if found.place or job.frame is not None else source
            )
        if not isinstance(found, Detections):
            return found
        is_full = found.is_full(self.kept.score_threshold)
        return Record(source, job.frame, outcome.width, outcome.height, self.kept(found), is_full, job.seconds)

    def _write(
        self,
        outcome: Outcome[_Job],
        result: Record | GridRTError | None,
        workers: Workers,
        videos: AnnotatedVideos,
        *,
        hashed: bool,
    ) -> Future[Any]:
        """Begin to write what belongs to a job; the future gives the SHA-256 of its file, if it is the last of it."""
        job, pixels = outcome.job, outcome.pixels
        source, target = self.sources[job.number], self.targets[job.number] if self.targets else None
        found = result.detections if isinstance(result, Record) else None
        if job.frame is not None:
            if target is None or pixels is None:
                return workers.submit(lambda: None)
            return videos.append(target, job.fps, pixels, found)

        def finish() -> str | None:
            if not job.is_video_end and found is not None and target is not None and pixels is not None:
                save_annotated(target, pixels, found, self.detector.class_names)
            if not hashed or isinstance(result, GridRTError):
                return None
            sha256 = sha256_of(source)
            return sha256 if state_of(source) == job.state else None  # else of other content: not finished with it

        return videos.end(finish) if job.is_video_end else workers.submit(finish)


def check_folder(folder: Path) -> None:
    """Refuse a file in the place of the folder of the annotated copies.

    Raises:
        OutputError: `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        remedy = "Annotated copies keep their names in that folder."
        raise OutputError("`out` must be a folder", place=folder, value="a file", remedy=remedy)
