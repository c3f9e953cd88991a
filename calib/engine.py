"""From an FP32 graph to an engine in another precision: rewrite the graph, write it, and build from that file."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from gridrt.calib.calibrate import calibrate
from gridrt.calib.fidelity import Fidelity
from gridrt.calib.graph_files import check_float_graph, default_cache, default_name, save_rewritten
from gridrt.calib.recipe import Recipe, RecipeError, load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.calib.targets.tensorrt import TensorRTTarget
from gridrt.config import DEFAULT_SCALE
from gridrt.data.sources import readable_in
from gridrt.errors import GridRTError
from gridrt.export.engine.build import engine_from_graph, library_for
from gridrt.export.engine.options import EngineOptions
from gridrt.export.engine.profile import profile_for
from gridrt.files import check_outputs, require_suffix
from gridrt.graph.graph import Graph
from gridrt.graph.metadata import scale_in_input
from gridrt.runtime.in_memory import session_of_graph
from gridrt.runtime.tensorrt.manifest import Manifest, manifest_file

if TYPE_CHECKING:
    from typing_extensions import Unpack  # of typing from Python 3.11 on

TARGET = TARGETS[TensorRTTarget.name]


class CalibrationOptions(TypedDict, total=False):
    """How INT8 is calibrated; what is left out is as in `gridrt.calib.calibrate.calibrate`.

    Attributes:
        method: how ranges are clipped.
        max_images: of a larger folder, so many images are taken, evenly spaced.
        cache: file that keeps what was observed.
        scale: most pixels on the long and on the short side of a resized image.
        threads: CPU threads; None means as many as the process may use.
    """

    method: str
    max_images: int
    cache: Path | None
    scale: tuple[int, int] | None
    threads: int | None


@dataclass(frozen=True)
class Rewritten:
    """A graph that was written in another precision.

    Attributes:
        graph: as it was written.
        fidelity: of its detections to those of the graph in FP32; None where nothing was calibrated.
    """

    graph: Graph
    fidelity: Fidelity | None


@dataclass(frozen=True)
class BuiltEngine:
    """An engine that was built.

    Attributes:
        file: the engine; its manifest is beside it.
        manifest: what is in it, what it was made from and where it can run.
        rewritten: the graph that was written for it; None where the graph was taken as it is.
    """

    file: Path
    manifest: Manifest
    rewritten: Rewritten | None


def rewrite_graph(
    graph: Graph,
    recipe: Recipe | str | Path,
    out: Path | None = None,
    *,
    images: Path | None = None,
    **calibration: Unpack[CalibrationOptions],
) -> Rewritten:
    """Write a loaded graph in the precisions of a recipe; `gridrt.rewrite_graph` describes the arguments.

    Without INT8 only `threads` of the `CalibrationOptions` has an effect, and the others are refused.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    if not recipe.quantizes:
        _refuse_given(calibration, {"threads"})
    out = out or default_name(graph.path, recipe.name, TARGET)
    if recipe.quantizes != (images is not None):
        raise RecipeError(
            "images to calibrate on must be given for INT8, and for INT8 only", place=recipe.place, value=images
        )
    if images is not None:
        done = calibrate(graph, images, recipe=recipe, target=TARGET.name, out=out, **calibration)
        return Rewritten(done.graph, done.fidelity)
    require_suffix(out, ".onnx", "an ONNX file")
    check_outputs([out], [graph.path, Path(recipe.place)])
    check_float_graph(graph)
    model = apply_recipe(graph.model, recipe, TARGET)
    session_of_graph(Graph(model, out), calibration.get("threads"))  # refuses what ONNX Runtime cannot open
    return Rewritten(save_rewritten(model, out, recipe, TARGET, graph.sha256, {}), None)


def build_engine(
    graph: Graph,
    out: Path | None = None,
    *,
    recipe: Recipe | str | Path | None = None,
    options: EngineOptions | None = None,
    images: Path | None = None,
    **calibration: Unpack[CalibrationOptions],
) -> BuiltEngine:
    """Build an engine from a loaded graph and check its precisions; `gridrt.build_engine` describes the arguments."""
    recipe = recipe if recipe is None or isinstance(recipe, Recipe) else load_recipe(recipe)
    if recipe is None and images is not None:
        raise GridRTError("images to calibrate on must come with a recipe that has INT8", value=images)
    sizes = {"scale"} if options is None else set()
    if recipe is None or not recipe.quantizes:
        _refuse_given(calibration, sizes if recipe is None else {*sizes, "threads"})
    out = out or default_engine(graph, recipe)
    options = options or EngineOptions(profile_for(calibration.get("scale") or scale_of(graph)))
    require_suffix(out, ".engine", "an engine")
    onnx_file = None if recipe is None else out.with_suffix(".onnx")
    cache = None if images is None else calibration.get("cache") or default_cache(graph.path)
    inputs = [None if recipe is None else Path(recipe.place), *([] if images is None else readable_in(images))]
    check_outputs([onnx_file, out, manifest_file(out), options.timing_cache, cache], [graph.path, *inputs])
    library_for(options)  # what is missing stops before the work
    if recipe is None:
        return BuiltEngine(out, engine_from_graph(graph, out, options), None)
    # Without INT8 the scale says no more than the engine's sizes.
    rest: CalibrationOptions = calibration if recipe.quantizes else {"threads": calibration.get("threads")}
    rewritten = rewrite_graph(graph, recipe, onnx_file, images=images, **rest)
    return BuiltEngine(out, engine_from_graph(rewritten.graph, out, options), rewritten)


def _refuse_given(calibration: CalibrationOptions, used: set[str]) -> None:
    """Refuse options that differ from their defaults and would have no effect: only INT8 is calibrated."""
    defaults = {name: parameter.default for name, parameter in signature(calibrate).parameters.items()}
    given = [name for name, value in calibration.items() if name not in used and value != defaults[name]]
    if given:
        raise GridRTError(
            "options of the calibration must come with a recipe that has INT8",
            place=", ".join(f"`{name}`" for name in given),
            remedy="Leave them out.",
        )


def default_engine(graph: Graph, recipe: Recipe | None) -> Path:
    """`r50.onnx` -> `r50.int8.engine`, or without a recipe `r50.engine`, in the current folder."""
    return Path(".".join((graph.path.stem, *([] if recipe is None else [recipe.name]), "engine")))


def scale_of(graph: Graph) -> tuple[int, int]:
    """Most pixels on the long and on the short side of a resized image: as the graph notes, else the published one.

    Raises:
        GraphError: what the graph notes is not a scale.
    """
    return scale_in_input(graph.metadata, graph.path) or DEFAULT_SCALE
