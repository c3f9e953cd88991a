"""Box arithmetic against the reference, and its laws."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from gridrt.ops.boxes import clip_boxes, decode_deltas, encode_deltas, intersection

Golden = Callable[[str], Mapping[str, np.ndarray]]

boxes_in_view = st.tuples(
    st.floats(-500, 1500, width=32),
    st.floats(-500, 1500, width=32),
    st.floats(16, 900, width=32),
    st.floats(16, 900, width=32),
).map(lambda box: [box[0], box[1], box[0] + box[2], box[1] + box[3]])


def test_decoding_equals_the_reference(golden: Golden) -> None:
    arrays = golden("unit_anchor_coder_assign")
    anchors, deltas = torch.from_numpy(arrays["dec_anchors"]), torch.from_numpy(arrays["dec_deltas"])
    np.testing.assert_allclose(decode_deltas(anchors, deltas), arrays["dec_out_noclip"], rtol=1e-6, atol=1e-4)


def test_encoding_equals_the_reference(golden: Golden) -> None:
    arrays = golden("unit_anchor_coder_assign")
    anchors, targets = torch.from_numpy(arrays["dec_anchors"]), torch.from_numpy(arrays["enc_gt"])
    np.testing.assert_allclose(encode_deltas(anchors, targets), arrays["enc_out"], rtol=1e-5, atol=1e-6)


@given(boxes_in_view, boxes_in_view)
def test_decoding_undoes_encoding(box: list[float], target: list[float]) -> None:
    boxes, targets = torch.tensor([box]), torch.tensor([target])
    torch.testing.assert_close(decode_deltas(boxes, encode_deltas(boxes, targets)), targets, rtol=1e-4, atol=0.01)


def test_growth_is_limited() -> None:
    grown = decode_deltas(torch.tensor([[0.0, 0.0, 16.0, 16.0]]), torch.tensor([[0.0, 0.0, 50.0, 50.0]]))
    torch.testing.assert_close(grown, torch.tensor([[-492.0, -492.0, 508.0, 508.0]]))


def test_clipping_keeps_each_image_s_own_far_border() -> None:
    box = torch.tensor([-5.0, -6.0, 700.0, 800.0])
    clipped = clip_boxes(box.expand(2, 1, 4), torch.tensor([[480, 640], [300, 200]]))
    assert clipped.tolist() == [[[0, 0, 640, 480]], [[0, 0, 200, 300]]]


@given(boxes_in_view, boxes_in_view)
def test_intersection_is_the_shared_rectangle(one: list[float], other: list[float]) -> None:
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    shared = intersection(torch.tensor([one]), torch.tensor([other]))
    np.testing.assert_allclose(shared.item(), width * height, rtol=1e-4, atol=0.5)
