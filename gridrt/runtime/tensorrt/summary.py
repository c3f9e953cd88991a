"""What an engine is, by the manifest beside it; the engine itself is not opened, which only its TensorRT can do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from gridrt.errors import EngineError
from gridrt.files import check_is_file
from gridrt.formatting import format_noted_scale, format_thresholds, listed
from gridrt.graph.metadata import RECIPE_KEY, class_names_in, detections_in, scale_in_input
from gridrt.runtime.tensorrt.batch import format_shape
from gridrt.runtime.tensorrt.compatibility import format_targets
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
        manifest, graph, runtime, plugins = (
            self.manifest,
            self.manifest.graph,
            self.manifest.runtime,
            self.manifest.plugins,
        )
        smallest, tuned, largest = map(format_shape, manifest.profile["images"])
        gpu = f"{manifest.gpu['name']}, " if manifest.gpu else ""
        place = f"{gpu}compute capability {format_targets(manifest)}{'' if gpu else ', ahead of time'}"
        library = f", {plugins['file']}, sha256 {plugins['sha256']}" if plugins["adapter"] == "library" else ""
        return [
            f"{self.file}: TensorRT engine, {self.size_bytes:,} bytes",
            f"built by    {runtime['name']} {runtime['version']}, GridRT {manifest.gridrt}, in {manifest.seconds:g} s",
            f"built for   {place}",
            f"plugins     {plugins['adapter']}, version {plugins['version']}{library}",
            f"images      {smallest} to {largest}, tuned for {tuned}",
            *(
                f"precision   {stage}: {', '.join(f'{count} {precision}' for precision, count in counts.items())}"
                for stage, counts in manifest.precision.items()
            ),
            f"classes     {len(self.class_names)}: {listed(self.class_names)}",
            f"scale       {format_noted_scale(self.scale)}",
            f"detections  {format_thresholds(asdict(detections_in(graph['metadata'], self.file)))}",
            f"graph       {graph['file']} in {graph['metadata'].get(RECIPE_KEY, 'fp32')}, sha256 {graph['sha256']}",
            f"sha256      {self.sha256} (of this file: a rebuild has other bytes)",
            f"build       sha256 {manifest.build_sha256} of graph, runtime, GPU and options: equal for a rebuild",
            *(f"{name}: {value}" for name, value in manifest.options.items() if value is not None),
            *(f"warning: {warning}" for warning in manifest.warnings),
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
