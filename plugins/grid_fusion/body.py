"""`gridrt::GridFusion` in standard ops: all edges of one order in two grouped convolutions.

Shapes: K RoIs, P grid points, C channels per point, S map side, E directed edges.
"""

from __future__ import annotations

from onnx import FunctionProto

from gridrt.ops.grid import EDGES, POINTS
from gridrt.plugins.function_text import DetectorShape, constant, function_from_text, int64_list
from gridrt.plugins.grid_fusion.contract import GRID_FUSION

ORDER = """
    {order}_sources = Gather <axis = 1> ({read}, source_channels)
    {order}_spread = Conv <group = {edge_channels}, kernel_shape = [5, 5], pads = [2, 2, 2, 2]>
        ({order}_sources, {order}_depthwise, {order}_depthwise_bias)
    {order}_sent = Conv <group = {edges}, kernel_shape = [1, 1]>
        ({order}_spread, {order}_pointwise, {order}_pointwise_bias)
    {order}_rows = Reshape ({order}_sent, edge_rows)
    {order}_arrived_rows = MatMul (arrivals, {order}_rows)
    {order}_arrived = Reshape ({order}_arrived_rows, shape)
    {order} = Add (features, {order}_arrived)
"""


def function_body(detector: DetectorShape) -> FunctionProto:
    """For a detector's number of channels per grid point."""
    point_channels = detector.point_channels
    source_channels = [source * point_channels + channel for source, _ in EDGES for channel in range(point_channels)]
    # Which edges arrive at which point, as a matrix of zeros and ones: the sum over neighbours is then one product.
    arrivals = [float(target == point) for point in range(POINTS) for _, target in EDGES]
    parts = [
        constant("source_channels", int64_list(source_channels)),
        constant("arrivals_float", f"float[{POINTS}, {len(EDGES)}] {{{', '.join(map(str, arrivals))}}}"),
        constant("edge_rows", int64_list([0, len(EDGES), -1])),
        "arrivals = CastLike (arrivals_float, features)",
        "shape = Shape (features)",
    ]
    for order, read in (("first", "features"), ("second", "first")):
        edge_channels = len(EDGES) * point_channels
        parts.append(ORDER.format(order=order, read=read, edge_channels=edge_channels, edges=len(EDGES)))
    parts.append("fused = Identity (second)")
    return function_from_text(GRID_FUSION, "\n".join(parts))
