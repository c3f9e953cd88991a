"""From a network to the bytes of an engine, by Polygraphy, which drives TensorRT and TensorRT for RTX alike."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from gridrt.errors import DependencyError, EngineError
from gridrt.export.engine.network import Network
from gridrt.export.engine.options import HARDWARE_LEVELS, EngineOptions
from gridrt.runtime.tensorrt.library import TensorRT

if TYPE_CHECKING:
    import tensorrt

MIB = 1 << 20


def load_polygraphy(library: TensorRT) -> Any:  # noqa: ANN401 - a module
    """Import the package, for one of the libraries; it serves only one in a process.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        import polygraphy.config

        polygraphy.config.USE_TENSORRT_RTX = library.is_rtx  # read when its loaders are imported
        import polygraphy.backend.tensorrt_rtx
        import polygraphy.backend.trt
    except ImportError as error:
        raise DependencyError(
            "engines are built through Polygraphy 0.53 or later",
            place="polygraphy",
            value=error,
            remedy="Run: pip install polygraphy",
        ) from error
    return polygraphy


def serialized(library: TensorRT, network: Network, options: EngineOptions) -> bytes:
    """Build the engine.

    Raises:
        EngineError: TensorRT does not.
    """
    polygraphy = load_polygraphy(library)
    with _silence(polygraphy):
        try:
            config = _config(polygraphy, library, network, options)
            cache = None if options.timing_cache is None else str(options.timing_cache)
            parts = (network.builder, network.definition)
            plan = polygraphy.backend.trt.EngineBytesFromNetwork(parts, config, save_timing_cache=cache)()
        except polygraphy.exception.PolygraphyException as error:
            found = "; ".join(library.log.errors) or error
            raise EngineError("TensorRT builds the engine", place=library.name, value=found) from error
    return bytes(plan)


def _config(
    polygraphy: Any,  # noqa: ANN401 - a module
    library: TensorRT,
    network: Network,
    options: EngineOptions,
) -> tensorrt.IBuilderConfig:
    trt, loaders = library.trt, polygraphy.backend
    settings: dict[str, Any] = {"profiles": [_profile(polygraphy, options)], "refittable": options.refit}
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
        # All memory is the caller's, so that a run can be captured in a CUDA graph.
        config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)
    return config


def _profile(polygraphy: Any, options: EngineOptions) -> Any:  # noqa: ANN401 - a module, and its class
    profile = polygraphy.backend.trt.Profile()
    for name, shapes in options.profile.inputs().items():
        profile.add(name, *shapes)
    return profile


def _silence(polygraphy: Any) -> AbstractContextManager[None]:  # noqa: ANN401 - a module
    """Polygraphy prints its errors, too, and raises them; once is enough."""
    logger = polygraphy.logger.G_LOGGER
    silence: AbstractContextManager[None] = logger.verbosity(logger.CRITICAL + 1)
    return silence
