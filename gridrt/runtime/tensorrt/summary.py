"""What an engine is, by the manifest beside it; the engine itself is not opened, which only its TensorRT can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gridrt.errors import EngineError
from gridrt.files import check_is_file
from gridrt.formatting import format_noted_scale
from gridrt.graph.metadata import RECIPE_KEY, class_names_in, scale_in_input
from gridrt.model.checkpoint.listing import listed
from gridrt.runtime.tensorrt.batch import batch_text
from gridrt.runtime.tensorrt.compatibility import built_for
from gridrt.runtime.tensorrt.manifest import Manifest, read_manifest


@dataclass(frozen=True)
class EngineSummary:
    """Facts about an engine.

    Attributes:
        class_names: of its graph.
        scale: most pixels on the long and on the short side of the images that it learned from; None if not known.
        manifest: all that is known of it.
    """

    file: str
    size_bytes: int
    sha256: str
    class_names: tuple[str, ...]
    scale: tuple[int, int] | None
    manifest: Manifest

    def lines(self) -> list[str]:
        """For people: one fact per line."""
        told = self.manifest
        graph, runtime, recipe = told.graph, told.runtime, told.graph["metadata"].get(RECIPE_KEY, "fp32")
        smallest, tuned, largest = map(batch_text, told.profile["images"])
        return [
            f"{self.file}: TensorRT engine, {self.size_bytes:,} bytes",
            f"built by    {runtime['name']} {runtime['version']}, GridRT {told.gridrt}, in {told.seconds:g} s",
            f"built for   {_place(told)}",
            f"plugins     {_plugins(told.plugins)}",
            f"images      {smallest} to {largest}, tuned for {tuned}",
            *(f"precision   {stage}: {_counts(counts)}" for stage, counts in told.precision.items()),
            f"classes     {len(self.class_names)}: {listed(self.class_names)}",
            f"scale       {format_noted_scale(self.scale)}",
            f"graph       {graph['file']} in {recipe}, sha256 {graph['sha256']}",
            f"sha256      {self.sha256}",
            *(f"{name}: {value}" for name, value in told.options.items() if value is not None),
            *(f"warning: {warning}" for warning in told.warnings),
        ]


def engine_summary(path: Path) -> EngineSummary:
    """Read the manifest beside the engine at `path`, and tell what it says.

    Raises:
        EngineError: no such file, no manifest beside it, or that of another engine.
        GraphError: the manifest names no classes.
    """
    check_is_file(path, EngineError)
    manifest = read_manifest(path)
    metadata = manifest.graph["metadata"]
    return EngineSummary(
        file=str(path),
        size_bytes=path.stat().st_size,
        sha256=str(manifest.engine["sha256"]),
        class_names=class_names_in(metadata, path),
        scale=scale_in_input(metadata, path),
        manifest=manifest,
    )


def _place(manifest: Manifest) -> str:
    capabilities = f"compute capability {built_for(manifest)}"
    return f"{manifest.gpu['name']}, {capabilities}" if manifest.gpu else f"{capabilities}, ahead of time"


def _plugins(plugins: Mapping[str, str | int]) -> str:
    told = f"{plugins['adapter']}, version {plugins['version']}"
    return f"{told}, {plugins['file']}, sha256 {plugins['sha256']}" if plugins["adapter"] == "library" else told


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {precision}" for precision, count in counts.items())
