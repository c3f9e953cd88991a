"""Normalisation of pixels, held against np."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gridrt.config import PixelConfig
from gridrt.model.normalize import Normalize

CAFFE = PixelConfig((103.53, 116.28, 123.675), (1.0, 1.0, 1.0), "BGR")


@pytest.mark.parametrize("pixels", [PixelConfig(), CAFFE, PixelConfig((1, 2, 3), (4, 5, 6), "RGB")])
def test_pixels_are_ordered_shifted_and_scaled_and_padding_is_zero(pixels: PixelConfig) -> None:
    images = torch.randint(0, 256, (2, 32, 64, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    sizes = torch.tensor([[32, 40], [20, 64]], dtype=torch.int32)

    normalised = Normalize(pixels)(images, sizes).numpy()

    for image, (height, width), found in zip(images.numpy(), sizes.tolist(), normalised, strict=True):
        ordered = image[..., ::-1] if pixels.order == "BGR" else image
        expected = (ordered.astype(np.float64) - pixels.mean) / pixels.std
        assert np.allclose(found[:, :height, :width], expected.transpose(2, 0, 1)[:, :height, :width], atol=1e-4)
        assert not found[:, height:].any()
        assert not found[:, :, width:].any()


def test_constants_are_no_weights_and_survive_the_meta_device() -> None:
    with torch.device("meta"):
        normalize = Normalize(CAFFE)

    assert normalize.state_dict() == {}
    assert normalize.mean.flatten().tolist() == pytest.approx(CAFFE.mean)
