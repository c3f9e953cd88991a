"""Count objects in a video, twice a second: python examples/count_in_video.py r50.onnx street.mp4."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

import gridrt


def counts(model: str, file: str, every_seconds: float = 0.5) -> Iterator[tuple[float, Counter[str]]]:
    """(seconds, objects of each class) for every so many seconds; frames between are passed over."""
    detector = gridrt.open_detector(model)
    video = gridrt.Video(file)
    step = max(1, round(every_seconds * video.fps))
    for index, frame in enumerate(video):
        if index % step == 0:
            found = detector([frame])[0].above(0.3)
            yield index / video.fps, Counter(detector.class_names[label] for label in found.labels)


if __name__ == "__main__":
    model, file = sys.argv[1:]
    for seconds, found in counts(model, file):
        print(f"{seconds:7.1f} s ", ", ".join(f"{count} {name}" for name, count in found.most_common()) or "nothing")
