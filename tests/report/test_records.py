from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gridrt.report.record_files import JsonRecords
from gridrt.report.records import Record, entry_of, record_in
from gridrt.types import Detections


def record(boxes: list[list[float]], scores: list[float], frame: int | None = None) -> Record:
    found = Detections(
        np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.ones(len(scores), np.int32)
    )
    return Record(Path("a/b.jpg"), frame, width=640, height=480, detections=found)


def to_json(records: Iterable[Record], class_names: Sequence[str]) -> str:
    stream = io.StringIO()
    target = JsonRecords(stream, class_names)
    for one in records:
        target.append(one)
    target.close()
    return stream.getvalue()


def test_an_entry_has_file_size_and_detections() -> None:
    entries = json.loads(to_json([record([[1.5, 2, 3, 4]], [0.75])], ["cat", "dog"]))

    found = {"box": [1.5, 2, 3, 4], "score": 0.75, "label": 1, "name": "dog"}
    assert entries == [{"file": "a/b.jpg", "width": 640, "height": 480, "detections": [found]}]


def test_a_frame_of_a_video_has_its_index() -> None:
    assert [entry.get("frame") for entry in json.loads(to_json([record([], [], 0), record([], [])], []))] == [0, None]


def test_nothing_found_is_an_empty_list() -> None:
    assert json.loads(to_json([record([], [])], []))[0]["detections"] == []


def test_each_record_has_a_line() -> None:
    assert len(to_json([record([], []), record([], [])], []).splitlines()) == 4


def test_numbers_are_short() -> None:
    assert '"score": 0.3,' in to_json([record([[0.1, 0.2, 0.3, 0.4]], [0.3])], ["cat", "dog"])


numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(box=st.lists(numbers, min_size=4, max_size=4), score=st.floats(0, 1, width=32))
def test_numbers_read_back_as_the_same_float32(box: list[float], score: float) -> None:
    found = json.loads(to_json([record([box], [score])], ["cat", "dog"]))[0]["detections"][0]

    read_back = np.array([*found["box"], found["score"]], np.float32)
    np.testing.assert_array_equal(np.array([*box, score], np.float32), read_back)


@given(
    box=st.lists(numbers, min_size=4, max_size=4), score=st.floats(0, 1, width=32), frame=st.none() | st.integers(0, 9)
)
def test_an_entry_gives_back_its_record(box: list[float], score: float, frame: int | None) -> None:
    before = record([box], [score], frame)

    after = record_in(json.loads(json.dumps(entry_of(before, ["cat", "dog"]))))

    assert after == before
