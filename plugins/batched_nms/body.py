"""`gridrt::BatchedNms` in standard ops.

Shapes: B images, N rows, C columns, M = N * C candidates, D output rows.
"""

from __future__ import annotations

from onnx import FunctionProto

from gridrt.plugins.batched_nms.contract import BATCHED_NMS
from gridrt.plugins.function_text import DetectorShape, function_from_text

# Groups are kept apart as in the definition, by shifted boxes. NonMaxSuppression lists what it selects image by
# image in a ragged table, so its choice is turned into a mask over all candidates and ranked by TopK.
BODY = """
    zero = Constant <value = int64 {0}> ()
    one = Constant <value = int64 {1}> ()
    minus_one = Constant <value = int32 {-1}> ()
    nothing = Constant <value = float {0.0}> ()
    unit = Constant <value = float {1.0}> ()
    axis_0 = Constant <value = int64[1] {0}> ()
    axis_1 = Constant <value = int64[1] {1}> ()
    axis_2 = Constant <value = int64[1] {2}> ()
    last_axis = Constant <value = int64[1] {-1}> ()
    per_image = Constant <value = int64[2] {0, -1}> ()
    per_image_and_box = Constant <value = int64[3] {0, -1, 4}> ()
    all_candidates = Constant <value = int64[1] {-1}> ()
    image_and_candidate = Constant <value = int64[2] {0, 2}> ()
    iou = Constant <value_float: float = @iou_threshold> ()
    threshold = Constant <value_float: float = @score_threshold> ()
    most = Constant <value_int: int = @max_output> ()
    most_list = Unsqueeze (most, axis_0)

    columns = Shape <start = 2, end = 3> (scores)
    columns_scalar = Squeeze (columns, axis_0)
    column = Range (zero, columns_scalar, one)
    groups_long = Cast <to = 7> (groups)
    groups_of_rows = Unsqueeze (groups_long, axis_1)
    groups_table = Add (groups_of_rows, column)
    group = Reshape (groups_table, all_candidates)

    best_of_row = ReduceMax <keepdims = 0> (scores, axis_2)
    takes_part = Greater (best_of_row, threshold)
    reach_of_row = ReduceMax <keepdims = 0> (boxes, axis_2)
    reach_if_part = Where (takes_part, reach_of_row, nothing)
    reach = ReduceMax <keepdims = 1> (reach_if_part, axis_1)
    region = Add (reach, unit)
    group_float = Cast <to = 1> (group)
    shift = Mul (region, group_float)
    shift_of_candidate = Unsqueeze (shift, last_axis)

    boxes_of_rows = Unsqueeze (boxes, axis_2)
    scores_of_boxes = Unsqueeze (scores, last_axis)
    table_shape = Shape (scores_of_boxes)
    boxes_table = Expand (boxes_of_rows, table_shape)
    candidates = Reshape (boxes_table, per_image_and_box)
    shifted = Add (candidates, shift_of_candidate)

    flat_scores = Reshape (scores, per_image)
    class_scores = Unsqueeze (flat_scores, axis_1)
    selected = NonMaxSuppression (shifted, class_scores, most, iou, threshold)
    selected_at = Gather <axis = 1> (selected, image_and_candidate)
    selected_scores = GatherND (flat_scores, selected_at)
    flat_shape = Shape (flat_scores)
    unselected = Expand (threshold, flat_shape)
    ranked = ScatterND (unselected, selected_at, selected_scores)
    top, index = TopK <axis = 1> (ranked, most_list)
    used = Greater (top, threshold)
    used_box = Unsqueeze (used, last_axis)

    kept_scores = Where (used, top, nothing)
    top_group_long = Gather (group, index)
    top_group = Cast <to = 6> (top_group_long)
    kept_groups = Where (used, top_group, minus_one)
    row = Div (index, columns)
    row_index = Unsqueeze (row, last_axis)
    top_boxes = GatherND <batch_dims = 1> (boxes, row_index)
    kept_boxes = Where (used_box, top_boxes, nothing)
"""


def function_body(_detector: DetectorShape) -> FunctionProto:
    """The same for every detector; thresholds and row count come from the node's attributes."""
    return function_from_text(BATCHED_NMS, BODY)
