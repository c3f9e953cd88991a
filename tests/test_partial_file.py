from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gridrt.errors import GridRTError, OutputError
from gridrt.partial_file import PartialFile, partial_beside

HEADER = {"model_sha256": "a" * 64, "scale": [64, 48], "threshold": 0.3}
RECORDS: list[dict[str, Any]] = [
    {"image": 0, "box": [0.1, -2.5e-7]},
    {"image": "two\nlines", "box": []},
    {"image": 2, "box": [1e300]},
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return partial_beside(tmp_path / "results.json")


def write(path: Path, header: dict[str, object] = HEADER) -> PartialFile:
    partial = PartialFile(path, header, resume=False)
    for record in RECORDS:
        partial.append(record)
    return partial


def test_it_stands_beside_the_output_until_it_is_finished(path: Path) -> None:
    partial = write(path)

    assert path.name == "results.json.partial.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.pop("crc32") for line in lines] == [zlib.crc32(json.dumps(line).encode()) for line in lines]
    assert lines == [HEADER, *RECORDS]
    partial.finish()
    assert list(path.parent.iterdir()) == []


def test_without_a_record_there_is_no_file(path: Path) -> None:
    PartialFile(path, HEADER, resume=False).finish()

    assert list(path.parent.iterdir()) == []


def test_the_folder_of_an_output_is_made(tmp_path: Path) -> None:
    write(partial_beside(tmp_path / "new" / "results.json"))

    assert (tmp_path / "new" / "results.json.partial.jsonl").exists()


def test_float32_numbers_come_back_exactly(path: Path) -> None:
    numbers = np.random.default_rng(0).integers(0, 1 << 32, 10_000, np.uint32).view(np.float32)
    numbers = numbers[np.isfinite(numbers)]
    differences = (numbers[1:].astype(np.float64) - numbers[:-1]).tolist()
    PartialFile(path, HEADER, resume=False).append({"numbers": numbers.tolist(), "differences": differences})

    [record] = PartialFile(path, HEADER, resume=True).records

    assert np.array(record["numbers"], np.float32).tobytes() == numbers.tobytes()
    assert record["differences"] == differences


def test_a_last_line_that_is_cut_at_any_byte_is_dropped_and_the_next_record_follows_whole_lines(path: Path) -> None:
    write(path)
    content = path.read_bytes()
    last = len(content.splitlines(keepends=True)[-1])

    for end in range(len(content) - last, len(content)):
        path.write_bytes(content[:end])
        partial = PartialFile(path, HEADER, resume=True)
        partial.append(RECORDS[-1])

        assert partial.records == RECORDS[:-1], end
        assert path.read_bytes() == content, end
        del partial  # as the end of its process would, it unlocks the file


def test_a_header_that_is_cut_at_any_byte_is_a_run_that_has_done_nothing(path: Path) -> None:
    write(path)
    content = path.read_bytes()

    for end in range(content.index(b"\n") + 1):
        path.write_bytes(content[:end])
        with pytest.warns(UserWarning, match="nothing to resume"):
            partial = PartialFile(path, HEADER, resume=True)
        for record in RECORDS:
            partial.append(record)

        assert path.read_bytes() == content, end
        del partial


def test_a_file_that_another_run_writes_to_is_refused_and_left_alone(path: Path) -> None:
    running = write(path)
    before = path.read_bytes()

    for resume in (True, False):
        with pytest.raises(GridRTError, match="one run") as caught:
            PartialFile(path, HEADER, resume=resume)
        assert caught.value.place == path

    running.append(RECORDS[0])
    assert path.read_bytes() == before + before.splitlines(keepends=True)[1]


def test_a_last_line_that_is_not_json_is_dropped(path: Path) -> None:
    write(path)
    with path.open("a") as file:
        file.write("\0\0\0\n")

    assert PartialFile(path, HEADER, resume=True).records == RECORDS


def test_a_changed_number_is_damage(path: Path) -> None:
    write(path)
    content = path.read_text()
    assert content.count("-2.5e-07") == 1
    path.write_text(content.replace("-2.5e-07", "-2.5e-06"))

    with pytest.raises(GridRTError) as caught:
        PartialFile(path, HEADER, resume=True)

    assert caught.value.place == f"{path}, line 2"


@pytest.mark.parametrize("damaged", ["\0\0", "[1, 2]", "7", "{}", "[" * 100_000])
def test_another_line_that_is_no_record_is_damage(path: Path, damaged: str) -> None:
    write(path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], damaged, *lines[2:]]) + "\n")

    with pytest.raises(GridRTError) as caught:
        PartialFile(path, HEADER, resume=True)
    assert "Remove it" in caught.value.remedy

    assert caught.value.place == f"{path}, line 3"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"model_sha256": "b" * 64}, f"model_sha256 {'a' * 12}, asked for {'b' * 12}"),
        ({"scale": (96, 72)}, "scale [64, 48], asked for [96, 72]"),
        ({"threshold": 0.05}, "threshold 0.3, asked for 0.05"),
        ({"device": "cpu"}, "device None, asked for cpu"),
    ],
    ids=str,
)
def test_another_header_is_refused_and_its_difference_named(path: Path, changed: dict[str, object], told: str) -> None:
    write(path)
    before = path.read_bytes()

    with pytest.raises(GridRTError) as caught:
        PartialFile(path, {**HEADER, **changed}, resume=True)
    assert "`resume`" in caught.value.remedy

    assert (caught.value.place, caught.value.value) == (path, told)
    assert path.read_bytes() == before


def test_tuples_and_lists_of_a_header_are_equal(path: Path) -> None:
    write(path, {"scale": (64, 48)})

    assert PartialFile(path, {"scale": (64, 48)}, resume=True).records == RECORDS


def test_records_are_not_overwritten_without_resume(path: Path) -> None:
    write(path)
    before = path.read_bytes()

    with pytest.raises(GridRTError) as caught:
        PartialFile(path, HEADER, resume=False)
    assert "`resume`" in caught.value.remedy

    assert (caught.value.place, caught.value.value) == (path, "3 of them")
    assert path.read_bytes() == before


def test_a_file_without_records_is_started_over(path: Path) -> None:
    path.write_text(json.dumps({"of": "another run"}) + "\n")

    write(path)

    assert PartialFile(path, HEADER, resume=True).records == RECORDS


def test_where_there_is_nothing_to_resume_a_warning_says_so(path: Path) -> None:
    with pytest.warns(UserWarning, match=rf"{path.name}: .*resume"):
        assert PartialFile(path, HEADER, resume=True).records == []


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_in_its_place_is_one_error(path: Path, *, resume: bool) -> None:
    path.mkdir()

    with pytest.raises(OutputError, match="partial file") as caught:
        PartialFile(path, HEADER, resume=resume)

    assert caught.value.place == path


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_one_error_that_names_resume(path: Path) -> None:
    partial = write(path)
    partial._file = Path("/dev/full").open("a")  # noqa: SIM115 - as it stays open

    with pytest.raises(OutputError) as caught:
        partial.append({})
    assert caught.value.value == "No space left on device"
    assert "`resume`" in caught.value.remedy

    assert caught.value.place == path
