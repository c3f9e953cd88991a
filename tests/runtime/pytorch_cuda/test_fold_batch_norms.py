"""A backbone without its batch norms computes the same."""

from __future__ import annotations

import copy

import torch
from torch import nn

from gridrt.model.resnet import ResNet
from gridrt.runtime.pytorch_cuda.fold_batch_norms import fold_batch_norms


def test_every_batch_norm_becomes_part_of_a_convolution_and_the_result_stays() -> None:
    torch.manual_seed(0)
    backbone = ResNet((1, 1, 1, 1), stem_channels=8).eval()
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            for statistic in (module.running_mean, module.running_var, module.weight.data, module.bias.data):
                assert statistic is not None
                statistic.uniform_(0.5, 1.5)
    folded, images = copy.deepcopy(backbone), torch.randn(1, 3, 64, 64)
    fold_batch_norms(folded)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    with torch.inference_mode():
        for one, other in zip(folded(images), backbone(images), strict=True):
            torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_other_norms_stay() -> None:
    layers = nn.Sequential(nn.Conv2d(3, 8, 1), nn.GroupNorm(2, 8))
    fold_batch_norms(layers)
    assert isinstance(layers[1], nn.GroupNorm)
