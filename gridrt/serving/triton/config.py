"""The configuration of models in Triton, as the text form of its schema, `model_config.proto`."""

from __future__ import annotations

from collections.abc import Sequence

from gridrt.config import SIZE_DIVISOR
from gridrt.data.transform import rescaled_size
from gridrt.runtime.backend import TritonModel
from gridrt.serving.triton.served_model import ServedModel

SIZES_FILE = "image_sizes"
"""Of the warm-up request, in the folder `warmup` of the model that Triton's own back end runs."""

_FRONT = """\
name: "{name}"
backend: "python"
max_batch_size: {max_batch}
version_policy {{ latest {{ num_versions: 1 }} }}
# A request has either: whole image files, or pixels. Pixels of all sizes are handed over together.
input [
  {{ name: "encoded" data_type: TYPE_STRING dims: [ 1 ] optional: true }},
  {{ name: "image" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] allow_ragged_batch: true optional: true }}
]
output [
  {{ name: "boxes" data_type: TYPE_FP32 dims: [ -1, 4 ] }},
  {{ name: "scores" data_type: TYPE_FP32 dims: [ -1 ] }},
  {{ name: "labels" data_type: TYPE_INT32 dims: [ -1 ] }},
  {{ name: "names" data_type: TYPE_STRING dims: [ -1 ] }},
  {{ name: "errors" data_type: TYPE_STRING dims: [ 1 ] }}
]
dynamic_batching {{ max_queue_delay_microseconds: {delay} }}
instance_group [ {{ kind: KIND_CPU count: {instances} }} ]
"""

_FRONT_WARMUP = """\
model_warmup [ {{
  name: "black" batch_size: 1
  inputs {{ key: "image" value {{ data_type: TYPE_UINT8 dims: [ {height}, {width}, 3 ] zero_data: true }} }}
}} ]
"""

_BEHIND = """\
name: "{name}"
backend: "{backend}"
default_model_filename: "{file}"
max_batch_size: {max_batch}
# The front of the version before may still be answering.
version_policy {{ latest {{ num_versions: 2 }} }}
input [
  {{ name: "images" data_type: TYPE_UINT8 dims: [ {height_dim}, {width_dim}, 3 ] }},
  {{ name: "image_sizes" data_type: TYPE_INT32 dims: [ 2 ] }}
]
output [
  {{ name: "boxes" data_type: TYPE_FP32 dims: [ {detections}, 4 ] }},
  {{ name: "scores" data_type: TYPE_FP32 dims: [ {detections} ] }},
  {{ name: "labels" data_type: TYPE_INT32 dims: [ {detections} ] }}
]
dynamic_batching {{ }}
instance_group [ {{ kind: {kind} count: {instances} }} ]
model_warmup [ {{
  name: "black" batch_size: {warmup_batch}
  inputs {{ key: "images" value {{ data_type: TYPE_UINT8 dims: [ {height}, {width}, 3 ] zero_data: true }} }}
  inputs {{ key: "image_sizes" value {{ data_type: TYPE_INT32 dims: [ 2 ] input_data_file: "{sizes}" }} }}
}} ]
"""

_THREADS = 'parameters {{ key: "intra_op_thread_count" value {{ string_value: "{threads}" }} }}\n'


def front_config(name: str, served: ServedModel, *, delay: int, instances: int) -> str:
    """The configuration of the front.

    Args:
        name: of the model that clients ask.
        served: what is behind it.
        delay: microseconds that a request waits for others, at most.
        instances: processes that decode images.
    """
    text = _FRONT.format(name=name, max_batch=served.max_batch, delay=delay, instances=instances)
    if served.behind is None:  # else that model may not be there yet; it has a request of its own
        width, height = max(served.scale), min(served.scale)
        text += _FRONT_WARMUP.format(height=height, width=width)
    return text


def behind_config(
    name: str, model: TritonModel, served: ServedModel, *, instances: int, threads: int | None = None
) -> str:
    """The configuration of the model that one of Triton's own back ends runs.

    Args:
        name: of the model.
        model: how the back end runs it.
        served: its facts.
        instances: on each device.
        threads: CPU threads of ONNX Runtime; None leaves the choice to it.
    """
    height, width = warmup_size(model, served.scale)
    smallest, _, largest = model.bounds or ((1, 0, 0, 3), (), (0, -1, -1, 3))
    fixed = [size if size == most else -1 for size, most in zip(smallest[1:3], largest[1:3], strict=True)]
    text = _BEHIND.format(
        name=name,
        backend=model.backend,
        file=model.file,
        max_batch=served.max_batch,
        height_dim=fixed[0],
        width_dim=fixed[1],
        detections=served.info.max_detections,
        kind="KIND_GPU" if model.tensorrt else "KIND_AUTO",
        instances=instances,
        warmup_batch=smallest[0],
        height=height,
        width=width,
        sizes=SIZES_FILE,
    )
    return text if threads is None or model.tensorrt else text + _THREADS.format(threads=threads)


def warmup_size(model: TritonModel, scale: tuple[int, int]) -> Sequence[int]:
    """Height and width of the first request: those that an engine is tuned for, or of the canvas of `scale`."""
    if model.bounds is not None:
        return model.bounds[1][1:3]
    size = rescaled_size(min(scale), max(scale), scale)
    return [-(-side // SIZE_DIVISOR) * SIZE_DIVISOR for side in size]
