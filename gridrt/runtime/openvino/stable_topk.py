"""TopK that settles ties as ONNX does: of equal values the lowest index comes first.

OpenVINO's TopK is stable where it is asked to be, but then sorts by exchanging neighbours: it takes seconds for the
finest level of a pyramid, where the unstable one takes a millisecond. So indices are worked out by unstable ones, over
keys that are all different.

Shapes: B rows, N values in each, K of them wanted.
"""

from __future__ import annotations

import numpy as np
from openvino import Node, Output, opset16

_ROWS = np.array([1])
_SECOND = np.int64(1)


def stable_topk(values: Output, count: Output) -> list[Output]:
    """The largest values of each row, of equal ones the lowest index first.

    Args:
        values: [B, N].
        count: K, a scalar.

    Returns:
        Values [B, K], descending, and int64 indices [B, K].
    """
    chosen = _chosen(values, count)
    ranked, order = _topk(opset16.gather_elements(values, chosen, 1), count, "max")
    before = opset16.concat([_columns(ranked, 0, 1), _columns(ranked, 0, -1)], 1)
    group = opset16.cumsum(opset16.convert(opset16.not_equal(ranked, before), "i32"), _SECOND)  # [B, K], of equal ones
    key = opset16.add(opset16.multiply(group, opset16.convert(count, "i32")), opset16.convert(order, "i32"))
    _, by_group_and_index = _topk(key, count, "min")
    settled = opset16.gather_elements(order, by_group_and_index, 1)
    return [ranked, opset16.gather_elements(chosen, settled, 1).output(0)]


def _chosen(values: Output, count: Output) -> Output:
    """Indices of the largest values [B, K]: those above the last one, then those that equal it, each by index."""
    found, _ = _topk(values, count, "max")
    last = opset16.reduce_min(found, _ROWS, keep_dims=True)
    length = opset16.gather(opset16.shape_of(values, "i32"), _SECOND, np.int64(0))
    place = opset16.range(np.int32(0), length, np.int32(1), "i32")
    behind = opset16.add(place, length)
    rest = opset16.select(opset16.equal(values, last), behind, opset16.add(behind, length))
    _, chosen = _topk(opset16.select(opset16.greater(values, last), place, rest), count, "min")
    return chosen


def _topk(values: Output | Node, count: Output, mode: str) -> list[Output]:
    outputs: list[Output] = opset16.topk(values, count, 1, mode, "value", "i64").outputs()
    return outputs


def _columns(table: Output, start: int, stop: int) -> Node:
    return opset16.slice(table, np.array([start]), np.array([stop]), np.array([1]), np.array([1]))
