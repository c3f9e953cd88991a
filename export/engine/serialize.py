"""From a network to the bytes of an engine, through Polygraphy, which drives TensorRT and TensorRT for RTX alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridrt.errors import DependencyError, EngineError
from gridrt.export.engine.network import Network
from gridrt.export.engine.options import HARDWARE_LEVELS, EngineOptions
from gridrt.runtime.tensorrt.library import TensorRT

if TYPE_CHECKING:
    import tensorrt

MIB = 1 << 20


def load_polygraphy(library: TensorRT) -> Any:  # noqa: ANN401 - a module
    """Import Polygraphy for one of the libraries; in one process it works with one only.

    Raises:
        DependencyError: Polygraphy is not installed.
    """
    try:
        import polygraphy.config

        polygraphy.config.USE_TENSORRT_RTX = library.is_rtx  # read when its loaders are imported
        import polygraphy.backend.tensorrt_rtx
        import polygraphy.backend.trt
    except ImportError as error:
        raise DependencyError(
            "cannot import Polygraphy 0.53 or later, which builds engines",
            place="polygraphy",
            value=error,
            remedy="Run: pip install polygraphy",
        ) from error
    return polygraphy


def serialized(library: TensorRT, network: Network, options: EngineOptions) -> bytes:
    """Build the engine.

    Raises:
        EngineError: TensorRT fails.
    """
    polygraphy = load_polygraphy(library)
    logger = polygraphy.logger.G_LOGGER
    with logger.verbosity(logger.CRITICAL + 1):  # Polygraphy raises its errors, and would print them as well
        try:
            config = _config(polygraphy, library, network, options)
            cache = None if options.timing_cache is None else str(options.timing_cache)
            parts = (network.builder, network.definition)
            plan = polygraphy.backend.trt.EngineBytesFromNetwork(parts, config, save_timing_cache=cache)()
        except polygraphy.exception.PolygraphyException as error:
            found = "; ".join(library.log.errors) or error
            raise EngineError("TensorRT failed to build the engine", place=library.name, value=found) from error
    return bytes(plan)


def _config(
    polygraphy: Any,  # noqa: ANN401 - a module
    library: TensorRT,
    network: Network,
    options: EngineOptions,
) -> tensorrt.IBuilderConfig:
    trt, loaders = library.trt, polygraphy.backend
    profile = loaders.trt.Profile()
    for name, shapes in options.profile.inputs().items():
        profile.add(name, *shapes)
    settings: dict[str, Any] = {"profiles": [profile], "refittable": options.refit}
    if options.workspace_mib is not None:
        settings["memory_pool_limits"] = {trt.MemoryPoolType.WORKSPACE: options.workspace_mib * MIB}
    if library.is_rtx:
        capabilities = list(options.compute_capabilities) or None
        create = loaders.tensorrt_rtx.CreateConfigRTX(compute_capabilities=capabilities, **settings)
    else:
        if options.timing_cache is not None and options.timing_cache.exists():
            settings["load_timing_cache"] = str(options.timing_cache)
        level = getattr(trt.HardwareCompatibilityLevel, HARDWARE_LEVELS[options.hardware])
        create = loaders.trt.CreateConfig(hardware_compatibility_level=level, **settings)
    config: tensorrt.IBuilderConfig = create(network.builder, network.definition)
    config.clear_flag(trt.BuilderFlag.TF32)  # it would round the factors of float32 products to 10 bits
    if library.is_rtx:
        # The caller owns all memory, so that a run can be captured in a CUDA graph.
        config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)
    return config
