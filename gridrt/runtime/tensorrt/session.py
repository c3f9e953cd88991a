"""Run an engine of TensorRT, or of TensorRT for RTX, on an NVIDIA GPU.

It has been tested with stand-ins for GPU and TensorRT only: no engine has run yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gridrt.errors import DependencyError, EngineError
from gridrt.graph.metadata import refuse_unnamed
from gridrt.runtime.tensorrt.batch import fit_batch
from gridrt.runtime.tensorrt.compatibility import refuse_other_gpu, refuse_other_plugins, refuse_other_tensorrt
from gridrt.runtime.tensorrt.gpu import gpu_here
from gridrt.runtime.tensorrt.layer_times import LayerTime
from gridrt.runtime.tensorrt.library import TensorRT, load_tensorrt
from gridrt.runtime.tensorrt.manifest import engine_info, read_manifest
from gridrt.runtime.tensorrt.plugins import prepare_to_run
from gridrt.runtime.tensorrt.runner import EngineRunner
from gridrt.types import Int32Array, RawDetections, UInt8Array
from gridrt.unchanged import unchanged

if TYPE_CHECKING:
    import tensorrt


class TensorRTSession:
    """An engine that `gridrt build-engine` wrote, with its manifest beside it.

    The GPU's memory is PyTorch's where PyTorch can use the GPU, else PyCUDA's; no torch is needed then.

    Args:
        path: the engine.
        cuda_graphs: record the launches of a shape of images when it first comes, and repeat them from then on.

    Attributes:
        info: what it runs, and on what.

    Raises:
        EngineError: its manifest is missing or another's; it was built for another GPU, another version of TensorRT or
            other plugins; its plugin library is missing; or TensorRT cannot deserialize it.
        GraphError: the manifest names no classes.
        DependencyError: the GPU, TensorRT, or what plugins need is missing.
        GridRTError: there is not enough memory.
    """

    def __init__(self, path: str | Path, *, cuda_graphs: bool = True) -> None:
        self._path = Path(path)
        with unchanged([self._path], EngineError):
            self._open(cuda_graphs=cuda_graphs)

    def _open(self, *, cuda_graphs: bool) -> None:
        manifest = read_manifest(self._path)
        info = engine_info(manifest, self._path)
        refuse_other_plugins(manifest, self._path)
        gpu = gpu_here()
        refuse_other_gpu(manifest, self._path, gpu.compute_capability)
        library = load_tensorrt(manifest.runtime["name"])
        refuse_other_tensorrt(manifest, self._path, library.version)
        self.info = replace(info, device="cuda")
        prepare_to_run(manifest.plugins["adapter"], library)
        self._bounds = manifest.profile["images"]
        self._runtime, engine = _deserialize(library, self._path)
        self._run = EngineRunner(engine, library, gpu, cuda_graphs=cuda_graphs)

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        """Detect in a batch; shapes as in `gridrt.runtime.backend.Session`.

        Raises:
            EngineError: the batch is larger than what the engine was built for, or TensorRT cannot run it.
            GraphError: a class is found that has no name.
            GridRTError: there is not enough memory.
        """
        found = self._run(*fit_batch(images, image_sizes, self._bounds))
        count = len(images)
        raw = RawDetections(found.boxes[:count], found.scores[:count], found.labels[:count])
        refuse_unnamed(raw.labels, self.info.class_names, self._path)
        return raw

    @property
    def layers(self) -> str:
        """The engine's layers, one per line, each with the graph's nodes that it implements."""
        return self._run.layers

    def layer_times(self, images: UInt8Array, image_sizes: Int32Array, *, runs: int) -> list[list[LayerTime]]:
        """What every layer takes in each of some runs; see `EngineRunner.layer_times`."""
        return self._run.layer_times(*fit_batch(images, image_sizes, self._bounds), runs=runs)

    @property
    def stream(self) -> int:
        """Handle of the CUDA stream that all work is put on."""
        return self._run.stream

    def resident(self, images: UInt8Array, image_sizes: Int32Array) -> Callable[[], None]:
        """Detect in a batch and keep it on the GPU; see `EngineRunner.resident`. For measurements."""
        return self._run.resident(*fit_batch(images, image_sizes, self._bounds))


def _deserialize(library: TensorRT, path: Path) -> tuple[tensorrt.Runtime, tensorrt.ICudaEngine]:
    """An engine, and the runtime that has to outlive it."""
    library.log.clear()
    try:
        runtime = library.trt.Runtime(library.log)
    except TypeError as error:  # what the bindings make of a failed constructor
        value = "; ".join(library.log.errors) or error
        raise DependencyError("TensorRT cannot run with this driver", place=library.name, value=value) from error
    engine = runtime.deserialize_cuda_engine(path.read_bytes())
    if engine is None:
        found = "; ".join(library.log.errors) or None
        raise EngineError(
            "TensorRT cannot deserialize the engine", place=path, value=found, remedy="Build it again here."
        )
    return runtime, engine
