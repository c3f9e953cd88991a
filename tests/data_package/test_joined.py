from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gridrt.data.joined import JoinedDataset
from gridrt.errors import DataError
from tests.datasets import small, write_dataset


def test_images_follow_each_other_with_their_own_objects(tmp_path: Path) -> None:
    """The two files use the same ids."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    other = small()
    other["annotations"][0]["bbox"] = [1, 2, 3, 4]
    other["annotations"][2]["bbox"] = [0, 0, 9, 0.5]
    other["annotations"].append({"id": 3, "image_id": 7, "category_id": 9, "bbox": [60, 2, 9, 9]})
    one, two = write_dataset(tmp_path / "one"), write_dataset(tmp_path / "two", other)

    joined = JoinedDataset([one, two])

    assert [image.file_name for image in joined.images] == ["a.png", "b.png"] * 2
    assert len(joined) == 4
    assert (joined.degenerate_boxes, joined.cut_boxes) == (1, 1)
    assert joined.place == f"{tmp_path / 'one/annotations.json'}, {tmp_path / 'two/annotations.json'}"
    np.testing.assert_array_equal(joined.objects(0).boxes, one.objects(0).boxes)
    np.testing.assert_array_equal(joined.objects(2).boxes, [[1, 2, 4, 6], [60, 2, 69, 11]])
    assert joined.load_image(3).shape == (60, 40, 3)


def test_other_categories_are_refused(tmp_path: Path) -> None:
    other = small()
    other["categories"][0]["name"] = "wolf"
    (tmp_path / "other").mkdir()

    with pytest.raises(DataError) as caught:
        JoinedDataset([write_dataset(tmp_path), write_dataset(tmp_path / "other", other)])
    assert caught.value.place == "data set 2"
    assert str(caught.value.value).startswith("cat, wolf")
