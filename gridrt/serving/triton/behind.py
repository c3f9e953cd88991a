"""The session of a detector that another model of the same Triton server runs."""

from __future__ import annotations

from gridrt.errors import GridRTError
from gridrt.runtime.info import ModelInfo
from gridrt.runtime.tensorrt.batch import fit_batch
from gridrt.serving.triton.served_model import ServedModel
from gridrt.types import Int32Array, RawDetections, UInt8Array

OUTPUTS = ("boxes", "scores", "labels")


class SessionBehind:
    """Asks the model within the server, without a network.

    Args:
        served: names that model.
    """

    def __init__(self, served: ServedModel) -> None:
        self._served = served

    @property
    def info(self) -> ModelInfo:
        """What it runs."""
        return self._served.info

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        """See `gridrt.runtime.backend.Session.run`.

        Raises:
            GridRTError: the model is not loaded, or fails.
        """
        import triton_python_backend_utils as pb

        count = len(images)
        if self._served.bounds is not None:
            images, image_sizes = fit_batch(images, image_sizes, self._served.bounds)
        request = pb.InferenceRequest(
            model_name=self._served.behind,
            model_version=self._served.version,
            requested_output_names=list(OUTPUTS),
            inputs=[pb.Tensor("images", images), pb.Tensor("image_sizes", image_sizes)],
            preferred_memory=pb.PreferredMemory(pb.TRITONSERVER_MEMORY_CPU, 0),
        )
        response = request.exec()
        if response.has_error():
            raise GridRTError(
                "the model behind the front failed", place=self._served.behind, value=response.error().message()
            )
        boxes, scores, labels = (pb.get_output_tensor_by_name(response, name).as_numpy()[:count] for name in OUTPUTS)
        return RawDetections(boxes, scores, labels)
