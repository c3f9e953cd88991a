from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gridrt.data.coco import Objects
from gridrt.data.image import save_image
from gridrt.data.training import Example, TrainingBatch, TrainingImages, flipped, resized, training_batches
from gridrt.data.transform import Transform
from gridrt.errors import DataError, ImageError
from gridrt.types import UInt8Array
from tests.datasets import small, write_dataset


def noise(height: int, width: int, seed: int = 0) -> UInt8Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def objects(*boxes: tuple[float, float, float, float]) -> Objects:
    return Objects(np.array(boxes, np.float32).reshape(-1, 4), np.arange(len(boxes)))


def boxes_within(width: int, height: int) -> st.SearchStrategy[Objects]:
    corner = st.tuples(st.integers(0, width - 1), st.integers(0, height - 1))
    box = st.tuples(corner, corner).map(
        lambda two: (
            float(min(two[0][0], two[1][0])),
            float(min(two[0][1], two[1][1])),
            float(max(two[0][0], two[1][0]) + 1),
            float(max(two[0][1], two[1][1]) + 1),
        )
    )
    return st.lists(box, max_size=4).map(lambda found: objects(*found))


@given(found=boxes_within(30, 20))
def test_flipping_twice_is_flipping_never(found: Objects) -> None:
    example = Example(noise(20, 30), found)

    again = flipped(flipped(example))

    np.testing.assert_array_equal(example.image, again.image)
    np.testing.assert_array_equal(example.objects.boxes, again.objects.boxes)
    np.testing.assert_array_equal(example.objects.labels, again.objects.labels)


@given(found=boxes_within(30, 20))
def test_a_flipped_box_holds_the_same_pixels_mirrored(found: Objects) -> None:
    example = Example(noise(20, 30), found)
    mirror = flipped(example)

    for before, after in zip(found.boxes.astype(int), mirror.objects.boxes.astype(int), strict=True):
        np.testing.assert_array_equal(cut(example.image, before)[:, ::-1], cut(mirror.image, after))


def cut(image: UInt8Array, box: npt.NDArray[np.int64]) -> UInt8Array:
    x1, y1, x2, y2 = box
    return image[y1:y2, x1:x2]


@given(height=st.integers(1, 200), width=st.integers(1, 200))
def test_a_box_around_the_whole_image_stays_around_it(height: int, width: int) -> None:
    example = resized(noise(height, width), objects((0, 0, width, height)), Transform((97, 64)))

    new_height, new_width = example.image.shape[:2]
    np.testing.assert_allclose(example.objects.boxes, [[0, 0, new_width, new_height]], rtol=1e-6)


def test_boxes_are_scaled_by_the_rounded_size_in_float32() -> None:
    example = resized(noise(300, 420), objects((10, 20, 110.5, 220)), Transform((416, 416)))

    factors = np.array([416 / 420, 297 / 300, 416 / 420, 297 / 300], np.float32)
    np.testing.assert_array_equal([np.array([10, 20, 110.5, 220], np.float32) * factors], example.objects.boxes)
    assert example.objects.boxes.dtype == np.float32


def test_boxes_are_cut_off_at_the_border_and_gone_where_nothing_is_left() -> None:
    found = objects((-4, 2, 8, 30), (35, 5, 90, 10), (-8, 1, -1e-9, 9))

    example = resized(noise(20, 40), found, Transform((80, 40)))

    np.testing.assert_array_equal([[0, 4, 16, 40], [70, 10, 80, 20]], example.objects.boxes)
    np.testing.assert_array_equal([0, 1], example.objects.labels)


def test_images_without_objects_and_small_ones_are_left_out(tmp_path: Path) -> None:
    content = small()
    content["images"] += [
        {"id": 10, "file_name": "crowd.png", "width": 64, "height": 64},
        {"id": 11, "file_name": "thin.png", "width": 31, "height": 64},
        {"id": 12, "file_name": "empty.png", "width": 64, "height": 64},
        {"id": 13, "file_name": "least.png", "width": 32, "height": 32},
    ]
    for number, (image_id, crowd) in enumerate([(10, 1), (11, 0), (13, 0)], 5):
        box = {"id": number, "image_id": image_id, "category_id": 4, "bbox": [1, 1, 9, 9], "iscrowd": crowd}
        content["annotations"].append(box)

    images = TrainingImages(write_dataset(tmp_path, content))

    assert len(images) == 3
    assert images.is_wide == [True, False, False]  # a square one is not wide


