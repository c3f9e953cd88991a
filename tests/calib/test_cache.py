from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gridrt.calib.cache import CalibrationCache, Key, read_cache, write_cache
from gridrt.calib.observers import BINS, Observer
from gridrt.errors import GridRTError, OutputError

IMAGES = ("a" * 64, "b" * 64, "c" * 64)
KEY = Key("f" * 64, (160, 128), ("relu", "conv"))


def state_of(key: Key = KEY) -> CalibrationCache:
    observers = {name: Observer(name) for name in key.names}
    observers["relu"].see(np.array([0, 0, 3, 1], np.float32))
    observers["conv"].see(np.array([-2.5, 0.25], np.float32))
    return CalibrationCache(key, observers, list(IMAGES[:2]), detections=7)


def assert_same(state: CalibrationCache, expected: CalibrationCache) -> None:
    assert (state.key, state.seen, state.detections) == (expected.key, expected.seen, expected.detections)
    assert list(state.observers) == list(expected.observers)
    for name, one in expected.observers.items():
        found = state.observers[name]
        assert (found.name, found.low, found.high, found.limit) == (name, one.low, one.high, one.limit)
        np.testing.assert_array_equal(found.counts, one.counts)


def is_empty(state: CalibrationCache) -> bool:
    return not state.seen and not state.detections and all(one.counts.sum() == 0 for one in state.observers.values())


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_cache(tmp_path / "c.npz", state_of())

    state = read_cache(tmp_path / "c.npz", KEY, IMAGES)

    assert_same(state, state_of())


def test_a_state_that_was_read_goes_on_as_if_it_had_never_been_written(tmp_path: Path) -> None:
    write_cache(tmp_path / "c.npz", state_of())
    state, uninterrupted = read_cache(tmp_path / "c.npz", KEY, IMAGES), state_of()

    for each in (state, uninterrupted):
        each.observers["relu"].see(np.array([10, 0.5], np.float32))

    observer, expected = state.observers["relu"], uninterrupted.observers["relu"]
    np.testing.assert_array_equal(observer.counts, expected.counts)
    assert (observer.high, observer.limit) == (expected.high, expected.limit)


def test_no_file_is_a_state_that_has_seen_nothing(tmp_path: Path) -> None:
    assert is_empty(read_cache(tmp_path / "c.npz", KEY, IMAGES))


OTHERS = {
    "graph": KEY._replace(graph_sha256="e" * 64),
    "scale": KEY._replace(scale=(128, 160)),
    "activations": KEY._replace(names=("relu", "other")),
    "order of them": KEY._replace(names=("conv", "relu")),
}


@pytest.mark.parametrize("key", OTHERS.values(), ids=OTHERS)
def test_a_file_of_something_else_is_of_no_use(tmp_path: Path, key: Key) -> None:
    write_cache(tmp_path / "c.npz", state_of())

    state = read_cache(tmp_path / "c.npz", key, IMAGES)

    assert is_empty(state)
    assert state.key == key
    assert list(state.observers) == list(key.names)


def test_a_file_that_has_seen_an_image_that_is_gone_is_of_no_use(tmp_path: Path) -> None:
    """What an observer has seen cannot be taken out again."""
    write_cache(tmp_path / "c.npz", state_of())

    assert is_empty(read_cache(tmp_path / "c.npz", KEY, IMAGES[1:]))
    assert not is_empty(read_cache(tmp_path / "c.npz", KEY, IMAGES[:2]))


def an_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def other_arrays() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, weights=np.zeros(3))
    return buffer.getvalue()


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, key=np.array([{"a": 1}], dtype=object))
    return buffer.getvalue()


FILES = {
    "empty": b"",
    "words": b"words",
    "one array": an_array(),
    "other arrays": other_arrays(),
    "objects that could run code": pickled(),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_file_that_is_no_cache_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.npz").write_bytes(content)

    with pytest.raises(GridRTError, match="calibration cache") as caught:
        read_cache(tmp_path / "c.npz", KEY, IMAGES)
    assert caught.value.place == tmp_path / "c.npz"

    assert (tmp_path / "c.npz").read_bytes() == content


def test_a_damaged_cache_is_refused_wherever_it_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    write_cache(path, state_of())
    sound = path.read_bytes()
    refused = 0

    for place in range(0, len(sound), 7):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 0xFF]) + sound[place + 1 :])
        try:
            state = read_cache(path, KEY, IMAGES)
        except GridRTError:
            refused += 1
        else:  # some bytes mean nothing
            assert_same(state, state_of())
    for length in range(0, len(sound), 97):
        path.write_bytes(sound[:length])
        with pytest.raises(GridRTError):
            read_cache(path, KEY, IMAGES)

    assert refused > len(sound) / 7 / 2


