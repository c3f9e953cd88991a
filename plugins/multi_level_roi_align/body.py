"""`gridrt::MultiLevelRoiAlign` in standard ops.

Every level pools the RoIs that are its own, and the results are put back into the order of the RoIs. A RoI whose sides
are reversed pools nothing; it is made an empty one first, since ONNX Runtime's RoiAlign crashes at a reversed one.
Features in half precision are pooled in float32, as the RoIs are.
"""

from __future__ import annotations

from onnx import FunctionProto

from gridrt.ops.roi_align import FINEST_SIZE
from gridrt.plugins.function_text import DetectorShape, constant, function_from_text
from gridrt.plugins.multi_level_roi_align.contract import MULTI_LEVEL_ROI_ALIGN

SPLIT = f"""
    axis_0 = Constant <value = int64[1] {{0}}> ()
    axis_1 = Constant <value = int64[1] {{1}}> ()
    zero = Constant <value = int64 {{0}}> ()
    one = Constant <value = int64 {{1}}> ()
    parts = Constant <value = int64[5] {{1, 1, 1, 1, 1}}> ()
    image_float, x1, y1, right, bottom = Split <axis = 1> (rois, parts)
    x2 = Max (x1, right)
    y2 = Max (y1, bottom)
    image_column = Cast <to = 7> (image_float)
    image = Squeeze (image_column, axis_1)
    boxes = Concat <axis = 1> (x1, y1, x2, y2)

    # floor(log2(octaves)), clamped, is how many of the powers of two are reached.
    finest = Constant <value = float {{{FINEST_SIZE}.0}}> ()
    margin = Constant <value = float {{0.000001}}> ()
    width = Sub (x2, x1)
    height = Sub (y2, y1)
    area = Mul (width, height)
    size = Sqrt (area)
    ratio = Div (size, finest)
    octaves = Add (ratio, margin)
    reached = GreaterOrEqual (octaves, powers)
    steps = Cast <to = 7> (reached)
    level = ReduceSum <keepdims = 0> (steps, axis_1)
"""

POOL = """
    number{level} = Constant <value = int64 {{{level}}}> ()
    mine{level} = Equal (level, number{level})
    places{level} = NonZero (mine{level})
    place{level} = Squeeze (places{level}, axis_0)
    boxes{level} = Gather (boxes, place{level})
    image{level} = Gather (image, place{level})
    feature{level} = Cast <to = 1> ({feature})
    pooled{level} = RoiAlign <coordinate_transformation_mode = "half_pixel", mode = "avg", sampling_ratio = 0,
        spatial_scale = {scale}, output_height: int = @output_size, output_width: int = @output_size>
        (feature{level}, boxes{level}, image{level})
"""

JOIN = """
    pooled_by_level = Concat <axis = 0> ({pooled})
    place = Concat <axis = 0> ({places})
    count_list = Shape (place)
    count = Squeeze (count_list, axis_0)
    position = Range (zero, count, one)
    position_of = ScatterElements <axis = 0> (position, place, position)
    pooled_float = Gather (pooled_by_level, position_of)
    pooled = CastLike (pooled_float, {feature})
"""


def function_body(detector: DetectorShape) -> FunctionProto:
    """For the strides of a detector's pyramid; the output size comes from the node's attribute."""
    strides = detector.strides
    features = MULTI_LEVEL_ROI_ALIGN.inputs[:-1]
    levels = range(len(strides))
    powers = [2.0**level for level in levels[1:]]
    parts = [constant("powers", f"float[{len(powers)}] {{{', '.join(map(str, powers))}}}"), SPLIT]
    for level, stride in enumerate(strides):
        parts.append(POOL.format(level=level, scale=1 / stride, feature=features[level]))
    names = {kind: ", ".join(f"{kind}{level}" for level in levels) for kind in ("pooled", "place")}
    parts.append(JOIN.format(pooled=names["pooled"], places=names["place"], feature=features[0]))
    return function_from_text(MULTI_LEVEL_ROI_ALIGN, "\n".join(parts))