def test_a_set_without_objects_to_train_on_is_refused(tmp_path: Path) -> None:
    content = small()
    content["annotations"] = [content["annotations"][1]]

    with pytest.raises(DataError) as caught:
        TrainingImages(write_dataset(tmp_path, content))
    assert str(caught.value.value).startswith("none among 2 ")

    assert caught.value.place == str(tmp_path / "annotations.json")
    assert "Crowds" in caught.value.remedy


@pytest.fixture
def images(tmp_path: Path) -> TrainingImages:
    """Ten noisy pictures, wide and high ones, with an object each."""
    content = small() | {"images": [], "annotations": []}
    for number in range(10):
        width, height = (64, 48 + number) if number % 3 else (40, 64)
        content["images"].append({"id": number, "file_name": f"{number}.png", "width": width, "height": height})
        box = [number, number, 20, 15]
        content["annotations"].append({"id": number, "image_id": number, "category_id": 4, "bbox": box})
    dataset = write_dataset(tmp_path, content)
    for number, image in enumerate(dataset.images):
        save_image(tmp_path / image.file_name, noise(image.height, image.width, number))
    return TrainingImages(dataset, scale=(64, 64), seed=5)


def flat(batches: list[TrainingBatch]) -> list[torch.Tensor]:
    tensors = []
    for batch in batches:
        tensors += [batch.images, batch.image_sizes]
        for target in batch.targets:
            tensors += [target.boxes, target.labels]
    return tensors


def assert_same(expected: list[TrainingBatch], actual: list[TrainingBatch]) -> None:
    for one, other in zip(flat(expected), flat(actual), strict=True):
        assert torch.equal(one, other)


def test_a_batch_is_what_the_model_takes(images: TrainingImages) -> None:
    batch = next(training_batches(images, 3, epoch=0))

    assert (batch.images.shape, batch.images.dtype) == ((3, 64, 64, 3), torch.uint8)
    assert (batch.image_sizes.shape, batch.image_sizes.dtype) == ((3, 2), torch.int32)
    assert [(one.boxes.dtype, one.labels.dtype) for one in batch.targets] == [(torch.float32, torch.int64)] * 3
    for image, (height, width) in zip(batch.images, batch.image_sizes.tolist(), strict=True):
        assert image[:height, :width].any()
        assert not image[height:].any()
        assert not image[:, width:].any()


def test_batches_do_not_depend_on_the_number_of_workers(images: TrainingImages) -> None:
    assert_same(list(training_batches(images, 3, epoch=1)), list(training_batches(images, 3, epoch=1, workers=2)))


@pytest.mark.parametrize("start", [1, 3, 4])
def test_an_epoch_goes_on_from_any_batch(images: TrainingImages, start: int) -> None:
    whole = list(training_batches(images, 3, epoch=2))

    assert_same(whole[start:], list(training_batches(images, 3, epoch=2, start=start)))


def test_an_image_is_flipped_alike_on_every_rank_and_half_of_the_time(images: TrainingImages) -> None:
    original = images._dataset.load_image(1)
    small_image = images._transform.resize(original)

    flips = [bool((image_of(images, epoch, 1) != small_image).any()) for epoch in range(200)]

    assert flips == [bool((image_of(images, epoch, 1) != small_image).any()) for epoch in range(200)]
    assert 70 < sum(flips) < 130


def image_of(images: TrainingImages, epoch: int, row: int) -> UInt8Array:
    example = images[epoch, row]
    assert isinstance(example, Example)
    return example.image


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_cannot_be_read_is_one_error_line(images: TrainingImages, workers: int, tmp_path: Path) -> None:
    (tmp_path / "4.png").write_bytes(b"no image")

    with pytest.raises(ImageError) as caught:
        list(training_batches(images, 3, epoch=0, workers=workers))
    assert caught.value.place == str(tmp_path / "4.png")

    assert "Traceback" not in str(caught.value)


def test_targets_move_with_their_batch(images: TrainingImages) -> None:
    batch = next(training_batches(images, 2, epoch=0)).to("meta")

    assert {tensor.device.type for tensor in flat([batch])} == {"meta"}
    assert [one.boxes.shape for one in batch.targets] == [(1, 4), (1, 4)]
