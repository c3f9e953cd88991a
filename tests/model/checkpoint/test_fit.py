"""Which variant a state dict belongs to, held against the names and shapes of the published files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gridrt.model.checkpoint.fit import Misfit, compare, nearest_model

STATE_DICTS = Path(__file__).parents[2] / "data" / "state_dicts"
CLASSIFIER = "roi_head.bbox_head.fc_cls"


def published(variant: str, num_classes: int = 80) -> dict[str, Tensor]:
    """Tensors without memory, named and shaped as in the published file, retrained for `num_classes`."""
    shapes = json.loads((STATE_DICTS / f"{variant}.json").read_text())["shapes"]
    rows = num_classes + 1
    shapes |= {f"{CLASSIFIER}.weight": (rows, 1024), f"{CLASSIFIER}.bias": (rows,)}
    return {
        name: torch.empty(shape, dtype=torch.int64 if name.endswith("tracked") else torch.float32, device="meta")
        for name, shape in shapes.items()
    }


@pytest.mark.parametrize("num_classes", [80, 1, 20])
@pytest.mark.parametrize("variant", ["r50", "r101", "x101_32x4d", "x101_64x4d"])
def test_every_published_state_dict_fits_its_variant_key_for_key(variant: str, num_classes: int) -> None:
    model, misfit = nearest_model(published(variant, num_classes))

    assert (model.variant, len(model.class_names)) == (variant, num_classes)
    assert misfit == Misfit((), (), ())
    assert model.state_dict().keys() == published(variant).keys()


def test_differences_are_told_from_the_nearest_variant() -> None:
    state_dict = published("x101_32x4d")
    del state_dict["rpn_head.rpn_cls.bias"]
    state_dict["roi_head.bbox_head.fc_reg.weight"] = torch.empty(320, 1024)
    state_dict["neck.fpn_convs.0.conv.bias"] = torch.empty(128)

    model, misfit = nearest_model(state_dict)

    assert model.variant == "x101_32x4d"
    assert misfit == Misfit(
        missing=("rpn_head.rpn_cls.bias",),
        unexpected=("roi_head.bbox_head.fc_reg.weight",),
        misshaped=("neck.fpn_convs.0.conv.bias [128] instead of [256]",),
    )


def test_a_state_dict_without_a_classifier_is_held_against_the_usual_class_count() -> None:
    state_dict = published("r50")
    del state_dict[f"{CLASSIFIER}.weight"]

    model, misfit = nearest_model(state_dict)

    assert len(model.class_names) == 80
    assert misfit.missing == (f"{CLASSIFIER}.weight",)


def test_the_step_counter_of_batch_norm_may_be_missing() -> None:
    expected = {"bn1.weight": torch.zeros(2), "bn1.num_batches_tracked": torch.tensor(0)}

    assert not compare(expected, {"bn1.weight": torch.zeros(2)})


def test_any_float_will_do_but_no_integer() -> None:
    expected = {"a": torch.zeros(2), "b": torch.zeros(2)}

    misfit = compare(expected, {"a": torch.zeros(2, dtype=torch.bfloat16), "b": torch.zeros(2, dtype=torch.int8)})

    assert misfit.misshaped == ("b [2] int8 instead of [2]",)


def test_long_lists_of_differences_are_cut() -> None:
    misfit = Misfit(missing=tuple(f"m{i}" for i in range(13)), unexpected=(), misshaped=("s [1] instead of [2]",))

    assert str(misfit) == (
        "13 missing: m0, m1, m2, m3, m4, m5, m6, m7, m8, m9 and 3 more; 1 of another shape: s [1] instead of [2]"
    )