@pytest.mark.parametrize(
    ("low", "high", "limit"),
    [(math.nan, 3, 4), (-1, math.inf, 4), (1, 3, 4), (-1, -0.5, 4), (-1, 3, 2), (-1, 3, 8), (-1, 3, math.nan)],
)
def test_ranges_that_no_calibration_leaves_are_refused(tmp_path: Path, low: float, high: float, limit: float) -> None:
    state = state_of()
    observer = state.observers["relu"]
    observer.low, observer.high, observer.limit = low, high, limit
    write_cache(tmp_path / "c.npz", state)

    with pytest.raises(GridRTError, match="values from") as caught:
        read_cache(tmp_path / "c.npz", KEY, IMAGES)
    assert caught.value.place == tmp_path / "c.npz"
    assert str(caught.value.value).startswith("relu ")


def test_negative_counts_are_refused(tmp_path: Path) -> None:
    state = state_of()
    state.observers["relu"].counts[3] = -1
    write_cache(tmp_path / "c.npz", state)

    with pytest.raises(GridRTError, match="counts") as caught:
        read_cache(tmp_path / "c.npz", KEY, IMAGES)
    assert caught.value.place == tmp_path / "c.npz"
    assert str(caught.value.value).startswith("relu ")


@pytest.mark.parametrize(
    "header",
    [
        {"descr": "<i8", "fortran_order": False, "shape": (2, 10**12)},
        {"descr": "<i8", "fortran_order": False, "shape": (3, BINS)},
        {"descr": "<f8", "fortran_order": False, "shape": (2, BINS)},
        {"descr": "|O", "fortran_order": False, "shape": (2, BINS)},
    ],
)
def test_an_array_whose_header_states_another_shape_is_not_read(tmp_path: Path, header: dict[str, Any]) -> None:
    write_cache(tmp_path / "sound.npz", state_of())
    with zipfile.ZipFile(tmp_path / "sound.npz") as sound, zipfile.ZipFile(tmp_path / "c.npz", "w") as damaged:
        for name in sound.namelist():
            content = io.BytesIO(sound.read(name))
            if name == "counts.npy":
                content = io.BytesIO()
                np.lib.format.write_array_header_1_0(content, header)
            damaged.writestr(name, content.getvalue())

    with pytest.raises(GridRTError) as caught:
        read_cache(tmp_path / "c.npz", KEY, IMAGES)
    assert caught.value.place == tmp_path / "c.npz"
    assert str(header["shape"]) in str(caught.value.value)


def test_further_arrays_are_not_read(tmp_path: Path) -> None:
    write_cache(tmp_path / "c.npz", state_of())
    with zipfile.ZipFile(tmp_path / "c.npz", "a") as archive:
        archive.writestr("further.npy", b"no array")

    assert_same(read_cache(tmp_path / "c.npz", KEY, IMAGES), state_of())


def test_writing_that_fails_leaves_the_cache_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cache(tmp_path / "c.npz", state_of())
    before = (tmp_path / "c.npz").read_bytes()

    def full(file: io.BufferedWriter, **_: object) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numpy.savez_compressed", full)
    with pytest.raises(OutputError) as caught:
        write_cache(tmp_path / "c.npz", state_of())
    assert (caught.value.place, caught.value.value) == (tmp_path / "c.npz", "No space left on device")

    assert [path.name for path in tmp_path.iterdir()] == ["c.npz"]
    assert (tmp_path / "c.npz").read_bytes() == before


def test_it_does_not_grow_with_what_was_seen(tmp_path: Path) -> None:
    state = state_of()
    write_cache(tmp_path / "small.npz", state)
    for seed in range(20):
        state.observers["conv"].see(np.random.default_rng(seed).normal(size=50_000).astype(np.float32))
    write_cache(tmp_path / "large.npz", state)

    assert (tmp_path / "large.npz").stat().st_size < (tmp_path / "small.npz").stat().st_size + 8 * BINS
