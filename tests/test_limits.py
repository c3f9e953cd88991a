"""Small files that claim much are refused before anything of that size is in memory.

Each file is harmless: what it claims is never there, and each is read in a process whose memory is limited.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from gridrt.calib.recipe import RecipeError, load_recipe
from gridrt.config import scale_in
from gridrt.errors import CheckpointError
from gridrt.limits import MOST_CLASSES, MOST_CONFIG_VALUES, MOST_NOTED_SIDE
from gridrt.model.checkpoint import load_model
from gridrt.model.checkpoint.config_text import UNKNOWN, read_config

CLASSIFIER = "roi_head.bbox_head.fc_cls.weight"


def claims_classes(path: Path) -> None:
    """One number, viewed as a classifier of 8.6e9 classes."""
    torch.save({CLASSIFIER: torch.zeros(1).as_strided((8_600_000_000, 1024), (0, 0))}, path)


def claims_weights(path: Path) -> None:
    """One number, viewed as a terabyte."""
    torch.save({"backbone.conv1.weight": torch.zeros(1).as_strided((1 << 38,), (0,))}, path)


def is_compressed(path: Path) -> None:
    """A hundred megabytes of zeros in a hundred kilobytes."""
    whole_path = path.with_suffix(".whole")
    torch.save({"backbone.conv1.weight": torch.zeros(25 << 20)}, whole_path)
    with (
        zipfile.ZipFile(whole_path) as whole,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as small,
    ):
        for member in whole.infolist():
            small.writestr(member.filename, whole.read(member))
    whole_path.unlink()


def test_a_small_checkpoint_that_claims_much_is_refused(tmp_path: Path) -> None:
    """The process that imports PyTorch is forked for each file, and a fork counts its own peak."""
    paths = [tmp_path / f"{number}.pth" for number in range(3)]
    for write, path in zip((claims_classes, claims_weights, is_compressed), paths, strict=True):
        write(path)
        assert path.stat().st_size < 1 << 20
    program = """
import os, sys
from gridrt.errors import CheckpointError
from gridrt.model.checkpoint import load_model
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
for path in sys.argv[1:]:
    if os.fork():
        os.wait()
        continue
    before = peak()
    try:
        load_model(path)
    except CheckpointError as error:
        print((peak() - before) >> 10, error)
    sys.exit()
"""

    done = subprocess.run([sys.executable, "-c", program, *paths], check=True, capture_output=True, text=True)

    for path, line in zip(paths, done.stdout.splitlines(), strict=True):
        megabytes, error = line.split(" ", 1)
        assert error.startswith(f"{path}: ")
        assert int(megabytes) < 60


def test_more_classes_than_any_model_has_are_refused(tmp_path: Path) -> None:
    rows = torch.zeros(MOST_CLASSES + 2, 1)
    torch.save({CLASSIFIER: rows}, tmp_path / "w.pth")

    with pytest.raises(CheckpointError) as caught:
        load_model(tmp_path / "w.pth")

    assert caught.value.place == tmp_path / "w.pth"
    assert caught.value.value == f"{MOST_CLASSES + 1} in {CLASSIFIER}"


@pytest.mark.parametrize(
    "text",
    ["a" + ".a" * 20_000 + " = 1", '"a"' + ".'b.c'" * 20_000 + " = 1", "[[" + ".".join(["rules"] * 20_000) + "]]"],
    ids=["bare", "quoted", "header"],
)
def test_a_recipe_with_a_key_of_many_parts_is_refused_in_little_memory(tmp_path: Path, text: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    status = Path("/proc/self/status").read_text().splitlines()
    used = next(int(line.split()[1]) for line in status if line.startswith("VmSize"))
    resource.setrlimit(resource.RLIMIT_AS, ((used << 10) + (100 << 20), hard))
    try:
        with pytest.raises(RecipeError) as caught:
            load_recipe(tmp_path / "own.toml")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

    assert caught.value.place == tmp_path / "own.toml"
    assert "key" in str(caught.value.value)


def test_dots_in_the_texts_of_a_recipe_are_no_keys(tmp_path: Path) -> None:
    path = ".".join(f"m{number}" for number in range(30))
    (tmp_path / "own.toml").write_text(
        f'name = "own"\ndescription = "{path}"\n[[rules]]\nnodes = "{path}"\nprecision = "fp16"\nreason = "{path}"\n'
    )

    assert load_recipe(tmp_path / "own.toml").rules[0].nodes == path


def test_a_recipe_larger_than_any_graph_needs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes(b"#" * (2 << 20))

    with pytest.raises(RecipeError) as caught:
        load_recipe(tmp_path / "own.toml")

    assert "2097152 bytes" in str(caught.value.value)


def test_lists_that_grow_by_powers_are_not_read_from_a_config() -> None:
    lines = ["a0 = [1, 1, 1, 1, 1, 1, 1, 1]", *(f"a{n + 1} = [{', '.join([f'a{n}'] * 8)}]" for n in range(30))]

    found = read_config("\n".join(lines))

    assert found["a4"] == [found["a3"]] * 8  # 8 ** 5 numbers
    assert found["a5"] is UNKNOWN  # 8 ** 6
    assert all(str(value).count("1") <= MOST_CONFIG_VALUES for value in found.values())


def test_a_config_longer_than_any_is_refused() -> None:
    with pytest.raises(ValueError, match="1048577 characters"):
        read_config("#" * ((1 << 20) + 1))


@pytest.mark.parametrize("scale", [(MOST_NOTED_SIDE, 1), [1, MOST_NOTED_SIDE]])
def test_a_scale_up_to_the_limit_is_read(scale: object) -> None:
    assert scale_in(scale) == tuple(scale)  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [(MOST_NOTED_SIDE + 1, 1), (10**12, 800), (True, 1), (0, 1), (1.0, 1), np.ones(2)])
def test_another_scale_is_not_read(scale: object) -> None:
    assert scale_in(scale) is None
